"""A new workbook for results whose file cannot be written into: every sheet's values, and the results at their right.

All cells are text, as they were read, but for the bill's own numbers (quantity, rate, total) and the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.api.price_columns import COLUMNS, TITLES
from chalicelib.jobs.model import SheetCount
from chalicelib.tables.patch_edits import Format, Value
from chalicelib.tables.raw import RawSheet, sheets
from chalicelib.tables.write import _storable

if TYPE_CHECKING:
    from chalicelib.tables.limits import Limits

Results = Callable[[SheetCount], Iterator[tuple[int, Sequence[Value | None]]]]
"""The result rows of a sheet: row number, and a value for each of `COLUMNS`."""

_FORMATS = {Format.MONEY: "#,##0.00", Format.PERCENT: "0%"}
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,13})(?:\.\d{1,6})?")
"""Text that shows the same as a number: no zero before it, no sign, no separators."""
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_LONGEST_TITLE = 31


def rewrite(
    source: str, file_name: str, target: str, counts: Sequence[SheetCount], numeric: Mapping[int, set[int]],
    results: Results, limits: Limits,
) -> int:
    """Write `target`; answers how many result rows it holds.

    `counts` are the sheets with rows, `numeric` the columns of numbers (indexes from 0) by sheet.
    """
    from openpyxl import Workbook

    by_index = {count.index: count for count in counts}
    widths = {raw.index: max((len(cells) for _, cells in raw.rows), default=0)
              for raw in sheets(source, file_name, limits)}
    workbook, taken, written = Workbook(write_only=True), set[str](), 0
    for raw in sheets(source, file_name, limits):
        sheet = workbook.create_sheet(_title(raw.name, taken))
        count = by_index.get(raw.index)
        rows = _told(raw, numeric.get(raw.index, set()))
        if count is None:
            for line in _spaced(rows):
                sheet.append([_cell(sheet, value) for value in line])
            continue
        found = _Joined(results(count), count.header_row, widths[raw.index])
        for line in _spaced(found.beside(rows)):
            sheet.append([_cell(sheet, value, place - widths[raw.index]) for place, value in enumerate(line)])
        written += found.rows
    workbook.save(target)
    return written


class _Joined:
    """Rows of a sheet with their results behind the widest of them."""

    def __init__(
        self, results: Iterator[tuple[int, Sequence[Value | None]]], header_row: int | None, width: int
    ) -> None:
        self._results, self._header_row, self._width = results, header_row, width
        self.rows = 0

    def beside(self, rows: Iterable[tuple[int, list[Value]]]) -> Iterator[tuple[int, list[Value | None]]]:
        result = next(self._results, None)
        for number, cells in rows:
            line: list[Value | None] = [*cells, *[None] * (self._width - len(cells))]
            if result is not None and result[0] == number:
                line += result[1]
                result = next(self._results, None)
                self.rows += 1
            elif number == self._header_row:
                line += TITLES
            yield number, line


def _told(raw: RawSheet, numeric: set[int]) -> Iterator[tuple[int, list[Value]]]:
    for number, cells in raw.rows:
        yield number, [Decimal(cell) if place in numeric and _PLAIN_NUMBER.fullmatch(cell) else cell
                       for place, cell in enumerate(cells)]


def _spaced(rows: Iterable[tuple[int, Sequence[Value | None]]]) -> Iterator[Sequence[Value | None]]:
    """Each row at its number: blank ones are not read, and come back here."""
    last = 0
    for number, line in rows:
        for _ in range(last + 1, number):
            yield ()
        last = number
        yield line


def _cell(sheet: Any, value: Value | None, place: int = -1) -> Any:
    """A cell of `value`; `place` from 0 is that of a result column."""
    from openpyxl.cell import WriteOnlyCell

    if value is None or value == "":
        return None
    cell = WriteOnlyCell(sheet)
    if isinstance(value, str):
        cell.value, cell.data_type = _storable(value), "s"  # the constructor would make a formula of `=1+1`
        return cell
    cell.value = value
    if place >= 0:
        cell.number_format = _FORMATS.get(tuple(COLUMNS.values())[place].format, "General")
    return cell


def _title(name: str, taken: set[str]) -> str:
    """A name that a worksheet may have, different from all before (whatever the case)."""
    plain = _FORBIDDEN.sub("-", name).strip("'")[-_LONGEST_TITLE:] or "Sheet"
    title, number = plain, 1
    while title.lower() in taken:
        number += 1
        title = f"{plain[:_LONGEST_TITLE - 6]} ({number})"
    taken.add(title.lower())
    return title
