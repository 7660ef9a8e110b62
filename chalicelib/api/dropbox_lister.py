"""Following a Dropbox account: what changed behind the stored cursor becomes jobs of the images pipeline, in order.

One lister at a time holds the account's lease. A step writes a listing, makes its job, asks for its splitting and only
then stores the cursor behind it. The job's id follows from the cursor that it began at, and the job says where it
ended: whoever finds it there after a crash goes on from that place, so no change is lost and none becomes two jobs.

A message says since when there is something to see. It is done once a listing that began later has come to its end,
so of many messages the first lists and the others find nothing left to do; who finds the lease taken comes again.

Without a cursor, or with one that Dropbox honours no longer, all that is there is listed, job by job. Only the job that
comes to its end says so, in the last line of its listing: pictures that no listing of it names are removed then.
What is later wins by the upload times of jobs, which are given here and only grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.adapters.dropbox_answers import CursorReset, Entry, Folder, Gone, Page
from chalicelib.adapters.dropbox_cursors import DropboxCursors, Followed
from chalicelib.adapters.leases import Leases
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.errors import Waiting
from chalicelib.jobs.identity import drop_id
from chalicelib.jobs.intake import RECEIVED
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import MESSAGE_VERSION, Job, Status, stamp
from chalicelib.logs import bound, log, request_id
from chalicelib.pipelines.images.listing import MAX_ENTRIES, line_of, sweep_line
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dropbox import Dropbox

PIPELINE = "images"
NAME = "dropbox.jsonl"
OWN = "own"
"""Stands for the account of our token where no setting names it."""
TASK = "list_dropbox"
LIST_SECONDS = 90.0
LEASE_MARGIN = 5.0
"""Seconds that the lease outlasts the invocation: so long nobody lists when the lister is killed."""
BUSY_SECONDS = 30.0
"""Who finds the lease taken looks again after so long, or when it ends."""
RESET_SECONDS = 60.0


def account_of(settings: Settings) -> str:
    """The one account that our token reaches, by the name under which we follow it."""
    return settings.dropbox_account or OWN


def owner_of(settings: Settings) -> str:
    return settings.dropbox_owner or settings.default_owner


def notice(account: str, at: str, *, full: bool = False) -> dict[str, Any]:
    """The message that something may have changed before `at`; `full` asks for all that is there."""
    return {"v": MESSAGE_VERSION, "task": TASK, "account": account, "at": at, **({"full": True} if full else {})}


@dataclass(frozen=True, slots=True)
class Lister:
    """One invocation's work on an account. `remaining` answers the seconds until the platform ends it."""

    dropbox: Callable[[], Dropbox]
    dropbox_cursors: DropboxCursors
    leases: Leases
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]
    file_entries: int = MAX_ENTRIES
    """Of one listing file, about: pages are never cut."""
    page_entries: int = 2000

    def run(self, account: str, at: str, *, full: bool = False) -> None:
        """List what changed before `at`, as far as time allows; the rest is another message's. Harmless at any time.

        Raises what cannot be waited for: Transient, Conflict and Unavailable.
        """
        if account != account_of(self.settings) or not self.settings.dropbox_client_id:
            log.warning("the account is not ours to list")
            return
        order = _Order(account, min(at, self._now()), full)
        if _served(self.dropbox_cursors.read(account), order):
            return
        lease = self.leases.take(f"dropbox/{account}", self.remaining() + LEASE_MARGIN)
        if not lease.mine:
            left = lease.until - self.clock().timestamp()
            self._again(order, min(BUSY_SECONDS, max(1.0, left)))
            return
        try:
            self._follow(order)
        except Waiting as waiting:
            self._again(order, waiting.seconds)
        finally:
            self.leases.give_back(lease)

    def _follow(self, order: _Order) -> None:
        followed = self.dropbox_cursors.read(order.account)
        resets = 0
        while not _served(followed, order):
            if self._late():
                self._again(order)
                return
            try:
                followed = self._step(followed, order)
            except CursorReset:
                followed, resets = self._begin_anew(followed), resets + 1
                if resets > 1:
                    self._again(order, RESET_SECONDS)
                    return
            except Gone:
                log.error("the followed folder is not there; nothing is deleted for that")
                if followed.cursor:
                    self._begin_anew(followed)
                return

    def _step(self, followed: Followed, order: _Order) -> Followed:
        elsewhere = followed.folder != self.settings.dropbox_folder
        if elsewhere or not (followed.more or followed.cursor) or (not followed.more and order.demands_all(followed)):
            followed = self._begin_anew(followed)
        return self._list(followed)

    def _begin_anew(self, followed: Followed) -> Followed:
        at = self._later(followed.full_at)
        log.info("dropbox is listed from the beginning")
        return self.dropbox_cursors.write(replace(
            followed, folder=self.settings.dropbox_folder, cursor="", more=True, full=True, full_at=at, began=at,
            parts=()))

    def _list(self, followed: Followed) -> Followed:
        """One listing file further: make it a job, unless it is one already, and store what is behind it."""
        job_id = drop_id("dropbox", followed.account, followed.cursor or f"all of {followed.full_at}")
        with bound(job_id=job_id):
            job = self.ledger.job(job_id)
            if job is None:
                part = self._read(followed, job_id)
                if not part.lines:
                    return self.dropbox_cursors.write(_behind(followed, part))
                job = self._made(followed, job_id, part)
            if not job.planned and not job.status.terminal:
                self.queues.send(self.settings.split_queue, split_message(job_id), group=job.owner)
            return self.dropbox_cursors.write(replace(
                _behind(followed, _Part.of(job.options), job_id), job_at=max(followed.job_at, job.uploaded_at)))

    def _made(self, followed: Followed, job_id: str, part: _Part) -> Job:
        """The job of a listing; a twin's, where that was faster, with what it read."""
        body, at = b"".join(part.lines), self._later(followed.job_at)
        version = self.blobs.put(_key(job_id), body, "application/jsonl")
        # The same deletion may be told twice, with a picture in between: no listing is a duplicate of another.
        job = Job(job_id=job_id, owner=owner_of(self.settings), pipeline=PIPELINE, status=Status.PENDING,
                  file_name=NAME, file_key=_key(job_id), created_at=at, updated_at=at, uploaded_at=at,
                  bucket=self.blobs.bucket, version_id=version, file_size=len(body), again=True,
                  options={"source": "dropbox", "account": followed.account, **part.options},
                  requested_by="dropbox", request_id=request_id())
        if self.ledger.create(job):
            self.ledger.add_event(job_id, "listed", entries=len(part.lines), bytes=len(body))
            log.info("dropbox was listed", extra={"entries": len(part.lines), "more": part.more})
            return job
        return self.ledger.job(job_id) or job

    def _read(self, followed: Followed, job_id: str) -> _Part:
        """Pages from the cursor on, as many as a file holds and time allows. No lines where nothing changed."""
        began = followed.began if followed.more else self._now()
        entries: list[Entry] = []
        cursor, more = followed.cursor, True
        while more and len(entries) + self.page_entries <= self.file_entries and not (entries and self._late()):
            page = self._page(cursor)
            entries += page.entries
            cursor, more = page.cursor, page.has_more
        lines = [line_of(entry) for entry in entries]
        if followed.full and not more:
            lines.append(sweep_line(followed.folder, [*map(_key, followed.parts), _key(job_id)]))
        elif all(isinstance(entry, Folder) for entry in entries):
            lines = []
        return _Part(lines, cursor, more, began)

    def _page(self, cursor: str) -> Page:
        deadline = min(LIST_SECONDS, max(1.0, self.remaining() - self.settings.deadline_margin))
        if cursor:
            return self.dropbox().list_continue(cursor, deadline=deadline)
        return self.dropbox().list_folder(self.settings.dropbox_folder, limit=self.page_entries, deadline=deadline)

    def _again(self, order: _Order, delay: float = 0) -> None:
        message = notice(order.account, order.at, full=order.full)
        self.queues.send(self.settings.tasks_queue, message, delay=delay, group=owner_of(self.settings))

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin

    def _now(self) -> str:
        return stamp(self.clock())

    def _later(self, than: str) -> str:
        """Now, but later than that."""
        now = self._now()
        if now > than:
            return now
        return stamp(datetime.fromisoformat(than.replace("Z", "+00:00")) + timedelta(milliseconds=1))


class _Order(NamedTuple):
    """What a message asks for."""

    account: str
    at: str
    full: bool

    def demands_all(self, followed: Followed) -> bool:
        return self.full and followed.full_at < self.at


class _Part(NamedTuple):
    """One listing file, and what is behind it. `began` is when its listing did, perhaps files ago."""

    lines: list[bytes]
    cursor: str
    more: bool
    began: str

    @property
    def options(self) -> dict[str, Any]:
        return {"nextCursor": self.cursor, "more": self.more, "began": self.began}

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Part:
        return cls([], str(options["nextCursor"]), bool(options["more"]), str(options["began"]))


def _served(followed: Followed, order: _Order) -> bool:
    return not followed.more and followed.looked_at >= order.at and not order.demands_all(followed)


def _behind(followed: Followed, part: _Part, job_id: str = "") -> Followed:
    """Where the account stands behind a part."""
    if part.more:
        parts = (*followed.parts, job_id) if followed.full and job_id else followed.parts
        return replace(followed, cursor=part.cursor, more=True, began=part.began, parts=parts)
    return replace(followed, cursor=part.cursor, more=False, began="", full=False, parts=(),
                   looked_at=max(followed.looked_at, part.began))


def _key(job_id: str) -> str:
    return f"{RECEIVED}/{PIPELINE}/{job_id}/{NAME}"
