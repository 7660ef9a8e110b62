"""Redrive: a dead letter goes back on its queue, and the ledger says so first.

Reopen, send, and only then may the letter be deleted: a crash in between leaves a letter that is still dead, or two
messages of one batch, of which one settles. What a letter is worth is judged by the ledger, never by the letter: its
batch may have been done, retried, cancelled or undone meanwhile, and all of that makes a redrive harmless.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.costs import settling, total
from chalicelib.errors import Conflict, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.budget import EXHAUSTED
from chalicelib.jobs.intake import outside_job_id
from chalicelib.jobs.messages import BatchMessage, parse_batch, parse_split, revived, split_message
from chalicelib.jobs.model import BatchDetail, BatchEntry, BatchState, Job, Status, stamp
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.sqs import Queues

TRIES = 60
SPLIT, TASKS = "split", "tasks"
"""Names of the two queues that carry no batches."""


class Fate(StrEnum):
    """What becomes of a letter that goes back on its queue; `MEANINGS` has a sentence for each."""

    RUNS_AGAIN = "runs_again"
    RUNS = "runs"
    ALL_RUN_AGAIN = "all_run_again"
    SPLITS_AGAIN = "splits_again"
    TASK_RUNS_AGAIN = "task_runs_again"
    WAITS = "waits"
    BECOMES_JOB = "becomes_job"
    DONE = "done"
    CANCELLED = "cancelled"
    UNDONE = "undone"
    COMES_BACK = "comes_back"

    @property
    def sentence(self) -> str:
        return MEANINGS[self]


MEANINGS: Mapping[Fate, str] = {
    Fate.RUNS_AGAIN: "Its job is reopened, its failed rows are pending again, and it is worked on anew.",
    Fate.RUNS: "Its batch is still pending: it is worked on.",
    Fate.ALL_RUN_AGAIN: "Its job was ended by force: all that is missing of it is reopened and sent anew.",
    Fate.SPLITS_AGAIN: "Its file is cut into batches, or what is missing of its job is sent.",
    Fate.TASK_RUNS_AGAIN: "Its task is taken up where it stood; one that was given up for good stays so.",
    Fate.WAITS: "Its job has used up its budget: it is laid aside until somebody resumes the job.",
    Fate.BECOMES_JOB: "It came from outside and belongs to no job yet: it makes one.",
    Fate.DONE: "Its work was done meanwhile: it is recognised and counts nothing.",
    Fate.CANCELLED: "Its job was cancelled: nothing is done; resuming the job sends what is missing.",
    Fate.UNDONE: "Its job was undone: nothing is done.",
    Fate.COMES_BACK: "Nobody understands it, or its job is gone: it comes back as a dead letter."}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a dead letter is about and would become. `number` 0: no batch; `problem`: why nobody understands it."""

    fate: Fate
    job: Job | None = None
    number: int = 0
    rows: int | None = None
    detail: BatchDetail | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Redriver:
    """Judges dead letters and puts them back. `parse_task` raises Malformed for what is no task."""

    ledger: Ledger
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random
    parse_task: Callable[[str], object]

    def judge(self, thing: str, body: str) -> Verdict:
        """What would become of a letter of the queue `thing`; touches nothing."""
        try:
            if thing == TASKS:
                self.parse_task(body)
                return Verdict(Fate.TASK_RUNS_AGAIN)
            if thing == SPLIT:
                return self._judge_split(parse_split(body).job_id)
            return self._judge_batch(thing, parse_batch(body))
        except Malformed as error:
            problems = error.details.get("problems")
            told = ", ".join(problems) if isinstance(problems, list) else error.message
            return Verdict(Fate.COMES_BACK, problem=told)

    def put_back(self, verdict: Verdict, thing: str, queue: str, body: str, *, by: str, group: str) -> None:
        """Reopen what the letter is about, then send it. Deleting it is the caller's.

        Raises Transient when trying again may help; all of it may be done again at any time.
        """
        job = verdict.job
        if job is None:
            self.queues.send_text(queue, body, group=group)
            return
        if thing == SPLIT:
            self.ledger.change(job.job_id, lambda now: transitions.split_anew(now, at=self._now(), by=by))
        elif verdict.fate is not Fate.DONE:
            job = self._reopened(job.job_id, verdict.number, by)
            body = revived(body, run=job.run)
            self.ledger.clear_chance(job.job_id, verdict.number)  # from now on the message itself is the chance
        self.queues.send_text(queue, body, group=job.owner)

    # --- judging

    def _judge_split(self, job_id: str) -> Verdict:
        job = self.ledger.job(job_id)
        if job is None:
            return Verdict(Fate.COMES_BACK, problem="there is no such job")
        again = transitions.split_anew(job, at="", by="") is not None
        if job.status.terminal and not again:
            return Verdict(_ended(job), job)
        return Verdict(Fate.SPLITS_AGAIN, job)

    def _judge_batch(self, thing: str, message: BatchMessage) -> Verdict:
        job = self.ledger.job(outside_job_id(message, thing) if message.outside else message.upload_id)
        number, rows = message.batch_number, len(message.items)
        if job is None and message.outside:
            return Verdict(Fate.BECOMES_JOB, None, number, rows)
        if job is None or _stranger(job, message):
            return Verdict(Fate.COMES_BACK, None, number, rows, problem="it belongs to no batch of ours")
        detail = self.ledger.batch(job.job_id, number)
        return Verdict(_fate(job, detail), job, number, rows, detail)

    # --- reopening

    def _reopened(self, job_id: str, number: int, by: str) -> Job:
        """The job, with this batch pending again if it had failed. Two letters of one batch reopen it once."""
        for tried in range(TRIES):
            job = self.ledger.job(job_id)
            if job is None:
                raise Conflict("the job is gone by now", job_id=job_id)
            known = self.ledger.batch(job_id, number)
            state = transitions.batch_state(job, known.record if known else None)
            change = transitions.redriven(job, state, known.entry.rows if known else 0, at=self._now(), by=by)
            if change is None:
                return job
            try:
                return self._reopen_all(job, change) if known is None or change.pour else self._reopen(
                    job, known, change)
            except Conflict:
                self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
        raise Conflict("the batch could not be reopened among so many writers", batch=number)

    def _reopen(self, job: Job, known: BatchDetail, change: transitions.Change) -> Job:
        """One batch, in one transaction with the job's counters. A splitter that still sends must begin anew."""
        spent = total(known.unmoved, settling(0))
        entry = BatchEntry(number=known.entry.number, state=BatchState.PENDING, rows=known.entry.rows, sheets={},
                           settled_at="", cause=known.entry.cause, usage=total(known.entry.usage, spent))
        self.ledger.settle(job, known, transitions.spending(change, spent), entry)
        if not job.sent:
            self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
        return self.ledger.job(job.job_id) or job

    def _reopen_all(self, job: Job, change: transitions.Change) -> Job:
        reopened = self.ledger.write(job, change)
        self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
        return reopened

    def _now(self) -> str:
        return stamp(self.clock())


def _stranger(job: Job, message: BatchMessage) -> bool:
    """Whether the job has no such batch: the worker would refuse it."""
    if message.outside:
        return job.planned and (not job.outside or job.batches_total != message.total_batches)
    return not job.planned or message.batch_number > job.batches_total


def _fate(job: Job, detail: BatchDetail | None) -> Fate:
    state = transitions.batch_state(job, detail.record if detail else None)
    if state is BatchState.DONE:
        return Fate.DONE
    if job.undo:
        return Fate.UNDONE
    if job.status is Status.CANCELLED:
        return Fate.CANCELLED
    if job.paused == EXHAUSTED:
        return Fate.WAITS
    if state is BatchState.PENDING:
        return Fate.RUNS
    change = transitions.redriven(job, state, 0, at="", by="")
    return Fate.ALL_RUN_AGAIN if change is not None and change.pour else Fate.RUNS_AGAIN


def _ended(job: Job) -> Fate:
    """Of a split request that finds its job at an end."""
    if job.undo:
        return Fate.UNDONE
    return Fate.CANCELLED if job.status is Status.CANCELLED else Fate.DONE
