"""What writing matches back into a workbook costs, beside loading it with openpyxl and saving it.

Six columns behind every row: code, description and unit as text, rate and total as money, confidence. openpyxl gets a
tenth of the rows, because it holds the whole workbook; its figures are for those.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from benchmarks.measure import cpu_seconds, in_fresh_process
from benchmarks.report import Table
from benchmarks.workbook import SHEETS, workbook

ROWS, QUICK_ROWS = 1_000_000, 50_000
OPENPYXL_SHARE = 10
ROUNDS = 2
COLUMNS = ("Matched code", "Matched item", "Unit", "Rate", "Total", "Confidence")


@dataclass(frozen=True, slots=True)
class Measured:
    """One way over one workbook. `cpu` counts from when everything is imported; `peak` is MiB."""

    rows: int
    cpu: float
    peak: float


def run(*, quick: bool) -> Table:
    rows = QUICK_ROWS if quick else ROWS
    part = rows // OPENPYXL_SHARE
    with tempfile.TemporaryDirectory() as folder:
        ways = [("Dropmill", "ours", rows), ("Dropmill", "ours", part), ("openpyxl, load and save", "openpyxl", part)]
        lines = tuple(_line(name, _cheapest(way, size, folder)) for name, way, size in ways)
    return Table(
        f"Writing {len(COLUMNS)} columns of matches into a workbook (8 columns, 3 sheets)",
        ("way", "rows", "CPU s", "rows per CPU s", "peak MB"), lines,
        (f"The cheaper of {ROUNDS} rounds. Dropmill's memory does not depend on the workbook, and everything that it "
         "does not write stays byte for byte; openpyxl drops what it does not know.",))


def _cheapest(way: str, rows: int, folder: str) -> Measured:
    path = str(workbook(rows))
    costs = [in_fresh_process(f"benchmarks.patching:{way}", path=path, target=f"{folder}/out.xlsx", rows=rows)
             for _ in range(ROUNDS)]
    cpu, peak = min((cost.answer, cost.peak) for cost in costs)
    return Measured(rows, cpu, peak)


def _line(name: str, one: Measured) -> tuple[str, ...]:
    return (name, f"{one.rows:,}", f"{one.cpu:.1f}", f"{one.rows / one.cpu:,.0f}", f"{one.peak:,.0f}")


def ours(path: str, target: str, rows: int) -> float:
    import app  # noqa: F401 - its memory counts
    from chalicelib.tables.patch import Format, NewColumn, SheetEdits, patch_workbook

    formats = (Format.TEXT, Format.TEXT, Format.TEXT, Format.MONEY, Format.MONEY, Format.PERCENT)
    columns = tuple(NewColumn(name, format_) for name, format_ in zip(COLUMNS, formats, strict=True))
    began = cpu_seconds()
    report = patch_workbook(path, target, {
        place: SheetEdits(columns, _matches(_share(place, rows)), header_row=1) for place in range(len(SHEETS))})
    cpu = cpu_seconds() - began
    assert sum(sheet.written for sheet in report.sheets.values()) == (rows + len(SHEETS)) * len(COLUMNS)
    return cpu


def openpyxl(path: str, target: str, rows: int) -> float:
    from openpyxl import load_workbook

    began = cpu_seconds()
    book = load_workbook(path)
    for place, sheet in enumerate(book.worksheets):
        first = sheet.max_column + 1
        for offset, name in enumerate(COLUMNS):
            sheet.cell(1, first + offset, name)
        for number, values in _matches(_share(place, rows)):
            for offset, value in enumerate(values):
                sheet.cell(number, first + offset, value)
    book.save(target)
    assert Path(target).stat().st_size
    return cpu_seconds() - began


def _share(place: int, rows: int) -> int:
    return rows * (place + 1) // len(SHEETS) - rows * place // len(SHEETS)


def _matches(rows: int) -> Iterator[tuple[int, tuple[str | Decimal, ...]]]:
    for number in range(2, rows + 2):
        rate = Decimal(number % 9973) / 100
        yield number, (f"C-{number % 5000:05}", f"Item {number % 5000} & fittings", "m", rate, rate * (number % 7),
                       Decimal("0.87"))
