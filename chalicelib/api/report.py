"""GET /status/{id}/report: what became of every row, added up from the batch entries and not from the counters.

Batches and duplicates come in pages, since a long job has more of them than an answer carries; the sums are always of
the whole job. Jobs of more than `INLINE_BATCHES` batches and all workbooks are made as files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.undo_notes import UndoNotes
from chalicelib.api.cost_view import cost_view
from chalicelib.api.report_counts import Sums, balance, batch_report, sheet_reports, total_counts
from chalicelib.api.report_models import (
    BatchReport,
    DuplicateReport,
    KeptReport,
    ReportAnswer,
    RowRange,
    SheetReport,
)
from chalicelib.api.status_view import undo_view
from chalicelib.jobs.model import BatchDetail, BatchState, Bucket, Duplicate, Job, RowId, SheetCount, row_id, stamp
from chalicelib.jobs.spool import Slice, Spool

INLINE_BATCHES = 5000
PAGE_BATCHES = 1000
PAGE_DUPLICATES = 2000
READ_TRIES = 3
REREAD_BATCHES = 500
"""Up to so many batches a moving job is read again, in the hope that it stands still."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Which batches are told one by one: from `first` on, at most so many, and no more duplicates than that."""

    first: int
    batches: int
    duplicates: int


@dataclass(slots=True)
class Accounting:
    """One reading of all batch entries. `settled_as` is the job if it stood still meanwhile."""

    sums: Sums
    page: _Page
    batches: list[BatchReport] = field(default_factory=list)
    duplicates: list[DuplicateReport] = field(default_factory=list)
    next_batch: int | None = None
    settled_as: Job | None = None


def build_report(
    job: Job, *, ledger: Ledger, blobs: Blobs, undo_notes: UndoNotes, clock: Callable[[], datetime],
    from_batch: int = 1, page_batches: int = PAGE_BATCHES, page_duplicates: int = PAGE_DUPLICATES,
) -> ReportAnswer:
    """The report of a job, with one page of batches. Reads again, a few times, when the job moves meanwhile."""
    accounting = _read(job, ledger, _Page(from_batch, page_batches, page_duplicates))
    sums, job = accounting.sums, accounting.sums.job
    sheets = ledger.sheets(job.job_id)
    sheet_answers = sheet_reports(job, sums, sheets)
    rows = total_counts(job, sums)
    return ReportAnswer(
        job_id=job.job_id, pipeline=job.pipeline, status=job.status.value, file_name=job.file_name,
        sha256=job.sha256 or None, duplicate_of=job.duplicate_of or None, as_of=stamp(clock()), rows=rows,
        balance=balance(sums, rows, sheet_answers, counters=accounting.settled_as), sheets=sheet_answers,
        batches=tuple(accounting.batches), next_batch=accounting.next_batch,
        unsettled_batches=sums.unsettled_batches, duplicates=tuple(accounting.duplicates),
        failed_rows=_failed_rows(job, accounting, sheets, blobs), cost=cost_view(job), undo=undo_view(job),
        kept_by_undo=tuple(_kept(job, accounting, undo_notes)) if job.undo else ())


def write_workbook(path: str, report: ReportAnswer) -> None:
    """The report as a workbook: sheets by outcome, batches, duplicates. The one place where a DataFrame serves."""
    import pandas as pd

    with pd.ExcelWriter(path, engine="openpyxl") as book:
        _summary(report).to_frame("value").to_excel(book, sheet_name="Job")
        _sheets_by_outcome(report.sheets).to_excel(book, sheet_name="Sheets")
        pd.DataFrame([_flat_batch(batch) for batch in report.batches]).to_excel(
            book, sheet_name="Batches", index=False)
        pd.DataFrame([row for duplicate in report.duplicates for row in _flat_duplicate(duplicate)]).to_excel(
            book, sheet_name="Duplicates", index=False)
        pd.DataFrame([{name: _text(value) for name, value in entry.as_json().items()}
                      for entry in report.failed_rows]).to_excel(book, sheet_name="Failed rows", index=False)


# --- reading


def _read(job: Job, ledger: Ledger, page: _Page) -> Accounting:
    tries = READ_TRIES if job.batches_total <= REREAD_BATCHES else 1
    for _ in range(tries):
        accounting = _account(job, ledger, page)
        now = ledger.job(job.job_id) or job
        if now == job:
            accounting.settled_as = job
            break
        job = now
    return accounting


def _account(job: Job, ledger: Ledger, page: _Page) -> Accounting:
    accounting = Accounting(Sums(job), page)
    for detail in ledger.batches(job.job_id, job.batches_total):
        state = accounting.sums.add(detail)
        number = detail.entry.number
        if number < page.first or accounting.next_batch is not None:
            continue
        if number >= page.first + page.batches or len(accounting.duplicates) >= page.duplicates:
            accounting.next_batch = number
            continue
        accounting.batches.append(batch_report(detail, state))
        accounting.duplicates += _duplicates(detail)
    return accounting


def _duplicates(detail: BatchDetail) -> Iterator[DuplicateReport]:
    for duplicate in detail.entry.duplicates:
        old, new = _differing(duplicate)
        yield DuplicateReport(lead_id=duplicate.record_id, worksheet=duplicate.worksheet, row=duplicate.row,
                              batch_number=detail.entry.number, old=old, new=new)


def _differing(duplicate: Duplicate) -> tuple[dict[str, Any], dict[str, Any]]:
    fields = [name for name in {**duplicate.old, **duplicate.new}
              if duplicate.old.get(name) != duplicate.new.get(name)]
    return ({name: duplicate.old.get(name) for name in fields}, {name: duplicate.new.get(name) for name in fields})


def _kept(job: Job, accounting: Accounting, undo_notes: UndoNotes) -> Iterator[KeptReport]:
    """What an undo left alone in the batches of the page."""
    last = (accounting.next_batch or job.batches_total + 1) - 1
    for number, one in undo_notes.kept(job.job_id, last, after=accounting.page.first - 1):
        if number <= last:
            yield KeptReport(lead_id=one.record_id, reason=one.reason, by_job_id=one.by_job or None)


# --- failed rows


def _failed_rows(
    job: Job, accounting: Accounting, sheets: tuple[SheetCount, ...], blobs: Blobs
) -> tuple[RowRange, ...]:
    """The rows of the page's failed batches, from the spool; nothing when the spool is gone (14 days)."""
    failed = _failed_batches(job, accounting)
    if not failed:
        return ()
    try:
        rows = sorted(_rows_of(job, blobs, failed))
    except KeyError:
        return ()
    return tuple(_ranges(rows, {sheet.index: sheet.name for sheet in sheets}))


def _failed_batches(job: Job, accounting: Accounting) -> set[int]:
    """Those of the page with such an entry, and those without any where force-complete failed what was missing."""
    failed = {batch.batch_number for batch in accounting.batches if batch.state == BatchState.FAILED}
    if job.unsettled is Bucket.FAILED:
        last = accounting.next_batch or job.batches_total + 1
        known = {batch.batch_number for batch in accounting.batches}
        failed |= {number for number in range(accounting.page.first, last) if number not in known}
    return failed


def _rows_of(job: Job, blobs: Blobs, batches: set[int]) -> Iterator[RowId]:
    spool = Spool(blobs, job.job_id)
    for part in range(1, job.plan_parts + 1):
        slices: list[Slice] = [entry for entry in spool.index(part) if entry.number in batches]
        for _, text in spool.texts(part, slices):
            items = next(value for value in json.loads(text).values() if isinstance(value, list))
            yield from map(row_id, items)


def _ranges(rows: list[RowId], names: Mapping[int, str]) -> Iterator[RowRange]:
    """Neighbouring rows of a sheet together."""
    first: RowId | None = None
    for place, row in enumerate(rows):
        first = first or row
        following = rows[place + 1] if place + 1 < len(rows) else None
        if following != RowId(row.sheet, row.row + 1):
            yield RowRange(worksheet=names.get(row.sheet, ""), first=first.row, last=row.row)
            first = None


# --- the workbook


def _summary(report: ReportAnswer) -> Any:
    import pandas as pd

    told = {"jobId": report.job_id, "fileName": report.file_name, "sha256": report.sha256, "status": report.status,
            "asOf": report.as_of, "duplicateOf": report.duplicate_of, "balanced": report.balance.balanced,
            **{f"rows {word}": count for word, count in report.rows.as_json().items()},
            **{f"cost {word}": amount for word, amount in report.cost.as_json().items()}}
    return pd.Series({name: _text(value) for name, value in told.items()})


def _sheets_by_outcome(sheets: tuple[SheetReport, ...]) -> Any:
    """Worksheets down, outcomes across, with totals; beside them where the physical rows went."""
    import pandas as pd

    if not sheets:
        return pd.DataFrame(columns=["worksheet"])
    long = pd.DataFrame([{"worksheet": _sheet_name(sheet), "outcome": word, "rows": count}
                         for sheet in sheets for word, count in sheet.outcomes.as_json().items() if word != "total"])
    pivot = long.pivot_table(index="worksheet", columns="outcome", values="rows", aggfunc="sum", margins=True,
                             margins_name="total", sort=False)
    physical = pd.DataFrame([{
        "worksheet": _sheet_name(sheet), "physical": sheet.physical, "header": sheet.header, "blank": sheet.blank,
        **{f"skipped {reason}": count for reason, count in sheet.skipped.items()}} for sheet in sheets])
    physical = physical.set_index("worksheet").fillna(0).astype(int)
    physical.loc["total"] = physical.sum()
    return physical.join(pivot)


def _sheet_name(sheet: SheetReport) -> str:
    return f"{sheet.index + 1}. {sheet.worksheet}"


def _flat_batch(batch: BatchReport) -> dict[str, Any]:
    told = batch.as_json()
    outcomes = told.pop("outcomes")
    return {name: _text(value) for name, value in {**told, **outcomes}.items()}


def _flat_duplicate(duplicate: DuplicateReport) -> Iterator[dict[str, Any]]:
    for name in duplicate.new:
        yield {"leadId": duplicate.lead_id, "worksheet": _text(duplicate.worksheet), "row": duplicate.row,
               "batchNumber": duplicate.batch_number, "field": name, "old": _text(duplicate.old.get(name)),
               "new": _text(duplicate.new.get(name))}


def _text(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe; control characters go."""
    if not isinstance(value, str):
        return value
    printable = "".join(letter for letter in value if letter.isprintable() or letter in "\n\t")
    return f"'{printable}" if printable[:1] in ("=", "+", "-", "@", "\t") else printable
