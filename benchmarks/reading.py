"""What reading costs: a file of Excel or text to batches ready to send, beside the fastest way that people write.

The yardsticks run in the same run, on the same file, and do equal work: for a workbook python-calamine, dicts without
blank cells, batches of ten through orjson; for text the loop of `csv.reader`, `dict(zip())` and `json.dumps`, a batch
of ten at a time. Beside both the seeds' way, pandas, on a tenth of the rows, because it holds all of them.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import cpu_seconds, in_fresh_process
from benchmarks.report import Table
from benchmarks.workbook import delimited, workbook

ROWS = {"xlsx": 1_000_000, "csv": 5_000_000}
QUICK_ROWS = {"xlsx": 50_000, "csv": 250_000}
BATCH = 10
ROUNDS = 2
SEEDS_SHARE = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to read one file. `cpu` counts from when everything is imported, as in a warm function."""

    rows: int
    cpu: float
    peak: float


def run(*, quick: bool) -> Table:
    sizes = QUICK_ROWS if quick else ROWS
    lines: list[tuple[str, ...]] = []
    for kind, rows in sizes.items():
        lines += _compared(kind, rows)
    return Table(
        f"Reading {sizes['xlsx']:,} rows of xlsx (8 columns, 3 sheets) and {sizes['csv']:,} of csv into batches of "
        f"{BATCH}", ("way", "CPU s", "rows per CPU s", "of Dropmill's CPU", "peak MB"), tuple(lines),
        ("Dropmill finds encoding, delimiter, header and columns on the way, and accounts for every row; its process "
         f"has imported the app. The cheaper of {ROUNDS} rounds. The seeds' way read a tenth of the rows.",))


def _compared(kind: str, rows: int) -> Iterator[tuple[str, ...]]:
    path, part = (str(_made(kind, size)) for size in (rows, rows // SEEDS_SHARE))
    rounds = [(_measured("ours", path), _measured(f"yardstick_{kind}", path)) for _ in range(ROUNDS)]
    ours, yardstick = (min(found, key=lambda one: one.cpu) for found in zip(*rounds, strict=True))
    assert ours.rows == yardstick.rows == rows, (ours, yardstick)
    names = {"xlsx": "python-calamine, orjson", "csv": "csv.reader, dict(zip()), json.dumps"}
    yield _line(f"{kind}: Dropmill", ours, ours)
    yield _line(f"{kind}: {names[kind]}", yardstick, ours)
    yield _line(f"{kind}: seeds, pandas", _measured(f"seeds_{kind}", part), ours)


def _made(kind: str, rows: int) -> Path:
    return workbook(rows) if kind == "xlsx" else delimited(rows)


def _measured(way: str, path: str) -> Measured:
    cost = in_fresh_process(f"benchmarks.reading:{way}", path=path)
    rows, cpu = cost.answer
    return Measured(rows, cpu, cost.peak)


def _line(name: str, one: Measured, ours: Measured) -> tuple[str, ...]:
    pace = one.rows / one.cpu
    return (name, f"{one.cpu:.1f}", f"{pace:,.0f}", f"{ours.rows / ours.cpu / pace:.2f}", f"{one.peak:,.0f}")


def ours(path: str) -> tuple[int, float]:
    """As the splitter plans: read, cut, hold a part at a time."""
    import app  # noqa: F401 - its memory counts
    from chalicelib.jobs.cutting import cut
    from chalicelib.jobs.spool import PART_BYTES, Part
    from chalicelib.pipelines.leads.fields import FIELDS
    from chalicelib.tables.reading import read_table

    began = cpu_seconds()
    reading = read_table(path, Path(path).name, fields=FIELDS)
    items, part, rows = iter(reading), Part(1, 1), 0
    while batch := list(itertools.islice(items, BATCH)):
        part.add(cut(batch, "leads", reading.columns))
        rows += len(batch)
        if part.size >= PART_BYTES:
            part = Part(part.number + 1, 1)
    return rows, cpu_seconds() - began


def yardstick_xlsx(path: str) -> tuple[int, float]:
    import orjson
    from python_calamine import CalamineWorkbook

    began = cpu_seconds()
    book = CalamineWorkbook.from_path(path)
    return _sent(began, (_calamine_item(name, index, number, header, row)
                  for index, name in enumerate(book.sheet_names)
                  for rows in [book.get_sheet_by_index(index).iter_rows()]
                  for header in [next(rows)]
                  for number, row in enumerate(rows, 2)), orjson.dumps)


def _calamine_item(name: str, index: int, number: int, header: list[Any], row: list[Any]) -> dict[str, Any]:
    item: dict[str, Any] = {"_worksheet": name, "_sheet": index, "_row": number}
    for label, cell in zip(header, row):  # noqa: B905
        if cell != "":
            item[label] = cell
    return item


def yardstick_csv(path: str) -> tuple[int, float]:
    began = cpu_seconds()
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        return _sent(began, (dict(zip(header, row)) for row in rows), json.dumps)  # noqa: B905


def seeds_xlsx(path: str) -> tuple[int, float]:
    import pandas as pd

    began = cpu_seconds()
    leads = [record for frame in pd.read_excel(path, sheet_name=None, engine="openpyxl").values()
             for record in frame.fillna("").to_dict("records")]
    return _sent(began, iter(leads), json.dumps)


def seeds_csv(path: str) -> tuple[int, float]:
    import pandas as pd

    began = cpu_seconds()
    return _sent(began, iter(pd.read_csv(path).fillna("").to_dict("records")), json.dumps)


def _sent(began: float, items: Iterable[Any], dumps: Callable[[Any], object]) -> tuple[int, float]:
    walk, rows = iter(items), 0
    while batch := list(itertools.islice(walk, BATCH)):
        dumps({"leads": batch})
        rows += len(batch)
    return rows, cpu_seconds() - began
