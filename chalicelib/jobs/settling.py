"""Settling: what a batch has become goes into the ledger, once, in one transaction.

Read, judge, write on condition; again when anything changed in between. A lost answer, a conflict and a twin that was
faster look alike from here: the next read tells.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict, DropmillError, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.model import Batch, BatchDetail, BatchEntry, BatchState, Job, Outcome, RowId, stamp
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger

TRIES = 60


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles batches. `sleep` and `rng` space the tries of contenders (full jitter)."""

    ledger: Ledger
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random

    def done(
        self, pipeline: Pipeline, batch: Batch, processed: Processed, *, time_left: Callable[[], bool]
    ) -> None:
        """The batch is processed: store its results and count its rows. Nothing to do when a twin has.

        Raises what the ledger raises when `time_left` says no, or when others were faster too often.
        """
        for tried in range(TRIES):
            job, known = self._present(batch.job_id, batch.number)
            state = transitions.batch_state(job, known.record if known else None)
            if state is BatchState.DONE:
                return
            effects = pipeline.effects(job, batch, processed)
            entry = _entry(batch, processed, effects, self._now())
            change = transitions.done(job, state, entry.outcomes, at=self._now(),
                                      displaced=transitions.tally(loss.outcome for loss in effects.displaced))
            try:
                self.ledger.settle(job, known, change, entry, effects.writes, effects.displaced)
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
            job, known = self._present(job_id, number)
            if transitions.batch_state(job, known.record if known else None) is not BatchState.PENDING:
                return False
            rows, now = sum(sheets.values()), self._now()
            entry = BatchEntry(number=number, state=BatchState.FAILED, rows=rows, settled_at=now, cause=cause,
                               sheets={sheet: {Outcome.FAILED: count} for sheet, count in sheets.items()})
            try:
                self.ledger.settle(job, known, transitions.failed(job, BatchState.PENDING, rows, at=now), entry)
            except Conflict:
                self._pause(tried)
                continue
            self.ledger.add_event(job_id, "batch_failed", batch=number, rows=rows, cause=cause)
            return True
        raise Conflict("the batch could not be marked failed", batch=number)

    def _present(self, job_id: str, number: int) -> tuple[Job, BatchDetail | None]:
        job = self.ledger.job(job_id)
        if job is None:
            raise Malformed("the job is gone", job_id=job_id)
        return job, self.ledger.batch(job_id, number)

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
