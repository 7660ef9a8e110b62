"""Deleting a person by e-mail: from the leads, prior images, rejects, cache and spool of one owner.

The address is known to the request alone. What is kept and sent is the identity that leads are stored under, a digest:
it finds every place where the address stands, it guards against a late retry that would bring the person back, and it
is what remains as proof. A tombstone comes first, so whatever is still on its way loses; then the owner's jobs are
walked, each in an order in which a crash leaves nothing that could not be found again: the spool, by which rows are
known, last. Jobs that are still open are walked again until they have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from chalice.app import Response

from chalicelib.adapters.erasing import Erasing
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Record, RecordKey, Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api.auth import Caller
from chalicelib.api.erasure_models import ErasureStatus
from chalicelib.api.inputs import ErasureRequest
from chalicelib.api.models import ExportState
from chalicelib.api.requests import path_id
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.model import MESSAGE_VERSION, Job, stamp
from chalicelib.jobs.redaction import Found, Redactor
from chalicelib.logs import log
from chalicelib.settings import Settings

AUDIT_DAYS = 3 * 365
PAGE_JOBS = 20
AGAIN_SECONDS = 900
ROUNDS = 100
"""Times that open jobs are walked again, a quarter of an hour apart: a day, after which somebody must look."""
POLL_MS = 2000


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's erasure, as far as it has come; also the proof that remains, without the address."""

    erasure_id: str
    owner: str
    identity: str
    by: str
    created_at: str
    state: str = ExportState.PENDING.value
    cursor: str = ""
    rounds: int = 0
    open_jobs: int = 0
    jobs: int = 0
    leads: int = 0
    priors: int = 0
    batches: int = 0
    rows: int = 0
    cached: int = 0
    completed_at: str = ""


def start(
    caller: Caller, request: ErasureRequest, *, records: Records, queues: Queues, settings: Settings,
    clock: Callable[[], datetime],
) -> Response:
    """Begin to erase; 202. Raises BAD_REQUEST for what is no e-mail address."""
    from chalicelib.pipelines.leads.effects import email_slot

    identity = email_slot(request.email, "")
    if not identity.startswith("e:"):
        raise RequestRefused(RequestProblem.BAD_REQUEST, fields=[{"field": "email", "message": "an e-mail address"}])
    erasure = Erasure(uuid4().hex, caller.owner, identity, caller.subject, stamp(clock()))
    records.create(_key(erasure.erasure_id), asdict(erasure), expires_at=_expiry(clock()))
    queues.send(settings.tasks_queue, _task(erasure), group=caller.owner)
    return Response(body=_status(erasure).as_json(), status_code=202)


def show(caller: Caller, erasure_id: str, *, records: Records) -> ErasureStatus:
    """How far an erasure has come. Raises NOT_FOUND, also for another owner's."""
    record = records.get(_key(path_id(erasure_id)))
    if record is None or record.body["owner"] != caller.owner:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such erasure.")
    return _status(Erasure(**record.body))


def give_up(erasure_id: str, *, records: Records, clock: Callable[[], datetime]) -> None:
    """The last attempt has failed: say so. Asking again begins anew, which is harmless."""
    record = records.get(_key(erasure_id))
    if record is not None and record.body["state"] != ExportState.COMPLETED.value:
        records.replace(record, {**record.body, "state": ExportState.ERROR.value}, expires_at=_expiry(clock()))


@dataclass(frozen=True, slots=True)
class Eraser:
    """One invocation's work on an erasure. `remaining` answers the seconds until the platform ends it."""

    records: Records
    ledger: Ledger
    blobs: Blobs
    erasing: Erasing
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]

    def run(self, erasure_id: str) -> None:
        """Take an erasure as far as time allows. Harmless any number of times, also at once."""
        record = self.records.get(_key(erasure_id))
        while record is not None and record.body["state"] != ExportState.COMPLETED.value:
            erasure = Erasure(**record.body)
            following = self._page(erasure)
            record = self._write(record, following)
            if record is None or following.state == ExportState.COMPLETED.value:
                return
            ended = not following.cursor
            if ended or self.remaining() < self.settings.deadline_margin:
                self.queues.send(self.settings.tasks_queue, _task(following), group=following.owner,
                                 delay=AGAIN_SECONDS if ended else 0)
                return

    def _page(self, erasure: Erasure) -> Erasure:
        """The next jobs of the owner, newest first; at the end all is done, unless jobs were open."""
        if not erasure.cursor:
            buried = self.erasing.bury(erasure.owner, erasure.identity, erasure.created_at)
            erasure = replace(erasure, leads=erasure.leads + buried, open_jobs=0, jobs=0)
        page = self.ledger.jobs(erasure.owner, limit=PAGE_JOBS, cursor=erasure.cursor)
        for job in page.jobs:
            erasure = self._job(erasure, job)
        erasure = replace(erasure, cursor=page.cursor, state=ExportState.PROCESSING.value)
        if page.cursor:
            return erasure
        if erasure.open_jobs and erasure.rounds < ROUNDS:
            return replace(erasure, rounds=erasure.rounds + 1)
        log.info("person erased", extra={"erasure_id": erasure.erasure_id, "jobs": erasure.jobs,
                                         "rows": erasure.rows, "open_jobs": erasure.open_jobs})
        return replace(erasure, state=ExportState.COMPLETED.value, completed_at=stamp(self.clock()))

    def _job(self, erasure: Erasure, job: Job) -> Erasure:
        redactor = Redactor(lambda address: _identity(address) == erasure.identity)
        marked = {key: rows for key in self._spooled(job) if (rows := list(self._found(redactor, key)))}
        rows = [row for found in marked.values() for row in found]
        cached = self.erasing.forget(list(self._cache_keys(rows)))
        batches = self.erasing.redact_batches(job.job_id, job.batches_total, redactor.detail)
        prior = self.erasing.redact_prior(job.owner, job.job_id, erasure.identity)
        for key in marked:
            self._redact(redactor, key)
        self.blobs.purge(_folder(job))
        return replace(erasure, jobs=erasure.jobs + 1, open_jobs=erasure.open_jobs + (not job.status.terminal),
                       priors=erasure.priors + prior, batches=erasure.batches + batches,
                       rows=erasure.rows + len(rows), cached=erasure.cached + cached)

    def _spooled(self, job: Job) -> Iterator[str]:
        return (key for key in self.blobs.keys(_folder(job)) if not key.endswith(".index.json"))

    def _found(self, redactor: Redactor, key: str) -> Iterator[Found]:
        for line in _lines(self.blobs.get(key)):
            yield from redactor.find(line)

    def _redact(self, redactor: Redactor, key: str) -> None:
        """Write the object anew; its older versions go with those of the whole job."""
        body = self.blobs.get(key)
        clean = b"".join(redactor.text(line.rstrip(b"\n")) + line[len(line.rstrip(b"\n")):] for line in _lines(body))
        if clean != body:
            self.blobs.put(key, clean, "application/json")

    def _cache_keys(self, rows: list[Found]) -> Iterator[str]:
        """Under which the AI's answers to these rows are kept."""
        from chalicelib.pipelines.leads.ai import question_of
        from chalicelib.pipelines.leads.prompt import cache_key

        for row in rows:
            yield cache_key(question_of(0, row.item, row.columns), self.settings.deepseek_model)

    def _write(self, record: Record, erasure: Erasure) -> Record | None:
        return self.records.replace(record, asdict(erasure), expires_at=_expiry(self.clock()))


def _identity(address: str) -> str:
    from chalicelib.pipelines.leads.effects import email_slot

    return email_slot(address, "")


def _folder(job: Job) -> str:
    return f"work/{job.job_id}/"


def _lines(body: bytes) -> list[bytes]:
    return body.splitlines(keepends=True)


def _task(erasure: Erasure) -> Mapping[str, Any]:
    return {"v": MESSAGE_VERSION, "task": "erase", "erasureId": erasure.erasure_id}


def _key(erasure_id: str) -> RecordKey:
    return RecordKey(f"ERASURE#{erasure_id}", "ERASURE")


def _expiry(now: datetime) -> int:
    return int((now + timedelta(days=AUDIT_DAYS)).timestamp())


def _status(erasure: Erasure) -> ErasureStatus:
    done = erasure.state in (ExportState.COMPLETED.value, ExportState.ERROR.value)
    return ErasureStatus(
        erasure_id=erasure.erasure_id, status=ExportState(erasure.state), status_url=f"/erasure/{erasure.erasure_id}",
        created_at=erasure.created_at, completed_at=erasure.completed_at or None, leads=erasure.leads,
        prior_images=erasure.priors, batches=erasure.batches, rows=erasure.rows, cached_answers=erasure.cached,
        jobs=erasure.jobs, open_jobs=erasure.open_jobs, retry_after_ms=None if done else POLL_MS)
