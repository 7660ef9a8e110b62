"""A first walk over a worksheet: is it well-formed, how far do its cells reach, and which of them must not be written.

Cells are looked at by the piece and not one by one, so the walk costs little more than unpacking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from chalicelib.tables.limits import Limits
from chalicelib.tables.patch_edits import Unpatchable
from chalicelib.tables.patch_rows import Grammar, SheetText, letters_of
from chalicelib.tables.patch_xml import attributes, judged, local_tag, utf8
from chalicelib.tables.rows import column_number

_MOST_RANGES = 200_000
"""Merges (or array formulas) of a sheet; people make hundreds, hostile files millions."""
_RANGE = re.compile(rb"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
_MERGE = local_tag(b"mergeCell")
_LONGEST_MERGE = 200


Learn: TypeAlias = Callable[[bytes, bytes, bytes], None]


class Range(NamedTuple):
    """Columns from 0, rows from 1, both ends included."""

    left: int
    top: int
    right: int
    bottom: int


class Survey:
    """What a walk over a sheet found. `last_column` is that of the last cell with content, -1 without any."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits, learn: Learn | None = None) -> None:
        """`learn` is told each formula's column, attributes and text.

        Raises FileRefused: CORRUPT_FILE, ENTITY_BOMB, ARCHIVE_BOMB, CELL_TOO_LONG; Unpatchable.
        """
        text = SheetText(judged(utf8(chunks)), limits)
        self._grammar = Grammar(text.prefix)
        start = b"<" + re.escape(text.prefix) + b'c r="([A-Z]{1,3}+)'
        self._letters = re.compile(start + rb"\d")
        self._filled = re.compile(start + rb'\d++"[^>]*+(?<!/)>(?!</)')
        self._learn = learn
        self._formula_mark = b"<" + text.prefix + b"f"
        self._row_mark = b"<" + text.prefix + b"row"
        self.last_column = -1
        self.last_row = 0
        self.results: list[Range] = []
        """Where array formulas and data tables put what they compute."""
        for _raw, shadow in text.pieces():
            self._look(shadow)
        self.merges = list(_merges(text.tail()))
        self.last_column = max([self.last_column, *(each.right for each in self.results)])

    def _look(self, shadow: bytes) -> None:
        letters = self._letters.findall(shadow)
        if len(letters) == len(self._grammar.any_cell.findall(shadow)):
            if any(column_number(each.decode()) > self.last_column for each in set(letters)):
                filled = {column_number(each.decode()) for each in set(self._filled.findall(shadow))}
                self.last_column = max([self.last_column, *filled])
        else:
            self._look_closely(shadow)
        if b'"array"' in shadow or b'"dataTable"' in shadow or b"'array'" in shadow:
            self._note_results(shadow)
        if self._learn is not None and self._formula_mark in shadow:
            for found in self._grammar.formula_cell.finditer(shadow):
                self._learn(letters_of(found["cell"]), found["attributes"].rstrip(b"/"), found["text"] or b"")
        row = next(self._grammar.rows(shadow[shadow.rfind(self._row_mark) :], self.last_row), None)
        self.last_row = row.number if row is not None else self.last_row

    def _look_closely(self, shadow: bytes) -> None:
        """Cells without references, or with attributes in another order."""
        for row in self._grammar.rows(shadow, 0):
            for cell in self._grammar.cells(shadow, row):
                if cell.inner < cell.outer:
                    self.last_column = max(self.last_column, cell.column)

    def _note_results(self, shadow: bytes) -> None:
        for found in self._grammar.formula.finditer(shadow):
            given = attributes(found[1])
            if given.get(b"t") in (b"array", b"dataTable"):
                self.results += _ranges(given.get(b"ref", b""))
                _check(self.results)


def covering(ranges: Iterable[Range], columns: Sequence[int]) -> list[Range]:
    """Those ranges that reach into one of these columns, by their first row."""
    return sorted((each for each in ranges if any(each.left <= column <= each.right for column in columns)),
                  key=lambda each: each.top)


class Covered:
    """Answers, for rows that are asked in ascending order, which ranges a row lies in."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._waiting = list(reversed(ranges))
        self._active: list[Range] = []

    def at(self, row: int) -> list[Range]:
        while self._waiting and self._waiting[-1].top <= row:
            self._active.append(self._waiting.pop())
        if self._active:
            self._active = [each for each in self._active if each.bottom >= row]
        return self._active


def _merges(pieces: Iterator[bytes]) -> Iterator[Range]:
    rest, count = b"", 0
    for piece in pieces:
        text = rest + piece
        if b"mergeCell" in text:
            for found in _MERGE.finditer(text):
                count += 1
                if count > _MOST_RANGES:
                    raise Unpatchable("The sheet has too many merged cells.")
                yield from _ranges(attributes(found[2]).get(b"ref", b""))
        # Only an unfinished tag is looked at again, so that none counts twice.
        at = text.rfind(b"<", max(0, len(text) - _LONGEST_MERGE))
        rest = text[at:] if at >= 0 and b">" not in text[at:] else b""


def _ranges(reference: bytes) -> Iterator[Range]:
    for left, top, right, bottom in _RANGE.findall(reference):
        first = column_number(left.decode()), int(top)
        last = (column_number(right.decode()), int(bottom)) if right else first
        yield Range(*map(min, first, last), *map(max, first, last))


def _check(ranges: Sequence[Range]) -> None:
    if len(ranges) > _MOST_RANGES:
        raise Unpatchable("The sheet has too many array formulas.")
