"""The cache table, in moto and against a table that leaves entries over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.cache import TRIES, Cache
from chalicelib.errors import Transient

TABLE = "dropmill-test-cache"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST",
                            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
        yield client


def test_what_was_put_is_found_and_what_was_not_is_absent(client):
    cache = Cache(client, TABLE)
    cache.put_many({"a": {"name": "Ann"}, "b": {}}, days=30)
    assert cache.get_many(["a", "b", "c"]) == {"a": {"name": "Ann"}, "b": {}}


def test_nothing_asked_is_nothing_found(client):
    cache = Cache(client, TABLE)
    cache.put_many({}, days=1)
    assert cache.get_many([]) == {}


def test_expired_entries_are_not_found_even_while_they_lie_there(client):
    clock = Clock()
    cache = Cache(client, TABLE, clock=clock)
    cache.put_many({"a": {"name": "Ann"}}, days=2)
    clock.now += timedelta(days=2)
    assert cache.get_many(["a"]) == {}
    assert client.get_item(TableName=TABLE, Key={"pk": {"S": "a"}})["Item"]


def test_more_entries_than_one_request_carries(client):
    cache = Cache(client, TABLE)
    many = {f"k{number}": {"number": str(number)} for number in range(130)}
    cache.put_many(many, days=1)
    assert cache.get_many([*many, *many]) == many


class Overloaded:
    """Takes one entry of each request and leaves the others over; answers one key of each request."""

    def __init__(self, client: Any, *, deaf: bool = False) -> None:
        self.client, self.deaf = client, deaf
        self.writes = 0

    def batch_write_item(self, RequestItems: Any) -> Any:
        self.writes += 1
        requests = RequestItems[TABLE]
        if self.deaf:
            return {"UnprocessedItems": {TABLE: requests}}
        self.client.batch_write_item(RequestItems={TABLE: requests[:1]})
        return {"UnprocessedItems": {TABLE: requests[1:]} if requests[1:] else {}}

    def batch_get_item(self, RequestItems: Any) -> Any:
        keys = RequestItems[TABLE]["Keys"]
        answer = self.client.batch_get_item(RequestItems={TABLE: {"Keys": keys[:1]}})
        return {**answer, "UnprocessedKeys": {TABLE: {"Keys": keys[1:]}} if keys[1:] else {}}


def test_entries_that_were_left_over_are_sent_and_asked_again(client):
    slept: list[float] = []
    cache = Cache(Overloaded(client), TABLE, sleep=slept.append)
    many = {f"k{number}": {"number": str(number)} for number in range(4)}
    cache.put_many(many, days=1)
    assert cache.get_many(list(many)) == many
    assert len(slept) == 3


def test_a_table_that_takes_nothing_is_transient_after_some_tries(client):
    overloaded = Overloaded(client, deaf=True)
    with pytest.raises(Transient):
        Cache(overloaded, TABLE, sleep=lambda _: None).put_many({"a": {}}, days=1)
    assert overloaded.writes == TRIES
