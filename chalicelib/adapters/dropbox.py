"""A Dropbox account: what is in a folder, what has changed, and files to disk, within deadlines and shared limits.

What each answer means is told in `dropbox_answers`. Dropbox publishes no rate; it says 429 with a time to wait, which
all workers heed. Two listings of the same folder at once earn one too (files.stone), so there is to be one lister for
an account at a time. An answer that a file is gone or refused is a good answer: it counts as no failure, and it
closes the circuit like any other.

A notification names accounts only; its news are what `list_continue` has behind the stored cursor. Without a cursor,
`list_folder` brings all that is there and `latest_cursor` nothing but what comes from now on.
"""

from __future__ import annotations

import random as _random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import requests

from chalicelib.adapters.dropbox_answers import Busy, CursorReset, Page, cursor_of, page_of
from chalicelib.adapters.dropbox_calls import DropboxCalls
from chalicelib.adapters.dropbox_download import Fetch
from chalicelib.adapters.http import Reply
from chalicelib.adapters.retrying import TRIES, Retrying
from chalicelib.costs import Meter, Used, total
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Policy
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import DropboxSettings

PROVIDER = "dropbox"
MAX_LIMIT = 2000
"""Entries on a page, about (files.stone)."""
WRONG_TRIES = 2
"""Times that a whole file may come and be another than was listed."""
PROGRESS_BYTES = 1024 * 1024
"""A download that brought so much before it broke off has not failed: the next try brings more."""
LEASE_MARGIN = 5.0
"""Seconds that a place outlasts its call: so long it stays taken when the worker is killed."""

T = TypeVar("T")


class Permits(Protocol):
    """What we need of the shared limiter."""

    def hold(self, provider: str, policy: Policy, *, patience: float) -> AbstractContextManager[object]: ...

    def penalise(self, provider: str, policy: Policy, retry_after: float | None = None) -> None: ...

    def trip(self, provider: str, reason: str) -> None: ...


class Dropbox:
    """One account at Dropbox, or at whatever speaks its protocol at the settings' addresses; threads may share it.

    Everything raises Waiting while Dropbox is too busy or its circuit is open, Unavailable by the call that opens it,
    and Transient when trying was in vain. `meter` is told what was used, also then. All deadlines are in seconds.
    """

    def __init__(
        self, settings: DropboxSettings, limiter: Permits, session: requests.Session, *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep, random: _random.Random | None = None, patience: float = 2.0,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self.policy = Policy(settings.max_concurrency)
        self._calls = DropboxCalls(settings, session, clock=clock, monotonic=monotonic)
        self._limiter = limiter
        self._monotonic = monotonic
        self._retrying = Retrying(PROVIDER, monotonic, sleep, random or _random.SystemRandom())
        self._patience = patience
        self._metrics = metrics or Metrics()

    def list_folder(self, path: str, *, recursive: bool = True, limit: int = MAX_LIMIT, deadline: float,
                    meter: Meter | None = None) -> Page:
        """The first page of what is in `path`; an empty one, or `/`, is the whole account, and ids are taken too.

        Raises Gone when there is no such folder and ContentRefused when it is none.
        """
        argument = {**_folder(path, recursive=recursive), "limit": max(1, min(limit, MAX_LIMIT))}
        return self._answered(page_of, "files/list_folder", argument, deadline, meter)

    def list_continue(self, cursor: str, *, deadline: float, meter: Meter | None = None) -> Page:
        """The next page behind `cursor`, or what has changed since. The same cursor may be asked again.

        Raises CursorReset when it is honoured no longer, and Gone when the folder is there no more.
        """
        return self._answered(page_of, "files/list_folder/continue", {"cursor": cursor}, deadline, meter,
                              of_cursor=True)

    def latest_cursor(self, path: str, *, recursive: bool = True, deadline: float, meter: Meter | None = None) -> str:
        """A cursor behind all that is in `path` now; errors as `list_folder`."""
        return self._answered(cursor_of, "files/list_folder/get_latest_cursor", _folder(path, recursive=recursive),
                              deadline, meter)

    def download(self, rev_or_id: str, target: Path, *, size: int, content_hash: str, deadline: float,
                 meter: Meter | None = None) -> None:
        """Write a file of `size` bytes to `target`, whole and with the listed content hash, else nothing is there.

        By `rev` it is what was listed, whatever was done to it since; by `id` (`id:...`) its present revision, and Gone
        is raised when that is another. An empty `content_hash` is not compared.
        Raises Gone, and ContentRefused (`reason` such as restricted_content) for what Dropbox does not hand out.
        """
        call = _Call(self._monotonic() + deadline, deadline)
        try:
            with target.open("wb") as file:
                fetch = self._calls.fetch(_source(rev_or_id), file, size=size, content_hash=content_hash)
                self._persist(call, partial(self._go_on, fetch, call), meter)
        except OSError as error:
            _discard(target)
            raise Transient("the download cannot be kept on disk", errno=error.errno) from error
        except BaseException:
            _discard(target)
            raise

    def _answered(self, read: Callable[[Reply], T], route: str, argument: Mapping[str, Any], deadline: float,
                  meter: Meter | None, *, of_cursor: bool = False) -> T:
        call = _Call(self._monotonic() + deadline, self.settings.call_timeout)
        return self._persist(call, lambda left: read(self._calls.ask(
            route, argument, deadline=left, of_cursor=of_cursor, sent=call.count)), meter)

    def _go_on(self, fetch: Fetch, call: _Call, left: float) -> None:
        before = fetch.got
        try:
            self._calls.go_on(fetch, deadline=left, sent=call.count)
        except Transient:
            if fetch.wrong >= WRONG_TRIES:
                call.failures = TRIES
            elif fetch.got - before >= PROGRESS_BYTES:
                call.failures = 0
            raise

    def _persist(self, call: _Call, work: Callable[[float], T], meter: Meter | None) -> T:
        try:
            while True:
                try:
                    return self._attempt(call, work)
                except Busy as busy:
                    self._hold_off(call, busy)
                except Transient as error:
                    self._retrying.after_failure(call, error)
        finally:
            if meter is not None:
                meter.add(call.used)

    def _attempt(self, call: _Call, work: Callable[[float], T]) -> T:
        left = max(0.0, call.ends - self._monotonic())
        policy = replace(self.policy, lease_seconds=min(call.longest, left) + LEASE_MARGIN)
        before = call.requests
        try:
            with self._limiter.hold(PROVIDER, policy, patience=min(self._patience, left)):
                answer = self._worked(work, min(call.longest, call.ends - self._monotonic()))
        except Exception as error:
            requested = call.requests - before
            call.used = total(call.used, {Used.CALLS: requested, Used.FAILED_CALLS: min(1, requested)})
            self._measure(requested, error)
            raise
        call.used = total(call.used, {Used.CALLS: call.requests - before})
        self._measure(call.requests - before, None)
        if isinstance(answer, _Refusal):
            raise answer.error
        return answer

    def _worked(self, work: Callable[[float], T], left: float) -> T | _Refusal:
        """The answer, or the refusal that is as good as one. Opens the circuit where only a person can help."""
        try:
            return work(left)
        except (ContentRefused, CursorReset) as refused:
            return _Refusal(refused)
        except Unavailable as error:
            self._limiter.trip(PROVIDER, str(error.details["reason"]))
            raise

    def _measure(self, requested: int, error: Exception | None) -> None:
        """A throttled call is no failure; one that an open circuit forbids is told, or the alarm would fall silent."""
        blocked = isinstance(error, Waiting) and error.reason == "circuit"
        throttled = isinstance(error, Busy)
        failed = error is not None and not throttled and requested > 0
        for metric, value in ((Metric.PROVIDER_CALLS, requested), (Metric.PROVIDER_FAILURES, int(failed)),
                              (Metric.PROVIDER_BLOCKED, int(blocked)), (Metric.PROVIDER_THROTTLED, int(throttled))):
            self._metrics.count(metric, value, PROVIDER)

    def _hold_off(self, call: _Call, busy: Busy) -> None:
        """Tell all workers to hold off, us included: the next `hold` sleeps, or raises Waiting."""
        self._limiter.penalise(PROVIDER, self.policy, busy.retry_after)
        self._retrying.after_busy(call, busy, busy.retry_after)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a call came to when Dropbox works and says no."""

    error: ContentRefused | CursorReset


@dataclass(slots=True)
class _Call:
    """Something in the making: when it must end, how long one request may last, how often it was tried and failed."""

    ends: float
    longest: float
    used: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    failures: int = 0
    busy: int = 0

    def count(self) -> None:
        self.requests += 1


def _folder(path: str, *, recursive: bool) -> dict[str, Any]:
    """What names a folder to Dropbox: the root is an empty text there, and a path begins with its slash."""
    path = path.rstrip("/")
    rooted = path if not path or path.startswith(("/", "id:", "ns:")) else f"/{path}"
    return {"path": rooted, "recursive": recursive}


def _source(rev_or_id: str) -> str:
    return rev_or_id if rev_or_id.startswith(("id:", "rev:")) else f"rev:{rev_or_id}"


def _discard(target: Path) -> None:
    with suppress(OSError):
        target.unlink(missing_ok=True)
