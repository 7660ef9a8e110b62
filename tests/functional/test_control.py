"""What people do to jobs, at any moment, twice, and at the same time as others."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import DropmillError, RequestRefused, Transient
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Job, Status
from tests.functional.engine import Engine, book, people


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


def _do(engine: Engine, act: Callable[..., Any], job: Job) -> Any:
    return engine.services.call(act, job_id=job.job_id, by="ada")


def _started(engine: Engine, rows: int = 9, done: int = 1, key: str = "uploads/leads/people.xlsx") -> Job:
    job = engine.drop(book(A=people(rows)), key)
    engine.split()
    engine.work(most=done)
    return engine.job(job.job_id)


def _counts(job: Job) -> tuple[str, int, int, int, int]:
    return job.status.value, job.new, job.pending, job.cancelled, job.failed


def _refusal(engine: Engine, act: Callable[..., Any], job: Job) -> str:
    with pytest.raises(RequestRefused) as refused:
        _do(engine, act, job)
    return refused.value.code.value


def _fail(engine: Engine, *numbers: int) -> None:
    """Work on everything; these batches fail until they are dead."""
    def broken(batch, work):
        if batch.number in numbers:
            raise Transient("down")
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=broken))
    engine.receive("leads")
    engine.bodies("leads-dlq")


class Before:
    """A real ledger; `act` happens once between a decision and its write."""

    def __init__(self, real: Any, act: Callable[[], Any]) -> None:
        self._real, self._acts = real, [act]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def change(self, job_id: str, decide: Callable[[Job], Any]) -> Job:
        def disturbed(job: Job) -> Any:
            change = decide(job)
            if self._acts:
                self._acts.pop()()
            return change
        return self._real.change(job_id, disturbed)


# --- cancel and resume


def test_after_a_cancel_no_batch_starts_and_what_is_done_stays(engine: Engine) -> None:
    job = _started(engine)
    _do(engine, control.cancel, job)
    started = []

    def watched(batch, work):
        started.append(batch.number)
        return engine.leads.process(batch, work)

    assert engine.work(replace(engine.leads, process=watched)) == 2
    assert (started, _counts(engine.job(job.job_id))) == ([], ("cancelled", 3, 0, 6, 0))
    assert engine.depth("leads") == engine.depth("leads-dlq") == 0


def test_a_batch_in_flight_while_its_job_is_cancelled_settles_truthfully(engine: Engine) -> None:
    job = _started(engine, done=0)

    def meanwhile(batch, work):
        _do(engine, control.cancel, job)
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=meanwhile), most=1)
    now = engine.job(job.job_id)
    assert (_counts(now), now.batches_done, transitions.balanced(now)) == (("cancelled", 3, 0, 6, 0), 1, True)


def test_a_batch_in_flight_that_fails_while_its_job_is_cancelled_stays_cancelled(engine: Engine) -> None:
    job = _started(engine, rows=3, done=0)

    def meanwhile(batch, work):
        if engine.job(job.job_id).status is Status.PROCESSING:
            _do(engine, control.cancel, job)
        raise Transient("down")

    engine.work(replace(engine.leads, process=meanwhile))
    now = engine.job(job.job_id)
    assert (_counts(now), transitions.balanced(now)) == (("cancelled", 0, 0, 3, 0), True)


def test_cancel_leaves_the_receive_counts_of_other_jobs_alone(engine: Engine) -> None:
    job = _started(engine, done=0)
    _started(engine, rows=12, done=0, key="uploads/leads/others.xlsx")
    for _ in range(3):
        _do(engine, control.cancel, job)
        _do(engine, control.resume, job)
    counts = set()
    while record := engine.receive("leads"):
        counts.add(record["attributes"]["ApproximateReceiveCount"])
    assert counts == {"1"}


def test_resume_sends_exactly_what_is_missing_and_completes(engine: Engine) -> None:
    job = _started(engine)
    _do(engine, control.cancel, job)
    engine.work()
    _do(engine, control.resume, job)
    engine.split()
    bodies = engine.bodies("leads")
    assert sorted(json.loads(body)["batch_number"] for body in bodies) == [2, 3]
    for body in bodies:
        engine.send("leads", body)
    engine.work()
    now = engine.job(job.job_id)
    assert (_counts(now), now.run, transitions.balanced(now)) == (("completed", 9, 0, 0, 0), 3, True)


def test_messages_that_outlived_cancel_and_resume_count_once(engine: Engine) -> None:
    job = _started(engine, done=0)
    _do(engine, control.cancel, job)
    _do(engine, control.resume, job)
    engine.split()
    assert engine.depth("leads") == 6
    engine.work()
    assert _counts(engine.job(job.job_id)) == ("completed", 9, 0, 0, 0)


def test_a_job_cancelled_before_it_was_planned_is_planned_when_resumed(engine: Engine) -> None:
    job = engine.drop(book(A=people(4)))
    _do(engine, control.cancel, job)
    assert (engine.split(), engine.depth("leads")) == (1, 0)
    assert _do(engine, control.resume, job).status is Status.UPLOADED
    engine.split()
    engine.work()
    assert _counts(engine.job(job.job_id)) == ("completed", 4, 0, 0, 0)


def test_a_job_whose_last_batch_settled_after_its_cancel_is_completed_by_resume(engine: Engine) -> None:
    job = _started(engine, rows=3, done=0)

    def meanwhile(batch, work):
        _do(engine, control.cancel, job)
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=meanwhile))
    assert engine.job(job.job_id).status is Status.CANCELLED
    assert _counts(_do(engine, control.resume, job)) == ("completed", 3, 0, 0, 0)
    assert engine.depth("split") == 0


# --- retry


def test_a_retry_decided_while_the_last_failed_batch_settles_after_all_leaves_no_job_open(engine: Engine) -> None:
    job = _started(engine, rows=6, done=0)
    bodies = engine.bodies("leads")
    for body in bodies:
        engine.send("leads", body)
    _fail(engine, 2)
    letter = next(body for body in bodies if json.loads(body)["batch_number"] == 2)

    def settles() -> None:
        engine.send("leads", letter)
        engine.work()

    ledger = Before(engine.services.ledger, settles)
    with pytest.raises(RequestRefused, match="no failed batches"):
        engine.services.call(control.retry, job_id=job.job_id, by="ada", ledger=ledger)
    assert _counts(engine.job(job.job_id)) == ("completed", 6, 0, 0, 0)


def test_a_failed_batch_that_settles_after_the_retry_is_counted_once(engine: Engine) -> None:
    job = _started(engine, rows=6, done=0)
    _fail(engine, 1, 2)
    assert engine.job(job.job_id).error["code"] == "ALL_BATCHES_FAILED"
    _do(engine, control.retry, job)
    engine.split()
    bodies = engine.bodies("leads")
    for body in bodies * 2:
        engine.send("leads", body)
    engine.work()
    now = engine.job(job.job_id)
    assert (_counts(now), now.error, transitions.balanced(now)) == (("completed", 6, 0, 0, 0), None, True)


def test_retry_sends_only_what_failed(engine: Engine) -> None:
    job = _started(engine, done=0)
    _fail(engine, 2)
    _do(engine, control.retry, job)
    engine.split()
    assert [json.loads(body)["batch_number"] for body in engine.bodies("leads")] == [2]


# --- force


def test_force_lists_exactly_the_missing_rows_and_late_batches_correct_them(engine: Engine) -> None:
    job = _started(engine, done=0)
    bodies = sorted(engine.bodies("leads"), key=lambda body: json.loads(body)["batch_number"])
    engine.send("leads", bodies[1])
    engine.work()
    forced, action = _do(engine, control.force_complete, job)
    assert (_counts(forced), action) == (("completed", 3, 0, 0, 6), "forced")
    missing = engine.services.call(control.missing_rows, job=forced)
    assert [(number, first.row, last.row) for number, first, last in missing] == [(1, 2, 4), (3, 8, 10)]
    engine.send("leads", bodies[0])
    engine.work()
    now = engine.job(job.job_id)
    assert (_counts(now), transitions.balanced(now)) == (("completed", 6, 0, 0, 3), True)
    assert [number for number, _, _ in engine.services.call(control.missing_rows, job=now)] == [3]
    events = engine.services.ledger.events(job.job_id).events
    assert [event.detail for event in events if event.kind == "forced"] == [{"by": "ada", "rows": 6}]


def test_a_forced_job_with_nothing_done_is_an_error_and_can_be_retried(engine: Engine) -> None:
    job = _started(engine, rows=3, done=0)
    forced, _ = _do(engine, control.force_complete, job)
    assert (forced.status, forced.error["code"]) == (Status.ERROR, "ALL_BATCHES_FAILED")
    _do(engine, control.retry, job)
    engine.split()
    engine.work()
    assert _counts(engine.job(job.job_id)) == ("completed", 3, 0, 0, 0)


def test_force_is_refused_without_totals_and_idle_on_a_job_that_has_ended(engine: Engine) -> None:
    fresh = engine.drop(book(A=people(3)))
    assert _refusal(engine, control.force_complete, fresh) == "CANNOT_FORCE"
    engine.split()
    engine.work()
    before = engine.job(fresh.job_id)
    assert _do(engine, control.force_complete, fresh) == (before, "none")
    assert (engine.job(fresh.job_id), "forced" in engine.kinds(fresh)) == (before, False)


# --- refused, twice, and at once


def test_what_makes_no_sense_is_refused_and_changes_nothing(engine: Engine) -> None:
    job = _started(engine, rows=3, done=0)
    assert _refusal(engine, control.resume, job) == "CANNOT_RESUME"
    assert _refusal(engine, control.retry, job) == "CANNOT_RETRY"
    engine.work()
    ended = engine.job(job.job_id)
    assert [_refusal(engine, act, job) for act in (control.cancel, control.resume, control.retry)] == [
        "CANNOT_CANCEL", "CANNOT_RESUME", "CANNOT_RETRY"]
    assert (engine.job(job.job_id), engine.depth("split")) == (ended, 0)


def test_a_file_that_cannot_be_read_is_not_retried(engine: Engine) -> None:
    job = engine.drop(b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "uploads/leads/picture.csv")
    engine.split()
    assert _refusal(engine, control.retry, job) == "CANNOT_RETRY"


@pytest.mark.parametrize(("act", "prepare", "again"), [
    (control.cancel, None, "CANNOT_CANCEL"), (control.resume, control.cancel, "CANNOT_RESUME"),
    (control.retry, control.force_complete, "CANNOT_RETRY"), (control.force_complete, None, "none")])
def test_each_act_done_by_two_people_at_once_happens_once(engine: Engine, act, prepare, again) -> None:
    job = _started(engine, rows=6, done=0)
    if prepare:
        _do(engine, prepare, job)
    run = engine.job(job.job_id).run
    answers: list[str] = []
    barrier = threading.Barrier(3)

    def act_once() -> None:
        barrier.wait()
        try:
            answer = _do(engine, act, job)
            answers.append(answer[1] if isinstance(answer, tuple) else "done")
        except RequestRefused as refusal:
            answers.append(refusal.code.value)
        except DropmillError as error:
            answers.append(type(error).__name__)

    threads = [threading.Thread(target=act_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = "forced" if act is control.force_complete else "done"
    assert sorted(answers) == sorted([first, again, again])
    now = engine.job(job.job_id)
    assert (now.run, transitions.balanced(now)) == (run + 1, True)
    assert engine.depth("split") == (1 if act in (control.resume, control.retry) else 0)
