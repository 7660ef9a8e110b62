"""Made-up requests about products, prices and what operators do: see `generated`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from schemathesis.schemas import APIOperation

from chalicelib.api.openapi.model import Tag
from tests.conftest import Aws
from tests.functional import generated
from tests.functional.engine import Engine
from tests.functional.populated import World, populate
from tests.functional.rest import Api

WANTED = 700
NEVER_DONE: set[str] = set()

sent = generated.Sent()


@pytest.fixture(scope="module", autouse=True)
def set_up() -> Iterator[None]:
    """The app and the engine find everything that they may need."""
    yield from generated.set_up()


@pytest.fixture(scope="module")
def world(set_up: None, shared_api: Api, shared_aws: Aws) -> World:
    return populate(shared_api, Engine(shared_aws))


@pytest.mark.parametrize("operation", generated.operations_of(Tag.PRODUCTS, Tag.PRICES, Tag.OPERATORS))
def test_answers_are_as_described(operation: APIOperation, shared_url: str, world: World) -> None:
    generated.run(operation, lambda case: generated.send(case, shared_url, world, sent))


def test_enough_requests_were_made_up_and_every_operation_was_met() -> None:
    print(f"{sent.count} requests to {len(sent.statuses)} operations: {sent.statuses}")
    assert sent.count >= WANTED
    assert sent.never_done == NEVER_DONE
