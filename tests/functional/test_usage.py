"""What a job used is what its provider and AWS were asked for: nothing twice, and failed attempts not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import costs
from chalicelib.errors import Transient
from chalicelib.jobs import control
from chalicelib.jobs.pipeline import Processed
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from tests.conftest import Aws
from tests.functional.engine import Context, Engine, book, people

PROVIDER = ("calls", "failed_calls", "prompt_tokens", "completion_tokens", "cached", "provider_nano_usd")


@pytest.fixture
def fake() -> Iterator[FakeDeepSeek]:
    with FakeDeepSeek(tick=0.01) as running:
        yield running


@pytest.fixture
def engine(aws: Aws, fake: FakeDeepSeek) -> Engine:
    return Engine(aws, {"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k", "LEADS_STANDARDIZER": "deepseek",
                        "BATCH_SIZE": "10"})


def split(engine: Engine, rows: int = 10) -> str:
    job = engine.drop(book(Sheet=people(rows)))
    engine.split()
    return job.job_id


def used(engine: Engine, job_id: str) -> dict[str, int]:
    job = engine.job(job_id)
    return {name: job.usage[name] for name in PROVIDER}


def of_batches(engine: Engine, job_id: str) -> dict[str, int]:
    details = list(engine.services.ledger.batches(job_id, engine.job(job_id).batches_total))
    assert [detail.unmoved for detail in details] == [{} for _ in details], "something waits to be moved"
    total = costs.total(*(detail.entry.usage for detail in details))
    return {name: total.get(name, 0) for name in PROVIDER}


def test_a_job_used_what_its_provider_was_asked_for(engine, fake):
    job_id = split(engine, 25)
    engine.work()
    told = used(engine, job_id)
    assert (told["calls"], told["failed_calls"]) == (len(fake.seen), 0) == (3, 0)
    assert told["prompt_tokens"] > 0 < told["completion_tokens"]
    assert told["provider_nano_usd"] > 0
    assert told == of_batches(engine, job_id)


def test_an_attempt_that_failed_is_in_the_bill_of_the_one_that_settles(engine, fake):
    fake.change({"script": ["hangup"] * 3})
    job_id = split(engine)
    engine.work()
    told = used(engine, job_id)
    assert (engine.job(job_id).new, told["calls"], told["failed_calls"]) == (10, 4, 3)
    assert told == of_batches(engine, job_id)


def test_a_batch_that_died_used_all_that_its_attempts_did(engine, fake):
    fake.change({"chances": {"hangup": 1.0}})
    job_id = split(engine)
    engine.work(most=3)
    told = used(engine, job_id)
    assert (engine.job(job_id).failed, told["calls"], told["failed_calls"]) == (10, 9, 9)
    assert told == of_batches(engine, job_id)


def test_a_retry_adds_to_what_the_batch_used_before(engine, fake):
    fake.change({"script": ["hangup"] * 9})
    job_id = split(engine)
    engine.work(most=3)
    engine.services.call(control.retry, job_id=job_id, by="ada")
    engine.split()
    engine.work()
    told = used(engine, job_id)
    assert (engine.job(job_id).new, told["calls"], told["failed_calls"]) == (10, 10, 9)
    assert told == of_batches(engine, job_id)


def test_a_message_delivered_again_uses_nothing(engine):
    job_id = split(engine)
    record = engine.receive("leads")
    engine.worker().work([record])
    before = engine.job(job_id).usage
    engine.worker().work([record])
    assert engine.job(job_id).usage == before


def test_a_twin_that_was_slower_is_in_the_bill_too(engine, fake):
    """Two workers asked the provider for the same batch; it is counted once and paid twice."""
    job_id = split(engine)
    record = engine.receive("leads")
    process = engine.leads.process

    def overtaken(batch: Any, work: Any) -> Processed:
        processed = process(batch, work)
        engine.worker().work([record])
        return processed

    engine.worker(pipeline=replace(engine.leads, process=overtaken)).work([record])
    assert engine.job(job_id).new == 10
    assert used(engine, job_id) == of_batches(engine, job_id)
    assert engine.job(job_id).used_requests > engine.job(split_alone(engine)).used_requests


def split_alone(engine: Engine) -> str:
    """Another job of one batch, that nothing disturbed."""
    job = engine.drop(book(Other=people(10)), "uploads/leads/other.xlsx")
    engine.split()
    engine.work()
    return job.job_id


def test_what_a_failure_used_after_another_settled_reaches_the_job(engine, fake):
    job_id = split(engine)
    record = engine.receive("leads")
    process = engine.leads.process

    def too_late(batch: Any, work: Any) -> Processed:
        process(batch, work)
        engine.worker().work([record])
        raise Transient("and then the network went")

    engine.worker(pipeline=replace(engine.leads, process=too_late)).work([record])
    told = used(engine, job_id)
    assert (engine.job(job_id).new, told["calls"], told["cached"]) == (10, 1, 10)
    assert told == of_batches(engine, job_id)


def test_a_hand_back_keeps_what_it_used(engine, fake):
    fake.change({"script": ["429:1"] * 10})
    job_id = split(engine)
    engine.work(most=1)
    detail = engine.services.ledger.batch(job_id, 1)
    assert detail is not None
    assert detail.unmoved["calls"] == detail.unmoved["failed_calls"] == len(fake.seen) > 0
    assert detail.attempts == 0, "waiting is not failing"


def test_a_hand_back_that_used_nothing_writes_nothing(engine, fake):
    job_id = split(engine)
    engine.work(most=1, context=Context(0.1))
    assert engine.services.ledger.batch(job_id, 1) is None


def test_time_and_memory_of_splitter_and_workers_are_in_it(aws):
    engine = Engine(aws, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"})
    job = engine.drop(book(Sheet=people(10)))
    process = engine.leads.process

    def slow(batch: Any, work: Any) -> Processed:
        engine.time.pass_(20)
        return process(batch, work)

    engine.split()
    planned = engine.job(job.job_id)
    assert planned.used_requests > 0
    engine.work(pipeline=replace(engine.leads, process=slow))
    done = engine.job(job.job_id)
    assert costs.gb_seconds(done.usage) - costs.gb_seconds(planned.usage) == pytest.approx(20, abs=0.1)
    assert done.used_aws_nano_usd > 20 * costs.GB_SECOND
