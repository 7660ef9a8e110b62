"""A second walk over a worksheet: its rows go past, and those that have values get their cells.

Rows without values are copied as they are. In the others only the tag of the row (its `spans` would be wrong) and the
cells that are written differ from what they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import IO, TypeAlias

from chalicelib.tables.limits import Limits
from chalicelib.tables.patch_edits import Format, NewColumn, SheetEdits, SheetReport, Target, Unpatchable, Value
from chalicelib.tables.patch_head import Head
from chalicelib.tables.patch_rows import CellText, Grammar, RowText, SheetText, own_number, style_of
from chalicelib.tables.patch_styles import Styles
from chalicelib.tables.patch_survey import Covered, Survey, covering
from chalicelib.tables.patch_values import CellWriter, looks_like_formula
from chalicelib.tables.patch_xml import attributes, spliced, utf8, without
from chalicelib.tables.rows import column_letters

_LAST_COLUMN = 16_384
_FORMULA, _VALUE, _COVERED = "formula", "value", "covered"

Forget: TypeAlias = Callable[[re.Pattern[bytes], bytes, bytes], tuple[bytes, bytes]]
Line: TypeAlias = tuple[int, Sequence[Value | None], bool]


def places(edits: SheetEdits, survey: Survey) -> tuple[int, ...]:
    """The index of each column of the edits. Raises Unpatchable where there is no room, ValueError for twice the same.

    New columns follow the last cell with content, and what is merged into the header row.
    """
    targets = [column.index for column in edits.columns if isinstance(column, Target)]
    header = (each.right for each in survey.merges if each.top <= edits.header_row <= each.bottom)
    after = max([survey.last_column, *targets, *header])
    found = []
    for column in edits.columns:
        if isinstance(column, NewColumn):
            after += 1
        found.append(column.index if isinstance(column, Target) else after)
    if after >= _LAST_COLUMN:
        raise Unpatchable("The sheet has no room for another column.")
    if len(set(found)) < len(found) or min(found, default=0) < 0:
        raise ValueError(f"edits of columns {found}")
    return tuple(found)


def forgotten(chunks: Iterator[bytes], out: IO[bytes], limits: Limits, forget: Forget) -> None:
    """Copy a worksheet part without the results that do not hold."""
    text = SheetText(utf8(chunks), limits)
    out.write(text.head + text.opening)
    for raw, _shadow in _remembered(text, Grammar(text.prefix), forget):
        out.write(raw)
    for piece in text.tail():
        out.write(piece)


class SheetPatch:
    """Rewrites one worksheet part."""

    def __init__(
        self, edits: SheetEdits, survey: Survey, styles: Styles, *, from_1904: bool, forget: Forget | None = None
    ) -> None:
        """`forget` takes results out of a piece that do not hold any more."""
        self._forget = forget
        self._edits = edits
        self._survey = survey
        self._styles = styles
        self._from_1904 = from_1904
        self._columns = places(edits, survey)
        self._order = sorted(range(len(self._columns)), key=self._columns.__getitem__)
        self._letters = [column_letters(column) for column in self._columns]
        self._first = min(self._columns, default=0)
        self._merges = Covered(covering(survey.merges, self._columns))
        self._results = Covered(covering(survey.results, self._columns))
        self._new = [isinstance(column, NewColumn) for column in edits.columns]
        self._chosen: dict[tuple[int, bool, int, int, bool, bool], int] = {}
        self._before = 0
        self.report = SheetReport(columns=self._columns)

    def run(self, chunks: Iterator[bytes], out: IO[bytes], limits: Limits) -> None:
        """Read the part from `chunks`, write it to `out`."""
        text = SheetText(utf8(chunks), limits)
        self._prefix = text.prefix
        self._writer = CellWriter(text.prefix.decode(), from_1904=self._from_1904, dated=self._styles.able)
        self._grammar = Grammar(text.prefix)
        head = Head(text.head, text.prefix)
        self._column_styles = head.column_styles()
        out.write(head.fitted(self._widths(), self._columns,
                             max(self._edits.header_row, self._edits.last_row, self._survey.last_row)))
        out.write(text.opening[:-2].rstrip() + b">" if text.hollow else text.opening)
        self._lines = self._edits.lines()
        self._line: Line | None = next(self._lines, None)
        for raw, shadow in _remembered(text, self._grammar, self._forget):
            out.write(b"".join(self._piece(raw, shadow)))
        for piece in self._below():
            out.write(piece)
        if text.hollow:
            out.write(b"</" + text.prefix + b"sheetData>")
        for piece in text.tail():
            out.write(piece)

    def _widths(self) -> dict[int, float | None]:
        pairs = zip(self._columns, self._edits.columns, strict=True)
        return {index: column.width for index, column in pairs if isinstance(column, NewColumn)}

    def _piece(self, raw: bytes, shadow: bytes) -> Iterator[bytes]:
        copied = 0
        for row in self._grammar.rows(shadow, self._before):
            self._before = row.number
            if self._line is None or self._line[0] > row.number:
                continue
            yield raw[copied : row.start]
            copied = row.start
            while self._line is not None and self._line[0] < row.number:
                yield self._new_row(self._line)
                self._line = next(self._lines, None)
            if self._line is not None and self._line[0] == row.number:
                yield from self._patched(raw, shadow, row, self._line)
                copied = row.end
                self._line = next(self._lines, None)
        yield raw[copied:]

    def _below(self) -> Iterator[bytes]:
        """Rows that the sheet does not have, below its last one."""
        while self._line is not None:
            yield self._new_row(self._line)
            self._line = next(self._lines, None)

    def _new_row(self, line: Line) -> bytes:
        row = RowText(line[0], 0, 0, 0, 0, b"")
        cells = self._cells(self._order, line, row, lambda _column: 0, 0)
        return b'<%srow r="%d">%s</%srow>' % (self._prefix, line[0], cells, self._prefix) if cells else b""

    def _patched(self, raw: bytes, shadow: bytes, row: RowText, line: Line) -> Iterator[bytes]:
        last = self._grammar.last_cell(shadow, row) if row.inner < row.outer else (-1, 0)
        row_style = _row_style(row)
        yield b"<%srow%s>" % (self._prefix, without(row.attributes.removesuffix(b"/"), b"spans").rstrip())
        if last is not None and last[0] < self._first:
            beside = last[1]
            yield raw[row.inner : row.outer]
            yield self._cells(self._order, line, row, lambda _column: beside, row_style)
        else:
            yield self._merged(raw, shadow, row, line, row_style)
        # A row that was a single tag has no end of its own.
        yield b"</%srow>" % self._prefix if row.attributes.endswith(b"/") else raw[row.outer : row.end]

    def _merged(self, raw: bytes, shadow: bytes, row: RowText, line: Line, row_style: int) -> bytes:
        """The cells of a row with new ones among them, in the order of columns."""
        there = list(self._grammar.cells(shadow, row))
        by_column = {each.column: each for each in there}

        def beside(column: int) -> int:
            return next((each.style for each in reversed(there) if each.column < column), 0)

        changes = []
        for place in self._order:
            column = self._columns[place]
            old = by_column.get(column)
            if old is None:
                at = next((each.start for each in there if each.column > column), there[-1].end if there else row.inner)
                changes.append((at - row.inner, at - row.inner,
                                self._cells([place], line, row, beside, row_style)))
            elif (content := self._refilled(place, line, row, old, shadow, beside(column))) is not None:
                changes.append((old.start - row.inner, old.end - row.inner, content))
        return spliced(raw[row.inner : row.outer], changes)

    def _cells(
        self, order: Sequence[int], line: Line, row: RowText, beside: Callable[[int], int], row_style: int
    ) -> bytes:
        """Cells for these places of a row, none of which has one."""
        values, header = line[1], line[2]
        shut = self._shut(row.number)
        number = str(own_number(row))
        made = []
        for place in order:
            value = values[place]
            if value is None and not self._new[place]:
                continue
            column = self._columns[place]
            if shut and column in shut:
                self._count(shut[column], value)
                continue
            style = self._style(place, value, header, beside(column), row_style)
            if value is not None:
                self.report.written += 1
            elif not style:
                continue
            made.append(self._writer.cell(self._letters[place] + number, style, value))
        return "".join(made).encode()

    def _refilled(
        self, place: int, line: Line, row: RowText, old: CellText, shadow: bytes, beside: int
    ) -> bytes | None:
        """What a cell that is there becomes; None where it stays."""
        value, header = line[1][place], line[2]
        if value is None:
            return None
        reason = self._shut(row.number).get(old.column) or self._stays(place, shadow, old)
        if reason:
            self._count(reason, value)
            return None
        self.report.written += 1
        column = self._edits.columns[place]
        if isinstance(column, NewColumn):
            style = self._style(place, value, header, old.style or beside, 0)
        else:
            format_ = Format.DATE if isinstance(value, date) else column.format
            style = self._styles.filled(old.style, format_, quoted=looks_like_formula(value))
        return self._writer.cell(f"{self._letters[place]}{own_number(row)}", style, value).encode()

    def _stays(self, place: int, shadow: bytes, old: CellText) -> str:
        """Why the content of a cell is not for us to replace, if it is not."""
        column = self._edits.columns[place]
        formula = self._grammar.formula.search(shadow, old.inner, old.outer)
        if formula is not None:
            shared = attributes(formula[1]).get(b"t", b"normal") != b"normal"
            return _FORMULA if shared or not isinstance(column, Target) or column.keep_formulas else ""
        if self._grammar.content.search(shadow, old.inner, old.outer):
            return "" if isinstance(column, Target) and column.overwrite else _VALUE
        return ""

    def _shut(self, row: int) -> dict[int, str]:
        """Columns of a row that cannot be written, with the reason."""
        merges, results = self._merges.at(row), self._results.at(row)
        if not merges and not results:
            return {}
        shut = {column: _FORMULA for each in results for column in self._columns if each.left <= column <= each.right}
        for each in merges:
            for column in self._columns:
                if each.left <= column <= each.right and (column, row) != (each.left, each.top):
                    shut[column] = _COVERED
        return shut

    def _count(self, reason: str, value: Value | None) -> None:
        if value is not None:
            self.report.formulas_kept += reason == _FORMULA
            self.report.values_kept += reason == _VALUE
            self.report.covered += reason == _COVERED

    def _style(self, place: int, value: Value | None, header: bool, beside: int, row_style: int) -> int:
        """The style of a cell that is not there, from its neighbour to the left, its row or its column."""
        key = place, header, beside, row_style, isinstance(value, date), looks_like_formula(value)
        found = self._chosen.get(key)
        if found is None:
            found = self._chosen[key] = self._choose(*key)
        return found

    def _choose(self, place: int, header: bool, beside: int, row_style: int, dated: bool, quoted: bool) -> int:
        column = self._edits.columns[place]
        format_ = Format.DATE if dated else column.format
        general = row_style or self._column_style(self._columns[place])
        if isinstance(column, Target) and general:
            return self._styles.filled(general, format_, quoted=quoted)
        base = beside or general
        return base if header else self._styles.of(base, format_ or Format.TEXT, quoted=quoted)

    def _column_style(self, column: int) -> int:
        return next((style for first, last, style in self._column_styles if first <= column <= last), 0)


def _remembered(text: SheetText, grammar: Grammar, forget: Forget | None) -> Iterator[tuple[bytes, bytes]]:
    for raw, shadow in text.pieces():
        yield forget(grammar.result, raw, shadow) if forget is not None else (raw, shadow)


def _row_style(row: RowText) -> int:
    given = attributes(row.attributes)
    return style_of(row.attributes) if given.get(b"customFormat") in (b"1", b"true") else 0
