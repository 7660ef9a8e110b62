"""What a person does to a job: cancel, resume, retry, undo, force-complete. The engine acts, this answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chalice.app import Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.sqs import Queues
from chalicelib.api.auth import Caller, Role
from chalicelib.api.inputs import ResumeRequest
from chalicelib.api.models import ForceAnswer, StatusAnswer
from chalicelib.api.status import owned_job
from chalicelib.api.status_view import view
from chalicelib.jobs import control
from chalicelib.jobs import undo as engine_undo
from chalicelib.settings import Settings

Clock = Callable[[], datetime]


def cancel(caller: Caller, job_id: str, *, ledger: Ledger, clock: Clock) -> StatusAnswer:
    """Stop a job; rows that are done stay. Raises CANNOT_CANCEL when it has ended."""
    job = owned_job(caller, job_id, ledger)
    return view(control.cancel(job.job_id, by=caller.subject, ledger=ledger, clock=clock), clock())


def resume(
    caller: Caller, job_id: str, request: ResumeRequest, *, ledger: Ledger, queues: Queues, settings: Settings,
    clock: Clock,
) -> Response:
    """Take up a cancelled or paused job, perhaps with a larger budget; 202, the sending happens later.

    Raises CANNOT_RESUME.
    """
    job = owned_job(caller, job_id, ledger)
    resumed = control.resume(job.job_id, by=caller.subject, ledger=ledger, queues=queues, settings=settings,
                             clock=clock, options=request.as_json(only_set=True))
    return Response(body=view(resumed, clock()).as_json(), status_code=202)


def retry(
    caller: Caller, job_id: str, *, ledger: Ledger, queues: Queues, settings: Settings, clock: Clock
) -> Response:
    """Run the failed batches again; 202, the sending happens later. Raises CANNOT_RETRY."""
    job = owned_job(caller, job_id, ledger)
    retried = control.retry(job.job_id, by=caller.subject, ledger=ledger, queues=queues, settings=settings,
                            clock=clock)
    return Response(body=view(retried, clock()).as_json(), status_code=202)


def undo(
    caller: Caller, job_id: str, *, ledger: Ledger, queues: Queues, settings: Settings, clock: Clock
) -> Response:
    """Put back what the job wrote, unless changed since; 202, the work happens later. Raises CANNOT_UNDO."""
    job = owned_job(caller, job_id, ledger)
    undone = engine_undo.undo(job.job_id, by=caller.subject, ledger=ledger, queues=queues, settings=settings,
                              clock=clock)
    return Response(body=view(undone, clock()).as_json(), status_code=202)


def force_complete(caller: Caller, job_id: str, *, ledger: Ledger, clock: Clock) -> ForceAnswer:
    """End a stuck job; what is missing counts as failed. Operators only. Raises FORBIDDEN or CANNOT_FORCE."""
    caller.require(Role.OPERATOR)
    job = owned_job(caller, job_id, ledger)
    forced, action = control.force_complete(job.job_id, by=caller.subject, ledger=ledger, clock=clock)
    message = "The job had already ended; nothing was done." if action == "none" else \
        f"The job was ended; {forced.failed} rows count as failed. The report names them."
    return ForceAnswer(message=message, job_id=forced.job_id, status=forced.status.value, action=action,
                       failed_batches=forced.batches_failed, failed_rows=forced.failed)
