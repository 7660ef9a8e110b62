"""Fixtures of the product stores, of which two test files each take a part."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import translated
from chalicelib.adapters.ledger_items import action_of
from chalicelib.adapters.products_dynamodb import DynamoProducts
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.pipeline import Effects
from tests.contract import mongo as wire
from tests.contract.products import NOW, NUMBERS, Place, a_mongo_store

mongo = wire.mongo


@pytest.fixture(scope="session")
def dynamo_client(new_aws: Any) -> Any:
    return new_aws().client("dynamodb", max_pool_connections=16)


@pytest.fixture
def dynamo(dynamo_client: Any) -> Place:
    def transact(effects: Effects) -> None:
        if effects.writes:
            with translated("products"):
                dynamo_client.transact_write_items(TransactItems=[action_of(write) for write in effects.writes])

    return Place(DynamoProducts(dynamo_client, "dropmill-test-products", clock=lambda: NOW, sleep=lambda _: None,
                                rng=random.Random(1)), transact)


@pytest.fixture
def documents(mongo: wire.Server) -> Iterator[Any]:
    """The collection of a database that is a test's own."""
    name = f"test{next(NUMBERS)}"
    yield mongo.client[name]["products"]
    mongo.client.drop_database(name)


@pytest.fixture
def mongodb(mongo: wire.Server, documents: Any) -> Iterator[Place]:
    store = a_mongo_store(mongo.uri, documents.database.name)
    yield Place(store, _nothing_left_to_write)
    store.close()


def _nothing_left_to_write(effects: Effects) -> None:
    assert effects.writes == ()


@pytest.fixture(params=["dynamo", "mongodb"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def job() -> Job:
    """An import of an owner whom no other test knows."""
    number = next(NUMBERS)
    return Job(job_id=f"job{number}", owner=f"owner{number}", pipeline="products", status=Status.PROCESSING,
               file_name="a.xlsx", file_key="k", created_at="t", updated_at="t",
               uploaded_at="2026-11-22T01:00:00.000Z")
