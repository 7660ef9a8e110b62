"""The daily report: made once for each day, in as many invocations as it takes, and told once it is there.

It is asked for every hour. The first hour of a day makes the report of the day before; a report that was too long for
one invocation, or that failed, is taken up by the next hour where it stood; all other hours find it done. The document
is fixed before it is written anywhere, so that making it twice, also at the same moment, gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.jobs import daily
from chalicelib.jobs.daily import Tally
from chalicelib.jobs.model import Job, stamp
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.days import Days
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.notices import Notices
    from chalicelib.adapters.records import Record, Records
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues

BACK_DAYS = 7
"""So many days before the day are looked at for jobs that were still at work in it."""
CLOCK_BATCHES = 200
"""Batches between two looks at the clock."""
COUNTING, MADE, TOLD = "counting", "made", "told"


def report_key(day: str) -> str:
    """Where the report of a day (`2026-11-22`) lies in the bucket."""
    return f"reports/{day}.json"


@dataclass(frozen=True, slots=True)
class Place:
    """How far the count has come: days back, shard, the last job that is done; the next batch of one that is not."""

    back: int = BACK_DAYS
    shard: int = 0
    after: str = ""
    job: str = ""
    batch: int = 1


@dataclass(frozen=True, slots=True)
class DayReporter:
    """One invocation's work on the report of yesterday. `remaining` answers the seconds until the platform ends it."""

    days: Days
    ledger: Ledger
    records: Records
    blobs: Blobs
    queues: Queues
    notices: Notices
    pipelines: Mapping[str, Pipeline]
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]
    clock_batches: int = CLOCK_BATCHES

    def report(self) -> dict[str, str]:
        """Take yesterday's report as far as time allows; answers its date and what it is: counting, made or told."""
        day = self.clock().date() - timedelta(days=1)
        record = self._opened(day)
        while record is not None and record.body["state"] != TOLD:
            following = self._step(day, record)
            if following is None:
                break
            record = following
        state = str(record.body["state"]) if record is not None else COUNTING
        return {"date": day.isoformat(), "state": state}

    def _opened(self, day: date) -> Record | None:
        """The record of the day's report, made by whoever comes first; None when a twin made it just now."""
        key = self.days.record_key(day)
        first = _counting(Tally(day.isoformat()), Place())
        return self.records.get(key) or self.records.create(key, first, expires_at=self._expiry())

    def _step(self, day: date, record: Record) -> Record | None:
        """The record after its next step; None when time ran out, or a twin is ahead."""
        if record.body["state"] == COUNTING:
            return self._count(day, record)
        told = record.body["report"]
        document = json.dumps(told, separators=(",", ":")).encode()
        self.blobs.put(report_key(day.isoformat()), document, "application/json")
        self.notices.publish(f"{self.settings.app} {self.settings.stage}: {day}", told["text"])
        log.info("daily report", extra={"date": told["date"], "jobs": told["jobs"]["registered"],
                                        "rows": told["rows"]["settled"], "rejects": told["rejectsByCode"],
                                        "provider": told["provider"], "cost": told["cost"]})
        return self._write(record, {"state": TOLD, "report": told})

    def _count(self, day: date, record: Record) -> Record | None:
        tally = daily.restored(record.body["tally"])
        place = self._walk(day, tally, Place(**record.body["place"]))
        if place is not None:
            self._write(record, _counting(tally, place))
            log.info("daily report goes on with the next hour", extra={"date": tally.day, **dataclasses.asdict(place)})
            return None
        report = daily.report(tally, dead_letters=self._dead_letters(), at=stamp(self.clock()))
        return self._write(record, {"state": MADE, "report": report})

    def _walk(self, day: date, tally: Tally, place: Place) -> Place | None:
        """Count on from `place`; where to go on when time ran out, None at the end."""
        for back in range(place.back, -1, -1):
            for shard in range(place.shard if back == place.back else 0, self.days.shards):
                start = place if (back, shard) == (place.back, place.shard) else Place(back, shard)
                stopped = self._walk_shard(day, tally, start)
                if stopped is not None:
                    return stopped
        return None

    def _walk_shard(self, day: date, tally: Tally, place: Place) -> Place | None:
        after = place.after
        for job in self.days.jobs(day - timedelta(days=place.back), place.shard, after=after):
            following = self._take(job, day, tally, place.batch if job.job_id == place.job else 1)
            if following:
                return Place(place.back, place.shard, after, job.job_id, following)
            after = self.days.place(job)
            if self._late():
                return Place(place.back, place.shard, after)
        return None

    def _take(self, job: Job, day: date, tally: Tally, first: int) -> int:
        """Count a job's batches from number `first` on; the number to go on with when time ran out, 0 at the end."""
        if first == 1:
            tally.add_job(job)
        if not daily.concerns(job, day):
            return 0
        for taken, detail in enumerate(self.ledger.batches(job.job_id, job.batches_total, first=first), start=1):
            tally.add_batch(detail)
            if taken % self.clock_batches == 0 and self._late():
                return detail.entry.number + 1
        return 0

    def _dead_letters(self) -> dict[str, int]:
        queues = [self.settings.split_queue, self.settings.tasks_queue,
                  *(pipeline.queue for pipeline in self.pipelines.values())]
        return {queue: self.queues.depth(f"{queue}-dlq").total for queue in queues}

    def _write(self, record: Record, body: Mapping[str, Any]) -> Record | None:
        return self.records.replace(record, body, expires_at=self._expiry())

    def _expiry(self) -> int:
        return int((self.clock() + timedelta(days=self.settings.ledger_days)).timestamp())

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin


def _counting(tally: Tally, place: Place) -> dict[str, Any]:
    return {"state": COUNTING, "tally": dataclasses.asdict(tally), "place": dataclasses.asdict(place)}
