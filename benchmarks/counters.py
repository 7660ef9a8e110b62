"""How many jobs never end, or end too early, by the way in which batches are counted: simulated, in seconds.

Workers finish batches at random times; now and then a queue delivers a message again, as standard queues may. Between
what a worker reads and what it writes others come in between. Three ways to count:

- read-modify-write: read the counter, write it back plus one. Two workers at once lose a count; the job stays at 13/14.
- plain ADD (seed 004's "atomic completion"): no count is lost, but a batch that comes twice counts twice, so a job may
  be `completed` while rows are still being worked on.
- the ledger's: `chalicelib.jobs.transitions`, the very code that runs, with its conditions held against what is stored
  at the moment of the write.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeAlias

from benchmarks.report import Table
from chalicelib.errors import Conflict
from chalicelib.jobs import transitions
from chalicelib.jobs.model import BatchRecord, BatchState, Job, Outcome, Status

JOBS = 1000
CONCURRENCY = 5
DUPLICATES = 0.005
LATEST_COPY = 30.0
"""A second delivery comes up to so many seconds after the first."""
WORK_SECONDS = (8.0, 2.0)
"""Mean and deviation of a batch's work, the middle of what seed 004 tells of."""
GAP = 0.015
"""Seconds from a read to the write that rests on it: two requests on a quiet network."""
ROWS = 10
AT = "2026-01-01T00:00:00.000Z"

Steps: TypeAlias = Generator[float, None, None]
"""A process of the simulation: yields the seconds until its next step."""


@dataclass(slots=True)
class Fate:
    """What became of one job. `early`: it was called completed while batches were missing."""

    total: int
    really_done: set[int] = field(default_factory=set)
    completed: bool = False
    early: bool = False

    def complete(self) -> None:
        if not self.completed:
            self.completed = True
            self.early = len(self.really_done) < self.total


Way: TypeAlias = Callable[[Fate, random.Random], Callable[[int], Steps]]
"""Makes the store of one job; answers what a worker does once the work on a batch is done."""


def run(*, quick: bool) -> Table:
    jobs = JOBS // 10 if quick else JOBS
    rows = []
    for name, way in WAYS.items():
        cells = [name]
        for batches in (14, 100):
            stuck, early = simulated(way, jobs=jobs, batches=batches)
            cells += [str(stuck), str(early)]
        rows.append(tuple(cells))
    return Table(
        f"Jobs of {jobs:,} that end wrong, {CONCURRENCY} workers, {DUPLICATES:.1%} of the messages delivered twice",
        ("counter", "14 batches: stuck", "early", "100 batches: stuck", "early"), tuple(rows),
        ("Stuck: all batches are done, the job never says so. Early: `completed` while batches are missing. "
         f"Simulated with {WORK_SECONDS[0]:.0f} ± {WORK_SECONDS[1]:.0f} s of work a batch and {GAP * 1000:.0f} ms "
         "between a read and its write.",))


def simulated(way: Way, *, jobs: int, batches: int, seed: int = 1) -> tuple[int, int]:
    """Stuck and early jobs of `jobs`. The same seed gives every way the same work and the same deliveries."""
    fates = [_one_job(way, batches, f"{seed}:{number}") for number in range(jobs)]
    return sum(not fate.completed for fate in fates), sum(fate.early for fate in fates)


def _one_job(way: Way, batches: int, seed: str) -> Fate:
    fate = Fate(batches)
    settle = way(fate, random.Random(seed + "settle"))
    deliveries = _deliveries(batches, random.Random(seed))
    agenda: list[tuple[float, int, Steps]] = []
    ticket = itertools.count()
    for _ in range(CONCURRENCY):
        heapq.heappush(agenda, (0.0, next(ticket), _worker(deliveries, settle, fate)))
    while agenda:
        now, _, process = heapq.heappop(agenda)
        for pause in process:
            heapq.heappush(agenda, (now + pause, next(ticket), process))
            break
    return fate


@dataclass(order=True, slots=True)
class _Delivery:
    visible_at: float
    batch: int
    work: float


class _Queue:
    """Messages by the time at which they can be received."""

    def __init__(self, deliveries: list[_Delivery]) -> None:
        self._waiting = deliveries
        heapq.heapify(self._waiting)

    def receive(self, now: float) -> _Delivery | float | None:
        """A message, or the seconds until there is one, or None when there will be none."""
        if not self._waiting:
            return None
        wait = self._waiting[0].visible_at - now
        return wait if wait > 0 else heapq.heappop(self._waiting)


def _deliveries(batches: int, dice: random.Random) -> _Queue:
    deliveries = []
    for batch in range(1, batches + 1):
        moment = batch * 1e-6
        deliveries.append(_Delivery(moment, batch, _work(dice)))
        if dice.random() < DUPLICATES:
            deliveries.append(_Delivery(moment + dice.uniform(0, LATEST_COPY), batch, _work(dice)))
    return _Queue(deliveries)


def _work(dice: random.Random) -> float:
    return max(0.5, dice.gauss(*WORK_SECONDS))


def _worker(queue: _Queue, settle: Callable[[int], Steps], fate: Fate) -> Steps:
    now = 0.0
    while (found := queue.receive(now)) is not None:
        if isinstance(found, float):
            now += found
            yield found
            continue
        now += found.work
        yield found.work
        fate.really_done.add(found.batch)
        for pause in settle(found.batch):
            now += pause
            yield pause


# --- the ways to count


def read_modify_write(fate: Fate, _dice: random.Random) -> Callable[[int], Steps]:
    done = 0

    def settle(_batch: int) -> Steps:
        nonlocal done
        read = done
        yield GAP
        done = read + 1
        if done >= fate.total:
            fate.complete()

    return settle


def plain_add(fate: Fate, _dice: random.Random) -> Callable[[int], Steps]:
    done = 0

    def settle(_batch: int) -> Steps:
        nonlocal done
        yield GAP
        done += 1
        if done >= fate.total:
            fate.complete()

    return settle


def ledger(fate: Fate, dice: random.Random) -> Callable[[int], Steps]:
    """The engine's: read job and batch, decide, write on condition; from the beginning after a lost race."""
    job = _planned(fate.total)
    records: dict[int, BatchRecord] = {}

    def settle(batch: int) -> Steps:
        nonlocal job
        while True:
            seen, record = job, records.get(batch)
            state = transitions.batch_state(seen, record)
            if state is BatchState.DONE:
                return
            change = transitions.done(seen, state, {Outcome.NEW: ROWS}, at=AT)
            yield GAP
            try:
                job = _written(job, change, records.get(batch) == record)
            except Conflict:
                yield dice.uniform(0, GAP)
                continue
            records[batch] = BatchRecord(batch, BatchState.DONE, job.run, ROWS)
            if job.status is Status.COMPLETED:
                fate.complete()
            return

    return settle


WAYS: dict[str, Way] = {"read-modify-write": read_modify_write, "plain ADD": plain_add, "Dropmill's ledger": ledger}


def _planned(batches: int) -> Job:
    return Job(job_id="j", owner="o", pipeline="p", status=Status.PROCESSING, file_name="f", file_key="k",
               created_at=AT, updated_at=AT, planned=True, sent=True, rows=batches * ROWS, pending=batches * ROWS,
               batches_total=batches, batches_pending=batches)


def _written(job: Job, change: transitions.Change, batch_as_read: bool) -> Job:
    """One transaction: the job's conditions and the batch's, or nothing. Raises Conflict."""
    if not batch_as_read:
        raise Conflict("the batch is no longer as it was read")
    return transitions.apply(job, change)
