"""Sum what a pipeline's connections count by their names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def add(to: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add counters, nested ones too."""
    for name, count in more.items():
        if isinstance(count, dict):
            add(to[name], count)
        else:
            to[name] += count


def by_name(
    labels: Iterable[tuple[str, str, str]], closed: Sequence[dict[str, Any]], connections: Iterable[Any], lines: Any,
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """One mapping a (provider, section, name), and the records of unknown symbols by provider.

    `closed` has what ended connections have counted, in the order of `labels`; `connections` are the open ones;
    `lines` (LineTable) knows what the lines of redundant connections have brought first.
    """
    counted = [{**each, "statuses": dict(each["statuses"])} for each in closed]
    for opened in connections:
        add(counted[opened.label], opened.counters())
    unknown: dict[str, int] = {}
    for label, (provider, section, name) in enumerate(labels):
        row = counted[label]
        row.update(provider=provider, section=section, name=name, **lines.counters(label, name))
        unknown[provider] = unknown.get(provider, 0) + row.pop("unknown")
    return counted, unknown
