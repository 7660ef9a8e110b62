"""What is to be written into somebody's file, and what became of it: the values that the patching modules share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from chalicelib.errors import DropmillError
from chalicelib.tables.rows import LAST_ROW, column_number
from chalicelib.tables.sniff import Kind

Value: TypeAlias = str | bool | int | float | Decimal | date
"""A cell's content. The type decides how it is stored: text stays text, whatever it looks like."""

Line: TypeAlias = tuple[int, Sequence[Value | None]]
"""A row's number from 1 and one value for each column of the edits; None leaves a cell as it is."""


class Unpatchable(DropmillError):
    """The file cannot be written into (its format, or no room for a column); write a new workbook instead."""


class Format(StrEnum):
    """How a cell shows its number."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column right of the last used one of its sheet; `width` in characters, None for the sheet's default."""

    header: str
    format: Format = Format.TEXT
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A column that the sheet has already, by its letters or its index from 0.

    Blank cells are filled and keep their style; `format` is for those that have no number format of their own.
    Values stay unless `overwrite`. Formulas stay, or with `keep_formulas=False` give way, all but those that share
    their text or their result with other cells (shared, array and data table formulas).
    """

    column: str | int
    format: Format | None = None
    keep_formulas: bool = True
    overwrite: bool = False

    @property
    def index(self) -> int:
        return column_number(self.column.upper()) if isinstance(self.column, str) else self.column


@dataclass(frozen=True, slots=True)
class SheetEdits:
    """Columns of one sheet and their values, row by row; `rows` may be lazy and is walked once, in ascending order.

    `header_row` (from 1) takes the headers of new columns; 0 where there is none. `last_row` matters only where
    `rows` goes on below the sheet's end: the sheet's stated size then covers it.
    """

    columns: tuple[NewColumn | Target, ...]
    rows: Iterable[Line]
    header_row: int = 0
    last_row: int = 0

    def lines(self) -> Iterator[tuple[int, Sequence[Value | None], bool]]:
        """Rows in order, the header's among them (then True). Raises ValueError where the order is broken."""
        titles = [column.header if isinstance(column, NewColumn) else None for column in self.columns]
        waiting = bool(self.header_row and any(title is not None for title in titles))
        before = 0
        for number, values in self.rows:
            if not before < number <= LAST_ROW or len(values) != len(titles) or (waiting and number == self.header_row):
                raise ValueError(f"row {number} with {len(values)} values after row {before}")
            if waiting and number > self.header_row:
                waiting = False
                yield self.header_row, titles, True
            before = number
            yield number, values, False
        if waiting:
            yield self.header_row, titles, True


@dataclass(slots=True)
class SheetReport:
    """Cells of one sheet: written, and left alone with the reason.

    `columns` are indexes from 0, in the order of the edits. `covered` cells lie under a merged one; `lossy` ones have
    characters that the encoding of a text file lacks, and question marks instead.
    """

    columns: tuple[int, ...] = ()
    written: int = 0
    formulas_kept: int = 0
    values_kept: int = 0
    covered: int = 0
    lossy: int = 0


@dataclass(frozen=True, slots=True)
class PatchReport:
    """What was done, by sheet index; `kind` (XLSX or TEXT) is what was written."""

    sheets: Mapping[int, SheetReport]
    kind: Kind
