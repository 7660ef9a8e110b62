"""The sweeper: finds jobs that do not move, and settles or re-sends what is missing.

Every step of a job may be lost: the S3 event, the split message, the splitter, a batch's message, its worker. Each
loss leaves a job that is open and has not moved for a while; the ledger says where it stands, and that says what to do.

A queue that is merely slow must not be fed: a batch is sent again only after two sweeps in a row found the queue empty
and the job where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict, DropmillError, FileProblem
from chalicelib.jobs import transitions
from chalicelib.jobs.budget import EXHAUSTED
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import BatchState, Job, Status, stamp
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.jobs.settling import Settler, count_end
from chalicelib.jobs.spool import Spool
from chalicelib.logs import bound, log
from chalicelib.metrics import Metric, Metrics
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
    metrics: Metrics
    clock: Callable[[], datetime]

    def sweep(self) -> dict[str, int]:
        """Look at every open job; answers what was done, by word. One job's trouble does not keep others waiting."""
        done: dict[str, int] = {}
        seen, oldest = 0, 0.0
        depth = cache(lambda queue: self.queues.depth(queue).total)  # before this sweep itself sends anything
        with self.metrics.invocation():
            for job in self.ledger.open_jobs():
                seen, oldest = seen + 1, max(oldest, self._busy_seconds(job))
                with bound(job_id=job.job_id, request_id=job.request_id):
                    if acts := self._helped(job, depth):
                        done[acts] = done.get(acts, 0) + 1
            self._measure(seen, oldest, sum(done.values()))
        log.info("sweep done", extra={**done, "open_jobs": seen})
        return done

    def _helped(self, job: Job, depth: Callable[[str], int]) -> str:
        try:
            return self._look(job, depth)
        except Exception as error:
            log.warning("sweep could not help a job", extra={"error": type(error).__name__},
                        exc_info=not isinstance(error, DropmillError))
            return "failed"

    def _measure(self, seen: int, oldest: float, findings: int) -> None:
        """A sweep that fails half way counts as none: an alarm waits for sweeps that end."""
        for metric, value in ((Metric.SWEEPS, 1), (Metric.OPEN_JOBS, seen), (Metric.OLDEST_JOB_SECONDS, oldest),
                              (Metric.SWEEP_FINDINGS, findings)):
            self.metrics.count(metric, value)

    def _busy_seconds(self, job: Job) -> float:
        """How long a job has been at it in this run; one that waits for its file or a person is not."""
        waits = job.status is Status.UPLOADING or (job.paused and job.paused != "circuit")
        return 0.0 if waits or not job.uploaded_at else self._age(job.reopened_at or job.uploaded_at).total_seconds()

    def _look(self, job: Job, depth: Callable[[str], int]) -> str:
        if dead := self._dead(job):
            self._fail(job, dead, "the worker died on its last receive")
            return "failed_batches"
        if job.status is Status.UPLOADING:
            return self._find_upload(job)
        if job.paused == EXHAUSTED or not self._idle(job):
            return ""
        queue = self.pipelines[job.pipeline].queue if job.sent else self.settings.split_queue
        if not self._stuck(job, empty=depth(queue) == 0):
            return ""
        if job.resends >= self.settings.max_resends:
            return self._give_up(job)
        return self._send_anew(job)

    # --- uploads

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

    # --- what is lost

    def _send_anew(self, job: Job) -> str:
        """The splitter is gone, or messages are: it takes the job up where the ledger says."""
        with suppress(Conflict):
            self.ledger.write(job, transitions.resent(job))
        if job.sent:
            with suppress(Conflict):
                now = self.ledger.job(job.job_id) or job
                self.ledger.write(now, transitions.sending_anew(now))
        self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
        self.ledger.add_event(job.job_id, "sent_again" if job.sent else "split_again", batches=job.batches_pending)
        return "sent_again" if job.sent else "split_again"

    def _give_up(self, job: Job) -> str:
        """Sent again and again, never settled: the job must not stay open for ever."""
        if not job.planned:
            self._end(job, FileProblem.SPLIT_FAILED)
            return "failed_splits"
        known = {detail.entry.number: transitions.batch_state(job, detail.record)
                 for detail in self.ledger.batches(job.job_id, job.batches_total)}
        lost = [number for number in range(1, job.batches_total + 1)
                if known.get(number, BatchState.PENDING) is BatchState.PENDING]
        self._fail(job, lost, "lost again and again")
        return "failed_batches"

    # --- what is dead

    def _dead(self, job: Job) -> list[int]:
        """Batches on their last receive whose worker cannot be alive any more.

        A chance of an earlier run says nothing: the new run sent anew whatever was missing.
        """
        now = stamp(self.clock())
        chances = list(self.ledger.chances(job.job_id))
        for chance in chances:
            if chance.run != job.run:
                self.ledger.clear_chance(job.job_id, chance.number)
        return [chance.number for chance in chances if chance.run == job.run and chance.until < now]

    def _fail(self, job: Job, numbers: Sequence[int], cause: str) -> None:
        """Mark batches failed. Where nothing says what is in them, all that is missing fails in one write."""
        try:
            sheets = self._sheets(job, numbers)
        except KeyError:
            by = "sweeper"
            self.ledger.change(job.job_id, lambda now: transitions.forced(now, at=stamp(self.clock()), by=by))
            self.ledger.add_event(job.job_id, "forced", by=by, cause=cause)
            return
        for number in numbers:
            self.settler.failed(job.job_id, number, sheets[number], cause)
            self.ledger.clear_chance(job.job_id, number)

    def _sheets(self, job: Job, numbers: Sequence[int]) -> dict[int, Mapping[int, int]]:
        """The rows of batches by sheet. Raises KeyError for what nobody knows: the spool is gone, or it never came."""
        known: dict[int, Mapping[int, int]]
        if job.outside:
            known = {detail.entry.number: {detail.entry.number: detail.entry.rows}
                     for detail in self.ledger.batches(job.job_id, job.batches_total)}
        else:
            known = {entry.number: entry.sheets for _, entry in Spool(self.blobs, job.job_id).slices(job.plan_parts)}
        return {number: known[number] for number in numbers}

    # --- judging

    def _idle(self, job: Job) -> bool:
        return self._age(job.updated_at) >= timedelta(seconds=self.settings.sweep_idle_seconds)

    def _stuck(self, job: Job, *, empty: bool) -> bool:
        """Whether two sweeps in a row saw the job at this very place, and the queue of its next step empty."""
        place = f"{job.run}/{job.plan_parts}/{job.sent_parts}/{job.batches_pending}/{job.resends}"
        mark = place if empty else ""
        if mark and job.idle_mark == mark:
            return True
        if job.idle_mark != mark:
            with suppress(Conflict):
                self.ledger.write(job, transitions.seen_idle(job, mark=mark))
        return False

    def _end(self, job: Job, problem: FileProblem) -> None:
        at = stamp(self.clock())
        error = {"code": problem.value, "message": problem.sentence, "timestamp": at,
                 "recoverable": problem is FileProblem.SPLIT_FAILED}
        self.ledger.write(job, transitions.refused(job, at=at, error=error))
        count_end(self.metrics, job, Status.ERROR, at)
        self.ledger.add_event(job.job_id, "error", cause=problem.value)

    def _age(self, at: str) -> timedelta:
        return self.clock() - datetime.fromisoformat(at.replace("Z", "+00:00"))
