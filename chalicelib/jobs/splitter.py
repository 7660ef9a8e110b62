"""The splitter: a job becomes batches. Plan, then send.

Plan: one streaming pass over the pinned object version cuts batches by count and bytes into the spool, with a
checkpoint per part; at the end totals and the claim on the file's identity go into the ledger in one transaction.
Send: what the spool holds and the ledger has not settled, part by part, with a checkpoint per part.

Everything is deterministic, so two splitters on one job write the same bytes under the same keys, and whoever is
slower finds his checkpoint taken and goes on. Near its deadline the splitter asks for another invocation and returns:
no file is too long for a timeout.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.costs import Usage, compute, planned_part, sent, total
from chalicelib.errors import Conflict, FileProblem, FileRefused, Malformed
from chalicelib.jobs import corrections, transitions
from chalicelib.jobs.corrections import LARGEST_BATCH, Linked, Links
from chalicelib.jobs.cutting import cut, fitting, json_bytes
from chalicelib.jobs.identity import claim_of
from chalicelib.jobs.messages import SplitMessage, batch_text, head_bytes, parse_split, split_message
from chalicelib.jobs.model import BatchState, Item, Job, Status, stamp
from chalicelib.jobs.pipeline import Pipeline, Reading
from chalicelib.jobs.receiving import Consumer
from chalicelib.jobs.settling import count_end
from chalicelib.jobs.spool import PART_BYTES, Cut, Part, Spool, outside_key
from chalicelib.logs import bound, log
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues

SIZING_ITEMS = 1001
"""Items read before the batch size is chosen: files above the largest class of S4's tuning table are cut alike."""


@dataclass(slots=True)
class Laps:
    """Cuts the invocation's time into what each checkpoint took."""

    at: datetime | None = None

    def begin(self, now: datetime) -> None:
        self.at = now

    def next(self, now: datetime) -> float:
        """Seconds since the last one."""
        seconds = (now - self.at).total_seconds() if self.at else 0.0
        self.at = now
        return seconds


@dataclass(frozen=True, slots=True)
class Splitter:
    """One invocation's splitter. `remaining` answers the seconds until the platform ends it."""

    pipelines: Mapping[str, Pipeline]
    ledger: Ledger
    mappings: Mappings
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    rng: random.Random
    metrics: Metrics
    remaining: Callable[[], float]
    laps: Laps = field(default_factory=Laps)

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Split what the records of one SQS event ask for; answers Lambda's partial batch response."""
        return Consumer(self.settings.split_queue, self.queues, self.settings, self.rng, self.metrics,
                        run=lambda body: self._asked(parse_split(body)),
                        give_up=lambda body, cause: self.give_up(parse_split(body).job_id, cause)).work(records)

    def _asked(self, message: SplitMessage) -> None:
        began = self.clock()
        with bound(job_id=message.job_id, request_id=message.request_id):
            job = self.split(message.job_id)
            if job is not None:
                seconds = (self.clock() - began).total_seconds()
                self.metrics.count(Metric.SPLIT_SECONDS, seconds, job.pipeline)
                with bound(request_id=job.request_id):
                    log.info("job split", extra={"seconds": round(seconds, 3)})

    def split(self, job_id: str) -> Job | None:
        """Take a job as far as time allows: planned, then sent. Harmless at any time, any number of times.

        Answers the job as it was found, None where there was nothing to do. Raises Malformed for a job that does not
        exist and Transient when trying again may help.
        """
        self.laps.begin(self.clock())
        job = self.ledger.job(job_id)
        if job is None:
            raise Malformed("there is no such job", job_id=job_id)
        if job.status.terminal or job.status is Status.UPLOADING:
            return None
        if job.outside and not job.planned:
            return None  # its first batch is on its way; there is no file
        with bound(request_id=job.request_id):
            self._split(job)
        return job

    def _split(self, job: Job) -> None:
        try:
            planned = job if job.planned else self._plan(job)
        except FileRefused as refusal:
            self._refuse(job, refusal)
            return
        if planned is None or not (planned.sent or self._send(planned)):
            self.queues.send(self.settings.split_queue, split_message(job.job_id))

    def plan(self, job: Job) -> Job | None:
        """Plan a job and send nothing; answers it with totals or ended, None when time ran out.

        Raises FileRefused once the job has ended with that code.
        """
        self.laps.begin(self.clock())
        try:
            return job if job.planned else self._plan(job)
        except FileRefused as refusal:
            self._refuse(job, refusal)
            raise

    def give_up(self, job_id: str, cause: str) -> None:
        """The last attempt has failed: the job ends `error`, recoverable by retry."""
        problem = FileProblem.SPLIT_FAILED
        self._end(job_id, {"code": problem.value, "message": problem.sentence, "recoverable": True}, cause)

    # --- plan

    def _plan(self, job: Job) -> Job | None:
        """The job with totals, or ended as a duplicate; None when time ran out."""
        pipeline = self.pipelines[job.pipeline]
        with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
            path = str(Path(folder) / "upload")
            sha256 = self._fetch(job, path)
            claim = "" if job.again else claim_of(job, sha256, pipeline.result_options)
            holder = self._live_holder(job, claim)
            if holder:
                return self._end_as_duplicate(job, holder, sha256)
            return self._cut(job, pipeline, path, sha256, claim)

    def _fetch(self, job: Job, path: str) -> str:
        if job.file_size == 0:
            raise FileRefused(FileProblem.EMPTY_FILE)
        if job.file_size > self.settings.max_upload_bytes:
            raise FileRefused(FileProblem.FILE_TOO_LARGE, limit=self.settings.max_upload_bytes)
        try:
            return self.blobs.download(job.file_key, path, job.version_id)
        except KeyError:
            raise FileRefused(FileProblem.UPLOAD_NEVER_FINISHED, "The uploaded object is gone.") from None

    def _cut(self, job: Job, pipeline: Pipeline, path: str, sha256: str, claim: str) -> Job | None:
        options = {**job.options, "maxRows": self.settings.max_rows, "memory": self.mappings.of_job(job), "job": job}
        links = Links(job, self.ledger)
        reading = Linked(pipeline.read(path, job.file_name, options), links)
        items = iter(reading)
        head = list(itertools.islice(items, SIZING_ITEMS))
        if not head:
            raise FileRefused(FileProblem.NO_ROWS)
        size = pipeline.batch_size(len(head), job.options)
        job = self._begin(job, min(size, LARGEST_BATCH) if reading.returned else size)
        spool = Spool(self.blobs, job.job_id)
        batches = self._batches(spool, itertools.chain(head, items), job, pipeline.items_key, reading)
        part = Part(1, 1)
        rows = 0
        for each in batches:
            part.add(each)
            rows += each.rows
            if rows > self.settings.max_rows:
                raise FileRefused(FileProblem.TOO_MANY_ROWS, limit=self.settings.max_rows)
            if len(part.cuts) >= self.settings.part_batches or part.size >= PART_BYTES:
                progress = part.number > job.plan_parts
                job = self._checkpoint(spool, job, part, rows)
                part = Part(part.number + 1, part.first_batch + len(part.cuts))
                if progress and self._late():
                    return None
        if part.cuts:
            job = self._checkpoint(spool, job, part, rows)
            part = Part(part.number + 1, part.first_batch + len(part.cuts))
        self._link(job, links)
        return self._finish(job, part, rows, reading.sheets, sha256, claim)

    def _link(self, job: Job, links: Links) -> None:
        """A corrected file of rejects says whose rejects they are, and those jobs hear of it."""
        if not links.linked and not links.ignored:
            return
        for parent_id in links.met:
            self.ledger.change(parent_id, lambda now: corrections.corrected_by(now, child=job.job_id))
        self.ledger.change(job.job_id, lambda now: corrections.corrects(
            now, run=job.run, parent=links.first, ignored=links.ignored))
        self.ledger.add_event(job.job_id, "corrects", jobs=links.met, rows=links.linked, ignored=links.ignored)

    def _begin(self, job: Job, size: int) -> Job:
        """Pin the batch size, once; the choice of a twin or of an earlier run is as good.

        Raises Conflict when the job is no longer ours.
        """
        def decide(now: Job) -> transitions.Change | None:
            if now.run != job.run or now.status.terminal:
                raise Conflict("the job moved before it was planned", job_id=job.job_id)
            if now.batch_size and now.status is Status.PROCESSING:
                return None
            return transitions.planning(now, at=self._now(), batch_size=now.batch_size or size)
        return self.ledger.change(job.job_id, decide)

    def _batches(
        self, spool: Spool, items: Iterator[Item], job: Job, items_key: str, reading: Reading
    ) -> Iterator[Cut]:
        """As many items as a batch has are one; where they are too long for one message, several."""
        room = self.settings.message_bytes - head_bytes(job, stage=self.settings.stage, at=self._now())
        while batch := list(itertools.islice(items, job.batch_size)):
            whole = cut(batch, items_key, reading.columns)
            if len(whole.text) <= room:
                yield whole
                continue
            light = [spool.put_row(item) if len(json_bytes(item)) > room // 2 else item for item in batch]
            for part in fitting(light, room, reading.columns):
                yield cut(part, items_key, reading.columns)

    def _checkpoint(self, spool: Spool, job: Job, part: Part, rows: int) -> Job:
        """Write a part unless an earlier attempt did. Raises Conflict when the job was cancelled meanwhile."""
        if part.number <= job.plan_parts:
            return job
        spool.write(part)
        batches = part.first_batch + len(part.cuts) - 1
        change = transitions.part_planned(job, part=part.number, rows=rows, batches=batches)
        try:
            return self.ledger.write(job, self._paid(change, planned_part()))
        except Conflict:
            return self._overtaken(job, part.number)

    def _paid(self, change: transitions.Change, requests: Usage) -> transitions.Change:
        """The change, which also tells what was used since the one before; only one of twins succeeds with it."""
        lap = self.laps.next(self.clock())
        return transitions.spending(change, total(compute(self.settings.function_memory, lap), requests))

    def _overtaken(self, job: Job, part: int) -> Job:
        """A twin wrote this checkpoint, or a lost answer did: go on. Otherwise the job is no longer ours."""
        now = self.ledger.job(job.job_id)
        if now is None or now.run != job.run or now.status is not Status.PROCESSING or now.plan_parts < part:
            raise Conflict("the job moved while it was being planned", job_id=job.job_id)
        return now

    def _finish(self, job: Job, part: Part, rows: int, sheets: Any, sha256: str, claim: str) -> Job | None:
        change = transitions.planned(job, at=self._now(), rows=rows, batches=part.first_batch - 1,
                                     parts=part.number - 1, sha256=sha256)
        stale = self.ledger.claim_holder(claim) if claim else ""
        if claim and (holder := self._live_holder(job, claim)):
            return self._end_as_duplicate(job, holder, sha256)
        try:
            self.ledger.finish_plan(job, change, sheets, claim, stale)
        except Conflict:
            now = self.ledger.job(job.job_id)
            if now is not None and now.planned:
                return now
            if holder := self._live_holder(job, claim):
                return self._end_as_duplicate(job, holder, sha256)
            raise
        self.ledger.add_event(job.job_id, "planned", rows=rows, batches=part.first_batch - 1)
        return self.ledger.job(job.job_id)

    def _live_holder(self, job: Job, claim: str) -> str:
        """The job whose rows this file already is; nothing when the claim is free, ours or stale."""
        holder_id = self.ledger.claim_holder(claim) if claim else ""
        if not holder_id or holder_id == job.job_id:
            return ""
        holder = self.ledger.job(holder_id)
        return holder_id if holder is not None and holder.holds_its_file else ""

    def _end_as_duplicate(self, job: Job, holder: str, sha256: str) -> Job:
        ended = self.ledger.change(job.job_id, lambda now: None if now.status.terminal else transitions.duplicate(
            now, at=self._now(), of=holder, sha256=sha256))
        self.blobs.delete_prefix(f"work/{job.job_id}/")
        self.ledger.add_event(job.job_id, "duplicate", of=holder)
        return ended

    # --- send

    def _send(self, job: Job) -> bool:
        """Send every batch that is not settled; False when time ran out. A twin's checkpoint is as good as ours."""
        if job.outside:
            return self._send_outside(job)
        spool = Spool(self.blobs, job.job_id)
        for part in range(job.sent_parts + 1, job.plan_parts + 1):
            messages = self._send_part(job, spool, part)
            change = self._paid(transitions.part_sent(job, part=part, parts=job.plan_parts), sent(messages))
            try:
                job = self.ledger.write(job, change)
            except Conflict:
                now = self.ledger.job(job.job_id)
                if now is None or now.run != job.run or now.status.terminal:
                    return True
                if now.sent_parts < part:
                    return False
                job = now
            if self._late() and not job.sent:
                return False
        return True

    def _send_part(self, job: Job, spool: Spool, part: int) -> int:
        """Answers how many messages went out."""
        index = spool.index(part)
        settled = {detail.entry.number for detail in
                   self.ledger.batches(job.job_id, index[-1].number, first=index[0].number)
                   if transitions.batch_state(job, detail.record) is not BatchState.PENDING}
        missing = [entry for entry in index if entry.number not in settled]
        at = self._now()
        texts = [batch_text(job, entry, text, stage=self.settings.stage, at=at)
                 for entry, text in spool.texts(part, missing)]
        self.queues.send_many(self.pipelines[job.pipeline].queue, texts, group=job.owner)
        return len(texts)

    def _send_outside(self, job: Job) -> bool:
        """Bodies that came from outside lie one by one; batches that never arrived cannot be sent."""
        for detail in self.ledger.batches(job.job_id, job.batches_total):
            if transitions.batch_state(job, detail.record) is BatchState.PENDING:
                body = self.blobs.get(outside_key(job.job_id, detail.entry.number))
                self.queues.send_text(self.pipelines[job.pipeline].queue, body.decode(), group=job.owner)
        self.ledger.write(job, transitions.part_sent(job, part=1, parts=1))
        return True

    # --- ends

    def _refuse(self, job: Job, refusal: FileRefused) -> None:
        error = {"code": refusal.code.value, "message": refusal.message, "details": dict(refusal.details),
                 "recoverable": refusal.recoverable}
        ended = self._end(job.job_id, error, refusal.code.value)
        log.info("file refused", extra={"code": refusal.code.value})
        if not ended.planned:
            self.blobs.delete_prefix(f"work/{job.job_id}/")

    def _end(self, job_id: str, error: Mapping[str, Any], cause: str) -> Job:
        at = self._now()
        job = self.ledger.change(job_id, lambda now: None if now.status.terminal or now.planned else
                                 transitions.refused(now, at=at, error={**error, "timestamp": at}))
        if job.status is Status.ERROR:
            count_end(self.metrics, job, Status.ERROR, at)
            self.ledger.add_event(job_id, "error", cause=cause)
        return job

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin

    def _now(self) -> str:
        return stamp(self.clock())
