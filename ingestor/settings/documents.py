"""YAML files and the environment as one tree of plain values that remembers where each came from.

The only file that parses YAML. Problems are collected, not raised, so that all can be told at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

PREFIX = "INGESTOR_"
#: Names of a path in the tree: keys of mappings and indexes of lists.
Keys = tuple[str | int, ...]
#: Aliases are expanded, so a small file can hold a huge tree. 10,000 instruments with 3 markets are 400,000.
NODES_MAX = 5_000_000
#: The models are 6 deep.
DEPTH_MAX = 50

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _patient() -> Any:
    """A loader that composes in Python: it takes three times as long, but lets other threads go on meanwhile."""
    if issubclass(Loader, Composer):    # it does so anyway
        return Loader

    def prepare(self: Any, stream: str) -> None:
        Loader.__init__(self, stream)
        Composer.__init__(self)

    return type("PatientLoader", (Composer, Loader), {"__init__": prepare})


PatientLoader = _patient()


class Document:
    """Plain values from several places, later ones winning, with the place of each.

    `patient`: read beside a loop that must not stand still.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._loader = PatientLoader if patient else Loader
        self.value: dict[str, Any] = {}
        self.faults: list[str] = []
        self._places: dict[Keys, str] = {}

    def place(self, keys: Keys) -> str:
        """`file:line` of a path; that of the nearest one above when it was not written."""
        while keys not in self._places and keys:
            keys = keys[:-1]
        return self._places.get(keys, "")

    def read(self, path: Path, keys: Keys = (), name: str = "") -> bool:
        """Add a YAML file below `keys`; whether it could be read. `name`: how to call it in messages."""
        name = name or str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            self.faults.append(f"{name}: {error.strerror or error}: make it a readable file, or give another")
            return False
        except UnicodeDecodeError as error:
            self.faults.append(f"{name}: byte {error.start} is no UTF-8: save the file as UTF-8")
            return False
        return self.add(text, keys, name)

    def add(self, text: str, keys: Keys, name: str) -> bool:
        """Add a YAML text below `keys`; whether it could be read. `name`: how to call it in messages."""
        try:
            value = self._parse(text, name, keys)
        except yaml.YAMLError as error:
            self.faults.append(f"{name}{_line(error)}: no YAML: {_problem(error)}")
            return False
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self.faults.append(f"{name}:1: holds {_kind(value)}: write a mapping, `key: value`")
            return False
        for key in reversed(keys):
            value = {key: value}
        self.value = merged(self.value, value)
        return True

    def add_each(self, texts: Mapping[str, str], key: str, name: str) -> None:
        """Add many YAML texts, each below its own name below `key`, as one file's mapping would."""
        values: dict[str, Any] = {}
        for each, text in texts.items():
            try:
                values[each] = self._parse(text, f"{name} {each}", (key, each))
            except yaml.YAMLError as error:
                self.faults.append(f"{name} {each}{_line(error)}: no YAML: {_problem(error)}")
        self.value = merged(self.value, {key: values})

    def underlay(self, other: "Document") -> None:
        """Add all of another document where this one says nothing."""
        self.value = merged(other.value, self.value)
        self._places = {**other._places, **self._places}
        self.faults += other.faults

    def put(self, keys: Keys, value: Any, place: str) -> None:
        """Add one value."""
        for above in range(1, len(keys)):
            self._places.setdefault(keys[:above], place)
        self._places[keys] = place
        for key in reversed(keys):
            value = {key: value}
        self.value = merged(self.value, value)

    def _parse(self, text: str, name: str, keys: Keys) -> Any:
        loader = self._loader(text)
        try:
            node = loader.get_single_node()
            self._places.setdefault(keys, f"{name}:1")
            return None if node is None else _Builder(self, loader, name).build(node, keys)
        finally:
            loader.dispose()


class _Builder:
    """Nodes to plain values; notes the line of each, and keys that are written twice."""

    def __init__(self, document: Document, loader: Any, name: str) -> None:
        self._document = document
        self._loader = loader
        self._name = name
        self._nodes = 0

    def build(self, node: yaml.Node, keys: Keys) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX or len(keys) > DEPTH_MAX:
            raise yaml.MarkedYAMLError(
                problem="the aliases make it endless: write them out", problem_mark=node.start_mark)
        self._document._places[keys] = f"{self._name}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, keys))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(each, (*keys, index)) for index, each in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _items(self, node: yaml.MappingNode, keys: Keys) -> Iterator[tuple[Any, Any]]:
        own = {id(pair[0]) for pair in node.value}
        self._loader.flatten_mapping(node)      # `<<: *defaults`
        first: dict[Any, int] = {}
        for key_node, value_node in node.value:
            key = self._loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else repr(key)
            line = key_node.start_mark.line + 1
            if key in first and id(key_node) in own and first[key] > 0:
                self._document.faults.append(
                    f"{self._name}:{line}: {dotted((*keys, key))} stands in line {first[key]} already: keep one")
            first[key] = line if id(key_node) in own else 0
            value = self.build(value_node, (*keys, key))
            self._document._places[(*keys, key)] = f"{self._name}:{line}"
            yield key, value


def environment(environ: Mapping[str, str]) -> Iterator[tuple[str, list[str], Any]]:
    """(variable, path in lower case, value) of each INGESTOR_ variable; `__` goes a level down.

    Values that look like a YAML list or mapping are one.
    """
    for variable in sorted(environ):
        if variable.startswith(PREFIX):
            value: Any = environ[variable]
            if value[:1] in ("[", "{"):
                with suppress(yaml.YAMLError):  # a text, then: the models say whether one is wanted
                    value = yaml.load(value, Loader)  # noqa: S506  (a safe loader)
            yield variable, variable.removeprefix(PREFIX).lower().split("__"), value


def write(path: Path, value: Mapping[str, Any], comment: str = "") -> None:
    """Write a tree of plain values as YAML, keys in their order. `comment`: lines above it."""
    text = "".join(f"# {line}\n" for line in comment.splitlines())
    path.write_text(text + yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=120), "utf-8")


def merged(below: Any, above: Any) -> Any:
    """`above` over `below`: mappings key by key, all else replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}
    return above


def dotted(keys: Keys) -> str:
    """A path as people write it: `markets[0].symbol`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"only {value!r}"


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(problem).split())
