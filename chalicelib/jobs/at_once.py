"""A small job worked off inside the request that brought it: the same plan, the same batches, the same settling.

A job that is done at once differs from one that came through the queue in nothing but who worked on it. What is not
settled when the time is up, or will not settle at the first try, goes the long way: the splitter sends whatever the
ledger has not settled. Lambda runs nothing after the answer, so that message goes out before it; a crash before that
leaves an open job that stands still, which the sweeper finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.jobs.messages import batch_text, split_message
from chalicelib.jobs.model import Job, stamp
from chalicelib.jobs.splitter import Splitter
from chalicelib.jobs.spool import Spool
from chalicelib.jobs.worker import Worker
from chalicelib.logs import bound
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues


@dataclass(frozen=True, slots=True)
class AtOnce:
    """One request's work on one job. `splitter` and `worker` know how much time is left."""

    splitter: Splitter
    worker: Worker
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]

    def run(self, job: Job) -> Job:
        """Take the job as far as the time allows; answers it as it then is. Not ended means: it goes on in the queue.

        Raises FileRefused for a file that cannot become rows; the job has then ended with that code.
        """
        with bound(job_id=job.job_id, request_id=job.request_id):
            planned = self.splitter.plan(job)
            if planned is not None and not planned.status.terminal:
                self._settle(planned)
            now = self.ledger.job(job.job_id) or job
            if not now.status.terminal:
                self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)
            return now

    def send(self, job: Job) -> None:
        """Leave all of it to the queue."""
        self.queues.send(self.settings.split_queue, split_message(job.job_id), group=job.owner)

    def _settle(self, job: Job) -> None:
        spool, at = Spool(self.blobs, job.job_id), stamp(self.clock())
        for part in range(1, job.plan_parts + 1):
            for entry, text in spool.texts(part, spool.index(part)):
                late = self.worker.remaining() < self.settings.deadline_margin
                if late or not self.worker.at_once(batch_text(job, entry, text, stage=self.settings.stage, at=at)):
                    return
