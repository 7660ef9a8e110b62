"""The worker: batches become outcomes. One message at a time, each on its own, each settled once.

A message is received at least once, on several workers, in any order. Its batch's state in the ledger says whether
there is anything left to do; the settling transaction says whether somebody else was faster.

What can happen to a message:
- done, or nothing to do: acknowledged;
- waiting (tokens, circuit, deadline): a delayed copy is sent, then the original is acknowledged: no receive is spent;
- failed: back to the queue with a growing delay, until its last receive marks the batch `failed` in the ledger;
- malformed: to the dead letters as it is.

Whatever becomes of it, one line says so, and what the attempt used reaches the ledger: with the settling, or noted in
the batch's entry for the next one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.costs import SETTLING_SECONDS, Meter, Usage, batch_requests, compute, total
from chalicelib.errors import Conflict, ContentRefused, DropmillError, Malformed, RowProblem, Unavailable, Waiting
from chalicelib.jobs import intake, transitions
from chalicelib.jobs.budget import EXHAUSTED
from chalicelib.jobs.messages import BatchMessage, handed_on, parse_batch
from chalicelib.jobs.model import Batch, BatchState, Item, Job, Reject, RowId, origin_of, row_id, stamp, worksheet_of
from chalicelib.jobs.pipeline import Pipeline, Processed, Work
from chalicelib.jobs.receiving import Received, backoff, bury, dead_letters, respond
from chalicelib.jobs.settling import Seen, Settler
from chalicelib.jobs.spool import redeemed
from chalicelib.logs import bound, log
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues

CIRCUIT_WAIT = 60.0
"""Seconds until a message looks again whether a provider that refused us has been mended."""
CHEAP_SECONDS = 1.0
"""A hand-back that was faster and asked no provider used next to nothing."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One receive of a batch. `number` counts the receives of its copies too; `meter` what the provider used in it."""

    job: Job
    message: BatchMessage
    received: Received
    number: int
    began: datetime
    meter: Meter = field(default_factory=Meter)

    @property
    def identity(self) -> dict[str, Any]:
        """What every line of the attempt carries, from the request on."""
        return {"request_id": self.message.request_id or self.job.request_id, "job_id": self.job.job_id,
                "batch_id": f"{self.job.job_id}-{self.message.batch_number}", "attempt": self.number}


@dataclass(frozen=True, slots=True)
class Worker:
    """One invocation's worker for one pipeline. `remaining` answers the seconds until the platform ends it."""

    pipeline: Pipeline
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settler: Settler
    settings: Settings
    clock: Callable[[], datetime]
    rng: random.Random
    metrics: Metrics
    remaining: Callable[[], float]

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Work on the records of one SQS event; answers Lambda's partial batch response."""
        return respond(records, self._handled, queue=self.pipeline.queue, queues=self.queues, settings=self.settings,
                       metrics=self.metrics, threads=self.pipeline.threads)

    def _handled(self, received: Received) -> bool:
        """Whether the message may be acknowledged."""
        try:
            message = parse_batch(received.body)
            job = self._job_of(message, received.body)
        except Malformed as error:
            bury(received, error, queue=self.pipeline.queue, queues=self.queues)
            return True
        except Exception as error:
            log.exception("message failed before its batch was known", extra={"error": type(error).__name__})
            return False
        attempt = Attempt(job, message, received, message.failures + received.receives, self.clock())
        with bound(**attempt.identity):
            return self._attempt(attempt)

    def _attempt(self, attempt: Attempt) -> bool:
        job, message, received = attempt.job, attempt.message, attempt.received
        last = attempt.number >= self.settings.max_receives
        try:
            seen = Seen(job, self.ledger.batch(job.job_id, message.batch_number))
            if not _wanted(seen, message):
                log.info("batch needs nothing", extra={"status": seen.state.value})
                return self._told(attempt)
            if job.paused == EXHAUSTED:
                return self._out_of_budget(attempt)
            if last:
                self._note_last_chance(job, message)
            settled = self._process(seen, attempt)
            if last:
                self.ledger.clear_chance(job.job_id, message.batch_number)
        except Malformed as error:
            bury(received, error, queue=self.pipeline.queue, queues=self.queues)
            return True
        except (Waiting, Unavailable) as error:
            if isinstance(error, Waiting) and error.reason == EXHAUSTED:
                return self._out_of_budget(attempt)
            return self._hand_back(attempt, _as_waiting(error), last=last)
        except Exception as error:
            return self._failed(attempt, error)
        self._settled(attempt, ours=settled)
        return self._told(attempt)

    def at_once(self, body: str) -> bool:
        """Settle a batch of ours without a queue; False where it must take the long way.

        Nothing counts against it: whoever calls sends the message for what is not settled.
        """
        message = parse_batch(body)
        job = self._job_of(message, body)
        attempt = Attempt(job, message, Received("", "", body, 1), 1, self.clock())
        with bound(**attempt.identity):
            try:
                seen = Seen(job, self.ledger.batch(job.job_id, message.batch_number))
                if not _wanted(seen, message) or job.paused == EXHAUSTED:
                    return seen.state is BatchState.DONE
                self._settled(attempt, ours=self._process(seen, attempt))
            except Exception as error:
                self._note_use(attempt)
                _tell("batch takes the long way", "waiting", attempt, self._seconds(attempt), reason=_cause(error),
                      trace=not isinstance(error, DropmillError))
                return False
            self._told(attempt)
        return True

    def _told(self, attempt: Attempt) -> bool:
        """Whether those who follow the job know; the message waits with them, but the batch never suffers."""
        if self.pipeline.told is None:
            return True
        try:
            job = self.ledger.job(attempt.job.job_id)
            if job is not None:
                self.pipeline.told(job, attempt.message.batch_number)
        except Waiting as waiting:
            return self._hand_back(attempt, waiting, last=False)
        except Exception as error:
            log.warning("progress could not be told", extra={"error": type(error).__name__},
                        exc_info=not isinstance(error, DropmillError))
        return True

    def _job_of(self, message: BatchMessage, body: str) -> Job:
        if message.outside:
            return intake.adopt(message, body, pipeline=self.pipeline.name, ledger=self.ledger, blobs=self.blobs,
                                settings=self.settings, now=stamp(self.clock()))
        job = self.ledger.job(message.upload_id)
        if job is None or not job.planned or message.batch_number > job.batches_total:
            raise Malformed("the message belongs to no batch of ours", job_id=message.upload_id)
        return job

    def _note_last_chance(self, job: Job, message: BatchMessage) -> None:
        """If we die now, nobody else will tell: leave word for the sweeper."""
        until = stamp(self.clock() + timedelta(seconds=self.remaining() + self.settings.deadline_margin))
        self.ledger.set_chance(job, message.batch_number, until)

    # --- process

    def _process(self, seen: Seen, attempt: Attempt) -> bool:
        """False when a twin settled the batch meanwhile."""
        if not self._time_left():
            raise Waiting(0, "deadline")
        batch, refused = self._batch(seen.job, attempt.message)
        work = Work(seen.job, attempt.number, self.remaining, attempt.meter)
        processed = self._bisected(batch, work) if batch.items else Processed()
        processed = replace(processed, rejects=(*refused, *processed.rejects))
        _demand_every_row(batch, refused, processed)
        return self.settler.done(self.pipeline, batch, processed, seen, time_left=self._time_left,
                                 used=lambda: self._used(attempt))

    def _batch(self, job: Job, message: BatchMessage) -> tuple[Batch, tuple[Reject, ...]]:
        """The message's items, claim checks redeemed; rows that the reader could not take are rejects already."""
        good: list[Item] = []
        rejects: list[Reject] = []
        for item in _placed_items(message):
            item = self._redeemed(item)
            if "_error" in item:
                rejects.append(_reject(item, **item["_error"]))
            else:
                good.append(item)
        batch = Batch(job.job_id, message.batch_number, message.total_batches, tuple(good), message.columns)
        return batch, tuple(rejects)

    def _redeemed(self, item: Item) -> Item:
        try:
            return redeemed(self.blobs, item)
        except KeyError:
            problem = RowProblem.ROW_TOO_LARGE
            return {**item, "_error": {"code": problem.value, "field": "", "message": "The row's own file is gone."}}

    def _bisected(self, batch: Batch, work: Work) -> Processed:
        """Process a batch; where its content breaks the provider, halve it until the row at fault stands alone."""
        try:
            return self.pipeline.process(batch, work)
        except ContentRefused as error:
            if len(batch.items) == 1:
                return Processed(rejects=(_reject(batch.items[0], RowProblem.POISON_ROW.value, "", error.message),))
        if not self._time_left():
            raise Waiting(0, "deadline")
        middle = len(batch.items) // 2
        return _joined(self._bisected(replace(batch, items=batch.items[:middle]), work),
                       self._bisected(replace(batch, items=batch.items[middle:]), work))

    # --- what else can become of a message

    def _settled(self, attempt: Attempt, *, ours: bool) -> None:
        seconds = self._seconds(attempt)
        if ours:
            self.metrics.count(Metric.BATCH_SECONDS, seconds, self.pipeline.name)
        else:
            self._note_use(attempt)
        _tell("batch settled", "completed", attempt, seconds, byTwin=not ours)

    def _hand_back(self, attempt: Attempt, waiting: Waiting, *, last: bool) -> bool:
        """Send a copy that comes later, then let the original go. A crash in between leaves two; one will settle."""
        job, message, received = attempt.job, attempt.message, attempt.received
        copy = handed_on(received.body, failures=message.failures + received.receives - 1, waits=message.waits + 1)
        try:
            if last:
                self.ledger.clear_chance(job.job_id, message.batch_number)
            if waiting.reason == "circuit" and not job.paused:
                self._flag(job, waiting.reason)
            self.queues.send(self.pipeline.queue, copy, delay=waiting.seconds, group=job.owner)
        except Exception as error:
            log.warning("hand-back failed", extra={"reason": waiting.reason, "error": type(error).__name__})
            return False
        self._note_use(attempt, least_seconds=CHEAP_SECONDS)
        self.metrics.count(Metric.HAND_BACKS, 1, self.pipeline.name)
        _tell("batch handed back", "waiting", attempt, self._seconds(attempt), reason=waiting.reason,
              comesIn=round(waiting.seconds, 1))
        return True

    def _out_of_budget(self, attempt: Attempt) -> bool:
        """The job pauses and the message goes: whoever resumes the job sends what is missing, from the spool."""
        job, at, before = attempt.job, stamp(self.clock()), attempt.job.paused
        try:
            self.ledger.clear_chance(job.job_id, attempt.message.batch_number)
            now = self.ledger.change(job.job_id, lambda now: transitions.exhausted(now, run=job.run, at=at))
            if now.paused == EXHAUSTED and before != EXHAUSTED and now.updated_at == at:
                self.ledger.add_event(job.job_id, "paused", reason=EXHAUSTED)
        except DropmillError as error:
            log.warning("job could not be paused", extra={"error": type(error).__name__})
            return False
        self._note_use(attempt, least_seconds=CHEAP_SECONDS)
        _tell("batch waits for a budget", "waiting", attempt, self._seconds(attempt), reason=EXHAUSTED)
        return True

    def _flag(self, job: Job, reason: str) -> None:
        try:
            self.ledger.write(job, transitions.paused(job, reason=reason))
            self.ledger.add_event(job.job_id, "paused", reason=reason)
        except Conflict:
            log.debug("somebody else flagged the job", extra={"job_id": job.job_id})

    def _failed(self, attempt: Attempt, error: Exception) -> bool:
        """Back to the queue; on the last receive the ledger says `failed` first, then the queue lets it die."""
        job, message, received = attempt.job, attempt.message, attempt.received
        last = attempt.number >= self.settings.max_receives
        _tell("batch attempt failed", "failed" if last else "retrying", attempt, self._seconds(attempt),
              say=log.warning, trace=not isinstance(error, DropmillError), cause=_cause(error))
        try:
            self.settler.spent(job, message.batch_number, len(message.items), self._used(attempt), _cause(error))
            if not last:
                self.queues.change_visibility(self.pipeline.queue, received.receipt_handle,
                                              backoff(attempt.number, self.settings, self.rng))
                return False
            self.settler.failed(job.job_id, message.batch_number, _sheets_of(message), _cause(error))
            self.ledger.clear_chance(job.job_id, message.batch_number)
            if received.receives < self.settings.max_receives:
                self.queues.send_text(dead_letters(self.pipeline.queue), received.body, group=job.owner)
                return True
            self.queues.change_visibility(self.pipeline.queue, received.receipt_handle, 0)
        except Exception as trouble:
            log.exception("failure could not be recorded", extra={"error": type(trouble).__name__})
        return False

    # --- what it used

    def _note_use(self, attempt: Attempt, *, least_seconds: float = 0.0) -> None:
        """Best effort: a figure of cost must fail no message. Writing down a trifle would cost more than it."""
        if not attempt.meter.counts and self._seconds(attempt) < least_seconds:
            return
        try:
            self.settler.spent(attempt.job, attempt.message.batch_number, len(attempt.message.items),
                               self._used(attempt))
        except DropmillError as error:
            log.warning("what the attempt used could not be noted", extra={"error": type(error).__name__})

    def _used(self, attempt: Attempt) -> Usage:
        seconds = self._seconds(attempt) + SETTLING_SECONDS
        return total(attempt.meter.counts, batch_requests(), compute(self.settings.function_memory, seconds))

    def _seconds(self, attempt: Attempt) -> float:
        return max(0.0, (self.clock() - attempt.began).total_seconds())

    def _time_left(self) -> bool:
        return self.remaining() >= self.settings.deadline_margin


def _wanted(seen: Seen, message: BatchMessage) -> bool:
    """Whether there is anything to do. A pending batch of an older run has a newer message on its way."""
    if seen.stopped or seen.state in (BatchState.DONE, BatchState.CANCELLED):
        return False
    return message.outside or seen.state is BatchState.FAILED or message.run >= seen.job.reopened_run


def _tell(
    what: str, status: str, attempt: Attempt, seconds: float, *, say: Callable[..., None] = log.info,
    trace: bool = False, **details: Any,
) -> None:
    """The seeds' line of a batch: `{batch_id, status, timestamp, details}`; the formatter has the time."""
    facts = {"rows": len(attempt.message.items), "seconds": round(seconds, 3), **attempt.meter.counts, **details}
    say(what, extra={"status": status, "details": facts}, exc_info=trace)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, DropmillError) else type(error).__name__


def _placed_items(message: BatchMessage) -> list[Item]:
    return [_placed(raw, message, place) for place, raw in enumerate(message.items, start=1)]


def _placed(raw: Any, message: BatchMessage, place: int) -> Item:
    """An item with its row identity. Rows from outside have none of their own: their place in the batch is it."""
    own = {"_worksheet": message.source_file or "message", "_sheet": message.batch_number, "_row": place}
    if not isinstance(raw, dict):
        problem = RowProblem.MALFORMED_ROW
        return {**own, "_error": {"code": problem.value, "field": "", "message": problem.sentence}}
    if not message.outside:
        return raw
    texts = {str(name): value if isinstance(value, str) else str(value) for name, value in raw.items()
             if value is not None and not str(name).startswith("_")}
    worksheet = raw.get("_worksheet")
    return {**texts, **own, **({"_worksheet": worksheet} if isinstance(worksheet, str) else {})}


def _reject(item: Item, code: str, field: str, message: str) -> Reject:
    sheet, row = row_id(item)
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), code, field, message, cells, origin_of(item))


def _demand_every_row(batch: Batch, refused: Sequence[Reject], processed: Processed) -> None:
    """The promise itself: every row in comes out, once. A pipeline that breaks it must not settle."""
    rows = [row_id(item) for item in batch.items] + [RowId(reject.sheet, reject.row) for reject in refused]
    answered = [entry.row for entry in processed.stored]
    answered += [RowId(reject.sheet, reject.row) for reject in processed.rejects]
    if sorted(answered) != sorted(rows):
        raise DropmillError("the pipeline did not account for every row", rows=len(rows), answered=len(answered))


def _joined(first: Processed, second: Processed) -> Processed:
    return Processed((*first.stored, *second.stored), (*first.rejects, *second.rejects))


def _sheets_of(message: BatchMessage) -> dict[int, int]:
    sheets: dict[int, int] = {}
    for item in _placed_items(message):
        sheet = row_id(item).sheet
        sheets[sheet] = sheets.get(sheet, 0) + 1
    return sheets


def _as_waiting(error: Waiting | Unavailable) -> Waiting:
    return error if isinstance(error, Waiting) else Waiting(CIRCUIT_WAIT, "circuit")
