"""One batch of mutations by the worker that holds the batch permit, so that the pacing in here is the pacing of all.

The thread that runs `Batch.run` decides everything; the pool's threads only call. A distance between two starts is
kept from the moment in which the first request is on the wire, connecting included, and is a little longer than asked:
so the calls also arrive apart when a thread is late. What comes of a call:

    applied, or refused by the function    final for that item
    too busy                               the whole batch holds off, with half of its calls at a time from then on
    lost or timed out                      that item again after a while, under the same id; the others go on
    for a person                           nothing more is started

The wait before a try grows from 0.5 s to 30 s, at most, with full jitter; the fifth failure of one item ends the batch.
Nothing is started that would have less than `LEAST_SECONDS` until the batch must end, and `run` returns only when all
that was started has answered or timed out.
"""

from __future__ import annotations

import random as _random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.convex_calls import Busy
from chalicelib.errors import Transient, Unavailable, Waiting
from chalicelib.logs import log

TRIES = 5
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.5, 30.0
LEAST_SECONDS = 2.0
"""A mutation runs for at most one second; with less time than this its answer would hardly be heard."""
LATE_SECONDS = 0.01
"""What a start may be late on its way to the wire, added to every distance."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a batch is sent. `ends` is when it must have ended, by the monotonic clock."""

    in_flight: int
    spacing: float
    call_timeout: float
    ends: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a batch stands on, injected."""

    mutate: Callable[[Mapping[str, Any], float, Callable[[], None]], str]
    """Calls for `args` within so many seconds and tells when the request was sent, as `ConvexCalls.mutate`."""
    tell: Callable[[Exception | None], None]
    """Told of every answer, None for one that came as it should."""
    hold_off: Callable[[float], None]
    """Told for how long everybody should hold off."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: _random.Random = field(default_factory=_random.SystemRandom)
    pool: Callable[[int], Executor] = ThreadPoolExecutor


@dataclass(slots=True)
class _Send:
    """One item on its way. `began` and `sent` are of its last try."""

    external_id: str
    args: Mapping[str, Any]
    tries: int = 0
    not_before: float = 0.0
    began: float = 0.0
    sent: float = 0.0
    on_its_way: threading.Event = field(default_factory=threading.Event)


class Batch:
    """Sends `items` (external id -> args) and writes what became of each into `outcomes` (external id -> reason or "").

    What is in neither was not sent in time.
    """

    def __init__(self, items: Mapping[str, Mapping[str, Any]], outcomes: dict[str, str], pace: Pace,
                 around: Surroundings) -> None:
        self._waiting = [_Send(external_id, args) for external_id, args in items.items()]
        self._outcomes = outcomes
        self._pace = pace
        self._around = around
        self._flying: dict[Future[str], _Send] = {}
        self._at_a_time = pace.in_flight
        self._next_start = 0.0
        self._held_at = self._held_until = float("-inf")
        self._strikes = 0
        self._stop: Exception | None = None
        self._out_of_time = False
        self._least = min(LEAST_SECONDS, pace.call_timeout)

    def run(self) -> None:
        """Send until all have answered or the time is up.

        Raises Waiting (the service stays too busy), Unavailable, or Transient (it does not answer).
        """
        with self._around.pool(self._pace.in_flight) as pool:
            while self._flying or self._may_start:
                self._step(pool)
        if self._stop is not None:
            raise self._stop

    @property
    def _may_start(self) -> bool:
        return bool(self._waiting) and self._stop is None and not self._out_of_time

    def _step(self, pool: Executor) -> None:
        pause = self._until_next_start()
        if pause is not None and self._around.monotonic() + pause + self._least > self._pace.ends:
            self._out_of_time = True
        elif pause is not None and pause <= 0:
            self._start(pool)
        elif self._flying:
            self._collect(pause)
        elif pause is not None:
            self._around.sleep(pause)

    def _until_next_start(self) -> float | None:
        """Seconds, or None while only an answer can change anything."""
        if not self._may_start or len(self._flying) >= self._at_a_time:
            return None
        soonest = min(send.not_before for send in self._waiting)
        return max(0.0, max(self._next_start, self._held_until, soonest) - self._around.monotonic())

    def _start(self, pool: Executor) -> None:
        """Items that are tried again come first: they have been waiting longest."""
        now = self._around.monotonic()
        send = max((one for one in self._waiting if one.not_before <= now), key=lambda one: one.tries)
        self._waiting.remove(send)
        send.on_its_way.clear()
        self._flying[pool.submit(self._call, send)] = send
        send.on_its_way.wait()
        distance = self._pace.spacing + LATE_SECONDS if self._pace.spacing else 0.0
        self._next_start = send.sent + distance

    def _call(self, send: _Send) -> str:
        """In a thread of the pool."""
        send.began = self._around.monotonic()
        try:
            return self._around.mutate(send.args, min(self._pace.call_timeout, self._pace.ends - send.began),
                                       lambda: self._sent(send))
        finally:
            self._sent(send)

    def _sent(self, send: _Send) -> None:
        """The first word counts; the last one is for requests that never got so far."""
        if not send.on_its_way.is_set():
            send.sent = self._around.monotonic()
            send.on_its_way.set()

    def _collect(self, timeout: float | None) -> None:
        answered, _ = wait(self._flying, timeout, FIRST_COMPLETED)
        for future in answered:
            self._judge(self._flying.pop(future), future)

    def _judge(self, send: _Send, future: Future[str]) -> None:
        error = future.exception()
        self._around.tell(error if isinstance(error, Exception) else None)
        if error is None:
            self._strikes = 0 if send.began >= self._held_at else self._strikes
            self._outcomes[send.external_id] = future.result()
        elif isinstance(error, Busy):
            self._too_busy(send, error)
        elif isinstance(error, Transient):
            self._lost(send, error)
        elif isinstance(error, Exception):
            self._end(error)
        else:
            raise error

    def _too_busy(self, send: _Send, busy: Busy) -> None:
        """Refusals of calls that had begun before the batch held off count as the one that made it hold off."""
        fresh = send.began >= self._held_at
        if fresh:
            self._strikes += 1
            self._held_at = self._around.monotonic()
            self._at_a_time = max(1, self._at_a_time // 2)
        if fresh or busy.retry_after is not None:
            pause = self._jittered(self._strikes) if busy.retry_after is None else busy.retry_after
            self._hold_off(pause)
        self._again(send, Waiting(busy.retry_after or BACKOFF_CAP_SECONDS, "tokens"))

    def _hold_off(self, pause: float) -> None:
        until = self._around.monotonic() + pause
        if until <= self._held_until:
            return
        self._held_until = until
        log.info("convex is too busy", extra={"pause": round(pause, 3), "at_a_time": self._at_a_time})
        self._around.hold_off(pause)
        if pause > BACKOFF_CAP_SECONDS:
            self._end(Waiting(pause, "tokens"))

    def _lost(self, send: _Send, error: Transient) -> None:
        self._again(send, error)
        send.not_before = self._around.monotonic() + self._jittered(send.tries)

    def _again(self, send: _Send, last_word: Exception) -> None:
        send.tries += 1
        self._waiting.append(send)
        if send.tries >= TRIES:
            self._end(last_word)

    def _jittered(self, failures: int) -> float:
        return self._around.random.random() * min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2.0 ** (failures - 1))

    def _end(self, reason: Exception) -> None:
        """Start nothing more. What only a person can mend is the better reason."""
        if self._stop is None or (isinstance(reason, Unavailable) and not isinstance(self._stop, Unavailable)):
            self._stop = reason


def longest(items: Sequence[Any] | Mapping[str, Any], spacing: float, call_timeout: float) -> float:
    """Seconds in which a batch of so many items ends, a bad hour included: the starts, two time-outs, one long wait."""
    return len(items) * (spacing + LATE_SECONDS) + 2 * call_timeout + BACKOFF_CAP_SECONDS
