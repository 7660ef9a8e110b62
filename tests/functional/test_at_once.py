"""Small jobs that are done inside a request, and what a pipeline may hang on to the settling of its batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import from_item
from chalicelib.errors import FileProblem, FileRefused, Malformed, Transient, Unavailable, Waiting
from chalicelib.jobs import control, intake, undo
from chalicelib.jobs.at_once import AtOnce
from chalicelib.jobs.model import BatchEntry, Job, Status
from chalicelib.jobs.pipeline import Pipeline, Write
from chalicelib.jobs.settling import Settler
from chalicelib.jobs.splitter import Splitter
from chalicelib.jobs.worker import Worker
from tests.functional.engine import Engine, Killed, book, mortal, people

BODY = book(People=people(9, emails=6))


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


def received(engine: Engine, body: bytes = BODY, **parts: Any) -> Job:
    return engine.services.call(intake.receive, owner="acme", subject="ada", pipeline="leads",
                                file_name="a/people.xlsx", body=body, options={}, again=False, **parts)


def seconds(*left: float) -> Iterator[float]:
    yield from left
    while True:
        yield left[-1]


def at_once(engine: Engine, left: Sequence[float] = (20,), pipeline: Pipeline | None = None, **parts: Any) -> AtOnce:
    clock = seconds(*left)
    settler = engine.services.call(Settler, ledger=parts.get("ledger", engine.services.ledger))
    worker = engine.services.call(Worker, pipeline=pipeline or engine.leads, remaining=lambda: next(clock),
                                  settler=settler, **parts)
    splitter = engine.services.call(Splitter, remaining=lambda: 20.0, **parts)
    return engine.services.call(AtOnce, splitter=splitter, worker=worker, **parts)


def counts(job: Job) -> tuple[Any, ...]:
    return job.status, job.rows, job.pending, job.new, job.superseded, job.batches_done, job.batches_total


DONE = (Status.COMPLETED, 9, 0, 6, 3, 3, 3)


def test_a_file_that_comes_with_a_request_is_kept_and_pending_before_anything_is_sent(engine: Engine) -> None:
    job = engine.job(received(engine).job_id)
    assert (job.status, job.file_name, job.file_key) == (
        Status.PENDING, "people.xlsx", f"received/leads/{job.job_id}/people.xlsx")
    assert engine.services.blobs.get(job.file_key, job.version_id) == BODY
    assert engine.depth("split") == 0


def test_a_small_job_is_done_inside_its_request_and_needs_no_message(engine: Engine) -> None:
    job = at_once(engine).run(received(engine))
    assert counts(job) == DONE
    assert (engine.depth("split"), engine.depth("leads"), len(engine.stored())) == (0, 0, 6)


def test_what_is_not_settled_in_time_goes_on_in_the_queue_under_the_same_job(engine: Engine) -> None:
    job = at_once(engine, left=(20, 20, 0.1)).run(received(engine))
    assert (job.status, job.batches_done, engine.depth("split")) == (Status.PROCESSING, 1, 1)
    engine.split()
    assert engine.depth("leads") == 2
    engine.work()
    assert counts(engine.job(job.job_id)) == DONE


@pytest.mark.parametrize("trouble", [Transient("busy"), Waiting(3, "tokens"), Unavailable("no key"), ValueError("bug")])
def test_a_batch_that_does_not_settle_at_the_first_try_takes_the_long_way_with_all_its_attempts(
    engine: Engine, trouble: Exception,
) -> None:
    def fails(*_: Any) -> Any:
        raise trouble

    job = at_once(engine, pipeline=replace(engine.leads, process=fails)).run(received(engine))
    assert (job.status, job.batches_done, job.paused) == (Status.PROCESSING, 0, "")
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == DONE


def test_a_file_that_cannot_become_rows_ends_its_job_and_is_said_at_once(engine: Engine) -> None:
    job = received(engine, b"PK\x03\x04 nothing")
    with pytest.raises(FileRefused) as refused:
        at_once(engine).run(job)
    ended = engine.job(job.job_id)
    assert ended.status is Status.ERROR
    assert ended.error is not None
    assert refused.value.code == ended.error["code"] == FileProblem.CORRUPT_FILE


def test_a_request_that_dies_at_any_write_leaves_a_job_that_ends_as_if_it_had_not(new_aws) -> None:
    for fatal in range(1, 40):
        engine = Engine(new_aws(), {"BATCH_SIZE": "3"})
        job = received(engine)
        try:
            at_once(engine, **mortal(engine, fatal)).run(job)
        except Killed:
            for _ in range(4):
                engine.time.pass_(300)
                engine.sweep()
                engine.split()
                engine.work()
            assert counts(engine.job(job.job_id)) == DONE, f"killed before write {fatal}"
            continue
        assert fatal > 8, "the request wrote less than it must"
        return
    raise AssertionError("a request of three batches wrote without end")


def test_a_message_beside_the_request_counts_nothing_twice(engine: Engine) -> None:
    job = received(engine)
    at_once(engine, left=(20, 20, 0.1)).run(job)
    engine.split()
    at_once(engine).run(engine.job(job.job_id))
    engine.work()
    assert counts(engine.job(job.job_id)) == DONE


def test_a_job_can_be_asked_for_from_outside_any_number_of_times(engine: Engine) -> None:
    job = received(engine)
    assert engine.services.call(control.process, event={"jobId": job.job_id}) == {
        "jobId": job.job_id, "status": "pending"}
    engine.services.call(control.process, event={"job_id": job.job_id})
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == DONE
    engine.services.call(control.process, event={"jobId": job.job_id})
    assert engine.depth("split") == 0
    with pytest.raises(Malformed):
        engine.services.call(control.process, event={"jobId": "nobody"})


# --- what hangs on to the settling


def noting(job: Job, entry: BatchEntry) -> Sequence[Write]:
    return [Write("dropmill-test-leads", {"pk": f"NOTED#{job.job_id}", "sk": str(entry.number)},
                  {"status": entry.state.value})]


def noted(engine: Engine, job: Job) -> dict[str, str]:
    found = engine.aws.client("dynamodb").query(
        TableName="dropmill-test-leads", KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"NOTED#{job.job_id}"}})["Items"]
    return {item["sk"]: item["status"] for item in map(from_item, found)}


def test_a_pipelines_own_table_follows_batches_that_are_done_and_batches_that_fail(engine: Engine) -> None:
    def fails_on_the_second(batch: Any, work: Any) -> Any:
        if batch.number == 2:
            raise Transient("never")
        return engine.leads.process(batch, work)

    pipeline = replace(engine.leads, noted=noting, process=fails_on_the_second)
    settler = engine.services.call(Settler, pipelines={"leads": pipeline})
    job = engine.drop(BODY)
    engine.split()
    worker = engine.services.call(Worker, pipeline=pipeline, remaining=lambda: 20.0, settler=settler)
    engine.serve("leads", worker.work, most=20)
    assert noted(engine, job) == {"1": "done", "2": "failed", "3": "done"}


def test_those_who_follow_a_job_are_told_again_until_they_know_and_the_batch_never_suffers(engine: Engine) -> None:
    heard: list[Status] = []
    answers = iter([None, Waiting(0, "tokens"), Transient("away"), None])

    def told(job: Job, _number: int) -> None:
        heard.append(job.status)
        if (trouble := next(answers)) is not None:
            raise trouble

    job = engine.drop(BODY)
    engine.split()
    assert engine.work(replace(engine.leads, told=told)) == 4, "the batch whose telling waited came once more"
    assert heard == [Status.PROCESSING, Status.PROCESSING, Status.COMPLETED, Status.COMPLETED]
    assert counts(engine.job(job.job_id)) == DONE
    assert engine.depth("leads-dlq") == 0


def test_a_pipelines_own_counts_move_with_its_batches_and_only_once(engine: Engine) -> None:
    def effects(job: Job, batch: Any, processed: Any) -> Any:
        planned = engine.leads.effects(job, batch, processed)
        return replace(planned, tallies={"first_sheet": len(processed.stored), "of_nothing": 0})

    job = engine.drop(BODY)
    engine.split()
    for body in engine.bodies("leads") * 2:
        engine.send("leads", body)
    engine.work(replace(engine.leads, effects=effects))
    assert engine.job(job.job_id).tallies == {"first_sheet": 9}


def test_what_was_written_elsewhere_before_an_undo_began_is_taken_back(engine: Engine) -> None:
    job = engine.drop(BODY)
    engine.split()
    taken: list[Sequence[str]] = []

    def effects(now: Job, batch: Any, processed: Any) -> Any:
        """The records are written; then, before the batch can settle, somebody undoes the job."""
        planned = engine.leads.effects(now, batch, processed)
        engine.services.call(control.cancel, job_id=job.job_id, by="ada")
        engine.services.call(undo.undo, job_id=job.job_id, by="ada")
        return replace(planned, marks=("this", "that"), elsewhere=True)

    def put_back(_job: Job, marks: Sequence[str]) -> Sequence[Any]:
        taken.append(marks)
        return ()

    engine.work(replace(engine.leads, effects=effects, undo=put_back), most=1)
    assert taken == [("this", "that")]
    assert engine.job(job.job_id).batches_done == 0


def test_those_who_follow_a_job_hear_of_its_end_also_when_a_request_did_it(engine: Engine) -> None:
    heard: list[Status] = []

    def told(job: Job, _number: int) -> None:
        heard.append(job.status)
        if job.status.terminal and heard.count(job.status) == 1:
            raise Waiting(0, "tokens")

    pipeline = replace(engine.leads, told=told)
    assert counts(at_once(engine, pipeline=pipeline).run(received(engine))) == DONE
    assert engine.depth("leads") == 1, "the last batch's message waits in the request's stead"
    engine.work(pipeline)
    assert heard == [Status.PROCESSING, Status.PROCESSING, Status.COMPLETED, Status.COMPLETED]
