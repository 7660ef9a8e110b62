"""What goes out over the wire, camelCase outside and snake_case inside; `None` means missing and becomes `null`.

What comes in is in `inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from chalicelib.jobs.model import Status, Undo

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time in UTC, such as `2026-11-22T03:19:38.123Z`."""
Stage = Literal["file_upload", "file_processing", "batch_processing", "completed", "cancelled"]
"""Seed 002's stages."""


class Wire(BaseModel):
    """Base of everything that is sent or received. Built on first use: workers import the app and need none of it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid",
                              defer_build=True)

    def as_json(self, *, only_set: bool = False) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=only_set)


class FileFormat(StrEnum):
    """Of files that we make. `json` is for reports only: it has no rows."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    JSON = "json"


class SortBy(StrEnum):
    """What leads can be sorted by: each has an index."""

    UPDATED_AT = "updatedAt"
    LAST_NAME = "lastName"
    EMAIL = "email"
    COMPANY = "company"


class SortOrder(StrEnum):
    ASC = "asc"
    DESC = "desc"


class UploadAnswer(Wire):
    """Where to put the file. `fields` go into the multipart form before the file, unchanged."""

    upload_url: str
    fields: Mapping[str, str]
    file_key: str
    job_id: str
    upload_id: str
    file_id: str
    expires_in: int
    max_file_size: int
    supported_types: tuple[str, ...]


class RowCounts(Wire):
    """Every row in exactly one counter: `total` is the sum of the others."""

    total: int
    pending: int
    new: int
    updated: int
    unchanged: int
    superseded: int
    rejected: int
    cancelled: int
    failed: int


class Progress(Wire):
    """Batches settled and rows done. `estimatedRemainingSeconds` is null until there is something to estimate from."""

    total_batches: int
    completed_batches: int
    failed_batches: int
    total_leads: int
    processed_leads: int
    created_leads: int
    updated_leads: int
    rejected: int
    percentage: int
    estimated_remaining_seconds: int | None
    show_estimates: bool


class Action(Wire):
    """Something the caller can do now: `method` and `path` (relative to the API) do it."""

    action: str
    description: str
    method: str
    path: str


class Recovery(Wire):
    available: bool
    options: tuple[Action, ...]


class JobError(Wire):
    code: str
    message: str
    timestamp: Moment | None
    recoverable: bool
    details: Mapping[str, Any]


class JobMetadata(Wire):
    file_name: str
    file_size: int
    file_key: str
    sha256: str | None
    batch_size: int | None
    options: Mapping[str, Any]
    uploaded_at: Moment | None
    start_time: Moment | None
    estimated_completion: Moment | None
    completion_time: Moment | None
    requested_by: str | None


class CorrectionsView(Wire):
    """Rejects that came back corrected. Of a job that is itself such a file, `parentJobId` says where they count.

    `open` is null there; `unlinkedRows` named a reject that does not exist, and were processed without a link.
    """

    parent_job_id: str | None
    corrected: int
    open: int | None
    corrected_by: tuple[str, ...]
    unlinked_rows: int


class CostView(Wire):
    """What the job used so far, failed attempts included, at list prices: an estimate, not the bill.

    `promptTokens` holds `cacheHitTokens`, which cost less. `cachedRows` asked nobody, `fallbackRows` the rules did.
    """

    estimated_usd: float
    provider_usd: float
    aws_usd: float
    provider_calls: int
    failed_calls: int
    prompt_tokens: int
    cache_hit_tokens: int
    completion_tokens: int
    cached_rows: int
    fallback_rows: int
    gb_seconds: float
    aws_requests: int


class UndoView(Wire):
    """How far the undoing of a job is, and what became of the records that it wrote; the report lists the kept ones."""

    state: Undo
    by: str
    requested_at: Moment
    completed_at: Moment | None
    removed: int
    restored: int
    unchanged: int
    kept: int


class StatusAnswer(Wire):
    """A job, for people and pollers. `retryAfterMs` says when to ask again; null when the job has ended."""

    upload_id: str
    job_id: str
    pipeline: str
    status: Status
    stage: Stage
    paused: str | None
    run: int
    progress: Progress
    rows: RowCounts
    metadata: JobMetadata
    cost: CostView
    error: JobError | None
    user_message: str
    recovery: Recovery
    corrections: CorrectionsView | None
    undo: UndoView | None
    duplicate_of: str | None
    created_at: Moment
    updated_at: Moment
    retry_after_ms: int | None


class StatusPage(Wire):
    jobs: tuple[StatusAnswer, ...]
    cursor: str | None


class EventView(Wire):
    at: Moment
    kind: str
    detail: Mapping[str, Any]


class EventsAnswer(Wire):
    job_id: str
    events: tuple[EventView, ...]
    cursor: str | None


class ForceAnswer(Wire):
    """What force-complete did. `action` is `none` for a job that had already ended."""

    message: str
    job_id: str
    status: Status
    action: Literal["forced", "none"]
    failed_batches: int
    failed_rows: int


class LinkAnswer(Wire):
    """A finished file. `url` works without a token for `expiresIn` seconds."""

    url: str
    filename: str
    expires_in: int


class LeadView(Wire):
    """One lead; null means that the value is missing."""

    lead_id: str
    first_name: str | None
    last_name: str | None
    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    title: str | None
    industry: str | None
    source: str | None
    remarks: str | None
    source_file: str | None
    worksheet: str | None = Field(serialization_alias="_worksheet")
    row: int | None
    job_id: str | None
    created_at: Moment
    updated_at: Moment


class Pagination(Wire):
    """`cursor` continues; `page`, `totalCount`, `totalPages` are null where only the cursor reaches.

    `leadsRead`: how many leads were looked at, so that whoever waits for rare ones sees how far the search has come.
    """

    page: int | None
    page_size: int
    total_count: int | None
    total_pages: int | None
    has_more: bool
    cursor: str | None
    leads_read: int


class Sorting(Wire):
    sort_by: SortBy
    sort_order: SortOrder


class LeadPage(Wire):
    leads: tuple[LeadView, ...]
    pagination: Pagination
    filters: Mapping[str, str]
    sorting: Sorting


class CorrectsView(Wire):
    """The rejected row that a row corrects."""

    job_id: str
    worksheet: str = Field(serialization_alias="_worksheet")
    row: int


class LineageAnswer(Wire):
    """Where a lead's present content came from."""

    lead_id: str
    source_file: str | None
    worksheet: str | None = Field(serialization_alias="_worksheet")
    row: int | None
    job_id: str | None
    batch_number: int | None
    attempt: int | None
    provider: str | None
    prompt_version: str | None
    warnings: tuple[str, ...]
    corrects: CorrectsView | None
    created_at: Moment
    updated_at: Moment


class ExportAnswer(Wire):
    """A small export: text formats come inline as `content`, workbooks as `url` for `expiresIn` seconds."""

    message: str
    lead_count: int
    filename: str
    format: FileFormat
    filters: Mapping[str, str]
    content: str | None
    content_type: str
    url: str | None
    expires_in: int | None


class ExportState(StrEnum):
    """Life of a large file in the making; the words are those of jobs."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ERROR = "error"

    @property
    def terminal(self) -> bool:
        return self in (ExportState.COMPLETED, ExportState.ERROR)


class ExportStatus(Wire):
    """A large file in the making: `url` appears when it is there, and with it the final `filename`.

    `details` of a price job's: `formatsKept`, and how many cells were written or left alone.
    """

    export_id: str
    kind: str
    status: ExportState
    row_count: int
    filename: str
    status_url: str
    url: str | None
    expires_in: int | None
    error: JobError | None
    created_at: Moment
    completed_at: Moment | None
    details: Mapping[str, Any]
    retry_after_ms: int | None


class Health(Wire):
    status: str
    app: str
    stage: str
    commit: str
    local: bool
    time: Moment


class ErrorDetail(Wire):
    code: str
    message: str
    details: Mapping[str, Any]
    request_id: str
    timestamp: Moment


class ErrorBody(Wire):
    """The one error body of every route."""

    error: ErrorDetail
