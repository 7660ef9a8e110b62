"""Settling: what a batch has become goes into the ledger, once, in one transaction.

Read, judge, write on condition; again when anything changed in between. A lost answer, a conflict and a twin that was
faster look alike from here: the next read tells.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.errors import Conflict, DropmillError, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.model import Batch, BatchDetail, BatchEntry, BatchState, Job, Outcome, RowId, stamp
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger

TRIES = 60


class Seen(NamedTuple):
    """A job and the entry of one of its batches, read together."""

    job: Job
    batch: BatchDetail | None

    @property
    def state(self) -> BatchState:
        return transitions.batch_state(self.job, self.batch.record if self.batch else None)


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles batches. `sleep` and `rng` space the tries of contenders (full jitter)."""

    ledger: Ledger
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random

    def done(
        self, pipeline: Pipeline, batch: Batch, processed: Processed, seen: Seen, *, time_left: Callable[[], bool]
    ) -> None:
        """The batch is processed: store its results and count its rows. Nothing to do when a twin has.

        `seen` is what was read before the work began. It is tried first: the transaction's conditions find out whether
        it still holds, and mostly it does. Raises what the ledger raises when `time_left` says no, or when others were
        faster too often.
        """
        for tried in range(TRIES):
            now = self.present(batch.job_id, batch.number) if tried else seen
            job = now.job
            if now.state is BatchState.DONE:
                return
            effects = pipeline.effects(job, batch, processed)
            entry = _entry(batch, processed, effects, self._now())
            change = transitions.done(job, now.state, entry.outcomes, at=self._now(),
                                      displaced=transitions.tally(loss.outcome for loss in effects.displaced))
            try:
                self.ledger.settle(job, now.batch, change, entry, effects.writes, effects.displaced)
            except DropmillError as error:
                if not error.retryable or not time_left():
                    raise
                self._pause(tried)
                continue
            return
        raise Conflict("the batch could not be settled among so many writers", batch=batch.number)

    def failed(self, job_id: str, number: int, sheets: Mapping[int, int], cause: str) -> bool:
        """The batch is dead, whoever found out; `sheets` maps sheet to rows. False when it is no longer pending."""
        for tried in range(TRIES):
            seen = self.present(job_id, number)
            if seen.state is not BatchState.PENDING:
                return False
            rows, now = sum(sheets.values()), self._now()
            entry = BatchEntry(number=number, state=BatchState.FAILED, rows=rows, settled_at=now, cause=cause,
                               sheets={sheet: {Outcome.FAILED: count} for sheet, count in sheets.items()})
            try:
                change = transitions.failed(seen.job, BatchState.PENDING, rows, at=now)
                self.ledger.settle(seen.job, seen.batch, change, entry)
            except Conflict:
                self._pause(tried)
                continue
            self.ledger.add_event(job_id, "batch_failed", batch=number, rows=rows, cause=cause)
            return True
        raise Conflict("the batch could not be marked failed", batch=number)

    def present(self, job_id: str, number: int) -> Seen:
        """Job and batch as they are now. Raises Malformed for a job that is gone."""
        job = self.ledger.job(job_id)
        if job is None:
            raise Malformed("the job is gone", job_id=job_id)
        return Seen(job, self.ledger.batch(job_id, number))

    def _pause(self, tried: int) -> None:
        self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))

    def _now(self) -> str:
        return stamp(self.clock())


def _entry(batch: Batch, processed: Processed, effects: Effects, at: str) -> BatchEntry:
    outcomes = dict(effects.outcomes)
    outcomes |= {RowId(reject.sheet, reject.row): Outcome.REJECTED for reject in processed.rejects}
    sheets: dict[int, dict[Outcome, int]] = {}
    for row, outcome in outcomes.items():
        counts = sheets.setdefault(row.sheet, {})
        counts[outcome] = counts.get(outcome, 0) + 1
    warnings = {f"{entry.row.sheet}:{entry.row.row}": entry.warnings for entry in processed.stored if entry.warnings}
    return BatchEntry(number=batch.number, state=BatchState.DONE, rows=len(outcomes), sheets=sheets, settled_at=at,
                      rejects=processed.rejects, duplicates=effects.duplicates, warnings=warnings,
                      usage=processed.usage)
