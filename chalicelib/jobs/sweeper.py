"""The sweeper: finds jobs that do not move, and settles or re-sends what is missing.

Every step of a job may be lost: the S3 event, the split message, the splitter, a batch's message, its worker. Each
loss leaves a job that is open and has not moved for a while; the ledger says where it stands, and that says what to do.

A queue that is merely slow must not be fed: a batch is sent again only after two sweeps in a row found the queue empty
and the job where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict, DropmillError, FileProblem
from chalicelib.jobs import transitions
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import BatchState, Job, Status, stamp
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.jobs.settling import Settler
from chalicelib.jobs.spool import Spool
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues


@dataclass(frozen=True, slots=True)
class Sweeper:
    """One sweep."""

    pipelines: Mapping[str, Pipeline]
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settler: Settler
    settings: Settings
    clock: Callable[[], datetime]

    def sweep(self) -> dict[str, int]:
        """Look at every open job; answers what was done, by word. One job's trouble does not keep others waiting."""
        done: dict[str, int] = {}
        for job in self.ledger.open_jobs():
            try:
                acts = self._look(job)
            except DropmillError as error:
                log.warning("sweep could not help a job", extra={"job_id": job.job_id, "cause": error.message})
                acts = "failed"
            if acts:
                done[acts] = done.get(acts, 0) + 1
        log.info("sweep done", extra=done)
        return done

    def _look(self, job: Job) -> str:
        if self._fail_the_dead(job):
            return "failed_batches"
        if job.status is Status.UPLOADING:
            return self._find_upload(job)
        if not self._idle(job):
            return ""
        if not job.sent:
            return self._split_again(job)
        return self._send_lost_batches(job)

    def _fail_the_dead(self, job: Job) -> bool:
        """Batches on their last receive whose worker cannot be alive any more."""
        now = stamp(self.clock())
        dead = [number for number, until in self.ledger.chances(job.job_id) if until < now]
        for number in dead:
            self.settler.failed(job.job_id, number, self._sheets_of(job, number), "the worker died on its last receive")
            self.ledger.clear_chance(job.job_id, number)
        return bool(dead)

    def _sheets_of(self, job: Job, number: int) -> dict[int, int]:
        detail = self.ledger.batch(job.job_id, number)
        if job.outside and detail is not None:
            return {number: detail.entry.rows}
        return next(dict(entry.sheets) for _, entry in Spool(self.blobs, job.job_id).slices(job.plan_parts)
                    if entry.number == number)

    def _find_upload(self, job: Job) -> str:
        """The S3 event was lost, or the upload never came."""
        head = self.blobs.head(job.file_key) if self._idle(job) else None
        if head is not None:
            change = transitions.uploaded(job, at=stamp(head.last_modified), bucket=self.blobs.bucket,
                                          version_id=head.version_id, size=head.size)
            self.ledger.write(job, change)
            self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
            self.ledger.add_event(job.job_id, "upload_found")
            return "found_uploads"
        expired = self._age(job.created_at) > timedelta(seconds=self.settings.upload_expires + 600)
        if not expired:
            return ""
        problem = FileProblem.UPLOAD_NEVER_FINISHED
        self._end(job, problem)
        return "expired_uploads"

    def _split_again(self, job: Job) -> str:
        """The splitter is gone: planning or sending stands still. Its own queue must be empty, too."""
        if self.queues.depth(self.settings.split_queue).total or not self._second_sight(job):
            return ""
        if job.resends >= self.settings.max_resends and not job.planned:
            self._end(job, FileProblem.SPLIT_FAILED)
            return "failed_splits"
        self._count_resend(job)
        self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
        self.ledger.add_event(job.job_id, "split_again")
        return "split_again"

    def _send_lost_batches(self, job: Job) -> str:
        queue = self.pipelines[job.pipeline].queue
        if self.queues.depth(queue).total or not self._second_sight(job):
            return ""
        if job.resends >= self.settings.max_resends:
            return self._fail_lost_batches(job)
        self._count_resend(job)
        with suppress(Conflict):
            now = self.ledger.job(job.job_id) or job
            self.ledger.write(now, transitions.sending_anew(now))
        self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
        self.ledger.add_event(job.job_id, "sent_again", batches=job.batches_pending)
        return "sent_again"

    def _fail_lost_batches(self, job: Job) -> str:
        """Sent again and again, never settled: the job must not stay open for ever."""
        if job.outside:
            self.ledger.change(job.job_id, lambda now: transitions.forced(now, at=stamp(self.clock()), by="sweeper"))
            return "failed_batches"
        known = {detail.entry.number: transitions.batch_state(job, detail.record)
                 for detail in self.ledger.batches(job.job_id, job.batches_total)}
        for _, entry in Spool(self.blobs, job.job_id).slices(job.plan_parts):
            if known.get(entry.number, BatchState.PENDING) is BatchState.PENDING:
                self.settler.failed(job.job_id, entry.number, entry.sheets, "lost again and again")
        return "failed_batches"

    # --- judging

    def _idle(self, job: Job) -> bool:
        return self._age(job.updated_at) >= timedelta(seconds=self.settings.sweep_idle_seconds)

    def _second_sight(self, job: Job) -> bool:
        """Whether the sweep before saw the job at this very place; leaves a mark for the next one."""
        mark = f"{job.run}/{job.plan_parts}/{job.sent_parts}/{job.batches_pending}/{job.resends}"
        if job.idle_mark == mark:
            return True
        with suppress(Conflict):
            self.ledger.write(job, transitions.seen_idle(job, mark=mark))
        return False

    def _count_resend(self, job: Job) -> None:
        with suppress(Conflict):
            self.ledger.write(job, transitions.resent(job))

    def _end(self, job: Job, problem: FileProblem) -> None:
        at = stamp(self.clock())
        error = {"code": problem.value, "message": problem.sentence, "timestamp": at,
                 "recoverable": problem is FileProblem.SPLIT_FAILED}
        self.ledger.write(job, transitions.refused(job, at=at, error=error))
        self.ledger.add_event(job.job_id, "error", cause=problem.value)

    def _age(self, at: str) -> timedelta:
        return self.clock() - datetime.fromisoformat(at.replace("Z", "+00:00"))
