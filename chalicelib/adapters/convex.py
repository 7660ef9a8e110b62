"""Results and progress of price jobs go to Convex, within the pacing that all workers keep together (seed 000).

A batch is at most 50 items and one permit of the shared limiter: there is one permit, and two seconds from its end to
the next one. Whoever holds it is the only one that sends items, so the distance of starts and the calls in flight are
kept by that process alone (`convex_batch`). Progress has a permit of its own, five seconds from end to start; a place
is left free for it, so that items and progress together stay within the calls in flight. Both are told by answers, so
the distances hold at Convex too, whatever the network adds.

An item is one upserting mutation under the external id that the caller gives it. A lost answer is followed by the same
mutation, and a message that comes back pushes its items again: each is one document in the end.
"""

from __future__ import annotations

import random as _random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.convex_batch import (
    BACKOFF_CAP_SECONDS,
    BACKOFF_SECONDS,
    LATE_SECONDS,
    LEAST_SECONDS,
    TRIES,
    Batch,
    Pace,
    Surroundings,
    longest,
)
from chalicelib.adapters.convex_calls import Busy, ConvexCalls, args_of
from chalicelib.costs import Meter, Used
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Policy
from chalicelib.logs import log
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import ConvexSettings

if TYPE_CHECKING:
    import requests

    from chalicelib.adapters.limiter import Limiter

PROVIDER = "convex"
PROGRESS = "convex-status"
"""Names at the limiter: of batches, and of progress."""
BATCH_ITEMS = 50
LEASE_MARGIN = 5.0
"""Seconds that a permit outlasts its work: so long it stays taken when the worker is killed."""
PATIENCE = 2.0
EXTERNAL_ID = "externalId"


@dataclass(slots=True)
class PushReport:
    """What became of items: external id -> "" once Convex has it, else why Convex does not take it.

    Given to `push` it is a checkpoint: what it names is not sent again. It is a dictionary of texts, so it can be kept.
    """

    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def applied(self) -> list[str]:
        return [external_id for external_id, reason in self.outcomes.items() if not reason]

    @property
    def failed(self) -> dict[str, str]:
        """External id -> reason, in Convex's words."""
        return {external_id: reason for external_id, reason in self.outcomes.items() if reason}


class ConvexBatchProcessor:
    """One deployment at Convex, or at whatever speaks its HTTP API at `settings.url`. Threads may share one.

    `session` needs a pool of `settings.max_in_flight` connections (`convex_calls.pooled_session`).
    """

    def __init__(
        self, settings: ConvexSettings, limiter: Limiter, session: requests.Session, *,
        monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
        random: _random.Random | None = None, metrics: Metrics | None = None,
        pool: Callable[[int], Executor] = ThreadPoolExecutor, batch_items: int = BATCH_ITEMS,
    ) -> None:
        pace = settings.spacing_seconds + LATE_SECONDS
        self.batches = Policy(1, gap_seconds=settings.batch_gap_seconds,
                              busy_seconds=batch_items * pace + settings.batch_gap_seconds)
        self.progress = Policy(1, gap_seconds=settings.status_gap_seconds, busy_seconds=settings.status_gap_seconds,
                               lease_seconds=settings.call_timeout + LEASE_MARGIN)
        self._settings = settings
        self._limiter = limiter
        self._calls = ConvexCalls(settings, session, monotonic=monotonic)
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random or _random.SystemRandom()
        self._metrics = metrics or Metrics()
        self._pool = pool
        self._batch_items = batch_items

    def push(
        self, items: Sequence[Mapping[str, Any]], *, deadline: float, patience: float = PATIENCE,
        meter: Meter | None = None, report: PushReport | None = None,
    ) -> PushReport:
        """Upsert `items` at Convex within `deadline` seconds, one mutation each; each has a text `externalId`.

        Items that Convex refuses are `failed` in the report and keep no other from being sent; of two with one id the
        later counts. A batch waits for its permit for at most `patience` seconds (for a second batch of the same call
        the gap is part of that). `report` and `meter` are told what came of it also when this raises, and only after
        all that was started has answered, so that nothing is done behind the caller's back:
        Waiting("tokens" or "circuit"): come again; Waiting(0, "deadline"): the rest needs another invocation;
        Transient: Convex does not answer; Unavailable: only a person can help, and the circuit is open.
        """
        report = PushReport() if report is None else report
        ends = self._monotonic() + deadline
        waiting = self._prepared(items, report)
        while waiting:
            batch = dict(islice(waiting.items(), self._batch_items))
            self._send(batch, report, ends=ends, patience=patience, meter=meter)
            waiting = {name: args for name, args in waiting.items() if name not in report.outcomes}
        return report

    def status(
        self, job_id: str, payload: Mapping[str, Any], *, final: bool, deadline: float = 30.0,
        patience: float = PATIENCE, meter: Meter | None = None,
    ) -> bool:
        """Tell Convex how a job is getting on (`payload` beside its `jobId`); whether that was done.

        Progress that is not final is dropped when the last one of any job is not long enough ago, and when anything
        goes wrong: the next one says more. The final one must arrive: it raises Waiting when its turn does not come
        within `patience` seconds, Transient and Unavailable as `push`. False for a final one: the function refuses it.
        """
        ends = self._monotonic() + deadline
        try:
            return self._progress({"jobId": job_id, **payload}, ends, patience if final else 0.0, meter,
                                  tries=TRIES if final else 1)
        except (Waiting, Transient, Unavailable) as error:
            if final:
                raise
            if not isinstance(error, Waiting):
                log.info("convex was not told of progress", extra={"cause": error.message})
            return False

    def _prepared(self, items: Iterable[Mapping[str, Any]], report: PushReport) -> dict[str, dict[str, Any]]:
        """What is to be sent, by external id. What Convex could not take is reported at once."""
        prepared: dict[str, dict[str, Any]] = {}
        for item in items:
            external_id = str(item[EXTERNAL_ID])
            prepared.pop(external_id, None)
            if external_id in report.outcomes:
                continue
            try:
                prepared[external_id] = args_of(item)
            except ContentRefused as refused:
                report.outcomes[external_id] = refused.message
        return prepared

    def _send(self, items: Mapping[str, Mapping[str, Any]], report: PushReport, *, ends: float, patience: float,
              meter: Meter | None) -> None:
        """One batch under its permit. Returns when it is done, or when it had its time and another batch may go on."""
        chosen = self._settings
        left = ends - self._monotonic()
        if left < self._least:
            raise Waiting(0, "deadline")
        lasts = min(left, longest(items, chosen.spacing_seconds, chosen.call_timeout))
        policy = replace(self.batches, lease_seconds=lasts + LEASE_MARGIN)
        with self._hold(PROVIDER, policy, min(patience, left - self._least)):
            pace = Pace(max(1, chosen.max_in_flight - 1), chosen.spacing_seconds, chosen.call_timeout,
                        min(ends, self._monotonic() + lasts))
            around = Surroundings(
                lambda args, seconds, sent: self._calls.mutate(chosen.mutation, args, deadline=seconds, sent=sent),
                tell=lambda error: self._measure(error, meter), hold_off=self._hold_off, monotonic=self._monotonic,
                sleep=self._sleep, random=self._random, pool=self._pool)
            try:
                Batch(items, report.outcomes, pace, around).run()
            except Unavailable as error:
                self._limiter.trip(PROVIDER, error.details["reason"])
                raise
        if pace.ends >= ends and not items.keys() <= report.outcomes.keys():
            raise Waiting(0, "deadline")

    def _progress(self, payload: Mapping[str, Any], ends: float, patience: float, meter: Meter | None, *,
                  tries: int) -> bool:
        """Every try has its turn: two tries are as far apart as two pieces of news."""
        while True:
            tries -= 1
            try:
                return self._told(payload, ends, patience, meter)
            except Busy as busy:
                if not tries:
                    raise Waiting(busy.retry_after or BACKOFF_CAP_SECONDS, "tokens") from busy
            except Transient:
                if not tries:
                    raise

    def _told(self, payload: Mapping[str, Any], ends: float, patience: float, meter: Meter | None) -> bool:
        left = ends - self._monotonic()
        if left < self._least:
            raise Waiting(0, "deadline")
        with self._hold(PROGRESS, self.progress, min(patience, left - self._least)):
            refused = self._tell(payload, min(self._settings.call_timeout, ends - self._monotonic()), meter)
        if refused:
            log.warning("convex refuses a status", extra={"cause": refused})
        return not refused

    def _tell(self, payload: Mapping[str, Any], seconds: float, meter: Meter | None) -> str:
        error: Exception | None = None
        try:
            return self._calls.mutate(self._settings.status_mutation, args_of(payload), deadline=seconds)
        except ContentRefused as refused:
            return refused.message
        except Busy as busy:
            error = busy
            self._hold_off(BACKOFF_SECONDS if busy.retry_after is None else busy.retry_after)
            raise
        except (Transient, Unavailable) as failed:
            error = failed
            if isinstance(failed, Unavailable):
                self._limiter.trip(PROGRESS, failed.details["reason"])
            raise
        finally:
            self._measure(error, meter)

    @property
    def _least(self) -> float:
        return min(LEAST_SECONDS, self._settings.call_timeout)

    @contextmanager
    def _hold(self, name: str, policy: Policy, patience: float) -> Iterator[None]:
        try:
            with self._limiter.hold(name, policy, patience=patience):
                yield
        except Waiting as waiting:
            if waiting.reason == "circuit":
                self._metrics.count(Metric.PROVIDER_BLOCKED, 1, PROVIDER)
            raise

    def _hold_off(self, pause: float) -> None:
        """For everybody, items and progress alike. Who asks for it holds off in any case, so this may fail."""
        for name, policy in ((PROVIDER, self.batches), (PROGRESS, self.progress)):
            try:
                self._limiter.penalise(name, policy, pause)
            except Transient as error:
                log.warning("other workers were not told to hold off", extra={"cause": error.message})

    def _measure(self, error: Exception | None, meter: Meter | None) -> None:
        """One call. A throttled one is no failure: holding off is what we are asked for."""
        throttled = isinstance(error, Busy)
        for metric, value in ((Metric.PROVIDER_CALLS, 1), (Metric.PROVIDER_THROTTLED, int(throttled)),
                              (Metric.PROVIDER_FAILURES, int(error is not None and not throttled))):
            self._metrics.count(metric, value, PROVIDER)
        if meter is not None:
            meter.add({Used.CALLS: 1, Used.FAILED_CALLS: int(error is not None)})
