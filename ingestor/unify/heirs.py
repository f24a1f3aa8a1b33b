"""Who is who in two editions of the tables, in plain lists. In Python, so that a loop beside it can go on meanwhile.

A path is the same while its provider calls it the same, an instrument while its id is, a subscription while
its path is and its channel has the same name.
"""

from typing import Any, NamedTuple


class Heirs(NamedTuple):
    """-1 stands for nobody."""

    paths_from: list[int]           # new path -> old path
    sources_from: list[int]         # the same, but -1 too where the contract is another: volumes don't go on
    paths_new: list[int]            # new paths that had no old one
    paths_gone: list[int]           # old paths that have no new one
    instruments_from: list[int]     # new instrument -> old instrument
    instruments_gone: list[int]     # old instruments that have no new one
    subscriptions_to: list[int]     # old subscription -> new subscription


def heirs(old: Any, new: Any) -> Heirs:
    """From `old` to `new`, both Tables."""
    rows, rows_before = new.instruments.paths, old.instruments.paths
    path_before = {row.identity: number for number, row in enumerate(rows_before)}
    paths_from = [path_before.get(row.identity, -1) for row in rows]
    paths_to = {before: number for number, before in enumerate(paths_from) if before >= 0}
    index, index_before = new.instruments.index, old.instruments.index
    number_of = {named: number for number, named in enumerate(new.subscriptions_named)}
    return Heirs(
        paths_from,
        [before if before >= 0 and row.contract == rows_before[before].contract else -1
         for row, before in zip(rows, paths_from, strict=True)],
        [number for number, before in enumerate(paths_from) if before < 0],
        [number for number in range(len(rows_before)) if number not in paths_to],
        [index_before.get(row.id, -1) for row in new.instruments.rows],
        [number for name, number in index_before.items() if name not in index],
        [number_of.get((paths_to.get(path, -1), channel), -1) for path, channel in old.subscriptions_named])
