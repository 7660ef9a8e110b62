"""The worker: batches become outcomes. One message at a time, each on its own, each settled once.

A message is received at least once, on several workers, in any order. Its batch's state in the ledger says whether
there is anything left to do; the settling transaction says whether somebody else was faster.

What can happen to a message:
- done, or nothing to do: acknowledged;
- waiting (tokens, circuit, deadline): a delayed copy is sent, then the original is acknowledged: no receive is spent;
- failed: back to the queue with a growing delay, until its last receive marks the batch `failed` in the ledger;
- malformed: to the dead letters as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Conflict, ContentRefused, DropmillError, Malformed, RowProblem, Unavailable, Waiting
from chalicelib.jobs import intake, transitions
from chalicelib.jobs.messages import BatchMessage, handed_on, parse_batch
from chalicelib.jobs.model import (
    Batch,
    BatchDetail,
    BatchEntry,
    BatchState,
    Item,
    Job,
    Outcome,
    Reject,
    RowId,
    row_id,
    stamp,
)
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed, Work
from chalicelib.jobs.spool import redeemed
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues

SETTLE_TRIES = 60
CIRCUIT_WAIT = 60.0
"""Seconds until a message looks again whether a provider that refused us has been mended."""



@dataclass(frozen=True, slots=True)
class Received:
    """A message as the event source hands it over. `receives` counts this one."""

    message_id: str
    receipt_handle: str
    body: str
    receives: int


@dataclass(frozen=True, slots=True)
class Worker:
    """One invocation's worker for one pipeline. `remaining` answers the seconds until the platform ends it."""

    pipeline: Pipeline
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random
    remaining: Callable[[], float]

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Work on the records of one SQS event; answers Lambda's partial batch response.

        Where the mapping does not honour such answers (`PARTIAL_BATCH` unset), the good messages are deleted here and
        the failure is raised, so that nothing good is repeated and nothing bad is lost.
        """
        received = [_received(record) for record in records]
        failures = [message for message in received if not self._handled(message)]
        if failures and not self.settings.partial_batch:
            for message in received:
                if message not in failures:
                    self.queues.delete(self.pipeline.queue, message.receipt_handle)
            raise DropmillError("messages failed", count=len(failures))
        return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in failures]}

    def _handled(self, received: Received) -> bool:
        """Whether the message may be acknowledged."""
        try:
            message = parse_batch(received.body)
            job = self._job_of(message, received.body)
        except Malformed as error:
            self._bury(received, error)
            return True
        except Exception as error:
            log.exception("message failed before its batch was known", extra={"error": type(error).__name__})
            return False
        return self._attempt(job, message, received)

    def _attempt(self, job: Job, message: BatchMessage, received: Received) -> bool:
        attempt = message.failures + received.receives
        facts = {"job_id": job.job_id, "batch_id": f"{job.job_id}-{message.batch_number}", "attempt": attempt}
        last = attempt >= self.settings.max_receives
        try:
            if not self._wanted(job, message):
                return True
            if last:
                self._note_last_chance(job, message)
            self._process(job, message, attempt)
        except Malformed as error:
            self._bury(received, error)
            return True
        except (Waiting, Unavailable) as error:
            return self._hand_back(job, message, received, _as_waiting(error), last=last)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}" if isinstance(error, DropmillError) else type(error).__name__
            log.warning("batch attempt failed", extra={**facts, "cause": cause}, exc_info=not _expected(error))
            return self._failed(job, message, received, attempt, cause)
        if last:
            self.ledger.clear_chance(job.job_id, message.batch_number)
        log.info("batch settled", extra={**facts, "rows": len(message.items)})
        return True

    def _job_of(self, message: BatchMessage, body: str) -> Job:
        if message.outside:
            return intake.adopt(message, body, pipeline=self.pipeline.name, ledger=self.ledger, blobs=self.blobs,
                                settings=self.settings, now=self._now())
        job = self.ledger.job(message.upload_id)
        if job is None or not job.planned or message.batch_number > job.batches_total:
            raise Malformed("the message belongs to no batch of ours", job_id=message.upload_id)
        return job

    def _wanted(self, job: Job, message: BatchMessage) -> bool:
        detail = self.ledger.batch(job.job_id, message.batch_number)
        state = transitions.batch_state(job, detail.record if detail else None)
        if state in (BatchState.DONE, BatchState.CANCELLED):
            return False
        superseded = state is BatchState.PENDING and message.run < job.reopened_run
        return not superseded

    def _note_last_chance(self, job: Job, message: BatchMessage) -> None:
        """If we die now, nobody else will tell: leave word for the sweeper."""
        until = stamp(self.clock() + timedelta(seconds=self.remaining() + self.settings.deadline_margin))
        self.ledger.set_chance(job.job_id, message.batch_number, until)

    # --- process

    def _process(self, job: Job, message: BatchMessage, attempt: int) -> None:
        if self.remaining() < self.settings.deadline_margin:
            raise Waiting(0, "deadline")
        batch, refused = self._batch(job, message)
        processed = self._bisected(batch, Work(job, attempt, self.remaining)) if batch.items else Processed()
        processed = replace(processed, rejects=(*refused, *processed.rejects))
        _demand_every_row(message_rows(batch, refused), processed)
        self._settle(job.job_id, batch, processed, attempt)

    def _batch(self, job: Job, message: BatchMessage) -> tuple[Batch, tuple[Reject, ...]]:
        """The message's items, claim checks redeemed; rows that the reader could not take are rejects already."""
        good: list[Item] = []
        rejects: list[Reject] = []
        for place, raw in enumerate(message.items, start=1):
            item = _placed(raw, message, place)
            try:
                item = redeemed(self.blobs, item)
            except KeyError:
                item = {**item, "_error": {"code": RowProblem.ROW_TOO_LARGE.value, "field": "",
                                           "message": "The row's own file is gone."}}
            if "_error" in item:
                rejects.append(_reject(item, **item["_error"]))
            else:
                good.append(item)
        batch = Batch(job.job_id, message.batch_number, message.total_batches, tuple(good), message.columns)
        return batch, tuple(rejects)

    def _bisected(self, batch: Batch, work: Work) -> Processed:
        """Process a batch; where its content breaks the provider, halve it until the row at fault stands alone."""
        try:
            return self.pipeline.process(batch, work)
        except ContentRefused as error:
            if len(batch.items) == 1:
                problem = RowProblem.POISON_ROW
                return Processed(rejects=(_reject(batch.items[0], problem.value, "", error.message),))
        if self.remaining() < self.settings.deadline_margin:
            raise Waiting(0, "deadline")
        middle = len(batch.items) // 2
        first = self._bisected(replace(batch, items=batch.items[:middle]), work)
        second = self._bisected(replace(batch, items=batch.items[middle:]), work)
        return _joined(first, second)

    # --- settle

    def _settle(self, job_id: str, batch: Batch, processed: Processed, attempt: int) -> None:
        """Read, judge, write in one transaction; again when anything changed in between."""
        for tried in range(SETTLE_TRIES):
            job, known = self._present(job_id, batch.number)
            state = transitions.batch_state(job, known.record if known else None)
            if state is BatchState.DONE:
                return
            effects = self.pipeline.effects(job, batch, processed)
            entry = _entry(batch, processed, effects, self._now())
            change = transitions.done(job, state, _total(entry), at=self._now(),
                                      displaced=transitions.tally(loss.outcome for loss in effects.displaced))
            try:
                self.ledger.settle(job, known, change, entry, effects.writes, effects.displaced)
            except DropmillError as error:
                if not error.retryable or self.remaining() < self.settings.deadline_margin / 2:
                    raise
                self._pause(tried)
                continue
            return
        raise Conflict("the batch could not be settled among so many writers", attempt=attempt)

    def _present(self, job_id: str, number: int) -> tuple[Job, BatchDetail | None]:
        job = self.ledger.job(job_id)
        if job is None:
            raise Malformed("the job is gone", job_id=job_id)
        return job, self.ledger.batch(job_id, number)

    # --- what else can become of a message

    def _hand_back(
        self, job: Job, message: BatchMessage, received: Received, waiting: Waiting, *, last: bool
    ) -> bool:
        """Send a copy that comes later, then let the original go. A crash in between leaves two; one will settle."""
        try:
            if last:
                self.ledger.clear_chance(job.job_id, message.batch_number)
            if waiting.reason == "circuit" and not job.paused:
                self._flag(job, waiting.reason)
            copy = handed_on(received.body, failures=message.failures + received.receives - 1, waits=message.waits + 1)
            self.queues.send(self.pipeline.queue, copy, delay=waiting.seconds, group=job.owner)
        except Exception as error:
            log.warning("hand-back failed", extra={"job_id": job.job_id, "error": type(error).__name__})
            return False
        log.info("batch handed back", extra={
            "job_id": job.job_id, "batch_id": f"{job.job_id}-{message.batch_number}", "reason": waiting.reason,
            "seconds": round(waiting.seconds, 1)})
        return True

    def _flag(self, job: Job, reason: str) -> None:
        try:
            self.ledger.write(job, transitions.paused(job, reason=reason))
            self.ledger.add_event(job.job_id, "paused", reason=reason)
        except Conflict:
            log.debug("somebody else flagged the job", extra={"job_id": job.job_id})

    def _failed(self, job: Job, message: BatchMessage, received: Received, attempt: int, cause: str) -> bool:
        """Back to the queue; on the last receive the ledger says `failed` first, then the queue lets it die."""
        try:
            self.ledger.note_attempt(job, message.batch_number, len(message.items), cause)
            if attempt < self.settings.max_receives:
                self.queues.change_visibility(self.pipeline.queue, received.receipt_handle, self._backoff(attempt))
                return False
            mark_failed(job.job_id, message.batch_number, _sheets_of(message), cause, ledger=self.ledger,
                        now=self._now(), pause=self._pause)
            self.ledger.clear_chance(job.job_id, message.batch_number)
            if received.receives >= self.settings.max_receives:
                return False
            self.queues.send_text(dead_letters(self.pipeline.queue), received.body, group=job.owner)
        except Exception as error:
            log.exception("failure could not be recorded", extra={"job_id": job.job_id, "error": type(error).__name__})
            return False
        return True

    def _bury(self, received: Received, error: Malformed) -> None:
        log.error("malformed message", extra={"message_id": received.message_id, "problem": error.message,
                                              **{name: str(value) for name, value in error.details.items()}})
        self.queues.send_text(dead_letters(self.pipeline.queue), received.body)

    def _backoff(self, attempt: int) -> float:
        """Exponential with full jitter, in seconds."""
        most = min(self.settings.backoff_cap, self.settings.backoff_base * 2 ** (attempt - 1))
        return self.rng.uniform(most / 2, most)

    def _pause(self, attempt: int) -> None:
        self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(attempt, 7))))

    def _now(self) -> str:
        return stamp(self.clock())


def mark_failed(
    job_id: str, number: int, sheets: Mapping[int, int], cause: str, *, ledger: Ledger, now: str,
    pause: Callable[[int], None],
) -> bool:
    """Settle a pending batch as failed, whoever finds out; False when it is no longer pending."""
    for tried in range(SETTLE_TRIES):
        job = ledger.job(job_id)
        known = ledger.batch(job_id, number)
        if job is None or transitions.batch_state(job, known.record if known else None) is not BatchState.PENDING:
            return False
        rows = sum(sheets.values())
        entry = BatchEntry(number=number, state=BatchState.FAILED, rows=rows, settled_at=now, cause=cause,
                           sheets={sheet: {Outcome.FAILED: count} for sheet, count in sheets.items()})
        try:
            ledger.settle(job, known, transitions.failed(job, BatchState.PENDING, rows, at=now), entry)
        except Conflict:
            pause(tried)
            continue
        ledger.add_event(job_id, "batch_failed", batch=number, rows=rows, cause=cause)
        return True
    raise Conflict("the batch could not be marked failed", job_id=job_id, batch=number)


def dead_letters(queue: str) -> str:
    """The name of a queue's dead letter queue, as the template gives it."""
    return f"{queue}-dlq"


def message_rows(batch: Batch, refused: Sequence[Reject]) -> set[RowId]:
    return {row_id(item) for item in batch.items} | {RowId(reject.sheet, reject.row) for reject in refused}


def _received(record: Mapping[str, Any]) -> Received:
    return Received(record["messageId"], record["receiptHandle"], record["body"],
                    int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)))


def _placed(raw: Any, message: BatchMessage, place: int) -> Item:
    """An item with its row identity. Rows from outside have none of their own: their place in the batch is it."""
    own = {"_worksheet": message.source_file or "message", "_sheet": message.batch_number, "_row": place}
    if not isinstance(raw, dict):
        return {**own, "_error": {"code": RowProblem.MALFORMED_ROW.value, "field": "",
                                  "message": RowProblem.MALFORMED_ROW.sentence}}
    cells = {str(name): value for name, value in raw.items()}
    if not message.outside:
        return cells
    texts = {name: value if isinstance(value, str) else str(value) for name, value in cells.items()
             if value is not None and not name.startswith("_")}
    worksheet = cells.get("_worksheet")
    return {**texts, **own, **({"_worksheet": worksheet} if isinstance(worksheet, str) else {})}


def _reject(item: Item, code: str, field: str, message: str) -> Reject:
    sheet, row = row_id(item)
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, str(item["_worksheet"]), code, field, message, cells)


def _demand_every_row(rows: set[RowId], processed: Processed) -> None:
    """The promise itself: every row in comes out, once. A pipeline that breaks it must not settle."""
    answered = [entry.row for entry in processed.stored]
    answered += [RowId(reject.sheet, reject.row) for reject in processed.rejects]
    if len(answered) != len(rows) or set(answered) != rows:
        raise DropmillError("the pipeline did not account for every row", rows=len(rows), answered=len(answered))


def _joined(first: Processed, second: Processed) -> Processed:
    usage = {name: first.usage.get(name, 0) + second.usage.get(name, 0) for name in {*first.usage, *second.usage}}
    return Processed((*first.stored, *second.stored), (*first.rejects, *second.rejects), usage)


def _entry(batch: Batch, processed: Processed, effects: Effects, at: str) -> BatchEntry:
    sheets: dict[int, dict[Outcome, int]] = {}
    outcomes = {**effects.outcomes, **{RowId(reject.sheet, reject.row): Outcome.REJECTED
                                       for reject in processed.rejects}}
    for row, outcome in outcomes.items():
        counts = sheets.setdefault(row.sheet, {})
        counts[outcome] = counts.get(outcome, 0) + 1
    warnings = {f"{entry.row.sheet}:{entry.row.row}": entry.warnings for entry in processed.stored if entry.warnings}
    return BatchEntry(number=batch.number, state=BatchState.DONE, rows=len(outcomes), sheets=sheets, settled_at=at,
                      rejects=processed.rejects, duplicates=effects.duplicates, warnings=warnings,
                      usage=processed.usage)


def _total(entry: BatchEntry) -> dict[Outcome, int]:
    total: dict[Outcome, int] = {}
    for counts in entry.sheets.values():
        for outcome, count in counts.items():
            total[outcome] = total.get(outcome, 0) + count
    return total


def _sheets_of(message: BatchMessage) -> dict[int, int]:
    sheets: dict[int, int] = {}
    for place, raw in enumerate(message.items, start=1):
        sheet = row_id(_placed(raw, message, place)).sheet
        sheets[sheet] = sheets.get(sheet, 0) + 1
    return sheets


def _as_waiting(error: Waiting | Unavailable) -> Waiting:
    return error if isinstance(error, Waiting) else Waiting(CIRCUIT_WAIT, "circuit")


def _expected(error: Exception) -> bool:
    return isinstance(error, DropmillError)
