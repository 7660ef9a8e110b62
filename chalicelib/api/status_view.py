"""A job as people see it: progress, a sentence, an estimate, and what can be done about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.api.cost_view import cost_view
from chalicelib.api.models import (
    Action,
    CorrectionsView,
    JobError,
    JobMetadata,
    Progress,
    Recovery,
    RowCounts,
    StatusAnswer,
    UndoView,
)
from chalicelib.jobs.model import Job, Status, Undo, stamp
from chalicelib.jobs.transitions import recoverable

FIRST_POLL_MS = 2000
SLOWEST_POLL_MS = 10_000
POLL_GROWTH_MS_PER_SECOND = 50
ESTIMATE_FROM_BATCHES = 1

_PAUSES = {
    "budget_exhausted": "It waits because its budget is used up; raise the budget and resume it.",
    "circuit": "It waits because the AI service refuses us; it goes on by itself when that is mended.",
    "tokens": "It waits for capacity of a service and goes on by itself.",
}


def view(job: Job, now: datetime) -> StatusAnswer:
    """The answer of GET /status/{id} at `now`."""
    remaining = _remaining_seconds(job, now)
    return StatusAnswer(
        upload_id=job.job_id, job_id=job.job_id, pipeline=job.pipeline, status=job.status.value, stage=_stage(job),
        paused=job.paused or None, run=job.run, progress=_progress(job, remaining), rows=row_counts(job),
        metadata=_metadata(job, now, remaining), cost=cost_view(job), error=_error(job), user_message=_sentence(job),
        recovery=_recovery(job), duplicate_of=job.duplicate_of or None, corrections=_corrections(job),
        undo=undo_view(job), created_at=job.created_at, updated_at=job.updated_at,
        retry_after_ms=_retry_after_ms(job, now))


def row_counts(job: Job) -> RowCounts:
    return RowCounts(
        total=job.rows, pending=job.pending, new=job.new, updated=job.updated, unchanged=job.unchanged,
        superseded=job.superseded, rejected=job.rejected, cancelled=job.cancelled, failed=job.failed)


def undo_view(job: Job) -> UndoView | None:
    """What became of what the job wrote; None for a job that nobody undid."""
    if job.undo is None:
        return None
    return UndoView(
        state=job.undo.value, by=job.undo_by, requested_at=job.undo_at, completed_at=job.undone_at or None,
        removed=job.undo_removed, restored=job.undo_restored, unchanged=job.undo_unchanged, kept=job.undo_kept)


def _corrections(job: Job) -> CorrectionsView | None:
    if not (job.rejected or job.parent_job_id or job.unlinked):
        return None
    return CorrectionsView(
        parent_job_id=job.parent_job_id or None, corrected=job.corrected, corrected_by=tuple(job.corrected_by),
        open=None if job.parent_job_id else max(0, job.rejected - job.corrected), unlinked_rows=job.unlinked)


def _progress(job: Job, remaining: int | None) -> Progress:
    return Progress(
        total_batches=job.batches_total, completed_batches=job.batches_done, failed_batches=job.batches_failed,
        total_leads=job.rows, processed_leads=job.rows - job.pending, created_leads=job.new,
        updated_leads=job.updated, rejected=job.rejected, percentage=job.percentage,
        estimated_remaining_seconds=remaining, show_estimates=remaining is not None)


def _stage(job: Job) -> str:
    """Seed 002's stages. A job in error keeps the stage it died in."""
    if job.status in (Status.COMPLETED, Status.CANCELLED):
        return job.status.value
    if job.status is Status.UPLOADING or (job.status is Status.ERROR and not job.uploaded_at):
        return "file_upload"
    return "batch_processing" if job.planned else "file_processing"


def _remaining_seconds(job: Job, now: datetime) -> int | None:
    """From the pace so far; None where there is none, or where waiting makes any figure a lie."""
    if job.status is not Status.PROCESSING or job.paused or not job.started_at:
        return None
    if job.settled_batches < ESTIMATE_FROM_BATCHES or job.batches_pending == 0:
        return None
    elapsed = (now - _time(job.started_at)).total_seconds()
    return max(1, round(elapsed / job.settled_batches * job.batches_pending))


def _metadata(job: Job, now: datetime, remaining: int | None) -> JobMetadata:
    estimated = stamp(now + timedelta(seconds=remaining)) if remaining is not None else None
    return JobMetadata(
        file_name=job.file_name, file_size=job.file_size, file_key=job.file_key, sha256=job.sha256 or None,
        batch_size=job.batch_size or None, options=job.options, uploaded_at=job.uploaded_at or None,
        start_time=job.started_at or None, estimated_completion=estimated, completion_time=job.completed_at or None,
        requested_by=job.requested_by or None)


def _error(job: Job) -> JobError | None:
    if not job.error:
        return None
    details: Mapping[str, Any] = job.error.get("details") or {}
    return JobError(code=str(job.error.get("code", "")), message=str(job.error.get("message", "")),
                    timestamp=job.error.get("timestamp"), recoverable=recoverable(job.error), details=details)


def _sentence(job: Job) -> str:
    if job.undo:
        return _undo_sentence(job)
    if job.paused and not job.status.terminal:
        return _PAUSES.get(job.paused, "The job is paused; resume it to go on.")
    if job.duplicate_of:
        return f"The same file was processed before, as job {job.duplicate_of}; nothing was done again."
    if job.status is Status.ERROR:
        return str((job.error or {}).get("message") or "The job could not be done.")
    return {
        Status.UPLOADING: "Waiting for the file to arrive.",
        Status.PENDING: "The file came with its request and is about to be worked on.",
        Status.UPLOADED: "The file has arrived and is about to be read.",
        Status.PROCESSING: _processing_sentence(job),
        Status.COMPLETED: _completed_sentence(job),
        Status.CANCELLED: f"Cancelled: {job.rows - job.cancelled} of {job.rows} rows were done before.",
    }[job.status]


def _undo_sentence(job: Job) -> str:
    if job.undo is Undo.RUNNING:
        return "The job is being undone."
    kept = f", {job.undo_kept} kept because they were changed since" if job.undo_kept else ""
    return f"Undone: {job.undo_removed} {job.pipeline} removed, {job.undo_restored} restored{kept}."


def _processing_sentence(job: Job) -> str:
    if not job.planned:
        return "The file is being read."
    return f"{job.rows - job.pending} of {job.rows} rows are done."


def _completed_sentence(job: Job) -> str:
    parts = [f"{count} {word}" for count, word in (
        (job.new, "new"), (job.updated, "updated"), (job.unchanged, "unchanged"),
        (job.superseded, "superseded by a later row"), (job.rejected, "rejected"), (job.failed, "failed"),
        (job.cancelled, "cancelled")) if count]
    done = f"Done: {job.rows} rows" + (f" ({', '.join(parts)})." if parts else ".")
    if not job.corrected:
        return done
    every = "All" if job.corrected >= job.rejected else f"{job.corrected} of"
    return f"{done} {every} {job.rejected} rejected rows have come back corrected."


def _recovery(job: Job) -> Recovery:
    options = tuple(_options(job))
    return Recovery(available=bool(options), options=options)


def _options(job: Job) -> Iterator[Action]:
    if job.undo:
        if job.undo is Undo.RUNNING:
            yield _post(job, "undo", "Make sure that the undoing goes on.")
        return
    if not job.status.terminal:
        yield _post(job, "cancel", "Stop the job; what is done stays.")
    if job.status is Status.CANCELLED or (job.paused and not job.status.terminal):
        yield _post(job, "resume", "Go on with the rows that are not done.")
    if job.status.terminal and job.status is not Status.CANCELLED and _retryable(job):
        yield _post(job, "retry", "Run what failed again.")
    if job.status is Status.PROCESSING and job.planned and job.batches_pending:
        yield _post(job, "force-complete", "Operators: end the job; what is missing counts as failed.")
    if job.status.terminal and job.new + job.updated + job.unchanged:
        yield _post(job, "undo", "Remove what the job created and restore what it overwrote.")
    if job.rejected > job.corrected:
        yield Action(action="rejects", description="Download the rejected rows, correct and drop them again.",
                     method="GET", path=f"/status/{job.job_id}/rejects")


def _retryable(job: Job) -> bool:
    return job.batches_failed > 0 or (not job.planned and recoverable(job.error))


def _post(job: Job, action: str, description: str) -> Action:
    return Action(action=action, description=description, method="POST", path=f"/status/{job.job_id}/{action}")


def _retry_after_ms(job: Job, now: datetime) -> int | None:
    if job.undo is Undo.RUNNING:
        return FIRST_POLL_MS
    if job.status.terminal:
        return None
    age = max(0.0, (now - _time(job.created_at)).total_seconds())
    return min(SLOWEST_POLL_MS, FIRST_POLL_MS + int(age) * POLL_GROWTH_MS_PER_SECOND)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
