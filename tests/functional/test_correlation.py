"""From the request to the batch: one id on the job, its messages, its events and every line that is logged for it."""

from __future__ import annotations

import json

import pytest

from chalicelib.jobs import control, intake
from chalicelib.logs import bound
from tests.functional.engine import Engine, book, people
from tests.functional.measured import records


@pytest.fixture
def engine(aws):
    return Engine(aws)


def announced(engine: Engine, request_id: str) -> intake.Upload:
    with bound(request_id=request_id):
        return engine.services.call(
            intake.begin_upload, owner="acme", subject="ada", pipeline="leads", file_name="people.xlsx", file_type="",
            file_size=10, options={}, again=False)


def test_a_job_keeps_the_request_that_announced_it_whatever_event_brings_the_file(engine):
    upload = announced(engine, "r-1")
    record = engine.put(book(Sheet=people(3)), upload.job.file_key)
    engine.deliver({**record, "responseElements": {"x-amz-request-id": "S3-9"}})
    assert engine.job(upload.job.job_id).request_id == "r-1"


def test_a_dropped_file_goes_back_to_the_request_of_its_upload(engine):
    record = engine.put(book(Sheet=people(3)))
    job = engine.deliver({**record, "responseElements": {"x-amz-request-id": "S3-9"}})
    assert job.request_id == "S3-9"


def test_messages_carry_the_request(engine):
    upload = announced(engine, "r-1")
    engine.deliver(engine.put(book(Sheet=people(3)), upload.job.file_key))
    engine.split()
    assert [json.loads(body)["request_id"] for body in engine.bodies("leads")] == ["r-1"]


def test_a_message_of_the_version_before_is_worked_on(engine):
    """It has no request; its job may have one."""
    job = engine.drop(book(Sheet=people(3)))
    engine.split()
    message, = map(json.loads, engine.bodies("leads"))
    assert "request_id" not in message
    engine.send("leads", {**message, "v": 0})
    engine.work()
    assert engine.job(job.job_id).status == "completed"


def test_events_tell_the_request_and_a_retry_its_own(engine):
    upload = announced(engine, "r-1")
    engine.deliver(engine.put(b"", upload.job.file_key))
    with bound(request_id="r-2"):
        engine.services.call(control.cancel, job_id=upload.job.job_id, by="ada")
    told = {event.kind: event.detail.get("requestId")
            for event in engine.services.ledger.events(upload.job.job_id).events}
    assert (told["created"], told["cancelled"]) == ("r-1", "r-2")


def test_every_line_of_splitter_and_worker_names_request_job_batch_and_attempt(engine):
    upload = announced(engine, "r-1")
    engine.deliver(engine.put(book(Sheet=people(15)), upload.job.file_key))
    job_id = upload.job.job_id
    with records() as logged:
        engine.split()
        split = list(logged)
        logged.clear()
        engine.work()
    assert split
    assert {(line["request_id"], line["job_id"]) for line in split} == {("r-1", job_id)}
    assert {(line["request_id"], line["job_id"], line["attempt"]) for line in logged} == {("r-1", job_id, 1)}
    assert {line["batch_id"] for line in logged} == {f"{job_id}-1", f"{job_id}-2"}


def test_one_line_a_batch_says_what_became_of_it(engine):
    """As seeds 002 and 004 have it: `{batch_id, status, timestamp, details}`."""
    job = engine.drop(book(Sheet=people(10)))
    engine.split()
    with records() as logged:
        engine.work()
    line, = (each for each in logged if "details" in each)
    assert (line["batch_id"], line["status"]) == (f"{job.job_id}-1", "completed")
    assert (line["details"]["rows"], line["details"]["byTwin"]) == (10, False)
    assert line["timestamp"]


def test_no_line_holds_anything_personal(engine):
    engine.drop(book(Sheet=people(10)))
    with records() as logged:
        engine.split()
        engine.work()
        engine.sweep()
    text = json.dumps(list(logged))
    assert "Byron" not in text
    assert "@example.com" not in text
