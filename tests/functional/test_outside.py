"""Batches that others send into our queue, in the two formats that were documented before us."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import Transient, Waiting
from chalicelib.jobs import control, intake, transitions
from chalicelib.jobs.model import Job, Status
from tests.functional.engine import Context, Engine, Killed, book, mortal, people

SEED_002: dict[str, Any] = json.loads("""
{
  "batch_id": "uuid",
  "source_file": "filename.csv",
  "batch_number": 1,
  "total_batches": 5,
  "leads": [],
  "timestamp": "2025-01-08T10:30:00Z",
  "environment": "prod"
}
""")
SEED_004: dict[str, Any] = json.loads("""
{
  "batch_id": "uuid",
  "file_key": "s3-object-key",
  "batch_data": [
    {
      "name": "John Doe",
      "email": "john@example.com",
      "phone": "+1-555-123-4567",
      "company": "Example Corp"
    }
  ],
  "batch_number": 1,
  "total_batches": 5
}
""")
JOHN = SEED_004["batch_data"][0]


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def _batch(number: int, total: int = 3, **more: Any) -> dict[str, Any]:
    """Batch `number` of two leads, in seed 004's format."""
    leads = [{**JOHN, "email": f"p{number}-{place}@example.com"} for place in (1, 2)]
    return {**SEED_004, "batch_id": f"id-{number}", "batch_number": number, "total_batches": total,
            "batch_data": leads, **more}


def _only(engine: Engine, owner: str = "default") -> Job:
    (job,) = engine.services.ledger.jobs(owner, limit=9).jobs
    return job


def _work(engine: Engine, *messages: dict[str, Any]) -> None:
    for message in messages:
        engine.send("leads", message)
    engine.work()


def test_the_message_of_seed_004_as_printed_is_stored(engine: Engine) -> None:
    _work(engine, SEED_004)
    job = _only(engine)
    assert (job.status, job.file_key, job.batches_total, job.batches_done, job.rows, job.new) == (
        Status.PROCESSING, "s3-object-key", 5, 1, 1, 1)
    (lead,) = engine.stored()
    assert (lead["email"], lead["phone"], lead["company"]) == ("john@example.com", "+1-555-123-4567", "Example Corp")


def test_the_message_of_seed_002_as_printed_is_stored(engine: Engine) -> None:
    _work(engine, {**SEED_002, "leads": [{**JOHN, "_worksheet": "Sheet 2"}]})
    job = _only(engine)
    assert (job.file_name, job.batches_total, job.new) == ("filename.csv", 5, 1)
    assert engine.stored()[0]["worksheet"] == "Sheet 2"


def test_the_message_of_seed_002_finds_the_job_that_its_upload_id_names(engine: Engine) -> None:
    job = engine.services.call(
        intake.begin_upload, owner="acme", subject="ada", pipeline="leads", file_name="filename.csv",
        file_type="text/csv", file_size=1, options={}, again=False).job
    _work(engine, *({**SEED_002, "upload_id": job.job_id, "batch_number": number, "total_batches": 2,
                     "leads": [{**JOHN, "email": f"{number}@example.com"}]} for number in (1, 2)))
    ended = _only(engine, "acme")
    assert (ended.job_id, ended.status, ended.new) == (job.job_id, Status.COMPLETED, 2)
    assert {lead["owner"] for lead in engine.stored()} == {"acme"}


@pytest.mark.parametrize("seed", range(3))
def test_batches_one_to_five_times_in_any_order_make_one_job_that_counts_each_once(engine: Engine, seed: int) -> None:
    rng = random.Random(seed)
    messages = [_batch(number) for number in (1, 2, 3) for _ in range(rng.randint(1, 5))]
    rng.shuffle(messages)
    _work(engine, *messages)
    job = _only(engine)
    assert (job.status, job.rows, job.new, job.batches_done) == (Status.COMPLETED, 6, 6, 3)
    assert (transitions.balanced(job), len(engine.stored()), engine.depth("leads-dlq")) == (True, 6, 0)


def test_the_invariant_holds_after_every_batch(engine: Engine) -> None:
    for number in (3, 1, 2):
        _work(engine, _batch(number))
        assert transitions.balanced(_only(engine))


def test_a_batch_that_never_comes_is_given_up_in_the_end(aws) -> None:
    engine = Engine(aws, {"MAX_RESENDS": "1"})
    _work(engine, _batch(1), _batch(3))
    for _ in range(8):
        engine.time.pass_(600)
        engine.sweep()
        engine.split()
        engine.work()
    job = _only(engine)
    assert (job.status, job.rows, job.new, job.batches_failed, job.failed) == (Status.COMPLETED, 4, 4, 1, 0)
    _work(engine, _batch(2))
    late = _only(engine)
    assert (late.status, late.rows, late.new, late.batches_failed) == (Status.COMPLETED, 6, 6, 0)
    assert transitions.balanced(late)


def test_a_lost_batch_is_sent_again_from_its_kept_body(engine: Engine) -> None:
    def killed(batch, work):
        raise Killed

    engine.send("leads", _batch(1, total=1))
    record = engine.receive("leads")
    assert record is not None
    with pytest.raises(Killed):
        engine.worker(replace(engine.leads, process=killed)).work([record])
    engine.services.queues.delete(engine.name("leads"), record["receiptHandle"])
    for _ in range(2):
        engine.time.pass_(600)
        engine.sweep()
    engine.split()
    engine.work()
    assert (_only(engine).status, _only(engine).new) == (Status.COMPLETED, 2)


def test_retry_of_a_failed_batch_sends_its_kept_body_as_it_came(engine: Engine) -> None:
    def waits_then_fails(batch, work):
        if batch.number == 2 and work.attempt == 1 and not waited:
            waited.append(1)
            raise Waiting(0, "tokens")
        if batch.number == 2:
            raise Transient("down")
        return engine.leads.process(batch, work)

    waited: list[int] = []
    engine.send("leads", _batch(1, total=2))
    engine.send("leads", _batch(2, total=2))
    engine.work(replace(engine.leads, process=waits_then_fails))
    engine.receive("leads")
    job = _only(engine)
    assert (job.status, job.new, job.failed) == (Status.COMPLETED, 2, 2)
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    (body,) = engine.bodies("leads")
    assert json.loads(body) == _batch(2, total=2)
    _work(engine, json.loads(body))
    assert (_only(engine).status, _only(engine).new, _only(engine).failed) == (Status.COMPLETED, 4, 0)


def test_batches_of_a_cancelled_job_wait_for_its_resumption_also_those_that_come_later(engine: Engine) -> None:
    _work(engine, _batch(1))
    job = _only(engine)
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    _work(engine, _batch(2), _batch(3))
    assert (_only(engine).status, _only(engine).new, _only(engine).cancelled) == (Status.CANCELLED, 2, 4)
    engine.services.call(control.resume, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    assert (_only(engine).status, _only(engine).new, transitions.balanced(_only(engine))) == (
        Status.COMPLETED, 6, True)


def test_the_first_batch_of_a_job_cancelled_before_waits_for_its_resumption(engine: Engine) -> None:
    job = engine.services.call(
        intake.begin_upload, owner="acme", subject="ada", pipeline="leads", file_name="filename.csv",
        file_type="text/csv", file_size=1, options={}, again=False).job
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    _work(engine, *(_batch(number, total=2, upload_id=job.job_id) for number in (1, 2)))
    waiting = _only(engine, "acme")
    assert (waiting.status, waiting.cancelled, transitions.balanced(waiting)) == (Status.CANCELLED, 4, True)
    engine.services.call(control.resume, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    assert (_only(engine, "acme").status, _only(engine, "acme").new) == (Status.COMPLETED, 4)


def test_a_batch_that_contradicts_the_job_goes_to_the_dead_letters(engine: Engine) -> None:
    _work(engine, _batch(1, upload_id="their-own-id"))
    other_total = _batch(2, total=4, upload_id="their-own-id")
    other_rows = _batch(1, upload_id="their-own-id", batch_data=[{**JOHN, "email": "other@example.com"}])
    _work(engine, other_total, other_rows)
    letters = {letter["batch_number"]: letter for letter in map(json.loads, engine.bodies("leads-dlq"))}
    assert letters == {1: other_rows, 2: other_total}
    assert (_only(engine).batches_total, _only(engine).rows) == (3, 2)


def test_a_batch_from_outside_cannot_stand_in_for_one_that_we_cut(aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "3"})
    job = engine.drop(book(A=people(6)))
    engine.split()
    ours = engine.bodies("leads")
    foreign = _batch(1, total=2, upload_id=job.job_id)
    _work(engine, foreign)
    assert [json.loads(body) for body in engine.bodies("leads-dlq")] == [foreign]
    for body in ours:
        engine.send("leads", body)
    engine.work()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, transitions.balanced(ended)) == (Status.COMPLETED, 6, True)


def test_rows_that_are_no_objects_are_rejects_and_their_neighbours_are_stored(engine: Engine) -> None:
    odd = [JOHN, "John Doe", None, {"name": "Ann Day", "email": "ann@example.com", "phone": 61412345678, "_row": 7}]
    _work(engine, {**SEED_004, "total_batches": 1, "batch_data": odd})
    job = _only(engine)
    assert (job.status, job.rows, job.new, job.rejected) == (Status.COMPLETED, 4, 2, 2)
    assert [(row, code) for _, row, code in engine.rejects(job)] == [(2, "MALFORMED_ROW"), (3, "MALFORMED_ROW")]


def test_two_files_of_other_names_or_sizes_are_two_jobs(engine: Engine) -> None:
    _work(engine, _batch(1), _batch(1, file_key="another-key"), _batch(1, total=2))
    assert len(engine.services.ledger.jobs("default", limit=9).jobs) == 3


def test_adopting_survives_a_death_between_any_two_writes_and_a_sweep_before_the_message_returns(new_aws) -> None:
    engine = Engine(new_aws(), {"MAX_RESENDS": "3"})
    for fatal in itertools.count(1):
        message = _batch(1, total=1, file_key=f"file-{fatal}", batch_data=[{**JOHN, "email": f"{fatal}@example.com"}])
        engine.send("leads", message)
        record = engine.receive("leads")
        assert record is not None
        parts = mortal(engine, fatal)
        died = False
        try:
            replace(engine.worker(), **parts).work([record])
        except Killed:
            died = True
        engine.services.queues.delete(engine.name("leads"), record["receiptHandle"])
        for _ in range(2):
            engine.time.pass_(400)
            engine.sweep()
            engine.split()
        _work(engine, message)
        if not died:
            break
    jobs = engine.services.ledger.jobs("default", limit=50).jobs
    assert (len(jobs), len(engine.stored())) == (fatal, fatal)
    assert {(job.status, job.new, job.error is None) for job in jobs} == {(Status.COMPLETED, 1, True)}
    assert fatal > 4


def test_products_of_two_users_with_one_catalogue_id_are_two_jobs_and_no_job_changes_hands(engine: Engine) -> None:
    """The seed's message names a catalogue and a user; the catalogue alone would have been whoever came first's."""
    def message(user: str, **more: Any) -> dict[str, Any]:
        return {"catalog_id": "spring", "user_id": user, "products": [{"name": "Cap"}], "batch_number": 1,
                "total_batches": 1, **more}

    worker = engine.services.worker("products", Context())
    for user in ("ada", "bob"):
        engine.send("products", message(user))
    engine.serve("products", worker.work, 5)
    jobs = [engine.services.ledger.jobs(user, limit=5).jobs for user in ("ada", "bob")]
    assert [len(each) for each in jobs] == [1, 1]
    engine.send("products", message("bob", tracking_id=jobs[0][0].job_id))
    engine.serve("products", worker.work, 5)
    assert engine.depth("products-dlq") == 1
    assert engine.job(jobs[0][0].job_id).rows == 1
