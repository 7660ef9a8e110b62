"""Whether our cells are what other readers see: cell by cell, wherever two of them agree about a file.

xlsx: openpyxl and python-calamine; xls: xlrd and python-calamine; xlsb: pyxlsb and python-calamine; csv: pandas and the
standard library. Our xls, xlsb and ods come from python-calamine too, so there the other one is the judge. Texts are
compared as texts; numbers, dates and booleans in the one spelling that we give them. What differs is put into classes.
"""

from __future__ import annotations

import csv
import datetime
import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.isolated import isolated
from benchmarks.outcomes import DATA, QUICK_SHARE, files
from benchmarks.report import Table
from chalicelib.errors import FileRefused
from chalicelib.tables.cells import clock_text, float_text, unfold
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import sheets

Cells: TypeAlias = dict[tuple[str, int, int], str]
"""Sheet, row and column from 1 -> text of a cell that is not blank."""
SECONDS, MEGABYTES = 15, 3000
EQUAL, EXTRA, DISPUTED = "equal", "we show what both leave blank", "(they disagree with each other)"


@dataclass(slots=True)
class Agreement:
    """Cells of one or many files by class; `files` that two readers and we could read."""

    files: int = 0
    cells: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def compared(self) -> int:
        """Cells that are not blank and that both others agree about."""
        return self.cells.total() - self.cells[EXTRA] - self.cells[DISPUTED]

    @property
    def share(self) -> float:
        return self.cells[EQUAL] / self.compared if self.compared else 1.0


def run(*, quick: bool) -> Table:
    paths = files()
    if not paths:
        return Table(f"There are no files in {DATA}", ("class",), ())
    found = agreements(paths[::QUICK_SHARE] if quick else paths)
    formats = sorted(found, key=lambda name: -found[name].compared)
    classes = [EQUAL, *sorted({each for one in found.values() for each in one.cells} - {EQUAL})]
    lines = [("files", *(str(found[name].files) for name in formats)),
             ("cells that both agree about", *(f"{found[name].compared:,}" for name in formats)),
             *((each, *(f"{found[name].cells[each]:,}" for name in formats)) for each in classes),
             ("equal, per cent", *(f"{100 * found[name].share:.2f}" for name in formats))]
    notes = (f"{name}, {each}: {example}" for name in formats for each, example in found[name].examples.items())
    return Table("Our cells beside those of two other readers", ("cells", *formats), tuple(lines),
                 ("For example:  \n" + "  \n".join(notes),))


def agreements(paths: Iterable[Path]) -> dict[str, Agreement]:
    """By format. A file that one of the readers cannot read, or not within its limits, is left out."""
    _warm()
    found: dict[str, Agreement] = {}
    for path in paths:
        others = _OTHERS.get(path.suffix.lower())
        ended = isolated(lambda path=path, others=others: _compare(path, others), seconds=SECONDS,  # type: ignore[misc]
                         megabytes=MEGABYTES) if others else None
        if ended and not ended.ending and ended.answer:
            one = found.setdefault(path.suffix.lower()[1:], Agreement())
            one.files += 1
            one.cells.update(ended.answer["cells"])
            for kind, example in ended.answer["examples"].items():
                one.examples.setdefault(kind, f"{path.name} {example}")
    return found


def shares(paths: list[str]) -> dict[str, tuple[float, int, dict[str, str]]]:
    """Format -> share of equal cells, cells compared, examples of others; for a caller in another process."""
    return {name: (one.share, one.compared, one.examples) for name, one in agreements(map(Path, paths)).items()}


def _warm() -> None:
    """Import once what every fork needs."""
    for name in ("openpyxl", "pandas", "python_calamine", "pyxlsb", "xlrd"):
        importlib.import_module(name)


def _compare(path: Path, others: tuple[Callable[[Path], Cells], Callable[[Path], Cells]]) -> dict[str, Any] | None:
    try:
        ours = _ours(path)
        first, second = (read(path) for read in others)
    except BaseException:  # readers raise anything on such files, panics included
        return None
    cells: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for place in chain(first, ours.keys() - first.keys() - second.keys()):
        theirs, mine = first.get(place, ""), ours.get(place, "")
        kind = DISPUTED if second.get(place, "") != theirs else _kind(mine, theirs)
        cells[kind] += 1
        if kind not in (EQUAL, DISPUTED):
            examples.setdefault(kind, f"{place}: {mine[:60]!r}, they {theirs[:60]!r}")
    return {"cells": cells, "examples": examples}


_DATE = re.compile(r"\d{4}-\d\d-\d\d|-?\d{2,}:\d\d:\d\d")


def _kind(mine: str, theirs: str) -> str:
    if mine == theirs:
        return EQUAL
    if not theirs:
        return EXTRA
    if not mine:
        return "we leave blank what both show"
    if _DATE.match(mine) and _number(theirs) is not None:
        return "a date or time, for them its serial number"
    if _DATE.match(mine) and _DATE.match(theirs):
        return "a date or time told otherwise"
    if mine.split() == theirs.split():
        return "white space"
    if re.sub(r"\D", "", mine).lstrip("0") == theirs:
        return "digits and literals of a number format"
    if _number(mine) is not None and _number(mine) == _number(theirs):
        return "the same number"
    return "other"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ours(path: Path) -> Cells:
    cells: Cells = {}
    try:
        for sheet in sheets(str(path), path.name, Limits()):
            for number, row in sheet.rows:
                _put(cells, sheet.name, number, row)
    except FileRefused as refused:
        raise ValueError(refused.message) from refused
    return cells


def _with_openpyxl(path: Path) -> Cells:
    import openpyxl

    cells: Cells = {}
    for sheet in openpyxl.load_workbook(path, data_only=True).worksheets:
        for number, row in enumerate(sheet.iter_rows(values_only=True), sheet.min_row):
            _put(cells, sheet.title, number, [None] * (sheet.min_column - 1) + list(row))
    return cells


def _with_calamine(path: Path) -> Cells:
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    book, cells = CalamineWorkbook.from_path(str(path)), Cells()
    for index, about in enumerate(book.sheets_metadata):
        if about.typ is SheetTypeEnum.WorkSheet:
            for number, row in enumerate(book.get_sheet_by_index(index).to_python(skip_empty_area=False), 1):
                _put(cells, about.name, number, row)
    return cells


def _with_xlrd(path: Path) -> Cells:
    import xlrd  # type: ignore[import-untyped]

    book, cells = xlrd.open_workbook(str(path), logfile=open("/dev/null", "w")), Cells()  # noqa: PTH123, SIM115
    for sheet in book.sheets():
        for number in range(sheet.nrows):
            _put(cells, sheet.name, number + 1, [_xlrd_value(cell, book.datemode) for cell in sheet.row(number)])
    return cells


def _xlrd_value(cell: Any, mode: int) -> Any:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        if cell.value < 1:
            return (datetime.datetime(2000, 1, 1) + datetime.timedelta(days=cell.value)).time()  # noqa: DTZ001
        return xlrd.xldate_as_datetime(cell.value, mode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "")
    return cell.value


def _with_pyxlsb(path: Path) -> Cells:
    from pyxlsb import open_workbook  # type: ignore[import-untyped]

    cells: Cells = {}
    with open_workbook(str(path)) as book:
        for name in book.sheets:
            with book.get_sheet(name) as sheet:
                for row in sheet.rows(sparse=True):
                    for cell in row:
                        _put(cells, name, cell.r + 1, [None] * cell.c + [cell.v])
    return cells


def _with_pandas(path: Path) -> Cells:
    import pandas as pd

    cells: Cells = {}
    frame = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False)
    for number, row in enumerate(frame.itertuples(index=False), 1):
        _put(cells, "Sheet1", number, [value if isinstance(value, str) else None for value in row])
    return cells


def _with_csv(path: Path) -> Cells:
    cells: Cells = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            _put(cells, "Sheet1", number, row)
    if not any(column > 1 for _sheet, _row, column in cells):
        raise ValueError("not delimited by commas, which both believe in")
    return cells


def _put(cells: Cells, sheet: str, number: int, row: Iterable[Any]) -> None:
    for column, value in enumerate(row, 1):
        text = _text(value)
        if text:
            cells[sheet, number, column] = text


def _text(value: Any) -> str:
    """One spelling for what all readers mean."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).upper()
    if isinstance(value, (int, float)):
        return float_text(value) if isinstance(value, float) else str(value)
    if isinstance(value, (datetime.datetime, datetime.time)):
        return _moment(value)
    if isinstance(value, datetime.timedelta):
        return clock_text(round(value / datetime.timedelta(milliseconds=1)))
    return unfold(str(value)).replace("\r\n", "\n").replace("\r", "\n")


def _moment(value: datetime.datetime | datetime.time) -> str:
    """To the millisecond, as a workbook's floats are good for."""
    if isinstance(value, datetime.time):
        value = datetime.datetime.combine(datetime.date(2000, 1, 1), value)
        return _moment(value).removeprefix("2000-01-01T") if value.time() != datetime.time.min else "00:00:00"
    rounded = value + datetime.timedelta(microseconds=500)
    shown = rounded.isoformat(timespec="milliseconds").removesuffix(".000")
    return shown.removesuffix("T00:00:00")


_OTHERS: dict[str, tuple[Callable[[Path], Cells], Callable[[Path], Cells]]] = {
    ".xlsx": (_with_openpyxl, _with_calamine), ".xlsm": (_with_openpyxl, _with_calamine),
    ".xls": (_with_xlrd, _with_calamine), ".xlsb": (_with_pyxlsb, _with_calamine), ".csv": (_with_pandas, _with_csv),
}
