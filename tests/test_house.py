"""The house rules: floors, vendors, and what no file may hold. docs/ARCHITECTURE.md says why.

A rule is a function from a file's path (below the root) and text to complaints. Each is proven
below by a small sample that must be refused, and by the repository, which must pass.
"""

import ast
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A room imports from lower floors only; files of one room may import each other. Rooms of one
# floor are strangers, except on floor 0. A room not named here is a fault: give it a floor.
FLOORS = {
    "errors": 0, "masking": 0, "plain": 0, "settings": 0, "logs": 0, "records": 0, "metrics_table": 0, "patience": 0,
    "scan": 1, "watch": 1,
    "providers": 2, "unify": 2, "pricing": 2, "wire": 2, "tap": 2,
    "_core": 3, "decode": 3, "watching": 3,
    "edition": 4, "feeds": 4, "sinks": 4, "rawlog": 4, "metrics": 4, "http": 4, "readiness": 4, "alerting": 4,
    "console": 4,
    "simulator": 5,
    "shards": 6,
}

# The only files that may import a vendor's library. A second file needs its reason here.
VENDORS = {
    "picows": {"ingestor/feeds/websocket.pyx"},
    "aiofastnet": {"ingestor/feeds/dial.py"},
    "hpack": {"ingestor/feeds/http2_headers.py"},
    # Only the server's side: another library than the door's, so that the two check each other.
    "websockets": {"ingestor/simulator/server.py"},
    # Finding and creating topics blocks, and so has a thread and a file of its own; the schema registry is
    # another service, spoken to once, by an optional part of the library. The producer runs on the C library in it.
    "confluent_kafka": {
        "ingestor/sinks/producer.pyx", "ingestor/sinks/kafka_topics.py", "ingestor/sinks/registry.py"},
    "fastavro": {"ingestor/sinks/ndjson.py"},
    "prometheus_client": {"ingestor/metrics.py"},
    "aiohttp": {"ingestor/feeds/http_get.py"},
    "redis": {"shards/store_redis.py"},
    "matplotlib": {"shards/report_picture.py"},
    # Only the server's side: another library than the door's, so that the two check each other.
    "grpc": {"ingestor/simulator/grpc_server.py"},
    "kaikosdk": {
        "ingestor/providers/kaiko_session.py", "ingestor/providers/kaiko_history.py",
        "ingestor/simulator/kaiko_messages.py"},
    "google.protobuf": {"ingestor/simulator/kaiko_messages.py"},
    "yaml": {"ingestor/settings/documents.py"},
    # Three formats that are zstd inside: segments of a raw log, Avro's blocks, files of frames.
    "zstandard": {
        "ingestor/rawlog/reader.py", "ingestor/rawlog/writer.py", "ingestor/sinks/container.py", "shards/frames.py"},
}

LINES_MAX = 450         # about 400 is the aim; beyond 450 a file is two rooms
PRINTERS = ("shards/cli*", "ingestor/console/*", "ingestor/__main__.py")
ENTRY = "ingestor/__main__.py"      # the two lines that make `python -m ingestor` the console script

Rule = Callable[[str, str], Iterator[str]]

STRING_OR_COMMENT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*', re.DOTALL)
FROM = re.compile(r"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
PLACE = re.compile(
    r"(?<![\w.])/(work|farm|home|root|Users)/\w|pypi\.org|files\.pythonhosted|repo1?\.maven|proxy\.golang")
IMPORT = re.compile(r"^[ \t]*c?import[ \t]+([^\n]+)", re.MULTILINE)
CYTHON = (".pyx", ".pxd")


def code_of(text: str) -> str:
    """The text without strings and comments, line numbers kept."""
    return STRING_OR_COMMENT.sub(lambda found: '""' + "\n" * found[0].count("\n") if found[0][0] != "#" else "", text)


def imports_of(text: str) -> Iterator[str]:
    """Full dotted names of everything the text imports or cimports, names included."""
    code = code_of(text).replace("\\\n", " ")
    for module, names in FROM.findall(code):
        for name in names.strip("()").split(","):
            if name.strip():
                yield f"{module}.{name.split()[0]}"
    for modules in IMPORT.findall(code):
        for module in modules.split(","):
            yield module.split()[0]


def room_of(dotted: str) -> str | None:
    """The room a dotted name belongs to; None when it is not ours."""
    parts = dotted.split(".")
    if parts[0] == "shards":
        return "shards"
    if parts[0] != "ingestor":
        return None
    return parts[1] if len(parts) > 1 else ""


def room_of_file(path: str) -> str:
    return room_of(re.sub(r"\.(pyx|pxd|py|h)$", "", path).replace("/", ".").removesuffix(".__init__")) or ""


def floors(path: str, text: str) -> Iterator[str]:
    """A file imports from lower floors only, and absolutely."""
    if path == ENTRY or path.endswith(".h"):
        return
    here = room_of_file(path)
    if here and here not in FLOORS:
        yield f"the room {here!r} has no floor: add it to FLOORS"
        return
    floor = FLOORS.get(here, -1)
    for dotted in imports_of(text):
        if dotted.startswith("."):
            yield f"imports {dotted} relatively: write the full name"
        there = room_of(dotted)
        if not there or there == here:
            continue
        if there not in FLOORS:
            yield f"imports {dotted}: the room {there!r} has no floor"
        elif not (FLOORS[there] < floor or FLOORS[there] == floor == 0):
            yield f"imports {dotted}: {here} is on floor {floor}, {there} on floor {FLOORS[there]}"


def vendors(path: str, text: str) -> Iterator[str]:
    """Each vendor's library is known to one file."""
    for dotted in imports_of(text):
        for vendor, allowed in VENDORS.items():
            if (dotted == vendor or dotted.startswith(vendor + ".")) and path not in allowed:
                yield f"imports {dotted}: only {', '.join(sorted(allowed)) or 'no file'} may"


def plain_cython(path: str, text: str) -> Iterator[str]:
    """No textual include, no compile-time DEF."""
    if path.endswith(CYTHON):
        for number, line in enumerate(code_of(text).split("\n"), 1):
            if re.match(r'\s*(include\s+""|DEF\s)', line):
                yield f"line {number}: `include` and DEF are out: cimport a .pxd, use an enum"


def no_marks(path: str, text: str) -> Iterator[str]:
    """Nothing is left for later."""
    for number, line in enumerate(text.split("\n"), 1):
        if found := re.search(r"\b(FIXME|TODO|XXX|HACK)\b", line):
            yield f"line {number}: {found[0]}: do it, or open an issue"


def size(path: str, text: str) -> Iterator[str]:
    """A file is one room."""
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield f"{lines} lines, more than {LINES_MAX}: split it"


def limits_explained(path: str, text: str) -> Iterator[str]:
    """Every *_MAX of a C header says where its value comes from."""
    if path.endswith(".h"):
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            explained = "/*" in line or lines[number - 2].rstrip().endswith("*/")
            if re.match(r"#define \w+_MAX\b", line) and not explained:
                yield f"line {number}: {line.split()[1]} without a comment on its derivation"


def portable(path: str, text: str) -> Iterator[str]:
    """One binary for all machines, and IEEE arithmetic."""
    for flag in ("-march=native", "-ffast-math", "-Ofast", "-mavx2"):
        if flag in text:
            yield f"holds {flag}: use a function attribute and a scalar twin"


def no_print(path: str, text: str) -> Iterator[str]:
    """Library code logs; only commands print."""
    if path.endswith(".h") or any(fnmatch(path, pattern) for pattern in PRINTERS):
        return
    for number, line in enumerate(code_of(text).split("\n"), 1):
        if re.search(r"(?<![\w.])print\(", line):
            yield f"line {number}: print() outside the commands"


def introduced(path: str, text: str) -> Iterator[str]:
    """The first lines say what the file is for. An empty __init__.py needs no words."""
    if path.endswith(".h"):
        if not text.lstrip().startswith("/*"):
            yield "no opening comment: say what the header is for"
    elif path.endswith(".py"):
        if text.strip() and ast.get_docstring(ast.parse(text)) is None:
            yield "no module docstring"
    elif not re.match(r'(\s|#[^\n]*\n)*[rR]?("""|\'\'\'|")', text):
        yield "no module docstring"


def no_place(path: str, text: str) -> Iterator[str]:
    """No path of one machine, no name of a registry's host."""
    if found := PLACE.search(text):
        yield f"holds {found[0]!r}: true on one machine only"


RULES: tuple[Rule, ...] = (
    floors, vendors, plain_cython, no_marks, size, limits_explained, portable, no_print, introduced, no_place,
)
RULES_OUTSIDE: tuple[Rule, ...] = (no_marks, size, portable, introduced, no_place)   # bench, setup, tests


def product_files() -> list[Path]:
    return sorted(
        path for folder in ("ingestor", "shards") for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd", ".h") and path.is_file())


def other_files() -> list[Path]:
    return [ROOT / "setup.py", *sorted((ROOT / "bench").rglob("*.py")),
            *(path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__))]


def complaints(files: list[Path], rules: tuple[Rule, ...]) -> list[str]:
    found = []
    for path in files:
        relative, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        found += [f"{relative}: {rule.__name__}: {complaint}" for rule in rules for complaint in rule(relative, text)]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_each_rule(rule):
    files = product_files()
    assert len(files) > 20
    assert complaints(files, (rule,)) == []


@pytest.mark.parametrize("rule", RULES_OUTSIDE, ids=lambda rule: rule.__name__)
def test_tests_benches_and_build_keep_the_rules_that_concern_them(rule):
    assert complaints(other_files(), (rule,)) == []


def test_every_vendor_file_named_by_the_table_uses_its_vendor():
    unused = [
        f"{path} does not import {vendor}" for vendor, allowed in VENDORS.items() for path in allowed
        if (ROOT / path).exists()
        and not any(dotted.split(".")[: vendor.count(".") + 1] == vendor.split(".")
                    for dotted in imports_of((ROOT / path).read_text()))]
    assert unused == []


REFUSED = [
    (floors, "ingestor/scan/a.pxd", "from ingestor._core cimport Pipeline\n"),
    (floors, "ingestor/providers/a.pyx", "from ingestor.unify.market cimport (\n    find,\n)\n"),
    (floors, "ingestor/wire/a.py", "def late():\n    import ingestor.pricing.consensus\n"),
    (floors, "ingestor/feeds/a.py", "from ingestor import sinks\n"),
    (floors, "ingestor/metrics.py", "from shards import worker\n"),
    (floors, "ingestor/errors.py", "import json, ingestor.scan.cursor\n"),
    (floors, "ingestor/attic.py", "import json\n"),
    (floors, "ingestor/feeds/a.py", "from .door import Door\n"),
    (floors, "ingestor/feeds/a.py", "from ingestor.attic import thing\n"),
    (vendors, "ingestor/feeds/feed.py", "from picows import ws_connect\n"),
    (vendors, "shards/worker.py", "def start():\n    import confluent_kafka.avro as avro\n"),
    (vendors, "ingestor/providers/kaiko.pyx", "cimport picows.picows\n"),
    (plain_cython, "ingestor/scan/a.pyx", 'include "part.pxi"\n'),
    (plain_cython, "ingestor/scan/a.pxd", "DEF SIZE = 4\n"),
    (no_marks, "ingestor/a.py", "x = 1  # TO" + "DO later\n"),
    (size, "ingestor/a.py", "\n" * (LINES_MAX + 1)),
    (limits_explained, "ingestor/a.h", "#include <a.h>\n#define ROWS_MAX 8\n"),
    (portable, "setup.py", "COMPILE = ['-march=" + "native']\n"),
    (portable, "setup.py", "COMPILE = ['-ffast-" + "math']\n"),
    (no_print, "ingestor/unify/a.pyx", "def show(x):\n    print(x)\n"),
    (introduced, "ingestor/a.py", "import os\n"),
    (introduced, "ingestor/a.pxd", "# a comment is no docstring\ncimport cython\n"),
    (introduced, "ingestor/a.h", "#define A 1\n"),
    (no_place, "tests/test_a.py", "CAPTURES = '/" + "work/shared'\n"),
]

ALLOWED = [
    (floors, "ingestor/providers/a.pyx",
     "from ingestor.scan.cursor cimport Cursor\nfrom ingestor.providers.b cimport c\n"),
    (floors, "ingestor/scan/a.py", '"""Not an import:\n\nimport ingestor._core\n"""\n# import shards\n'),
    (floors, "ingestor/settings.py", "from ingestor.errors import ConfigError\n"),
    (floors, "shards/worker.py", "from ingestor.simulator import blast\n"),
    (floors, ENTRY, "from shards.cli import main\n"),
    (vendors, "ingestor/feeds/websocket.pyx", "from picows.picows cimport WSFrame\n"),
    (vendors, "ingestor/feeds/feed.py", "import grpcio_like\n"),
    (plain_cython, "ingestor/scan/a.pyx", '"""include "x" is DEF not\nDEF meant\n"""\n'),
    (limits_explained, "ingestor/a.h",
     "#define ROWS_MAX 8 /* a venue sends 5 */\n/* twice that */\n#define COLUMNS_MAX 9\n"),
    (no_print, "ingestor/unify/a.pyx", 's = "print(1)"\nself.print(x)\nblueprint(x)\n'),
    (no_print, "shards/cli.py", "print('hello')\n"),
    (introduced, "ingestor/__init__.py", ""),
    (introduced, "ingestor/a.pyx", '# distutils: language = c\n"""Says what it is."""\n'),
]


@pytest.mark.parametrize(("rule", "path", "text"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
def test_a_small_violation_of_each_rule_is_refused(rule, path, text):
    assert list(rule(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED, ids=lambda value: getattr(value, "__name__", None))
def test_what_only_looks_like_a_violation_passes(rule, path, text):
    assert list(rule(path, text)) == []


def test_every_rule_has_a_sample_that_it_refuses():
    assert {rule.__name__ for rule in RULES} == {rule.__name__ for rule, _, _ in REFUSED}
