"""The daily report over the wire, as `chalicelib.jobs.daily.report` makes it. Reports of old days may know less."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.api.models import Moment, Wire


class DayJobs(Wire):
    """Jobs that were registered on the day."""

    registered: int
    by_status: Mapping[str, int]


class DayRows(Wire):
    """Rows that were settled on the day; `stored` are those that left something behind."""

    settled: int
    stored: int
    by_outcome: Mapping[str, int]


class DayProvider(Wire):
    """What providers were asked."""

    calls: int
    failed_calls: int
    failure_rate: float
    prompt_tokens: int
    completion_tokens: int
    cached_rows: int
    fallback_rows: int


class DayCost(Wire):
    """At list prices: an estimate, not the bill."""

    estimated_usd: float
    estimated_usd_per_stored_row: float | None


class SlowJob(Wire):
    """One of the jobs that took longest."""

    job_id: str
    pipeline: str
    seconds: float
    rows: int


class DayReport(Wire):
    """The figures of a day (UTC) over all owners; `text` says the same for people."""

    v: int
    date: str
    generated_at: Moment
    jobs: DayJobs
    rows: DayRows
    stored_by_hour: tuple[int, ...]
    batches: Mapping[str, int]
    rejects_by_code: Mapping[str, int]
    provider: DayProvider
    cost: DayCost
    slowest_jobs: tuple[SlowJob, ...]
    dead_letters: Mapping[str, int]
    text: str
