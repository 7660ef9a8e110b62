"""Undo: what a job wrote is put back, batch by batch, unless it was changed since.

Only a job that has ended can be undone. The undoing begins with one write that starts a new run: a batch that is still
on its way settles before it or, on that run's account, never. Then the batches' marks are given to the pipeline in
order, with a checkpoint after each step; a step that is done again gives the same answers, so its counts are the same.

The job keeps its status and counters, which say what it did; the undo's own counters say what became of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Conflict, Malformed, RequestProblem, RequestRefused
from chalicelib.jobs.model import MESSAGE_VERSION, BatchDetail, Job, Undo, stamp
from chalicelib.jobs.pipeline import Pipeline, PutBack, Undone
from chalicelib.jobs.transitions import Change
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.corrections import Corrections
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.sqs import Queues
    from chalicelib.adapters.undo_notes import UndoNotes

STEP_BATCHES = 20
"""Batches between two checkpoints."""


def undo(
    job_id: str, *, by: str, ledger: Ledger, queues: Queues, settings: Settings, clock: Callable[[], datetime]
) -> Job:
    """Begin to undo a job; asked again, it only makes sure that somebody works on it. Raises CANNOT_UNDO.

    The message goes out before the job says so: a crash in between leaves either nothing or an undo that goes on.
    """
    job = ledger.job(job_id)
    if job is None:
        raise KeyError(job_id)
    begun(job, at=stamp(clock()), by=by)
    if job.undo is not Undo.DONE:
        queues.send(settings.tasks_queue, undo_message(job, by), group=job.owner)
    return _begin(job_id, run=job.run, at=stamp(clock()), by=by, ledger=ledger)


def undo_message(job: Job, by: str) -> dict[str, Any]:
    """The task that undoes a job as it was read; a job that moved on meanwhile is left alone."""
    return {"v": MESSAGE_VERSION, "task": "undo", "jobId": job.job_id, "run": job.run, "by": by}


def begun(job: Job, *, at: str, by: str) -> Change | None:
    """The undo begins, in a run of its own. None when it has begun before; CANNOT_UNDO while the job goes on."""
    if job.undo:
        return None
    if not job.status.terminal:
        raise RequestRefused(RequestProblem.CANNOT_UNDO, status=job.status.value)
    return Change(assign={"undo": Undo.RUNNING, "undo_by": by, "undo_at": at, "updated_at": at}, add={"run": 1},
                  require={"run": job.run, "status": job.status})


def stepped(job: Job, *, upto: int, undone: Sequence[Undone], at: str) -> Change:
    """The batches up to `upto` are undone. A twin that was faster makes this a Conflict."""
    counts = {f"undo_{became.value}": sum(1 for one in undone if one.became is became) for became in PutBack}
    return Change(assign={"undo_batches": upto, "updated_at": at},
                  add={name: count for name, count in counts.items() if count},
                  require={"run": job.run, "undo": Undo.RUNNING, "undo_batches": job.undo_batches})


def ended(job: Job, *, at: str) -> Change | None:
    """Every batch is undone."""
    if job.undo is Undo.DONE:
        return None
    return Change(assign={"undo": Undo.DONE, "undone_at": at, "updated_at": at},
                  require={"run": job.run, "undo": Undo.RUNNING, "undo_batches": job.undo_batches})


def stopped(job_id: str, *, cause: str, ledger: Ledger) -> None:
    """The last attempt has failed. What is undone stays so; asking for the undo again takes it up."""
    ledger.add_event(job_id, "undo_stopped", cause=cause)


@dataclass(frozen=True, slots=True)
class Undoer:
    """One invocation's work on undoing jobs. `remaining` answers the seconds until the platform ends it."""

    pipelines: Mapping[str, Pipeline]
    ledger: Ledger
    corrections: Corrections
    undo_notes: UndoNotes
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]

    def run(self, job_id: str, *, run: int, by: str) -> None:
        """Take an undo as far as time allows. Harmless at any time, any number of times, also at once.

        Raises Malformed for a job that does not exist, Transient when trying again may help.
        """
        try:
            job = _begin(job_id, run=run, at=self._now(), by=by, ledger=self.ledger)
        except KeyError:
            raise Malformed("there is no such job", job_id=job_id) from None
        except RequestRefused:
            log.info("the job moved on before its undo began", extra={"job_id": job_id})
            return
        while job.undo is Undo.RUNNING:
            if job.undo_batches >= job.batches_total:
                self._end(job)
                return
            job = self._step(job)
            if self._late() and job.undo is Undo.RUNNING and job.undo_batches < job.batches_total:
                self.queues.send(self.settings.tasks_queue, undo_message(job, by), group=job.owner)
                return

    def _step(self, job: Job) -> Job:
        """Undo some batches and say so; whoever was faster has said the same."""
        first, upto = job.undo_batches + 1, min(job.undo_batches + STEP_BATCHES, job.batches_total)
        details = list(self.ledger.batches(job.job_id, upto, first=first))
        self.corrections.reopen(job.job_id, [origin for detail in details for origin in detail.entry.corrects])
        undone = self._put_back(job, details)
        kept = [one for one in undone if one.became is PutBack.KEPT]
        if kept:
            self.undo_notes.put(job.job_id, upto, kept)
        try:
            return self.ledger.write(job, stepped(job, upto=upto, undone=undone, at=self._now()))
        except Conflict:
            return self.ledger.job(job.job_id) or job

    def _put_back(self, job: Job, details: Sequence[BatchDetail]) -> Sequence[Undone]:
        marks = [mark for detail in details for mark in detail.entry.marks]
        put_back = self.pipelines[job.pipeline].undo
        if marks and put_back is None:
            raise Malformed("the pipeline cannot undo", job_id=job.job_id)
        return put_back(job, marks) if put_back and marks else ()

    def _end(self, job: Job) -> None:
        job = self.ledger.change(job.job_id, lambda now: ended(now, at=self._now()))
        found = job.undo_removed + job.undo_restored + job.undo_unchanged + job.undo_kept
        wrote = job.new + job.updated + job.unchanged
        if found != wrote:  # a job of a version that kept no marks
            log.error("an undo did not find all that the job wrote",
                      extra={"job_id": job.job_id, "wrote": wrote, "found": found})
        self.ledger.add_event(job.job_id, "undone", removed=job.undo_removed, restored=job.undo_restored,
                              unchanged=job.undo_unchanged, kept=job.undo_kept, missed=wrote - found)

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin

    def _now(self) -> str:
        return stamp(self.clock())


def _begin(job_id: str, *, run: int, at: str, by: str, ledger: Ledger) -> Job:
    began: list[bool] = []

    def decide(now: Job) -> Change | None:
        if now.undo is None and now.run != run:
            raise RequestRefused(RequestProblem.CANNOT_UNDO, "The job has moved on.", status=now.status.value)
        change = begun(now, at=at, by=by)
        began[:] = [change is not None]
        return change

    job = ledger.change(job_id, decide)
    if began[0]:
        ledger.add_event(job_id, "undo_started", by=by)
    return job
