"""A job as people and pollers see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.api.status_view import view
from chalicelib.jobs.model import Job, Status, Undo, stamp

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNNING = Job(
    "j", "acme", "leads", Status.PROCESSING, "a.csv", "uploads/leads/j/a.csv", stamp(NOW - timedelta(seconds=100)),
    stamp(NOW), planned=True, started_at=stamp(NOW - timedelta(seconds=40)), uploaded_at=stamp(NOW), rows=100,
    pending=60, new=30, updated=4, rejected=6, batches_total=10, batches_pending=6, batches_done=4)


def actions(job: Job) -> set[str]:
    return {option.action for option in view(job, NOW).recovery.options}


@pytest.mark.parametrize(("age", "milliseconds"), [(0, 2000), (10, 2500), (160, 10_000), (86_400, 10_000), (-5, 2000)])
def test_pollers_are_asked_to_slow_down_as_the_job_ages(age: int, milliseconds: int):
    assert view(replace(RUNNING, created_at=stamp(NOW - timedelta(seconds=age))), NOW).retry_after_ms == milliseconds


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ERROR, Status.CANCELLED])
def test_nobody_polls_a_job_that_has_ended(status: Status):
    assert view(replace(RUNNING, status=status), NOW).retry_after_ms is None


def test_estimate_follows_the_pace_so_far():
    told = view(RUNNING, NOW)
    assert (told.progress.estimated_remaining_seconds, told.progress.show_estimates) == (60, True)
    assert told.metadata.estimated_completion == stamp(NOW + timedelta(seconds=60))


@pytest.mark.parametrize("changes", [
    {"paused": "tokens"}, {"status": Status.COMPLETED}, {"batches_pending": 10, "batches_done": 0},
    {"started_at": ""}, {"batches_pending": 0}])
def test_where_there_is_no_pace_there_is_no_estimate(changes: dict):
    assert view(replace(RUNNING, **changes), NOW).progress.estimated_remaining_seconds is None


def test_counters_add_up_to_the_total():
    rows = view(RUNNING, NOW).rows.as_json()
    assert rows.pop("total") == sum(rows.values()) == 100


@pytest.mark.parametrize(("changes", "stage"), [
    ({"status": Status.UPLOADING, "planned": False}, "file_upload"),
    ({"status": Status.UPLOADED, "planned": False}, "file_processing"),
    ({"status": Status.PENDING, "planned": False}, "file_processing"),
    ({"planned": False}, "file_processing"), ({}, "batch_processing"), ({"status": Status.COMPLETED}, "completed"),
    ({"status": Status.CANCELLED}, "cancelled"), ({"status": Status.ERROR, "planned": False}, "file_processing"),
    ({"status": Status.ERROR, "planned": False, "uploaded_at": ""}, "file_upload")])
def test_stages_are_those_of_the_seed(changes: dict, stage: str):
    assert view(replace(RUNNING, **changes), NOW).stage == stage


def test_what_can_be_done_follows_the_state():
    assert actions(RUNNING) == {"cancel", "force-complete", "rejects"}
    assert actions(replace(RUNNING, paused="tokens")) == {"cancel", "resume", "force-complete", "rejects"}
    assert actions(replace(RUNNING, status=Status.CANCELLED, rejected=0)) == {"resume", "undo"}
    ended = replace(RUNNING, status=Status.COMPLETED, batches_pending=0, rejected=0, new=0, updated=0, unchanged=0)
    assert actions(ended) == set()
    assert actions(replace(ended, batches_failed=1)) == {"retry"}
    assert actions(replace(ended, new=1)) == {"undo"}
    assert actions(replace(ended, new=1, rejected=2, undo=Undo.RUNNING)) == {"undo"}
    assert actions(replace(ended, new=1, rejected=2, undo=Undo.DONE)) == set()
    split_failed = replace(ended, status=Status.ERROR, planned=False, error={"code": "SPLIT_FAILED", "message": "m"})
    assert actions(split_failed) == {"retry"}
    assert actions(replace(split_failed, error={"code": "NO_ROWS", "message": "m"})) == set()


def test_every_state_has_a_sentence():
    refused = {"error": {"code": "NO_ROWS", "message": "Because."}}
    for status in Status:
        for changes in ({}, {"paused": "budget_exhausted"}, {"planned": False}, refused):
            assert view(replace(RUNNING, status=status, **changes), NOW).user_message.endswith((".", ")."))
    assert "job k" in view(replace(RUNNING, status=Status.COMPLETED, duplicate_of="k"), NOW).user_message


def test_error_tells_whether_running_again_can_help():
    error = {"code": "SPLIT_FAILED", "message": "m", "timestamp": stamp(NOW), "details": {"limit": 5}}
    told = view(replace(RUNNING, status=Status.ERROR, error=error), NOW).error
    assert told is not None
    assert (told.recoverable, told.details) == (True, {"limit": 5})


@pytest.mark.parametrize("status", [*Status])
def test_every_status_is_told_in_a_sentence(status: Status):
    told = view(replace(RUNNING, status=status), NOW)
    assert (told.status, told.user_message.endswith(".")) == (status.value, True)


def test_a_file_that_came_with_its_request_can_be_cancelled_before_work_begins():
    assert "cancel" in actions(replace(RUNNING, status=Status.PENDING, planned=False))
