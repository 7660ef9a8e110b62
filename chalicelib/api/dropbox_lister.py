"""Following a Dropbox account: what changed behind the stored cursor becomes jobs of the images pipeline, in order.

One lister at a time holds the account's lease. A step writes a listing, makes its job, asks for its splitting and only
then stores the cursor behind it. The job's id follows from the cursor that it began at, and the job says where it
ended: whoever finds it there after a crash goes on from that place, so no change is lost and none becomes two jobs.

A message says since when there is something to see. It is done once a listing that began later has come to its end,
so of many messages the first lists and the others find nothing left to do; who finds the lease taken comes again.

Without a cursor, or with one that Dropbox honours no longer, all that is there is listed, job by job. When that has
come to its end, and not before, the pictures that no listing of it named have gone: jobs that delete them follow.
What is later wins by the upload times of jobs, which are given here and only grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.adapters.dropbox_answers import CursorReset, Gone, Page
from chalicelib.adapters.dropbox_cursors import DropboxCursors, Followed
from chalicelib.adapters.images import Images, Space
from chalicelib.adapters.leases import Leases
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api.dropbox_listing import NAME, Paths, body_of, gone, key_of, line_of
from chalicelib.errors import Unavailable, Waiting
from chalicelib.jobs.identity import drop_id
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import MESSAGE_VERSION, Job, Status, stamp
from chalicelib.logs import bound, log, request_id
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dropbox import Dropbox

PIPELINE = "images"
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

    dropbox: Callable[[], Dropbox | None]
    dropbox_cursors: DropboxCursors
    images_store: Images
    leases: Leases
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]
    file_entries: int = 5000
    """Of one listing file, about: pages are never cut."""
    page_entries: int = 2000
    sweep_page: int = 500

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
                log.warning("dropbox honours the cursor no longer")
                followed = self._begin_anew(self.dropbox_cursors.read(order.account))
                resets += 1
                if resets > 1:
                    self._again(order, RESET_SECONDS)
                    return
            except Gone:
                log.error("the followed folder is not there; nothing is deleted for that")
                self._begin_anew(self.dropbox_cursors.read(order.account))
                return

    def _step(self, followed: Followed, order: _Order) -> Followed:
        if followed.sweeping:
            return self._sweep(followed)
        elsewhere = followed.folder != self.settings.dropbox_folder
        # Changes are told first: of what has gone since, there may be a picture that is only on its way.
        wanted = order.demands_all(followed) and not followed.more and followed.looked_at >= order.at
        if elsewhere or wanted or not (followed.more or followed.cursor):
            followed = self._begin_anew(followed)
        return self._list(followed)

    def _begin_anew(self, followed: Followed) -> Followed:
        at = self._later(followed.full_at)
        log.info("dropbox is listed from the beginning")
        return self.dropbox_cursors.write(replace(
            followed, folder=self.settings.dropbox_folder, cursor="", more=True, full=True, full_at=at, began=at,
            parts=(), sweeping=False, swept=""))

    def _list(self, followed: Followed) -> Followed:
        """One listing file further."""
        began = followed.began if followed.more else self._now()
        name = followed.cursor or f"all of {followed.full_at}"
        return self._settled(followed, name, lambda: self._read(followed.cursor, began))

    def _sweep(self, followed: Followed) -> Followed:
        """Some of the pictures that the full listing did not name are deleted."""
        name = f"gone by {followed.full_at} behind {followed.swept}"
        try:
            return self._settled(followed, name, lambda: self._missing(followed))
        except KeyError:
            log.error("a listing of all that is there is kept no more; what has gone stays", exc_info=True)
            return self.dropbox_cursors.write(_ended(followed))

    def _settled(self, followed: Followed, name: str, read: Callable[[], _Part]) -> Followed:
        """Make what was read a job, unless it is one already, and store what is behind it."""
        job_id = drop_id("dropbox", followed.account, name)
        with bound(job_id=job_id):
            job = self.ledger.job(job_id)
            if job is None:
                part = read()
                if not part.lines:
                    return self.dropbox_cursors.write(_behind(followed, part))
                job = self._made(followed, job_id, part)
            if not job.planned and not job.status.terminal:
                self.queues.send(self.settings.split_queue, split_message(job_id), group=job.owner)
            behind = _behind(followed, _Part.of(job.options), job_id)
            return self.dropbox_cursors.write(replace(behind, job_at=max(followed.job_at, job.uploaded_at)))

    def _made(self, followed: Followed, job_id: str, part: _Part) -> Job:
        """The job of a listing; a twin's, where that was faster, with what it read."""
        body, at = body_of(part.lines), self._later(followed.job_at)
        version = self.blobs.put(key_of(job_id), body, "application/jsonl")
        # The same deletion may be told twice, with a picture in between: no listing is a duplicate of another.
        job = Job(job_id=job_id, owner=owner_of(self.settings), pipeline=PIPELINE, status=Status.PENDING,
                  file_name=NAME, file_key=key_of(job_id), created_at=at, updated_at=at, uploaded_at=at,
                  bucket=self.blobs.bucket, version_id=version, file_size=len(body), again=True,
                  options={"source": "dropbox", "account": followed.account, **part.options},
                  requested_by="dropbox", request_id=request_id())
        if self.ledger.create(job):
            self.ledger.add_event(job_id, "listed", entries=len(part.lines), bytes=len(body))
            log.info("dropbox was listed", extra={"entries": len(part.lines), "more": part.more})
            return job
        return self.ledger.job(job_id) or job

    def _read(self, cursor: str, began: str) -> _Part:
        """Pages from the cursor on, as many as a file holds and time allows. No lines where no file changed."""
        lines: list[Mapping[str, Any]] = []
        more = True
        while more and len(lines) + self.page_entries <= self.file_entries and not (lines and self._late()):
            page = self._page(cursor)
            lines += map(line_of, page.entries)
            cursor, more = page.cursor, page.has_more
        changes = any(line["tag"] != "folder" for line in lines)
        return _Part(lines if changes else [], cursor, more, began)

    def _page(self, cursor: str) -> Page:
        deadline = min(LIST_SECONDS, max(1.0, self.remaining() - self.settings.deadline_margin))
        dropbox = self.dropbox()
        if dropbox is None:
            raise Unavailable("no dropbox app is set up", reason="key")
        if cursor:
            return dropbox.list_continue(cursor, deadline=deadline)
        return dropbox.list_folder(self.settings.dropbox_folder, limit=self.page_entries, deadline=deadline)

    def _missing(self, followed: Followed) -> _Part:
        """Pictures from where the sweep stands on that the full listing does not name. Raises KeyError."""
        named = Paths(self.blobs, self._listings(followed))
        lines: list[Mapping[str, Any]] = []
        position, more = followed.swept, True
        while more and len(lines) < self.file_entries and not (position != followed.swept and self._late()):
            page = self.images_store.page(owner_of(self.settings), folder=followed.folder, limit=self.sweep_page,
                                          cursor=position)
            lines += [gone(each.path, each.path_id) for each in page.images
                      if each.space is Space.DROPBOX and each.path_id not in named]
            position, more = page.cursor, bool(page.cursor)
        return _Part(lines, followed.cursor, more, followed.began, position)

    def _listings(self, followed: Followed) -> Iterator[tuple[str, str]]:
        """Key and version of each listing that the full one is made of. Raises KeyError."""
        for job_id in followed.parts:
            job = self.ledger.job(job_id)
            if job is None:
                raise KeyError(job_id)
            yield job.file_key, job.version_id

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
    """One listing file, and what is behind it. `began` is when its listing did; `swept` is set where it deletes."""

    lines: list[Mapping[str, Any]]
    cursor: str
    more: bool
    began: str
    swept: str = ""

    @property
    def options(self) -> dict[str, Any]:
        return {"nextCursor": self.cursor, "more": self.more, "began": self.began, "swept": self.swept}

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Part:
        return cls([], str(options["nextCursor"]), bool(options["more"]), str(options["began"]),
                   str(options["swept"]))


def _served(followed: Followed, order: _Order) -> bool:
    under_way = followed.more or followed.sweeping
    return not under_way and followed.looked_at >= order.at and not order.demands_all(followed)


def _behind(followed: Followed, part: _Part, job_id: str = "") -> Followed:
    """Where the account stands behind a part."""
    if followed.sweeping:
        return replace(followed, swept=part.swept) if part.more else _ended(followed)
    parts = (*followed.parts, job_id) if followed.full and job_id else followed.parts
    behind = replace(followed, cursor=part.cursor, more=part.more, began=part.began, parts=parts)
    if part.more:
        return behind
    return replace(behind, began="", sweeping=followed.full, looked_at=max(followed.looked_at, part.began))


def _ended(followed: Followed) -> Followed:
    return replace(followed, sweeping=False, full=False, parts=(), swept="")
