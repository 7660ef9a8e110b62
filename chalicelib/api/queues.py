"""All work queues as they stand, explained, and the latest redrives; for operators.

Numbers come from the live queues, concurrency and batch size from the event sources that app.py declares. How fast a
queue drains is measured on the jobs that feed it, and left unsaid where it cannot be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Protocol

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Records
from chalicelib.adapters.sqs import Queues
from chalicelib.api.auth import Caller, Role
from chalicelib.api.queue_bands import Figures, band_of, share_of, words
from chalicelib.api.queue_models import Depth, QueuesAnswer, QueueView
from chalicelib.api.redrive_record import latest, status
from chalicelib.api.work_queues import CARRIES, physical
from chalicelib.jobs.model import Job, Status, seconds_between, stamp
from chalicelib.jobs.receiving import dead_letters
from chalicelib.settings import Settings

MOST_OPEN_JOBS = 50
"""Open jobs that are read for the pace; with more of them it is not told."""


class Source(Protocol):
    """An event source as `app.py` declares it; others than queues have none of these."""

    queue: str | None
    batch_size: int
    maximum_concurrency: int | None


def listing(
    caller: Caller, sources: Iterable[object], *, ledger: Ledger, records: Records, queues: Queues, settings: Settings,
    clock: Callable[[], datetime],
) -> QueuesAnswer:
    """Every work queue. Raises FORBIDDEN."""
    caller.require(Role.OPERATOR)
    listening: dict[str, Source] = {each.queue: each for each in sources if getattr(each, "queue", None)}  # type: ignore[attr-defined, misc]
    rates = _rates(list(islice(ledger.open_jobs(), MOST_OPEN_JOBS + 1)), stamp(clock()))
    views = [_view(name, listening[physical(name, settings)], rates.get(name), queues, settings) for name in CARRIES]
    return QueuesAnswer(stage=settings.stage, as_of=stamp(clock()), queues=tuple(views),
                        redrives=tuple(status(each, clock) for each in latest(records, clock())))


def concurrency_setting(name: str) -> str:
    """The variable that bounds a queue's workers, where there is one."""
    field = Settings.model_fields.get(f"{name}_max_concurrency")
    return str(field.alias) if field else ""


def _view(name: str, source: Source, rate: float | None, queues: Queues, settings: Settings) -> QueueView:
    queue = physical(name, settings)
    live, dead = queues.facts(queue), queues.facts(dead_letters(queue))
    depth, buried = _depth(live), _depth(dead)
    figures = Figures(name, depth.visible, depth.in_flight, depth.delayed, buried.visible + buried.in_flight,
                      source.batch_size, source.maximum_concurrency, rate)
    share = share_of(figures)
    return QueueView(
        name=name, queue=queue, carries=CARRIES[name], depth=depth, dead_letters=buried,
        visibility_timeout=int(live["VisibilityTimeout"]), retention_seconds=int(live["MessageRetentionPeriod"]),
        dead_letter_retention_seconds=int(dead["MessageRetentionPeriod"]), receives_before_dead=_receives(live),
        maximum_concurrency=source.maximum_concurrency, messages_per_invocation=source.batch_size,
        level=band_of(name, depth.visible).level, concurrency_level=share.load if share else None,
        drain_seconds=figures.drain_seconds, words=words(figures, concurrency_setting(name)))


def _depth(facts: Mapping[str, str]) -> Depth:
    return Depth(visible=int(facts["ApproximateNumberOfMessages"]),
                 in_flight=int(facts["ApproximateNumberOfMessagesNotVisible"]),
                 delayed=int(facts["ApproximateNumberOfMessagesDelayed"]))


def _receives(facts: Mapping[str, str]) -> int | None:
    policy = json.loads(facts.get("RedrivePolicy") or "{}")
    return int(policy["maxReceiveCount"]) if "maxReceiveCount" in policy else None


def _rates(jobs: Sequence[Job], now: str) -> dict[str, float]:
    """Batches a second by pipeline, summed over its running jobs.

    Nothing for a pipeline with a job whose pace is unknown: one that waits, or that was taken up again and brings the
    batches of an earlier run along.
    """
    if len(jobs) > MOST_OPEN_JOBS:
        return {}
    running = [job for job in jobs if job.status is Status.PROCESSING and job.planned]
    unknown = {job.pipeline for job in running if job.run > 1 or job.paused or not job.settled_batches}
    rates: dict[str, float] = {}
    for job in running:
        seconds = seconds_between(job.started_at, now)
        if job.pipeline not in unknown and seconds > 0:
            rates[job.pipeline] = rates.get(job.pipeline, 0.0) + job.settled_batches / seconds
    return rates
