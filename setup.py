"""Build the extensions: every *.pyx below ingestor/. Everything else stands in pyproject.toml.

INGESTOR_DEBUG=1 builds with bounds checks, C assertions and the address and undefined-behaviour
sanitizers; INGESTOR_WERROR=1 turns C and Cython warnings into errors (make check does). INGESTOR_ONLY=GLOB
builds only the matching extensions.
"""
import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

DEBUG = os.environ.get("INGESTOR_DEBUG") == "1"
WERROR = os.environ.get("INGESTOR_WERROR") == "1"
ONLY = os.environ.get("INGESTOR_ONLY", "ingestor/**/*.pyx")  # a glob: build a part while working on it

Options.warning_errors = WERROR

# picows ships the .pxd that the WebSocket door is compiled against.
VENDOR_INCLUDES: list[str] = []

COMPILE = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-unused-function", "-Wno-unused-variable",
           "-Wno-cast-function-type",
           "-Wno-missing-field-initializers", "-Wno-sign-compare", "-Wno-maybe-uninitialized"]
COMPILE += ["-O1", "-g", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"] if DEBUG else ["-O3"]
COMPILE += ["-Werror"] if WERROR else []
LINK = ["-fsanitize=address,undefined"] if DEBUG else []

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
    for source in sorted(root.glob(ONLY)):
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
    extensions(), compiler_directives=DIRECTIVES, build_dir="build/cython",
    nthreads=0 if os.environ.get("INGESTOR_ONE_THREAD") else 2,
))
