"""How jobs are born: S3 tells of objects at least once, in any order, and not only of files that we expect."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from chalicelib.jobs import control, intake
from chalicelib.jobs.model import Job, Status
from tests.functional.engine import UPLOADED_AT, Engine, Killed, book, mortal, people

BODY = book(People=people(4))


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "2"})


@pytest.fixture(scope="module")
def shared(new_aws) -> Engine:
    """One account for the tests that only look at a drop of their own."""
    return Engine(new_aws(), {"BATCH_SIZE": "2"})


@pytest.fixture
def announce(engine: Engine) -> Callable[[], Job]:
    """Announces an upload as POST /upload does."""
    def begin() -> Job:
        return engine.services.call(
            intake.begin_upload, owner="acme", subject="ada", pipeline="leads", file_name="people.xlsx",
            file_type="application/octet-stream", file_size=1, options={}, again=False).job
    return begin


def test_events_one_to_five_times_in_any_order_make_one_job_and_one_set_of_batches_a_file(engine: Engine) -> None:
    bodies = [book(A=people(3)), book(B=people(5)), book(C=people(4))]
    records = [engine.put(body, f"uploads/leads/{place}.xlsx") for place, body in enumerate(bodies)]
    events = [record for times, record in zip((1, 3, 5), records, strict=True) for _ in range(times)]
    random.Random(7).shuffle(events)
    ids = set()
    for place, record in enumerate(events):
        job = engine.deliver(record)
        assert job is not None
        ids.add(job.job_id)
        if place % 3 == 2:
            engine.split()
    engine.split()
    sent = engine.bodies("leads")
    jobs = [engine.job(job_id) for job_id in ids]
    assert sorted((job.rows, job.batches_total) for job in jobs) == [(3, 2), (4, 2), (5, 3)]
    assert len(sent) == 7
    assert engine.depth("split") == 0


def test_an_event_that_comes_after_the_job_has_ended_changes_nothing(engine: Engine) -> None:
    record = engine.put(BODY)
    engine.deliver(record)
    engine.split()
    engine.work()
    before = engine.deliver(record)
    assert before is not None
    assert (before.status, engine.depth("split"), engine.job(before.job_id)) == (Status.COMPLETED, 0, before)


def test_an_announced_upload_is_bound_by_its_key_and_pinned_once(engine: Engine, announce) -> None:
    job = announce()
    record = engine.put(BODY, job.file_key)
    for _ in range(3):
        assert engine.deliver(record).job_id == job.job_id
    pinned = engine.job(job.job_id)
    assert (pinned.status, pinned.owner, pinned.version_id) == (
        Status.UPLOADED, "acme", record["s3"]["object"]["versionId"])
    assert pinned.uploaded_at == UPLOADED_AT
    assert sorted(engine.kinds(job)) == ["created", "uploaded"]


@pytest.mark.parametrize("second_first", [False, True])
def test_a_second_version_under_an_issued_key_becomes_a_drop_of_its_own(engine, announce, second_first) -> None:
    job = announce()
    records = [engine.put(book(A=people(2)), job.file_key), engine.put(book(A=people(5)), job.file_key)]
    first, second = [engine.deliver(record) for record in (reversed(records) if second_first else records)]
    assert first.job_id == job.job_id
    assert (second.job_id != job.job_id, second.owner, second.status) == (True, "acme", Status.UPLOADED)
    for record in records:
        assert engine.deliver(record).job_id in (first.job_id, second.job_id)
    engine.split()
    assert sorted(engine.job(each.job_id).rows for each in (first, second)) == [2, 5]


def test_a_late_event_never_moves_a_job_back(engine: Engine, announce) -> None:
    job = announce()
    record = engine.put(BODY, job.file_key)
    engine.deliver(record)
    engine.split()
    processing = engine.job(job.job_id)
    engine.deliver(record)
    assert engine.job(job.job_id) == processing
    engine.services.call(control.cancel, job_id=job.job_id, by="me")
    cancelled = engine.job(job.job_id)
    engine.deliver(record)
    assert (engine.job(job.job_id), engine.depth("split")) == (cancelled, 0)


def test_a_file_that_comes_after_its_upload_was_given_up_is_not_passed_over(engine: Engine, announce) -> None:
    job = announce()
    engine.time.pass_(2 * 3600)
    assert engine.sweep() == {"expired_uploads": 1}
    late = engine.drop(BODY, job.file_key)
    engine.split()
    assert (late.job_id != job.job_id, late.owner, engine.job(late.job_id).rows) == (True, "acme", 4)
    assert engine.job(job.job_id).status is Status.ERROR


def test_a_file_for_a_cancelled_upload_waits_for_its_resumption(engine: Engine, announce) -> None:
    job = announce()
    engine.services.call(control.cancel, job_id=job.job_id, by="me")
    assert engine.drop(BODY, job.file_key).status is Status.CANCELLED
    assert (engine.split(), engine.services.ledger.jobs("acme", limit=9).jobs) == (0, (engine.job(job.job_id),))
    engine.services.call(control.resume, job_id=job.job_id, by="me")
    engine.time.pass_(10)
    assert engine.sweep() == {"found_uploads": 1}
    engine.split()
    engine.work()
    assert (engine.job(job.job_id).status, engine.job(job.job_id).new) == (Status.COMPLETED, 4)


def test_a_second_version_is_a_drop_of_its_own_also_when_the_first_was_cancelled(engine: Engine, announce) -> None:
    job = announce()
    engine.drop(BODY, job.file_key)
    engine.services.call(control.cancel, job_id=job.job_id, by="me")
    second = engine.drop(book(A=people(7)), job.file_key)
    engine.split()
    assert (second.job_id != job.job_id, engine.job(second.job_id).rows) == (True, 7)


@pytest.mark.parametrize(("key", "owner", "name"), [
    ("uploads/leads/acme/people.xlsx", "acme", "people.xlsx"),
    ("uploads/leads/people.xlsx", "default", "people.xlsx"),
    ("uploads/people.xlsx", "default", "people.xlsx"),
    ("uploads/leads/a+b%2Bc d.csv", "default", "a+b2Bc d.csv"),
    ("uploads/leads/acme/Käufer 顧客 🙂.csv", "acme", "Käufer 顧客 🙂.csv"),
    ("uploads/leads/Ka\u0308ufer.csv", "default", "Käufer.csv"),
    ("uploads/leads/00000000000000000000000000000000/x.csv", "default", "x.csv")])
def test_a_bare_drop_belongs_to_whom_its_key_names_and_is_found_again(shared, key, owner, name) -> None:
    job = shared.drop(f"Name,Email\nAnn Day,{key}@example.com\n".encode(), key)
    assert (job.pipeline, job.owner, job.file_name, job.file_key) == ("leads", owner, name, key)
    shared.split()
    assert shared.job(job.job_id).rows == 1


@pytest.mark.parametrize("key", [
    "uploads/dreams/people.csv", "uploads/leads/acme/deeper/people.csv", "uploads/leads//people.csv",
    "uploads/leads/", "uploads/leads/acme/", "uploads//people.csv", "exports/people.csv", "work/x/part-00001.jsonl",
    "uploads", "leads/people.csv"])
def test_what_is_not_an_upload_is_left_alone(shared: Engine, key: str) -> None:
    before = len(list(shared.services.ledger.open_jobs()))
    assert shared.deliver(shared.put(b"a,b\n1,2\n", key)) is None
    assert (shared.depth("split"), len(list(shared.services.ledger.open_jobs()))) == (0, before)


def test_a_job_id_in_a_key_binds_only_the_very_key_that_was_issued(engine: Engine, announce) -> None:
    job = announce()
    other = engine.drop(BODY, f"uploads/leads/{job.job_id}/other.xlsx")
    assert (other.job_id != job.job_id, other.owner) == (True, "default")
    assert engine.job(job.job_id).status is Status.UPLOADING


def test_a_file_whose_job_was_forgotten_belongs_to_the_default_owner(engine: Engine) -> None:
    assert engine.drop(BODY, f"uploads/leads/{'0a' * 16}/people.xlsx").owner == "default"


def test_every_record_of_an_event_counts_and_a_test_event_has_none(engine: Engine) -> None:
    records = [engine.put(book(A=people(count)), f"uploads/leads/{count}.csv") for count in (1, 2)]
    engine.services.call(intake.objects_created, event={"Records": records})
    engine.services.call(intake.objects_created, event={"Service": "Amazon S3", "Event": "s3:TestEvent"})
    assert (engine.depth("split"), len(list(engine.services.ledger.open_jobs()))) == (2, 2)


def test_the_same_version_makes_the_same_job_and_another_version_another(engine: Engine) -> None:
    first, second = engine.put(BODY), engine.put(BODY)
    jobs = [engine.deliver(record).job_id for record in (first, second, first, second)]
    assert jobs[0] == jobs[2] != jobs[1] == jobs[3]


def test_registering_survives_a_death_between_any_two_writes(new_aws) -> None:
    engine = Engine(new_aws())
    for fatal in itertools.count(1):
        record = engine.put(book(A=people(fatal)), f"uploads/leads/{fatal}.xlsx")
        parts = {name: part for name, part in mortal(engine, fatal).items() if name != "blobs"}
        try:
            engine.services.call(intake.object_created, record=record, **parts)
        except Killed:
            job = engine.deliver(record)
            engine.split()
            assert engine.job(job.job_id).rows == fatal
        else:
            assert fatal > 3
            return
