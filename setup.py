"""Build the extensions: every *.pyx below ingestor/. Everything else stands in pyproject.toml.

INGESTOR_DEBUG=1 builds with bounds checks, C assertions, the address and undefined-behaviour sanitizers
and calls that tell a fuzzer which blocks ran (tests/fuzz/coverage.c): into build/debug, never in place, so
that a normal build beside it is left alone. INGESTOR_WERROR=1 turns C and Cython warnings into errors (make
check does). INGESTOR_ONLY='GLOB GLOB' builds only the matching extensions.
"""
import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

DEBUG = os.environ.get("INGESTOR_DEBUG") == "1"
WERROR = os.environ.get("INGESTOR_WERROR") == "1"
ONLY = os.environ.get("INGESTOR_ONLY", "ingestor/**/*.pyx").split()  # globs: build a part while working on it

Options.warning_errors = WERROR

# picows ships the .pxd that the WebSocket door is compiled against.
VENDOR_INCLUDES: list[str] = []

COMPILE = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-unused-function", "-Wno-unused-variable",
           "-Wno-cast-function-type",
           "-Wno-missing-field-initializers", "-Wno-sign-compare", "-Wno-maybe-uninitialized"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
COMPILE += ["-O1", "-g", *SANITIZE, "-fsanitize-coverage=trace-pc", "-fno-omit-frame-pointer"] if DEBUG else ["-O3"]
COMPILE += ["-Werror"] if WERROR else []
LINK = SANITIZE if DEBUG else []
BUILD = "build/debug" if DEBUG else "build"
if DEBUG and "--inplace" in sys.argv:
    sys.exit("a debug build is not made in place: INGESTOR_DEBUG=1 python setup.py build, then see build/debug/lib")

DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": DEBUG,
    "embedsignature": True,
    "warn.undeclared": False,
    "warn.unreachable": True,
}


def extensions() -> list[Extension]:
    root = Path(__file__).resolve().parent
    found = []
    for source in sorted({path for pattern in ONLY for path in root.glob(pattern)}):
        relative = source.relative_to(root)
        name = ".".join(relative.with_suffix("").parts)
        found.append(Extension(
            name, [str(relative)],
            include_dirs=[str(root / "ingestor"), str(root / "ingestor" / "scan"), *VENDOR_INCLUDES],
            depends=sorted(str(header) for header in root.glob("ingestor/**/*.h")),
            define_macros=[] if DEBUG else [("CYTHON_WITHOUT_ASSERTIONS", "1")],
            extra_compile_args=COMPILE,
            extra_link_args=LINK,
        ))
    return found


setup(ext_modules=cythonize(
    extensions(), compiler_directives=DIRECTIVES, build_dir=f"{BUILD}/cython",
    nthreads=0 if os.environ.get("INGESTOR_ONE_THREAD") else 2,
), options={"build": {"build_base": BUILD, "build_lib": f"{BUILD}/lib"}} if DEBUG else {})
