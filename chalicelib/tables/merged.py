"""Merged cells: what stands in one that is merged downwards holds for every row beside it.

A workbook keeps the value in the first cell and leaves the others blank, so a company merged over three contacts would
belong to the first only. A merge to the right says nothing about other columns: its value stays in the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from chalicelib.tables.raw import Row
from chalicelib.tables.rows import column_number

MOST = 20_000
"""Merges of a sheet; people make hundreds, hostile files millions."""
_REFERENCE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_LONGEST = 100
"""No `<mergeCell>` that we understand is longer than so many bytes."""


class Merge(NamedTuple):
    """Rows from 1, both ends included; the column from 0."""

    first: int
    last: int
    column: int


def merges_of(pieces: Iterable[bytes]) -> tuple[Merge, ...]:
    """The downward merges that a worksheet part names, in the order of their rows."""
    found: dict[Merge, None] = {}
    rest = b""
    for piece in pieces:
        text = rest + piece
        for letters, first, last in _REFERENCE.findall(text) if b"mergeCell" in text else ():
            if int(last) > int(first) and len(found) < MOST:
                found[Merge(int(first), int(last), column_number(letters.decode()))] = None
        rest = text[-_LONGEST:]
    return tuple(sorted(found))


def filled_down(rows: Iterator[Row], merges: Sequence[Merge], after: int) -> Iterator[Row]:
    """The rows, with the value of every merge that begins below row `after` in each of its rows.

    Rows that hold nothing else are not in `rows`, and stay blank.
    """
    waiting = [merge for merge in reversed(merges) if merge.first > after]
    active: list[tuple[Merge, str]] = []
    for number, cells in rows:
        active = [one for one in active if one[0].last >= number]
        for merge, value in active:
            if merge.column >= len(cells):
                cells.extend([""] * (merge.column + 1 - len(cells)))
            cells[merge.column] = cells[merge.column] or value
        while waiting and waiting[-1].first <= number:
            merge = waiting.pop()
            if merge.first == number and merge.column < len(cells) and cells[merge.column]:
                active.append((merge, cells[merge.column]))
        yield number, cells
