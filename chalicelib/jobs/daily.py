"""A day in figures: what was settled between two midnights (UTC), of all owners, without a word about any person.

Pure: batches and jobs go in, one document comes out. A batch belongs to the day in which it was settled, a job to the
day in which it was registered; so a job that runs over midnight has rows in both days, and no row counts twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from chalicelib import costs
from chalicelib.costs import Used
from chalicelib.jobs.model import BatchDetail, BatchState, Job, Outcome

VERSION = 1
SLOWEST = 10
STORED = (Outcome.NEW, Outcome.UPDATED, Outcome.UNCHANGED)
"""Outcomes of rows that a person will find among the results."""


@dataclass(slots=True)
class Tally:
    """The sums of one day while they are being made; `dataclasses.asdict` and `Tally(**...)` keep it between times."""

    day: str
    jobs: dict[str, int] = field(default_factory=dict)
    """Jobs registered in the day, by the status they have when they are counted."""
    outcomes: dict[str, int] = field(default_factory=dict)
    stored: list[int] = field(default_factory=lambda: [0] * 24)
    """Rows that were stored, by hour."""
    rejects: dict[str, int] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    slowest: list[dict[str, Any]] = field(default_factory=list)

    def add_job(self, job: Job) -> None:
        """Count a job if it was registered in the day, and time it if it ended in the day."""
        if job.created_at.startswith(self.day):
            _add(self.jobs, job.status.value, 1)
        if job.completed_at.startswith(self.day):
            took = {"jobId": job.job_id, "pipeline": job.pipeline, "rows": job.rows, "seconds": _seconds(job)}
            self.slowest = sorted([*self.slowest, took], key=lambda each: (-each["seconds"], each["jobId"]))[:SLOWEST]

    def add_batch(self, detail: BatchDetail) -> None:
        """Count a batch if it was settled in the day."""
        entry = detail.entry
        if entry.state is BatchState.PENDING or not entry.settled_at.startswith(self.day):
            return
        _add(self.batches, entry.state.value, 1)
        for outcome, rows in entry.outcomes.items():
            _add(self.outcomes, outcome.value, rows)
        self.stored[_hour(entry.settled_at)] += sum(entry.outcomes.get(outcome, 0) for outcome in STORED)
        for reject in entry.rejects:
            _add(self.rejects, reject.code, 1)
        self.usage = costs.total(self.usage, entry.usage)


def concerns(job: Job, day: date) -> bool:
    """Whether any batch of the job can have been settled in the day or later: settling touches the job."""
    return job.updated_at >= day.isoformat()


def report(tally: Tally, *, dead_letters: Mapping[str, int], at: str) -> dict[str, Any]:
    """The day's document, ready for JSON. `dead_letters` are messages by queue, as of `at`."""
    stored = sum(tally.stored)
    cost = costs.usd(tally.usage)
    calls = tally.usage.get(Used.CALLS, 0)
    failures = tally.usage.get(Used.FAILED_CALLS, 0)
    made = {
        "v": VERSION, "date": tally.day, "generatedAt": at,
        "jobs": {"registered": sum(tally.jobs.values()), "byStatus": _sorted(tally.jobs)},
        "rows": {"settled": sum(tally.outcomes.values()), "stored": stored, "byOutcome": _sorted(tally.outcomes)},
        "storedByHour": list(tally.stored),
        "batches": _sorted(tally.batches), "rejectsByCode": _sorted(tally.rejects),
        "provider": {"calls": calls, "failedCalls": failures, "failureRate": round(failures / calls, 4) if calls else 0,
                     "promptTokens": tally.usage.get(Used.PROMPT_TOKENS, 0),
                     "completionTokens": tally.usage.get(Used.COMPLETION_TOKENS, 0),
                     "cachedRows": tally.usage.get(Used.CACHED, 0), "fallbackRows": tally.usage.get(Used.FALLBACK, 0)},
        "cost": {"estimatedUsd": round(cost, 6),
                 "estimatedUsdPerStoredRow": round(cost / stored, 9) if stored else None},
        "slowestJobs": list(tally.slowest), "deadLetters": _sorted(dead_letters)}
    return {**made, "text": as_text(made)}


def as_text(told: Mapping[str, Any]) -> str:
    """The document of `report` as lines that a person reads in a mail."""
    rows, jobs, provider, cost = told["rows"], told["jobs"], told["provider"], told["cost"]
    each = cost["estimatedUsdPerStoredRow"]
    return "\n".join([
        f"Dropmill on {told['date']} (UTC)",
        f"jobs         {jobs['registered']} registered{_listed(jobs['byStatus'])}",
        f"rows         {rows['settled']:,} settled{_listed(rows['byOutcome'])}",
        f"busiest hour {_busiest(told['storedByHour'])}",
        f"rejects      {sum(told['rejectsByCode'].values()):,}{_listed(told['rejectsByCode'])}",
        f"provider     {provider['calls']:,} calls, {provider['failedCalls']:,} failed "
        f"({provider['failureRate']:.1%}), {provider['promptTokens']:,} + {provider['completionTokens']:,} tokens",
        f"cost         about {cost['estimatedUsd']:.2f} USD{'' if each is None else f', {each:.6f} a stored row'}",
        *_slowest(told["slowestJobs"]),
        f"dead letters {sum(told['deadLetters'].values())}{_listed(told['deadLetters'])}"])


def restored(kept: Mapping[str, Any]) -> Tally:
    """The tally that `dataclasses.asdict` made a document of."""
    names = {each.name for each in dataclasses.fields(Tally)}
    return Tally(**{name: value for name, value in kept.items() if name in names})


def _add(counts: dict[str, int], name: str, amount: int) -> None:
    counts[name] = counts.get(name, 0) + amount


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count:,} {name}' for name, count in counts.items())})" if counts else ""


def _busiest(stored: list[int]) -> str:
    hour = max(range(24), key=lambda each: stored[each])
    return f"{hour:02d}:00, {stored[hour]:,} rows stored" if stored[hour] else "none"


def _slowest(jobs: list[Mapping[str, Any]]) -> list[str]:
    return [f"slowest job  {job['jobId']}, {job['rows']:,} rows in {job['seconds']:.0f} s" for job in jobs[:3]]


def _hour(at: str) -> int:
    return int(at[11:13])


def _seconds(job: Job) -> float:
    began = job.uploaded_at or job.created_at
    return round((_time(job.completed_at) - _time(began)).total_seconds(), 3)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
