"""The same catalogue in MongoDB: stored before its batches are settled, to the same effect."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import Transient
from chalicelib.jobs import transitions
from chalicelib.jobs.model import Status
from chalicelib.local.fakes.keepa import FakeKeepa
from tests.contract.mongo import Server, mongo
from tests.fixtures.products import rows, workbook
from tests.functional.engine import Engine
from tests.functional.products import begun, counters, enriched, imported, neutral, products, sources, work

__all__ = ["mongo"]


@pytest.fixture(scope="module")
def keepa() -> Iterator[FakeKeepa]:
    with FakeKeepa(rate=1000) as fake:
        yield fake


class Forgetful:
    """A ledger that loses the first settling of a batch; all else goes to the real one."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._lost: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def settle(self, job: Any, known: Any, change: Any, entry: Any, *more: Any) -> None:
        if entry.number not in self._lost:
            self._lost.add(entry.number)
            raise Transient("nothing of it was written")
        self._real.settle(job, known, change, entry, *more)


def settings(keepa: FakeKeepa, mongo: Server, database: str) -> dict[str, str]:
    return {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "KEEPA_TOKENS_PER_MINUTE": "1000",
            "PRODUCTS_BATCH_SIZE": "5", "MONGODB_URI": mongo.uri, "MONGODB_DATABASE": database}


def test_both_stores_hold_the_same_whatever_the_order_and_however_often(
    new_aws, keepa: FakeKeepa, mongo: Server
) -> None:
    body, ends = workbook(rows(30, 20)), []
    for turn, where in enumerate((settings(keepa, mongo, "order"), {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key",
                                                                   "PRODUCTS_BATCH_SIZE": "5"})):
        engine = Engine(new_aws(), where)
        job = imported(engine, body)
        last = begun(engine, job.job_id)
        messages = engine.bodies("products") * 2
        random.Random(turn).shuffle(messages)
        for message in messages:
            engine.send("products", message)
            work(engine)
        jobs = (engine.job(job.job_id), engine.job(last.job_id))
        ends.append(([counters(each) for each in jobs],
                     [neutral(product, *jobs) for product in products(engine, job.job_id)]))
    assert ends[0] == ends[1]


def test_a_crash_between_storing_and_settling_counts_nothing_twice(aws, keepa: FakeKeepa, mongo: Server) -> None:
    engine = Engine(aws, settings(keepa, mongo, "crash"))
    job = imported(engine, workbook(rows(10, 10)))
    last = begun(engine, job.job_id)
    settler = replace(engine.services.settler, ledger=Forgetful(engine.services.ledger))
    pipeline = engine.services.pipelines["products"]
    engine.serve("products", lambda records: replace(engine.worker(pipeline), settler=settler).work(records), 50)
    ended = engine.job(last.job_id)
    assert (ended.status, ended.updated, transitions.balanced(ended)) == (Status.COMPLETED, 10, True)
    assert {name: count for name, count in ended.tallies.items() if count} == sources(products(engine, job.job_id))


def test_while_mongodb_is_away_batches_fail_and_retry_mends_them(aws, keepa: FakeKeepa, mongo: Server) -> None:
    engine = Engine(aws, settings(keepa, mongo, "away"))
    job = imported(engine, workbook(rows(5, 5)))
    with mongo.fail("update", times=3, errorCode=262):
        last = enriched(engine, job.job_id)
    assert (last.status, last.updated, last.failed) == (Status.COMPLETED, 5, 0)
