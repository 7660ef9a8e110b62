"""What a report says over the wire: sheets, batches, duplicates, and the proof that they add up."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.api.models import CostView, Moment, RowCounts, UndoView, Wire
from chalicelib.jobs.model import BatchState, Status


class ColumnReport(Wire):
    """Where a column went and why: `score` 0 to 1, `candidates` the fields that it might have been."""

    header: str
    field: str | None
    score: float
    reason: str
    candidates: Mapping[str, float]


class SheetReport(Wire):
    """One sheet: `physical = header + blank + skipped + rows`, and the rows' outcomes add up to `rows`."""

    index: int
    worksheet: str
    header_row: int | None
    physical: int
    header: int
    blank: int
    skipped: Mapping[str, int]
    rows: int
    outcomes: RowCounts
    columns: Mapping[str, str]
    mapping: tuple[ColumnReport, ...]
    note: str | None
    balanced: bool


class BatchReport(Wire):
    """One batch that has an entry in the ledger."""

    batch_number: int
    state: BatchState
    run: int
    attempts: int
    rows: int
    outcomes: Mapping[str, int]
    rejected: int
    settled_at: Moment | None
    cause: str | None


class DuplicateReport(Wire):
    """A row that met an earlier lead, with the content fields that differ."""

    lead_id: str
    worksheet: str
    row: int
    batch_number: int
    old: Mapping[str, str | None]
    new: Mapping[str, str | None]


class KeptReport(Wire):
    """A record that an undo left alone: `reason` is `edited`, `deleted`, `moved`, `gone`, `later_job` or
    `image_expired`."""

    lead_id: str
    reason: str
    by_job_id: str | None


class RowRange(Wire):
    """Rows `first` to `last` of a worksheet."""

    worksheet: str
    first: int
    last: int


class Balance(Wire):
    """The proof: `balanced` when no other part is false. A part is null where it cannot be told.

    `sheetsEqualJob` needs our own reading of the file, `batchesEqualJob` a job that did not move while it was read.
    """

    balanced: bool
    rows_equal_outcomes: bool | None
    sheets_equal_job: bool | None
    sheets_are_complete: bool | None
    batches_equal_job: bool | None


class ReportAnswer(Wire):
    """What became of every row. Batches and duplicates come by 1,000 batches; `nextBatch` continues."""

    job_id: str
    pipeline: str
    status: Status
    file_name: str
    sha256: str | None
    duplicate_of: str | None
    as_of: Moment
    rows: RowCounts
    balance: Balance
    sheets: tuple[SheetReport, ...]
    batches: tuple[BatchReport, ...]
    next_batch: int | None
    unsettled_batches: int
    duplicates: tuple[DuplicateReport, ...]
    failed_rows: tuple[RowRange, ...]
    cost: CostView
    undo: UndoView | None
    kept_by_undo: tuple[KeptReport, ...]
