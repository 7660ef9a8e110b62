"""What a day's figures say, and of which day they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from chalicelib.jobs.daily import Tally, as_text, concerns, report, restored
from chalicelib.jobs.model import BatchDetail, BatchEntry, BatchState, Job, Outcome, Reject, Status

DAY = "2026-11-21"


def job(**changes: Any) -> Job:
    known = {"job_id": "j1", "owner": "ada@example.com", "pipeline": "p", "status": Status.COMPLETED,
             "file_name": "Ada's friends.csv", "file_key": "k", "created_at": f"{DAY}T10:00:00.000Z",
             "updated_at": f"{DAY}T10:01:00.000Z", "completed_at": f"{DAY}T10:01:00.000Z", "rows": 9}
    return Job(**{**known, **changes})


def batch(
    counts: Mapping[Outcome, int], *, at: str = f"{DAY}T10:00:30.000Z", state: BatchState = BatchState.DONE,
    rejects: tuple[str, ...] = (), usage: Mapping[str, int] | None = None,
) -> BatchDetail:
    told = tuple(Reject(0, row, "People", code, "email", "ada@example.com is wrong", {"Email": "ada@example.com"})
                 for row, code in enumerate(rejects))
    return BatchDetail(BatchEntry(1, state, sum(counts.values()), {0: counts}, at, rejects=told, usage=usage or {}),
                       run=1, attempts=1)


def told(tally: Tally) -> dict[str, Any]:
    return report(tally, dead_letters={"work": 2, "rest": 0}, at="2026-11-22T00:20:00.000Z")


def test_every_figure_of_a_day_comes_from_what_was_settled_in_it():
    tally = Tally(DAY)
    tally.add_job(job())
    tally.add_batch(batch({Outcome.NEW: 3, Outcome.UPDATED: 1, Outcome.REJECTED: 2, Outcome.SUPERSEDED: 1},
                          rejects=("TOO_FEW_FIELDS", "TOO_FEW_FIELDS"),
                          usage={"calls": 3, "failed_calls": 1, "prompt_tokens": 70, "completion_tokens": 20,
                                 "provider_nano_usd": 3_000_000, "aws_nano_usd": 1_000_000}))
    tally.add_batch(batch({Outcome.UNCHANGED: 2}, at=f"{DAY}T23:59:59.999Z", usage={"calls": 1}))
    tally.add_batch(batch({Outcome.FAILED: 4}, state=BatchState.FAILED))
    made = told(tally)
    assert made["rows"] == {"settled": 13, "stored": 6, "byOutcome": {
        "failed": 4, "new": 3, "rejected": 2, "superseded": 1, "unchanged": 2, "updated": 1}}
    assert (made["storedByHour"][10], made["storedByHour"][23], sum(made["storedByHour"])) == (4, 2, 6)
    assert len(made["storedByHour"]) == 24
    assert made["rejectsByCode"] == {"TOO_FEW_FIELDS": 2}
    assert made["batches"] == {"done": 2, "failed": 1}
    assert made["provider"]["calls"] == 4
    assert made["provider"]["failureRate"] == 0.25
    assert made["cost"] == {"estimatedUsd": 0.004, "estimatedUsdPerStoredRow": pytest.approx(0.004 / 6, abs=1e-9)}
    assert made["jobs"] == {"registered": 1, "byStatus": {"completed": 1}}
    assert made["slowestJobs"] == [{"jobId": "j1", "pipeline": "p", "rows": 9, "seconds": 60.0}]
    assert made["deadLetters"] == {"work": 2}


@pytest.mark.parametrize("at", ["2026-11-20T23:59:59.999Z", "2026-11-22T00:00:00.000Z", ""])
def test_a_batch_of_another_day_adds_nothing(at):
    tally = Tally(DAY)
    tally.add_batch(batch({Outcome.NEW: 3}, at=at, rejects=("X",), usage={"calls": 1}))
    assert tally == Tally(DAY)


def test_a_batch_that_was_tried_and_is_not_settled_adds_nothing():
    tally = Tally(DAY)
    tally.add_batch(batch({Outcome.NEW: 3}, state=BatchState.PENDING))
    assert tally == Tally(DAY)


def test_a_job_is_registered_on_one_day_and_timed_on_the_day_it_ended():
    tally = Tally(DAY)
    tally.add_job(job(job_id="older", created_at="2026-11-20T23:00:00.000Z", uploaded_at="2026-11-20T23:30:00.000Z",
                      completed_at=f"{DAY}T00:30:00.000Z"))
    tally.add_job(job(job_id="open", status=Status.PROCESSING, completed_at=""))
    made = told(tally)
    assert made["jobs"] == {"registered": 1, "byStatus": {"processing": 1}}
    assert [(each["jobId"], each["seconds"]) for each in made["slowestJobs"]] == [("older", 3600.0)]


def test_only_the_ten_slowest_jobs_are_named_slowest_first():
    tally = Tally(DAY)
    for minute in range(12):
        tally.add_job(job(job_id=f"j{minute:02d}", completed_at=f"{DAY}T10:{minute + 1:02d}:00.000Z"))
    assert [each["jobId"] for each in told(tally)["slowestJobs"]] == [f"j{minute:02d}" for minute in range(11, 1, -1)]


def test_neither_document_nor_text_holds_anything_personal():
    tally = Tally(DAY)
    tally.add_job(job())
    tally.add_batch(batch({Outcome.REJECTED: 1}, rejects=("X",)))
    made = told(tally)
    assert "ada" not in (json.dumps(made) + as_text(made)).lower()


def test_an_empty_day_has_a_report_without_a_cost_for_each_row():
    made = told(Tally(DAY))
    assert made["cost"] == {"estimatedUsd": 0.0, "estimatedUsdPerStoredRow": None}
    assert "0 settled" in as_text(made)


def test_the_text_says_the_figures_that_the_document_holds():
    tally = Tally(DAY)
    tally.add_job(job())
    tally.add_batch(batch({Outcome.NEW: 1200}, usage={"calls": 4, "failed_calls": 1, "provider_nano_usd": 10**9}))
    text = as_text(told(tally))
    for words in (f"Dropmill on {DAY}", "1 registered (1 completed)", "1,200 settled", "10:00, 1,200 rows stored",
                  "1 failed (25.0%)", "about 1.00 USD", "j1, 9 rows in 60 s", "dead letters 2 (2 work)"):
        assert words in text


def test_a_tally_survives_being_kept_as_a_document():
    tally = Tally(DAY)
    tally.add_job(job())
    tally.add_batch(batch({Outcome.NEW: 3}, rejects=("X",), usage={"calls": 1}))
    assert restored(json.loads(json.dumps(dataclasses.asdict(tally)))) == tally


@pytest.mark.parametrize(("updated", "expected"), [
    ("2026-11-20T23:59:59.999Z", False), (f"{DAY}T00:00:00.000Z", True), ("2026-11-22T09:00:00.000Z", True)])
def test_a_job_that_was_last_touched_before_the_day_has_nothing_in_it(updated, expected):
    assert concerns(job(updated_at=updated), date.fromisoformat(DAY)) is expected
