"""The status of a job, for pollers and people: list, one, events, and what a client may report.

Whoever asks for another owner's job hears that it does not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from chalice.app import Response
from pydantic import SecretStr

from chalicelib.adapters.ledger import Ledger
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import EventQuery, JobQuery, StatusReport
from chalicelib.api.models import EventsAnswer, EventView, Health, StatusPage
from chalicelib.api.requests import path_id
from chalicelib.api.status_view import view
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.control import owned
from chalicelib.jobs.model import Job, Status, stamp
from chalicelib.settings import Settings

REPORTABLE = (Status.UPLOADING, Status.UPLOADED)
"""What a client may say of its own upload; everything later is the engine's to say."""
PRIVATE_CACHE = "private, no-cache"


def owned_job(caller: Caller, job_id: str, ledger: Ledger) -> Job:
    """The caller's job, or `RequestRefused(UPLOAD_NOT_FOUND)` for one that is absent or another owner's."""
    job = ledger.job(path_id(job_id, RequestProblem.UPLOAD_NOT_FOUND))
    return owned(job, caller.owner)


def show(
    caller: Caller, job_id: str, *, ledger: Ledger, clock: Callable[[], datetime], if_none_match: str = ""
) -> Response:
    """One job with an ETag; 304 without a body while it has not changed since `if_none_match`."""
    job = owned_job(caller, job_id, ledger)
    headers: dict[str, str | list[str]] = {"ETag": _etag(job), "Cache-Control": PRIVATE_CACHE}
    if matches(if_none_match, _etag(job)):
        return Response(body="", status_code=304, headers=headers)
    return Response(body=view(job, clock()).as_json(), headers=headers)


def listing(
    caller: Caller, query: JobQuery, *, ledger: Ledger, settings: Settings, clock: Callable[[], datetime]
) -> StatusPage:
    """The caller's jobs, newest first."""
    if query.status and query.status not in set(Status):
        raise RequestRefused(RequestProblem.BAD_REQUEST, "There is no such status.", statuses=[*Status])
    scope = {"list": "jobs", "owner": caller.owner, "status": query.status, "pipeline": query.pipeline}
    page = ledger.jobs(caller.owner, limit=query.limit, cursor=_position(settings.jwt_secret, scope, query.cursor),
                       pipeline=query.pipeline, status=query.status)
    return StatusPage(jobs=tuple(view(job, clock()) for job in page.jobs),
                      cursor=_cursor(settings.jwt_secret, scope, page.cursor))


def events(
    caller: Caller, job_id: str, query: EventQuery, *, ledger: Ledger, settings: Settings
) -> EventsAnswer:
    """What happened to a job, from the beginning."""
    job = owned_job(caller, job_id, ledger)
    scope = {"list": "events", "owner": caller.owner, "job": job.job_id}
    page = ledger.events(job.job_id, limit=query.limit, cursor=_position(settings.jwt_secret, scope, query.cursor))
    return EventsAnswer(
        job_id=job.job_id, events=tuple(EventView(at=e.at, kind=e.kind, detail=e.detail) for e in page.events),
        cursor=_cursor(settings.jwt_secret, scope, page.cursor))


def report_progress(
    caller: Caller, job_id: str, report: StatusReport, *, ledger: Ledger, clock: Callable[[], datetime]
) -> Response:
    """A client says that its upload is done (seed 002). True already: 200 with the job as it is. It never moves back.

    Raises BAD_REQUEST for a word that is no status and STATUS_BACKWARDS for all that is not the client's to say. The
    object itself is what moves the job: a client that says `uploaded` without having uploaded changes nothing.
    """
    if report.status not in set(Status):
        raise RequestRefused(RequestProblem.BAD_REQUEST, "There is no such status.", statuses=[*Status])
    job = owned_job(caller, job_id, ledger)
    said = Status(report.status)
    if said is job.status:
        return show(caller, job_id, ledger=ledger, clock=clock)
    if said is not Status.UPLOADED:
        raise RequestRefused(RequestProblem.STATUS_BACKWARDS, "A client can only report that its upload is done.",
                             status=job.status.value)
    if job.status is Status.CANCELLED:
        raise RequestRefused(RequestProblem.STATUS_BACKWARDS, "The job is cancelled.")
    return show(caller, job_id, ledger=ledger, clock=clock)


def health(*, settings: Settings, clock: Callable[[], datetime]) -> Health:
    """That the function answers, and in which stage; asks nobody else, so it costs nothing to ask often."""
    return Health(status="ok", app=settings.app, stage=settings.stage, commit=settings.commit,
                  local=settings.local, time=stamp(clock()))


def _etag(job: Job) -> str:
    """Weak: equal while the job item is, whatever the clock makes of its estimates."""
    return f'W/"{hashlib.sha256(repr(job).encode()).hexdigest()[:24]}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the caller has what `etag` stands for (RFC 9110 section 13.1.2: weakly compared)."""
    told = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in told or etag.removeprefix("W/") in told


def _position(secret: SecretStr, scope: dict[str, str], cursor: str) -> str:
    return cursors.unseal(secret, scope, cursor) if cursor else ""


def _cursor(secret: SecretStr, scope: dict[str, str], position: str) -> str | None:
    return cursors.seal(secret, scope, position) if position else None
