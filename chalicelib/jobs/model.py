"""The nouns of the engine: job, batch, item, outcome. Frozen values; `transitions` says how they change.

Words are fixed in the README's glossary. An *item* is a JSON object; keys that begin with `_` are ours
(`_worksheet`, `_sheet`, `_row`, `_error`; of a corrected reject also `_own` and `_from`), all others are the person's
own columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from chalicelib.costs import Used

Item: TypeAlias = Mapping[str, Any]

MESSAGE_VERSION = 1

REJECT_COLUMNS = ("_job_id", "_worksheet", "_row", "_error_code", "_error_field", "_error_message")
"""What a file of rejects has beside a person's own columns. When it comes back, three say what is corrected."""


class Status(StrEnum):
    """Life of a job; it only moves forward, except that retry, resume and redrive reopen it."""

    UPLOADING = "uploading"
    PENDING = "pending"
    """Its file came with the request itself and is stored; work has not begun."""
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.ERROR, Status.CANCELLED)


class Outcome(StrEnum):
    """What became of one row; also the names of the job's row counters, `pending` aside."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Bucket(StrEnum):
    """Where the rows and batches that are not done are counted."""

    PENDING = "pending"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Undo(StrEnum):
    """How far the undoing of a job is; a job that nobody undid has none."""

    RUNNING = "running"
    DONE = "done"


class BatchState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RowId(NamedTuple):
    """Where a row stands in its file: sheet index from 0, physical row number from 1, as the person sees it."""

    sheet: int
    row: int


def row_id(item: Item) -> RowId:
    return RowId(int(item["_sheet"]), int(item["_row"]))


class Origin(NamedTuple):
    """The rejected row that a row corrects: job, sheet index and row number as in `RowId`."""

    job: str
    sheet: int
    row: int


def worksheet_of(item: Item) -> str:
    """The sheet of its own file that an item stands on; a corrected reject travels under the name of the first one."""
    return str(item.get("_own") or item["_worksheet"])


def origin_of(item: Item) -> Mapping[str, Any]:
    """Which reject an item corrects: `job`, its file's `sha256`, `sheet`, `worksheet`, `row`; empty for others."""
    found: Mapping[str, Any] = item.get("_from", {})
    return found


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be stored, with its reason. `cells` are its original columns, `origin` as of `origin_of`."""

    sheet: int
    row: int
    worksheet: str
    code: str
    field: str
    message: str
    cells: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row that met an earlier lead: what was stored before, what is now. Values are content fields."""

    record_id: str
    sheet: int
    row: int
    worksheet: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SheetCount:
    """One sheet, accounted for: `physical = header + blank + skipped + rows`, where skips are named.

    `skipped` maps a reason (`repeated_header`, `totals`, `preamble`) to a count of physical rows.
    """

    index: int
    name: str
    physical: int
    header: int
    blank: int
    skipped: Mapping[str, int]
    rows: int
    note: str = ""
    header_row: int | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    headers: Sequence[str] = ()
    """All columns that have a label or a value, in file order, as items name them."""
    mapping: Sequence[Mapping[str, Any]] = dataclasses.field(default=(), compare=False)
    """Of the first columns `header`, `field` ("" for none), `score`, `reason`, `candidates`, for people."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one queue message. `number` runs from 1 to `total`."""

    job_id: str
    number: int
    total: int
    items: tuple[Item, ...]
    columns: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    """Per worksheet: original column name -> field of the pipeline; empty when the sender did not map."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """The ledger's entry of a batch. Absent means: never settled, so it is what the job's `unsettled` bucket says."""

    number: int
    state: BatchState
    run: int
    rows: int
    outcomes: Mapping[Outcome, int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """What the ledger keeps of a settled batch. `sheets` maps a sheet's index to its outcomes."""

    number: int
    state: BatchState
    rows: int
    sheets: Mapping[int, Mapping[Outcome, int]]
    settled_at: str
    rejects: tuple[Reject, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    marks: tuple[str, ...] = ()
    """What the batch was the first of its job to write; undo asks the pipeline to put these back."""
    corrects: tuple[Origin, ...] = ()
    """Rejects of other jobs that its rows corrected."""
    warnings: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    usage: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """All that the batch used so far, failed attempts included, in the words of `costs.Used`."""
    cause: str = ""
    settled_by: str = ""
    """A word of whoever settled it: after a lost answer he knows his own work by it."""

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """Rows by outcome over all sheets."""
        total: dict[Outcome, int] = {}
        for counts in self.sheets.values():
            for outcome, count in counts.items():
                total[outcome] = total.get(outcome, 0) + count
        return total


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """A batch entry as it stands, with the attempts it took and the run it settled in."""

    entry: BatchEntry
    run: int
    attempts: int
    unmoved: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """What attempts used that settled nothing; the next settling moves it into the job."""
    notes: int = 0
    """Times that something was noted in `unmoved`."""

    @property
    def record(self) -> BatchRecord:
        return BatchRecord(self.entry.number, self.entry.state, self.run, self.entry.rows, self.entry.outcomes)


@dataclass(frozen=True, slots=True)
class Job:
    """One submission as the ledger holds it. Counters are rows; `batches_*` are batches."""

    job_id: str
    owner: str
    pipeline: str
    status: Status
    file_name: str
    file_key: str
    created_at: str
    updated_at: str
    run: int = 1
    reopened_run: int = 1
    unsettled: Bucket = Bucket.PENDING
    planned: bool = False
    sent: bool = False
    rows: int = 0
    pending: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0
    cancelled: int = 0
    failed: int = 0
    batches_total: int = 0
    batches_pending: int = 0
    batches_done: int = 0
    batches_failed: int = 0
    batches_cancelled: int = 0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    uploaded_at: str = ""
    bucket: str = ""
    version_id: str = ""
    file_size: int = 0
    sha256: str = ""
    batch_size: int = 0
    plan_parts: int = 0
    plan_rows: int = 0
    plan_batches: int = 0
    sent_parts: int = 0
    duplicate_of: str = ""
    again: bool = False
    outside: bool = False
    paused: str = ""
    error: Mapping[str, Any] | None = None
    started_at: str = ""
    completed_at: str = ""
    requested_by: str = ""
    parent_job_id: str = ""
    unlinked: int = 0
    corrected: int = 0
    corrected_by: Sequence[str] = ()
    corrections: int = 0
    undo: Undo | None = None
    undo_by: str = ""
    undo_at: str = ""
    undone_at: str = ""
    undo_batches: int = 0
    undo_removed: int = 0
    undo_restored: int = 0
    undo_unchanged: int = 0
    undo_kept: int = 0
    resends: int = 0
    idle_mark: str = ""
    expires_at: int = 0
    request_id: str = ""
    """The request that the job goes back to: of the API, of the upload's S3 event, or of whoever sent the batch."""
    reopened_at: str = ""
    """When a person last had the job taken up again; nothing in its first run."""
    tallies: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """The pipeline's own counts of settled rows, such as where data came from; they move with the batches."""
    used_calls: int = 0
    used_failed_calls: int = 0
    used_prompt_tokens: int = 0
    used_cache_hit_tokens: int = 0
    used_completion_tokens: int = 0
    used_provider_tokens: int = 0
    used_cached: int = 0
    used_fallback: int = 0
    used_mb_ms: int = 0
    used_requests: int = 0
    used_provider_nano_usd: int = 0
    used_aws_nano_usd: int = 0

    def count(self, outcome: Outcome | Bucket) -> int:
        return int(getattr(self, outcome.value))

    @property
    def usage(self) -> dict[str, int]:
        """What the job used so far, in the words of `costs.Used`."""
        return {used.value: int(getattr(self, f"used_{used.value}")) for used in Used}

    @property
    def holds_its_file(self) -> bool:
        """Whether the same file would be a duplicate of this job."""
        return self.undo is None and self.status not in (Status.ERROR, Status.CANCELLED)

    @property
    def settled_batches(self) -> int:
        return self.batches_total - self.batches_pending

    @property
    def percentage(self) -> int:
        """Whole per cent of batches settled; falls only when a new run begins."""
        if self.status is Status.COMPLETED:
            return 100
        return 100 * self.settled_batches // self.batches_total if self.batches_total else 0


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one stored time to another."""
    return (_moment(later) - _moment(earlier)).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp(moment: datetime) -> str:
    """A time as we store it: ISO 8601 in UTC with milliseconds, so that texts sort as times do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
