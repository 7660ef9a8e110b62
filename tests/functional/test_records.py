"""Optimistic records on the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.records import Record, RecordKey, Records
from tests.functional.engine import Engine, Time

KEY = RecordKey("EXPORT#1", "EXPORT")


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


@pytest.fixture
def records(engine: Engine) -> Records:
    return engine.services.records


def later(time: Time, seconds: int = 60) -> int:
    return int(time().timestamp()) + seconds


def test_record_is_created_once_and_read_back(records: Records, engine: Engine):
    made = records.create(KEY, {"a": [1, "x", None]}, expires_at=later(engine.time))
    assert records.get(KEY) == made
    assert made is not None
    assert made.body == {"a": [1, "x", None]}
    assert records.create(KEY, {"b": 1}, expires_at=later(engine.time)) is None


def test_own_lost_answer_counts_as_created(records: Records, engine: Engine):
    """The library repeats a write whose answer was lost; the same body is then ours."""
    made = records.create(KEY, {"nonce": "mine"}, expires_at=later(engine.time))
    assert records.create(KEY, {"nonce": "mine"}, expires_at=later(engine.time)) == made


def test_only_the_version_that_was_read_can_be_replaced_or_deleted(records: Records, engine: Engine):
    old = records.create(KEY, {"a": 1}, expires_at=later(engine.time))
    assert old is not None
    new = records.replace(old, {"a": 2}, expires_at=later(engine.time))
    assert records.replace(old, {"a": 3}, expires_at=later(engine.time)) is None
    records.delete(old)
    assert records.get(KEY) == new
    assert new is not None
    records.delete(new)
    assert records.get(KEY) is None


def test_expired_record_is_absent_before_dynamodb_removes_it(records: Records, engine: Engine):
    records.create(KEY, {"a": 1}, expires_at=later(engine.time))
    engine.time.pass_(60)
    assert records.get(KEY) is None
    assert records.create(KEY, {"a": 2}, expires_at=later(engine.time)) is not None


def test_of_many_writers_at_once_one_wins_each_version(records: Records, engine: Engine):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: records.create(KEY, {"n": n}, expires_at=later(engine.time)), range(8)))
        (first,) = [record for record in made if record is not None]
        replaced = list(pool.map(lambda n: records.replace(first, {"m": n}, expires_at=later(engine.time)), range(8)))
    winners: list[Record] = [record for record in replaced if record is not None]
    assert len(winners) == 1
    assert records.get(KEY) == winners[0]


def test_record_too_large_for_an_item_is_refused_before_it_is_sent(records: Records, engine: Engine):
    with pytest.raises(ValueError, match="does not fit"):
        records.create(KEY, {"a": "x" * 400_000}, expires_at=later(engine.time))
