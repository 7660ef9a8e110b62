"""Products in MongoDB when the wire breaks, workers die and rivals are faster: nothing lost, nothing doubled."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.product_store import Product, Proposal
from chalicelib.adapters.products_mongodb import TRIES
from chalicelib.errors import Transient, Unavailable
from chalicelib.jobs.model import Job, Outcome
from chalicelib.jobs.pipeline import Effects, PutBack
from tests.contract import mongo as wire
from tests.contract.products import (
    NUMBERS,
    Place,
    a_mongo_store,
    after,
    batch,
    enriching,
    get,
    importing,
    name_of,
    own,
    row,
)

TROUBLE: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("update", {"errorCode": 262}), ("update", {"errorCode": 262, "times": 2}),
    ("update", {"errorCode": 262, "times": 9}), ("find", {"errorCode": 262, "times": 3}),
    ("update", {"closeConnection": True}), ("update", {"closeConnection": True, "times": 2}),
    ("update", {"writeConcernError": {"code": 64, "errmsg": "timed out", "errInfo": {"wtimeout": True}}}),
    ("update", {"writeConcernError": {"code": 64, "errmsg": "timed out"}, "times": 2}))


@pytest.mark.parametrize(("command", "how"), TROUBLE, ids=str)
def test_trouble_on_the_wire_loses_and_doubles_nothing(
    mongodb: Place, mongo: wire.Server, job: Job, documents: Any, command: str, how: Mapping[str, Any]
) -> None:
    mongodb.settle(job, 1, batch(1))
    with mongo.fail(command, **how):
        mongodb.settle(job, 3, batch(3))
    mongodb.settle(job, 2, batch(2))
    assert documents.count_documents({}) == 4
    assert {each: name_of(mongodb, job, each) for each in "ABCD"} == {"A": "A32", "B": "B31", "C": "C22", "D": "D33"}
    assert mongodb.counted(job) == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})
    assert sorted(mongodb.marks[job.job_id]) == ["A", "B", "C", "D"]


def test_trouble_on_the_wire_undoes_nothing_twice(mongodb: Place, mongo: wire.Server, job: Job) -> None:
    mongodb.settle(job, 1, batch(1))
    later = after(job, 2)
    mongodb.settle(later, 1, [own(row(1), "A", "later")])
    for each, expected in ((later, [PutBack.RESTORED]), (job, [PutBack.REMOVED] * 2)):
        with mongo.fail("update", times=3, errorCode=262):
            assert [one.became for one in mongodb.undo(each)] == expected
        with mongo.fail("update", writeConcernError={"code": 64, "errmsg": "timed out"}):
            assert [one.became for one in mongodb.undo(each)] == expected


def test_trouble_that_does_not_end_is_transient_after_pauses_that_grow(mongo: wire.Server, job: Job) -> None:
    slept: list[float] = []
    store = a_mongo_store(mongo.uri, f"test{next(NUMBERS)}", sleep=slept.append)
    with mongo.fail("update", times=100, errorCode=262), pytest.raises(Transient):
        store.effects(job, 1, batch(1))
    store.close()
    assert len(slept) == TRIES
    assert all(pause <= 0.05 * 2 ** tried for tried, pause in enumerate(slept))
    assert slept != sorted(slept, reverse=True)


def test_what_no_majority_has_yet_is_read_again_before_anybody_is_told(
    mongo: wire.Server, job: Job, documents: Any
) -> None:
    slept: list[float] = []
    store = a_mongo_store(mongo.uri, documents.database.name, sleep=slept.append)
    with mongo.fail("update", writeConcernError={"code": 64, "errmsg": "timed out"}):
        effects = store.effects(job, 1, batch(1))
    store.close()
    assert (len(slept), effects.marks) == (1, ("A", "B"))


@pytest.mark.parametrize("stored", range(4))
def test_a_worker_that_died_in_the_middle_of_a_bulk_is_made_good(mongodb: Place, job: Job, stored: int) -> None:
    mongodb.settle(job, 1, batch(1))
    mongodb.store.effects(job, 3, batch(3)[:stored])  # so far it came
    mongodb.settle(job, 3, batch(3))
    mongodb.settle(job, 2, batch(2))
    assert {each: name_of(mongodb, job, each) for each in "ABCD"} == {"A": "A32", "B": "B31", "C": "C22", "D": "D33"}
    assert mongodb.counted(job) == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=str)
def test_batches_stored_long_before_they_settle_come_to_the_same(
    mongodb: Place, job: Job, order: Sequence[int]
) -> None:
    for number in (2, 1, 3):
        mongodb.store.effects(job, number, batch(number))
    late = {number: mongodb.store.effects(job, number, batch(number)) for number in order}
    losses = [loss for effects in late.values() for loss in effects.displaced]
    counts = sum((Counter(effects.outcomes.values()) for effects in late.values()), Counter())
    counts.subtract(loss.outcome for loss in losses)
    counts[Outcome.SUPERSEDED] += len(losses)
    assert +counts == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})


def test_a_job_that_another_overtook_before_it_settled_is_told_the_same(mongodb: Place, job: Job) -> None:
    mongodb.store.effects(job, 1, importing(job, [row(2)]))
    later = after(job, 2)
    assert mongodb.settle(later, 1, enriching(later, [row(2)], "A")).outcomes == {row(2): Outcome.UPDATED}
    effects = mongodb.settle(job, 1, importing(job, [row(2)]))
    assert (effects.outcomes, effects.marks) == ({row(2): Outcome.NEW}, (f"{job.job_id}-1-2",))
    found = get(mongodb, job, f"{job.job_id}-1-2")
    assert found is not None
    assert found.enrichment == {"title": "A"}


@pytest.mark.parametrize("there", [False, True], ids=["new", "there before"])
def test_who_was_slower_reads_again_and_sends_only_what_failed(
    mongodb: Place, mongo: wire.Server, job: Job, documents: Any, there: bool
) -> None:
    names = ["A", "B", "C"]
    if there:
        before = replace(after(job, 0), uploaded_at="2026-11-21T00:00:00.000Z")
        mongodb.settle(before, 1, [own(row(place), name, "old") for place, name in enumerate(names)])
    decided: list[str] = []

    def slow(name: str) -> Proposal:
        def decide(base: Product | None) -> Product:
            decided.append(name)
            if decided == names:  # all is read: somebody else is faster with one of them
                mongodb.settle(job, 1, [own(row(1, 1), "B", "fast")])
            return Product(content={"name": "slow"})

        return Proposal(row(ord(name), 2), "message", name, decide)

    rival = a_mongo_store(mongo.uri, documents.database.name)
    effects = rival.effects(job, 2, [slow(name) for name in names])
    rival.close()
    assert decided == ["A", "B", "C", "B"]
    assert set(effects.outcomes.values()) == {Outcome.UPDATED if there else Outcome.NEW}
    assert [(loss.batch_number, loss.sheet) for loss in effects.displaced] == [(1, 1)]
    assert (effects.marks, mongodb.marks[job.job_id]) == (("A", "C"), ["B"])
    assert [name_of(mongodb, job, name) for name in names] == ["slow"] * 3


def test_many_writers_on_one_product_leave_the_latest_and_count_each_row_once(
    mongo: wire.Server, job: Job, documents: Any
) -> None:
    told: dict[int, Effects] = {}

    def write(number: int) -> None:
        store = a_mongo_store(mongo.uri, documents.database.name, sleep=time.sleep)
        told[number] = store.effects(job, number, [own(row(1, number), "SKU", f"{number}")])
        store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert documents.find_one({})["content"] == {"name": "4"}
    counts = Counter(outcome for effects in told.values() for outcome in effects.outcomes.values())
    losses = sum(len(effects.displaced) for effects in told.values())
    assert (counts[Outcome.NEW] - losses, counts[Outcome.SUPERSEDED] + losses) == (1, 3)
    assert [effects.marks for effects in told.values() if effects.marks] == [("SKU",)]


def test_a_removed_product_leaves_a_document_that_expires(mongodb: Place, job: Job, documents: Any) -> None:
    mongodb.settle(job, 1, importing(job, [row(2)]))
    mongodb.undo(job)
    left = documents.find_one({})
    assert sorted(left) == ["_id", "expires_at", "links", "rev"]
    assert left["expires_at"].isoformat() == "2026-12-22T02:00:00"
    assert documents.index_information()["expiry"]["expireAfterSeconds"] == 0
    mongodb.settle(after(job, 2), 1, [Proposal(row(2), "S", f"{job.job_id}-1-2", lambda base: Product())])
    assert "expires_at" not in documents.find_one({})


def test_a_server_that_is_not_there_is_transient_and_its_address_a_secret(job: Job) -> None:
    store = a_mongo_store("mongodb://ada:secret@127.0.0.1:1/", "d", timeout=0.1)
    with pytest.raises(Transient) as refused:
        store.effects(job, 1, batch(1))
    assert "secret" not in f"{refused.value!r}{refused.value.details}{refused.value.__cause__}"
    store.close()


@pytest.mark.parametrize("uri", ["mongodb://", "mongodb://ada:sec/ret@h/", "mongodb://ada:secret@h:port/"])
def test_an_address_that_is_none_needs_a_person_and_is_never_said(job: Job, uri: str) -> None:
    with pytest.raises(Unavailable) as refused:
        a_mongo_store(uri, "d").get(job.owner, job.job_id, "x")
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)
    assert "ada" not in f"{refused.value!r}{refused.value.details}"


def test_a_server_that_refuses_us_needs_a_person(mongodb: Place, mongo: wire.Server, job: Job) -> None:
    with mongo.fail("update", errorCode=13), pytest.raises(Unavailable):
        mongodb.store.effects(job, 1, batch(1))
