"""The record of a redrive: its audit, and how far it has come. One item, listed by time.

Its id begins with the time, and the records of a month share a partition: the latest are found without an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from chalicelib.adapters.records import Record, RecordKey, Records
from chalicelib.api.models import ExportState
from chalicelib.api.queue_models import RedriveStatus
from chalicelib.jobs.model import seconds_between, stamp
from chalicelib.jobs.redrive import Fate

AUDIT_DAYS = 3 * 365
MOST_JOBS = 100
LATEST = 20
REQUEST_SECONDS = 60
"""No request lives longer; a redrive that was to end in its request has died with it."""
POLL_MS = 2000


@dataclass(frozen=True, slots=True)
class Redrive:
    """One redrive. `underway` are letters that are being moved: letter -> its job, fate.

    What was underway when an invocation died is moved if it is no longer among the dead; the next one finds out.
    `fence` is SQS's time, in milliseconds, before which a message was first sent that may be moved: what dies again
    on the way is a younger message, and stays.
    """

    redrive_id: str
    queue: str
    by: str
    request_id: str
    created_at: str
    fence: int
    dead_before: int
    ids: list[str] = field(default_factory=list)
    count: int | None = None
    in_request: bool = False
    state: str = ExportState.PENDING.value
    moved: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    job_count: int = 0
    underway: dict[str, list[str]] = field(default_factory=dict)
    rounds: int = 0
    completed_at: str = ""
    cause: str = ""

    @property
    def ended(self) -> bool:
        return ExportState(self.state).terminal

    @property
    def left(self) -> int | None:
        """How many may still go; None where that is not bounded by a number."""
        return None if self.count is None else self.count - self.moved - len(self.underway)

    def counting(self, moved: Mapping[str, list[str]]) -> Redrive:
        """With these letters moved."""
        fates, jobs, more = dict(self.fates), list(self.jobs), self.job_count
        for job_id, fate in moved.values():
            fates[fate] = fates.get(fate, 0) + 1
            if job_id and job_id not in jobs:
                more += 1
                if len(jobs) < MOST_JOBS:
                    jobs.append(job_id)
        underway = {each: told for each, told in self.underway.items() if each not in moved}
        return replace(self, moved=self.moved + len(moved), fates=fates, jobs=jobs, job_count=more, underway=underway)


@dataclass(frozen=True, slots=True)
class Kept:
    """A redrive as it was read, with the version that guards its next write."""

    redrive: Redrive
    record: Record


def new_id(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{uuid4().hex[:12]}"


def begin(redrive: Redrive, records: Records, now: datetime) -> Kept:
    record = records.create(_key(redrive.redrive_id), asdict(redrive), expires_at=_expiry(now))
    if record is None:
        raise ValueError("an id was given out twice")
    return Kept(redrive, record)


def kept(redrive_id: str, records: Records) -> Kept | None:
    record = records.get(_key(redrive_id))
    return Kept(Redrive(**record.body), record) if record else None


def keep(found: Kept, redrive: Redrive, records: Records, now: datetime) -> Kept | None:
    """The next version; None when a twin was faster."""
    record = records.replace(found.record, asdict(redrive), expires_at=_expiry(now))
    return Kept(redrive, record) if record else None


def latest(records: Records, now: datetime) -> Iterator[Redrive]:
    """The latest redrives of this month and the one before, newest first."""
    left = LATEST
    for month in (now, now.replace(day=1) - timedelta(days=1)):
        found = records.latest(_partition(f"{month:%Y%m}"), limit=left) if left else ()
        left -= len(found)
        yield from (Redrive(**record.body) for record in found)


def status(redrive: Redrive, clock: Callable[[], datetime]) -> RedriveStatus:
    dead = redrive.in_request and not redrive.ended and \
        seconds_between(redrive.created_at, stamp(clock())) > REQUEST_SECONDS
    asked = f"{len(redrive.ids)} messages" if redrive.ids else "all" if redrive.count is None else str(redrive.count)
    return RedriveStatus(
        redrive_id=redrive.redrive_id, queue=redrive.queue, asked=asked, by=redrive.by,
        request_id=redrive.request_id, status=ExportState(redrive.state), interrupted=dead,
        dead_before=redrive.dead_before, moved=redrive.moved,
        fates={Fate(word): count for word, count in redrive.fates.items()}, jobs=tuple(redrive.jobs),
        job_count=redrive.job_count, created_at=redrive.created_at, completed_at=redrive.completed_at or None,
        cause=redrive.cause or None, status_url=f"/queues/{redrive.queue}/redrives/{redrive.redrive_id}",
        retry_after_ms=None if redrive.ended or dead else POLL_MS)


def _key(redrive_id: str) -> RecordKey:
    return RecordKey(_partition(redrive_id[:6]), redrive_id)


def _partition(month: str) -> str:
    return f"REDRIVES#{month}"


def _expiry(now: datetime) -> int:
    return int((now + timedelta(days=AUDIT_DAYS)).timestamp())
