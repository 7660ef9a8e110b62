"""What a person can do to a job: cancel, resume, retry, force-complete.

Each is one conditional write, however many batches there are. What must be sent again afterwards is the splitter's
work, in its own invocation: a request never waits for a queue. None of them touches a message in a work queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Malformed, RequestProblem, RequestRefused
from chalicelib.jobs import transitions
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import BatchState, Job, RowId, stamp
from chalicelib.jobs.spool import Spool
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues


def cancel(job_id: str, *, by: str, ledger: Ledger, clock: Callable[[], datetime]) -> Job:
    """Stop a job at once. Batches in flight still settle truthfully. Raises CANNOT_CANCEL when it has ended."""
    job = ledger.change(job_id, lambda now: transitions.cancelled(now, at=stamp(clock()), by=by))
    ledger.add_event(job_id, "cancelled", by=by, rows=job.cancelled)
    return job


def resume(
    job_id: str, *, by: str, ledger: Ledger, queues: Queues, settings: Settings, clock: Callable[[], datetime],
    options: Mapping[str, Any] | None = None,
) -> Job:
    """Take up a cancelled or paused job, with these options changed. Raises CANNOT_RESUME for any other."""
    job = ledger.change(job_id, lambda now: transitions.resumed(now, at=stamp(clock()), by=by, options=options))
    ledger.add_event(job_id, "resumed", by=by, rows=job.pending)
    _ask_for_sending(job, queues, settings)
    return job


def retry(
    job_id: str, *, by: str, ledger: Ledger, queues: Queues, settings: Settings, clock: Callable[[], datetime]
) -> Job:
    """Run what failed again, from the spool; dead letters are not needed. Raises CANNOT_RETRY where nothing failed."""
    job = ledger.change(job_id, lambda now: transitions.retried(now, at=stamp(clock()), by=by))
    ledger.add_event(job_id, "retried", by=by, rows=job.pending)
    _ask_for_sending(job, queues, settings)
    return job


def force_complete(job_id: str, *, by: str, ledger: Ledger, clock: Callable[[], datetime]) -> tuple[Job, str]:
    """End a stuck job, what is missing as failed; answers the job and `forced` or `none`. Raises CANNOT_FORCE."""
    ended_before: list[bool] = []

    def decide(now: Job) -> transitions.Change | None:
        ended_before[:] = [now.status.terminal]
        return transitions.forced(now, at=stamp(clock()), by=by)

    job = ledger.change(job_id, decide)
    if ended_before[0]:
        return job, "none"
    ledger.add_event(job_id, "forced", by=by, rows=job.failed)
    return job, "forced"


def process(
    event: Mapping[str, Any], *, ledger: Ledger, queues: Queues, settings: Settings
) -> dict[str, str]:
    """Have a job worked on, asked for by `{"jobId": ...}`: whatever is missing of it is sent. Answers where it stands.

    Raises Malformed for an event that names no job of ours.
    """
    job_id = str(event.get("jobId") or event.get("job_id") or "")
    job = ledger.job(job_id) if job_id else None
    if job is None:
        raise Malformed("the event names no job of ours")
    _ask_for_sending(job, queues, settings)
    return {"jobId": job.job_id, "status": job.status.value}


def missing_rows(job: Job, *, ledger: Ledger, blobs: Blobs) -> list[tuple[int, RowId, RowId]]:
    """Which rows failed or are pending: per batch its number, first and last row. Empty once the spool is gone."""
    states = {detail.entry.number: transitions.batch_state(job, detail.record)
              for detail in ledger.batches(job.job_id, job.batches_total)}
    unsettled = BatchState(job.unsettled.value)
    try:
        return [(entry.number, entry.first, entry.last)
                for _, entry in Spool(blobs, job.job_id).slices(job.plan_parts)
                if states.get(entry.number, unsettled) is not BatchState.DONE]
    except KeyError:
        return []


def owned(job: Job | None, owner: str) -> Job:
    """The job, if there is one and it is the owner's; UPLOAD_NOT_FOUND tells nobody which of the two it is."""
    if job is None or job.owner != owner:
        raise RequestRefused(RequestProblem.UPLOAD_NOT_FOUND)
    return job


def _ask_for_sending(job: Job, queues: Queues, settings: Settings) -> None:
    if job.status in transitions.ARRIVED:
        queues.send(settings.split_queue, split_message(job.job_id), group=job.owner)
