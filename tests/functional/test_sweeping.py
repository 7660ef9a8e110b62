"""What the sweeper does for jobs that do not move, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import Transient, Unavailable
from chalicelib.jobs import control, intake, transitions
from chalicelib.jobs.model import BatchState, Job, Status, stamp
from chalicelib.jobs.sweeper import Sweeper
from tests.functional.engine import Engine, Killed, book, mortal, people

BODY = book(A=people(6))


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3", "SPOOL_PART_BATCHES": "1", "MAX_RESENDS": "2"})


@pytest.fixture
def announce(engine: Engine) -> Callable[[], Job]:
    def begin() -> Job:
        return engine.services.call(
            intake.begin_upload, owner="acme", subject="ada", pipeline="leads", file_name="people.xlsx",
            file_type="application/octet-stream", file_size=1, options={}, again=False).job
    return begin


def _sweep(engine: Engine, times: int = 1) -> list[dict[str, int]]:
    """Sweeps, a while apart."""
    done = []
    for _ in range(times):
        engine.time.pass_(300)
        done.append(engine.sweep())
    return done


def _lose(engine: Engine, queue: str = "leads") -> int:
    """Messages vanish."""
    return len(engine.bodies(queue))


# --- uploads


def test_an_upload_whose_event_was_lost_is_found(engine: Engine, announce) -> None:
    job = announce()
    engine.put(BODY, job.file_key)
    assert _sweep(engine) == [{"found_uploads": 1}]
    assert engine.split() == 1
    found = engine.job(job.job_id)
    assert (found.rows, found.version_id) == (6, engine.services.blobs.head(job.file_key).version_id)


def test_an_upload_found_at_the_very_moment_its_event_comes_is_one_job(engine: Engine, announce) -> None:
    job = announce()
    record = engine.put(BODY, job.file_key)
    _sweep(engine)
    assert engine.deliver(record).job_id == job.job_id
    engine.split()
    assert (engine.job(job.job_id).rows, _lose(engine)) == (6, 2)


def test_an_upload_that_never_came_ends_when_its_link_and_a_grace_have_passed(engine: Engine, announce) -> None:
    job = announce()
    engine.time.pass_(3600)
    assert (engine.sweep(), engine.job(job.job_id).status) == ({}, Status.UPLOADING)
    engine.time.pass_(601)
    assert engine.sweep() == {"expired_uploads": 1}
    ended = engine.job(job.job_id)
    assert (ended.status, ended.error["code"], ended.error["recoverable"]) == (
        Status.ERROR, "UPLOAD_NEVER_FINISHED", False)


# --- splitting


def test_a_lost_split_message_is_sent_again_on_the_second_look(engine: Engine) -> None:
    job = engine.drop(BODY)
    _lose(engine, "split")
    assert _sweep(engine, 2) == [{}, {"split_again": 1}]
    engine.split()
    assert engine.job(job.job_id).rows == 6


@pytest.mark.parametrize("fatal", [3, 6, 12])
def test_a_splitter_that_died_and_whose_message_is_lost_is_made_up_for(engine: Engine, fatal: int) -> None:
    job = engine.drop(BODY)
    with pytest.raises(Killed):
        engine.splitter(**mortal(engine, fatal)).split(job.job_id)
    _lose(engine, "split")
    _lose(engine)
    _sweep(engine, 2)
    engine.split()
    assert (engine.job(job.job_id).rows, engine.job(job.job_id).sent) == (6, True)


def test_a_job_that_cannot_be_split_ends_after_a_bounded_number_of_tries(engine: Engine) -> None:
    job = engine.drop(BODY)
    acts = []
    for _ in range(8):
        _lose(engine, "split")
        acts += _sweep(engine)
    assert [act for act in acts if act] == [{"split_again": 1}, {"split_again": 1}, {"failed_splits": 1}]
    assert engine.job(job.job_id).error["code"] == "SPLIT_FAILED"
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    assert engine.job(job.job_id).rows == 6


def test_a_split_that_waits_in_its_queue_is_not_asked_for_again(engine: Engine) -> None:
    engine.drop(BODY)
    assert _sweep(engine, 4) == [{}] * 4
    engine.receive("split")
    assert _sweep(engine, 2) == [{}] * 2


# --- batches


def test_lost_batches_are_sent_again_when_two_sweeps_in_a_row_found_the_queue_empty(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    engine.work(most=1)
    _lose(engine)
    assert _sweep(engine) == [{}]
    assert engine.split() == 0
    assert _sweep(engine) == [{"sent_again": 1}]
    engine.split()
    assert (engine.depth("leads"), engine.work()) == (1, 1)
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.batches_done) == (Status.COMPLETED, 6, 2)


@pytest.mark.parametrize("where", ["visible", "in flight", "delayed"])
def test_a_queue_that_is_merely_slow_is_not_fed(engine: Engine, where: str) -> None:
    job = engine.drop(BODY)
    engine.split()
    if where == "delayed":
        _lose(engine)
        engine.services.queues.send(engine.name("leads"), {"v": 1}, delay=600)
    while where == "in flight" and (record := engine.receive("leads")):
        engine.services.queues.change_visibility(engine.name("leads"), record["receiptHandle"], 600)
    before = engine.depth("leads")
    assert _sweep(engine, 4) == [{}] * 4
    assert (engine.depth("leads"), engine.depth("split"), engine.job(job.job_id).resends) == (before, 0, 0)


def test_sweeps_that_found_the_queue_empty_count_only_in_a_row(engine: Engine) -> None:
    engine.drop(BODY)
    engine.split()
    lost = engine.bodies("leads")
    assert _sweep(engine) == [{}]
    engine.send("leads", lost[0])
    assert _sweep(engine) == [{}]
    _lose(engine)
    assert _sweep(engine) == [{}]
    assert _sweep(engine) == [{"sent_again": 1}]


def test_a_job_that_moved_between_two_sweeps_is_given_time(engine: Engine) -> None:
    engine.drop(BODY)
    engine.split()
    lost = engine.bodies("leads")
    assert _sweep(engine) == [{}]
    engine.send("leads", lost[0])
    engine.work()
    assert _sweep(engine) == [{}]
    assert _sweep(engine) == [{"sent_again": 1}]


def test_a_job_that_waits_for_a_mended_provider_is_not_fed(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()

    def refused(batch, work):
        raise Unavailable("the balance is empty")

    engine.work(replace(engine.leads, process=refused))
    assert engine.job(job.job_id).paused == "circuit"
    assert (_sweep(engine, 3), engine.depth("leads")) == ([{}] * 3, 2)


def test_batches_lost_again_and_again_fail_and_the_job_ends(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    engine.work(most=1)
    acts = []
    for _ in range(6):
        _lose(engine)
        acts += _sweep(engine)
        engine.split()
    assert [act for act in acts if act] == [{"sent_again": 1}, {"sent_again": 1}, {"failed_batches": 1}]
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.failed, ended.batches_failed) == (Status.COMPLETED, 3, 3, 1)
    assert transitions.balanced(ended)
    assert _sweep(engine, 2) == [{}, {}]


def test_a_retry_gives_a_job_its_resends_anew(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    for _ in range(6):
        _lose(engine)
        _sweep(engine)
        engine.split()
    assert engine.job(job.job_id).error["code"] == "ALL_BATCHES_FAILED"
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    _lose(engine)
    assert _sweep(engine, 2) == [{}, {"sent_again": 1}]
    engine.split()
    engine.work()
    assert (engine.job(job.job_id).status, engine.job(job.job_id).new) == (Status.COMPLETED, 6)


# --- workers that die on their last receive


def _dies(engine: Engine, job: Job, number: int) -> None:
    """A worker takes a batch on its last receive and is killed while it works; then the message is gone for good."""
    record = next(record for record in iter(lambda: engine.receive("leads"), None)
                  if f'"batch_number":{number},' in record["body"])
    record["attributes"]["ApproximateReceiveCount"] = "3"

    def killed(batch, work):
        raise Killed

    with pytest.raises(Killed):
        engine.worker(replace(engine.leads, process=killed)).work([record])
    engine.services.queues.delete(engine.name("leads"), record["receiptHandle"])


def test_a_batch_whose_worker_died_on_its_last_receive_fails_when_its_last_chance_has_passed(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    _dies(engine, job, 2)
    engine.time.pass_(60)
    assert (engine.sweep(), engine.job(job.job_id).batches_failed) == ({}, 0)
    engine.time.pass_(1)
    assert engine.sweep() == {"failed_batches": 1}
    failed = engine.job(job.job_id)
    assert (failed.status, failed.batches_failed, failed.failed) == (Status.PROCESSING, 1, 3)
    assert list(engine.services.ledger.chances(job.job_id)) == []
    (detail,) = engine.services.ledger.batches(job.job_id, 2)
    assert (detail.entry.number, detail.entry.state, detail.entry.sheets) == (2, BatchState.FAILED, {0: {"failed": 3}})


def test_a_last_chance_of_an_earlier_run_condemns_nothing(engine: Engine) -> None:
    job = engine.drop(book(A=people(3)))
    engine.split()
    _dies(engine, job, 1)
    engine.services.call(control.cancel, job_id=job.job_id, by="me")
    engine.services.call(control.resume, job_id=job.job_id, by="me")
    engine.split()
    engine.time.pass_(100)
    assert engine.sweep() == {}
    assert engine.job(job.job_id).batches_failed == 0
    engine.work()
    assert (engine.job(job.job_id).status, engine.job(job.job_id).new) == (Status.COMPLETED, 3)


def test_a_batch_that_was_settled_after_all_is_not_failed(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    engine.work(most=1)
    (done,) = engine.services.ledger.batches(job.job_id, 2)
    engine.services.ledger.set_chance(engine.job(job.job_id), done.entry.number, stamp(engine.time() - timedelta(1)))
    engine.sweep()
    assert engine.job(job.job_id).batches_failed == 0
    assert list(engine.services.ledger.chances(job.job_id)) == []


# --- what is left alone, and trouble


def test_a_job_that_has_ended_is_not_touched(engine: Engine) -> None:
    ended = engine.drop(BODY)
    engine.split()
    engine.work()
    cancelled = engine.drop(book(A=people(4)), "uploads/leads/other.xlsx")
    engine.services.call(control.cancel, job_id=cancelled.job_id, by="me")
    _lose(engine, "split")
    before = [engine.job(job.job_id) for job in (ended, cancelled)]
    assert _sweep(engine, 3) == [{}] * 3
    assert [engine.job(job.job_id) for job in (ended, cancelled)] == before


def test_a_job_that_has_just_moved_is_not_looked_at(aws) -> None:
    engine = Engine(aws, {"SWEEP_IDLE_SECONDS": "900"})
    job = engine.drop(BODY)
    engine.split()
    _lose(engine)
    assert _sweep(engine, 2) == [{}, {}]
    assert engine.job(job.job_id).idle_mark == ""


@pytest.mark.parametrize("when", ["never sent", "sent", "died on its last receive"])
def test_a_job_whose_spool_is_gone_ends_and_keeps_no_other_waiting(engine: Engine, when: str) -> None:
    jobs = [engine.drop(book(A=people(3), B=people(count)), f"uploads/leads/{count}.xlsx") for count in range(4, 8)]
    engine.split()
    broken = jobs[0]
    if when == "died on its last receive":
        _dies(engine, broken, 1)
    _lose(engine)
    engine.services.blobs.delete_prefix(f"work/{broken.job_id}/")
    if when == "never sent":
        now = engine.job(broken.job_id)
        engine.services.ledger.write(now, transitions.sending_anew(now))
    for _ in range(12):
        if all(engine.job(job.job_id).status.terminal for job in jobs):
            break
        _sweep(engine)
        engine.split()
        while engine.receive("split"):
            pass
        engine.bodies("split-dlq")
        engine.work()
    ended = engine.job(broken.job_id)
    assert (ended.status, ended.failed, transitions.balanced(ended)) == (Status.ERROR, ended.rows, True)
    assert {engine.job(job.job_id).status for job in jobs[1:]} == {Status.COMPLETED}


def test_an_error_of_ours_about_one_job_keeps_no_other_waiting(engine: Engine) -> None:
    jobs = [engine.drop(book(A=people(count)), f"uploads/leads/{count}.xlsx") for count in range(1, 5)]
    _lose(engine, "split")

    class Moody:
        def depth(self, queue):
            return engine.services.queues.depth(queue)

        def send(self, queue, body, **rest):
            if body["job_id"] == jobs[0].job_id:
                raise Transient("no answer")
            if body["job_id"] == jobs[1].job_id:
                raise ValueError("a bug")
            engine.services.queues.send(queue, body, **rest)

    engine.sweep()
    assert engine.services.call(Sweeper, queues=Moody()).sweep() == {"failed": 2, "split_again": 2}
