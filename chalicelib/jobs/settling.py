"""Settling: what a batch has become goes into the ledger, once, in one transaction.

Read, judge, write on condition; again when anything changed in between. A lost answer, a conflict and a twin that was
faster look alike from here: the next read tells. What the batch used moves into the job in the same transaction, and
only what this call settled is counted in the metrics, so that redeliveries add nothing to them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.costs import Usage, settling, total, usd
from chalicelib.errors import Conflict, DropmillError, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.model import (
    Batch,
    BatchDetail,
    BatchEntry,
    BatchState,
    Job,
    Origin,
    Outcome,
    RowId,
    Status,
    seconds_between,
    stamp,
)
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed
from chalicelib.metrics import Metric, Metrics

if TYPE_CHECKING:
    from chalicelib.adapters.corrections import Corrections
    from chalicelib.adapters.ledger import Ledger

TRIES = 60
ROWS = {Outcome.NEW: Metric.ROWS_NEW, Outcome.UPDATED: Metric.ROWS_UPDATED, Outcome.UNCHANGED: Metric.ROWS_UNCHANGED,
        Outcome.SUPERSEDED: Metric.ROWS_SUPERSEDED, Outcome.REJECTED: Metric.ROWS_REJECTED,
        Outcome.FAILED: Metric.ROWS_FAILED}


class Seen(NamedTuple):
    """A job and the entry of one of its batches, read together."""

    job: Job
    batch: BatchDetail | None

    @property
    def state(self) -> BatchState:
        return transitions.batch_state(self.job, self.batch.record if self.batch else None)

    @property
    def stopped(self) -> bool:
        """Whether a person cancelled or undid the job: no batch of it starts, not even one that had failed before."""
        return self.job.undo is not None or self.job.status is Status.CANCELLED


class Settling(NamedTuple):
    """One try to settle a batch: what is written, and what it moves into the job."""

    job: Job
    entry: BatchEntry
    change: transitions.Change
    usage: Usage


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles batches. `sleep` and `rng` space the tries of contenders (full jitter)."""

    pipelines: Mapping[str, Pipeline]
    ledger: Ledger
    corrections: Corrections
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random
    metrics: Metrics

    def done(
        self, pipeline: Pipeline, batch: Batch, processed: Processed, seen: Seen, *, time_left: Callable[[], bool],
        used: Callable[[], Usage],
    ) -> bool:
        """The batch is processed: store its results and count its rows. False when a twin has.

        `seen` is what was read before the work began. It is tried first: the transaction's conditions find out whether
        it still holds, and mostly it does. `used` answers what this attempt used so far. Raises what the ledger raises
        when `time_left` says no, or when others were faster too often.
        """
        mine = self._word()
        tried_last: Settling | None = None
        written: tuple[str, ...] = ()
        for tried in range(TRIES):
            now = self.present(batch.job_id, batch.number) if tried else seen
            if now.state is BatchState.DONE:
                return self._was_ours(now, tried_last)
            if now.job.undo:  # nothing of an undone job comes back, however late
                if written and pipeline.undo:
                    pipeline.undo(now.job, written)
                return False
            effects = pipeline.effects(now.job, batch, processed)
            written = effects.marks if effects.elsewhere else ()
            spent = total(_unmoved(now), used(), settling(len(effects.writes)))
            entry = _entry(batch, processed, effects, self._now(), mine, _with_former(now, spent))
            displaced = transitions.tally(loss.outcome for loss in effects.displaced)
            change = transitions.done(now.job, now.state, entry.outcomes, at=self._now(), displaced=displaced)
            change = replace(change, tally=effects.tallies)
            tried_last = Settling(now.job, entry, transitions.spending(change, spent), spent)
            try:
                writes = (*effects.writes, *self.corrections.writes(batch.job_id, entry.corrects),
                          *(pipeline.noted(now.job, entry) if pipeline.noted else ()))
                self.ledger.settle(now.job, now.batch, tried_last.change, entry, writes, effects.displaced)
            except DropmillError as error:
                if not error.retryable or not time_left():
                    raise
                self._pause(tried)
                continue
            self._count(tried_last)
            return True
        raise Conflict("the batch could not be settled among so many writers", batch=batch.number)

    def failed(self, job_id: str, number: int, sheets: Mapping[int, int], cause: str) -> bool:
        """The batch is dead, whoever found out; `sheets` maps sheet to rows. False when it is no longer pending."""
        mine = self._word()
        for tried in range(TRIES):
            seen = self.present(job_id, number)
            if seen.state is not BatchState.PENDING:
                return False
            rows, now = sum(sheets.values()), self._now()
            spent = total(_unmoved(seen), settling(0))
            entry = BatchEntry(number=number, state=BatchState.FAILED, rows=rows, settled_at=now, cause=cause,
                               sheets={sheet: {Outcome.FAILED: count} for sheet, count in sheets.items()},
                               usage=_with_former(seen, spent), settled_by=mine)
            change = transitions.spending(transitions.failed(seen.job, BatchState.PENDING, rows, at=now), spent)
            try:
                noted = self.pipelines[seen.job.pipeline].noted
                self.ledger.settle(seen.job, seen.batch, change, entry, noted(seen.job, entry) if noted else ())
            except Conflict:
                self._pause(tried)
                continue
            self._count(Settling(seen.job, entry, change, spent))
            self.ledger.add_event(job_id, "batch_failed", batch=number, rows=rows, cause=cause)
            return True
        raise Conflict("the batch could not be marked failed", batch=number)

    def spent(self, job: Job, number: int, rows: int, usage: Usage, cause: str = "") -> None:
        """An attempt that settled nothing used this; `cause` says why it failed, where it has.

        It waits in the batch's entry for the settling. Where the batch is settled already it moves at once.
        """
        if self.ledger.note_attempt(job, number, rows, cause, usage) is BatchState.PENDING:
            return
        for tried in range(TRIES):
            seen = self.present(job.job_id, number)
            if seen.batch is None or seen.state is BatchState.PENDING or not seen.batch.unmoved:
                return
            try:
                self.ledger.move_usage(seen.job, seen.batch)
            except Conflict:
                self._pause(tried)
                continue
            self.metrics.count(Metric.COST_USD, usd(seen.batch.unmoved), job.pipeline)
            return

    def present(self, job_id: str, number: int) -> Seen:
        """Job and batch as they are now. Raises Malformed for a job that is gone."""
        job = self.ledger.job(job_id)
        if job is None:
            raise Malformed("the job is gone", job_id=job_id)
        return Seen(job, self.ledger.batch(job_id, number))

    def _was_ours(self, now: Seen, tried: Settling | None) -> bool:
        """Whether an answer of ours got lost: the batch is settled, and by us. It still must be counted."""
        ours = tried is not None and now.batch is not None and now.batch.entry.settled_by == tried.entry.settled_by
        if ours and tried is not None:
            self._count(tried)
        return ours

    def _count(self, settled: Settling) -> None:
        """The counters' own moves, so that the metrics' sums are the counters; but what failed has failed, also when a
        retry puts it right later."""
        job, change, name = settled.job, settled.change, settled.job.pipeline
        for outcome, metric in ROWS.items():
            moved = change.add.get(outcome.value, 0)
            if moved > 0 or (moved and outcome is not Outcome.FAILED):
                self.metrics.count(metric, moved, name)
        done = settled.entry.state is BatchState.DONE
        self.metrics.count(Metric.BATCHES_DONE if done else Metric.BATCHES_FAILED, 1, name)
        self.metrics.count(Metric.COST_USD, usd(settled.usage), name)
        if "status" in change.assign:
            count_end(self.metrics, job, Status(change.assign["status"]), str(change.assign["completed_at"]))

    def _word(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def _pause(self, tried: int) -> None:
        self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))

    def _now(self) -> str:
        return stamp(self.clock())


def count_end(metrics: Metrics, job: Job, status: Status, at: str) -> None:
    """A job has ended, at `at`. How long it took tells something in its first run: later ones waited for a person."""
    metrics.count(Metric.JOBS_ERRORED if status is Status.ERROR else Metric.JOBS_COMPLETED, 1, job.pipeline)
    if job.run == 1 and job.uploaded_at:
        metrics.count(Metric.JOB_SECONDS, max(0.0, seconds_between(job.uploaded_at, at)), job.pipeline)


def _unmoved(seen: Seen) -> Usage:
    return seen.batch.unmoved if seen.batch else {}


def _with_former(seen: Seen, spent: Usage) -> Usage:
    """What the batch used in all its life, an earlier settling as failed included."""
    return total(seen.batch.entry.usage, spent) if seen.batch else spent


def _entry(
    batch: Batch, processed: Processed, effects: Effects, at: str, by: str, usage: Usage
) -> BatchEntry:
    outcomes = dict(effects.outcomes)
    outcomes |= {RowId(reject.sheet, reject.row): Outcome.REJECTED for reject in processed.rejects}
    sheets: dict[int, dict[Outcome, int]] = {}
    for row, outcome in outcomes.items():
        counts = sheets.setdefault(row.sheet, {})
        counts[outcome] = counts.get(outcome, 0) + 1
    warnings = {f"{entry.row.sheet}:{entry.row.row}": entry.warnings for entry in processed.stored if entry.warnings}
    return BatchEntry(number=batch.number, state=BatchState.DONE, rows=len(outcomes), sheets=sheets, settled_at=at,
                      rejects=processed.rejects, duplicates=effects.duplicates, marks=effects.marks,
                      corrects=_corrected(processed), warnings=warnings, usage=usage, settled_by=by)


def _corrected(processed: Processed) -> tuple[Origin, ...]:
    """The rejects of other jobs that these rows were, and are no longer."""
    origins = [entry.origin for entry in processed.stored if entry.origin]
    return tuple(dict.fromkeys(Origin(origin["job"], origin["sheet"], origin["row"]) for origin in origins))
