"""Leads through the whole engine with the AI as standardiser: its troubles lose no row and kill no message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.sqs import Queues
from chalicelib.jobs.worker import Worker
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from tests.conftest import Aws
from tests.functional.engine import Engine


@pytest.fixture
def fake() -> Iterator[FakeDeepSeek]:
    with FakeDeepSeek(tick=0.01) as running:
        yield running


@pytest.fixture
def engine(aws: Aws, fake: FakeDeepSeek) -> Engine:
    return Engine(aws, {"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k", "LEADS_STANDARDIZER": "deepseek",
                        "BATCH_SIZE": "20"})


def people(count: int, poison: int | None = None) -> bytes:
    lines = ["Name,Email,Phone,Company"]
    lines += [f"Person Nr{number},p{number}@example.com,415555{1000 + number},"
              f"{'BOOM Ltd' if number == poison else 'Acme'}" for number in range(count)]
    return "\n".join(lines).encode()


def test_rows_done_by_the_ai_say_so(engine, fake):
    job = engine.drop(people(45), "uploads/leads/people.csv")
    engine.split()
    engine.work()
    done = engine.job(job.job_id)
    assert (done.status, done.new, done.rejected) == ("completed", 45, 0)
    assert len(fake.seen) == 3
    assert {lead["provider"] for lead in engine.table() if lead["sk"] == "LEAD"} == {"deepseek"}


@pytest.mark.parametrize("place", [0, 7, 19])
def test_one_poison_row_of_twenty_is_one_reject_and_nothing_dies(engine, fake, place):
    fake.change({"poison": {"BOOM": 400}})
    job = engine.drop(people(20, poison=place), "uploads/leads/people.csv")
    engine.split()
    engine.work()
    done = engine.job(job.job_id)
    assert (done.status, done.new, done.rejected, done.failed) == ("completed", 19, 1, 0)
    assert engine.depth("leads-dlq") == 0


class NoDelay:
    """The queues, with every delay over at once."""

    def __init__(self, queues: Queues) -> None:
        self.queues = queues
        self.delays: list[float] = []

    def send(self, queue: str, body: Any, *, delay: float = 0, group: str = "") -> None:
        self.delays.append(delay)
        self.queues.send(queue, body, group=group)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queues, name)


def test_ten_polite_hand_backs_spend_no_receive_and_the_job_completes_after_all(engine, fake):
    fake.change({"capacity": 0})
    job = engine.drop(people(5), "uploads/leads/people.csv")
    engine.split()
    queues = NoDelay(engine.services.queues)
    worker = engine.services.call(Worker, pipeline=engine.leads, queues=queues, remaining=lambda: 60.0)
    assert engine.serve("leads", lambda records: worker.work(records), most=10) == 10
    assert len(queues.delays) == 10
    assert min(queues.delays) > 0
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (1, 0)
    assert engine.job(job.job_id).pending == 5
    fake.change({"capacity": None})
    _let_the_block_pass(engine)
    engine.work()
    done = engine.job(job.job_id)
    assert (done.status, done.new, done.failed) == ("completed", 5, 0)


def test_an_empty_balance_pauses_the_job_and_fails_no_row(engine, fake):
    fake.change({"script": ["402"]})
    job = engine.drop(people(45), "uploads/leads/people.csv")
    engine.split()
    assert engine.work(most=3) == 3
    paused = engine.job(job.job_id)
    assert (paused.status, paused.paused, paused.failed) == ("processing", "circuit", 0)
    assert len(fake.seen) == 1, "the other workers know without asking"
    assert engine.depth("leads-dlq") == 0


def _let_the_block_pass(engine: Engine) -> None:
    """The provider's block is a matter of real seconds; forgetting it is quicker than sleeping."""
    engine.aws.client("dynamodb").delete_item(
        TableName=engine.services.settings.limits_table, Key={"pk": {"S": "LIMIT#deepseek"}})
