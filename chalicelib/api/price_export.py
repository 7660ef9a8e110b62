"""A price job's results, written into the very file that was dropped.

A bill that has columns of its own for rates and totals gets them there, wherever they are blank: what a person wrote
stays, and so do formulas. A rate for another unit than the row's would make a wrong total there: it is only shown at
the right, where all else is appended. A result finds its row by sheet and row number, so equal numbers on two sheets
never mix. Files that cannot be written into (xls, xlsb, ods, archives of several) become a new workbook of their values
and the results.

One invocation is enough for the largest file, and starting again does no harm: only the finished file is uploaded.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from chalicelib.api.models import FileFormat
from chalicelib.api.price_columns import COLUMNS, fits, priced, values
from chalicelib.errors import FileProblem, FileRefused
from chalicelib.jobs.model import Job, SheetCount
from chalicelib.settings import Settings
from chalicelib.tables.limits import Limits

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.tables.patch_edits import NewColumn, PatchReport, SheetEdits, Target, Value

OWN = ("rate", "total")
"""Fields of a bill whose columns are filled."""
NUMERIC = ("quantity", *OWN)
TEXT_ENDINGS = (".csv", ".tsv", ".txt")
PACKED_ENDINGS = (".gz", ".zip")
_NAMES = tuple(COLUMNS)


@dataclass(frozen=True, slots=True)
class Made:
    """What became of the file: its format and name, how many result rows it holds, and what people may want to know.

    `details`: `formatsKept`, and of the cells how many were written, or left alone for their formula or value.
    """

    format: FileFormat
    filename: str
    rows: int
    details: Mapping[str, Any]


@dataclass(slots=True)
class Plan:
    """One sheet: its account, its columns of numbers, and which of its own two are not blank where an answer goes.

    `spool` is a local file of what its result rows say, in order.
    """

    sheet: SheetCount
    spool: Path
    columns: Mapping[str, int] = field(default_factory=dict)
    occupied: set[str] = field(default_factory=set)
    rows: int = 0

    @property
    def own(self) -> dict[str, int]:
        return {name: self.columns[name] for name in OWN if name in self.columns}


def filename_of(file_name: str, ending: str) -> str:
    """`bill.xlsx` becomes `bill-priced.xlsx`."""
    path = PurePosixPath(file_name)
    path = PurePosixPath(path.stem) if path.suffix.lower() in PACKED_ENDINGS else path
    return f"{path.stem or 'bill'}-priced{ending}"


def write_export(
    path: str, job: Job, *, ledger: Ledger, blobs: Blobs, price_results: PriceResults, settings: Settings
) -> Made:
    """Write the file of `job` with its results to `path`. Raises FileRefused (FILE_EXPIRED among others), Transient."""
    limits = Limits(max_rows=settings.max_rows, max_columns=settings.max_columns,
                    max_cell_chars=settings.max_cell_chars)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        source = str(Path(folder) / "source")
        try:
            blobs.download(job.file_key, source, job.version_id)
        except KeyError:
            raise FileRefused(FileProblem.FILE_EXPIRED) from None
        writing = _Writing(job, source, Path(folder), price_results, limits)
        plans = writing.plans(ledger.sheets(job.job_id))
        return writing.patched(path, plans) or writing.rewritten(path, plans)


@dataclass(frozen=True, slots=True)
class _Writing:
    """One export. `source` is the local copy of what was dropped."""

    job: Job
    source: str
    folder: Path
    results: PriceResults
    limits: Limits

    def plans(self, sheets: Sequence[SheetCount]) -> list[Plan]:
        """What each sheet with rows gets; the results are read once, into local files."""
        from chalicelib.pipelines.prices.fields import BILL_FIELDS
        from chalicelib.tables.places import heads

        options = {name: self.job.options[name] for name in ("headerRow", "mapping") if name in self.job.options}
        found = heads(self.source, self.job.file_name, fields=BILL_FIELDS, limits=self.limits, options=options)
        plans = [Plan(sheet, self.folder / f"{sheet.index}.jsonl.gz") for sheet in sheets if sheet.rows]
        for plan in plans:
            head = found.get(plan.sheet.index)
            if head is not None and head.header_row == plan.sheet.header_row:
                plan.columns = {each: head.columns[name] for name, each in plan.sheet.columns.items()
                                if each in NUMERIC and name in head.columns}
            self._spool(plan)
        return plans

    def _spool(self, plan: Plan) -> None:
        names = {each: name for name, each in plan.sheet.columns.items() if each in plan.own}
        with gzip.open(plan.spool, "wt", compresslevel=1, encoding="utf-8") as spool:
            for row in self.results.walk(self.job, [plan.sheet]):
                plan.rows += 1
                if priced(row):
                    plan.occupied.update(each for each, name in names.items()
                                         if row["originalRowData"].get(name) or not fits(row))
                told = [row["rowNumber"], fits(row), *values(row, _NAMES)]
                spool.write(json.dumps(told, separators=(",", ":"), default=str) + "\n")

    def patched(self, path: str, plans: Sequence[Plan]) -> Made | None:
        """The file with its formats kept; None where it cannot be written into."""
        from chalicelib.tables.patch import Unpatchable

        for fills in (True, False):  # text files take new columns only
            try:
                return self._patched(path, plans, fills=fills)
            except Unpatchable:
                continue
        return None

    def _patched(self, path: str, plans: Sequence[Plan], *, fills: bool) -> Made:
        from chalicelib.tables.patch import patch_file
        from chalicelib.tables.sniff import Kind

        edits = {plan.sheet.index: self._edits(plan, fills=fills) for plan in plans}
        report = patch_file(self.source, self.job.file_name, path, edits, limits=self.limits)
        text = report.kind is Kind.TEXT
        ending = _text_ending(self.job.file_name) if text else _workbook_ending(path)
        return Made(FileFormat.CSV if text else FileFormat.XLSX, filename_of(self.job.file_name, ending),
                    sum(plan.rows for plan in plans), _details(report))

    def _edits(self, plan: Plan, *, fills: bool) -> SheetEdits:
        from chalicelib.tables.patch_edits import SheetEdits, Target

        own = plan.own if fills else {}
        added = [name for name in COLUMNS if name not in own or name in plan.occupied]
        columns: list[NewColumn | Target] = [Target(place) for place in own.values()]
        columns += [COLUMNS[name] for name in added]
        return SheetEdits(tuple(columns), _lines(plan, (*own, *added), own_columns=len(own)),
                           header_row=plan.sheet.header_row or 0)

    def rewritten(self, path: str, plans: Sequence[Plan]) -> Made:
        """A new workbook, for what cannot be written into."""
        from chalicelib.api.price_rewrite import rewrite

        by_index = {plan.sheet.index: plan for plan in plans}
        rows = rewrite(self.source, self.job.file_name, path, [plan.sheet for plan in plans],
                       {index: set(plan.columns.values()) for index, plan in by_index.items()},
                       lambda sheet: _lines(by_index[sheet.index], _NAMES), self.limits)
        return Made(FileFormat.XLSX, filename_of(self.job.file_name, ".xlsx"), rows, {"formatsKept": False})


def _lines(plan: Plan, names: Sequence[str], *, own_columns: int = 0) -> Iterator[tuple[int, list[Value | None]]]:
    """The result rows of a sheet by row number, as far as these columns go; the first `own_columns` are the bill's."""
    places = [_NAMES.index(name) + 2 for name in names]
    amounts = {place for place, name in enumerate(names) if name in OWN}
    own = range(own_columns)
    with gzip.open(plan.spool, "rt", encoding="utf-8") as spool:
        for line in spool:
            told = json.loads(line)
            cells = [Decimal(told[each]) if place in amounts and told[each] is not None else told[each]
                     for place, each in enumerate(places)]
            yield told[0], cells if told[1] else [None if place in own else cell for place, cell in enumerate(cells)]


def _text_ending(file_name: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(file_name).suffixes if suffix.lower() not in PACKED_ENDINGS]
    return suffixes[-1] if suffixes and suffixes[-1] in TEXT_ENDINGS else ".csv"


def _workbook_ending(path: str) -> str:
    """Programs refuse a workbook with macros under the other ending; an archive's name does not tell."""
    with zipfile.ZipFile(path) as archive:
        types = next((name for name in archive.namelist() if name.lower() == "[content_types].xml"), None)
        return ".xlsm" if types and b"macroEnabled" in archive.read(types) else ".xlsx"


def _details(report: PatchReport) -> dict[str, Any]:
    sheets = report.sheets.values()
    return {"formatsKept": True, "cellsWritten": sum(sheet.written for sheet in sheets),
            "formulasKept": sum(sheet.formulas_kept for sheet in sheets),
            "valuesKept": sum(sheet.values_kept for sheet in sheets)}
