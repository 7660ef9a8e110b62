"""What a dry run says over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from chalicelib.api.models import Wire
from chalicelib.api.report_models import ColumnReport

DryRunState = Literal["processing", "completed", "error"]


class DryRunError(Wire):
    """Why the file cannot become rows."""

    code: str
    message: str
    details: Mapping[str, Any] = {}


class DryRunRow(Wire):
    """One of the first rows as it was read, long cells cut."""

    row: int
    cells: Mapping[str, str]


class DryRunSheet(Wire):
    """One sheet: `physical = header + blank + skipped + rows`; `columns` say where each column would go, and why."""

    index: int
    worksheet: str
    header_row: int | None
    physical: int
    header: int
    blank: int
    skipped: Mapping[str, int]
    rows: int
    note: str | None
    columns: tuple[ColumnReport, ...]
    first_rows: tuple[DryRunRow, ...]


class DryRunReject(Wire):
    """A row that would be rejected, with its cells."""

    worksheet: str
    row: int
    code: str
    field: str | None
    message: str
    cells: Mapping[str, Any]


class DryRunEstimate(Wire):
    """What the job would use, guessed from its first rows; `usd` includes AWS's list prices."""

    batches: int
    ai_calls: int
    prompt_tokens: int
    completion_tokens: int
    ai_usd: float
    keepa_tokens: int
    usd: float
    minutes: float


class DryRunAnswer(Wire):
    """What would become of a file. Without `complete` it tells of the part that there was time for.

    `checkedRows` were worked on; `estimatedRejects` is for all rows. `corrects` are the jobs whose rejects come back
    corrected in it. `fields` are what a column may be mapped to.
    """

    dry_run_id: str
    status: DryRunState
    complete: bool
    error: DryRunError | None
    file_name: str
    sha256: str
    duplicate_of: str | None
    rows: int
    sheets: tuple[DryRunSheet, ...]
    checked_rows: int
    checked_rejects: int
    estimated_rejects: int
    rejects: tuple[DryRunReject, ...]
    batch_size: int | None
    provider: str | None
    estimate: DryRunEstimate | None
    corrects: tuple[str, ...]
    fields: tuple[str, ...]


class DryRunPart(DryRunAnswer):
    """What there was time for; the whole comes at `statusUrl`."""

    status_url: str
    retry_after_ms: int


class DryRunPending(Wire):
    """The whole file is not read yet, or nobody asked for that."""

    dry_run_id: str
    status: Literal["processing"]
    retry_after_ms: int


class DryRunFailed(Wire):
    """The file could not be looked at."""

    dry_run_id: str
    status: Literal["error"]
    error: DryRunError
