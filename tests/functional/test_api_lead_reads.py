"""How much a page of leads reads: hardly more than it shows, or a bounded look, however many leads there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.api.leads import BOUNDS
from chalicelib.bootstrap import services
from tests.conftest import Aws
from tests.functional.engine import Engine
from tests.functional.rest import Api
from tests.functional.rest_leads import stored

LEADS = 2500
PAGE = 50


@pytest.fixture(scope="module", autouse=True)
def _many(shared_aws: Aws) -> None:
    stored(Engine(shared_aws, {}), [
        {"firstName": "Ada", "lastName": f"Lovelace {number}", "email": f"{number:05d}@example.com",
         "company": f"Company {number % 7}"} for number in range(LEADS)])


@dataclass
class Reads:
    """What DynamoDB was asked while somebody listened: operations, and items that it looked at."""

    operations: list[str] = field(default_factory=list)
    items: int = 0


@contextmanager
def listening() -> Iterator[Reads]:
    heard = Reads()
    events = services().leads.client.meta.events

    def hear(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        heard.operations.append(model.name)
        heard.items += parsed.get("ScannedCount", 0) + sum(map(len, parsed.get("Responses", {}).values()))

    events.register("after-call.dynamodb", hear)
    try:
        yield heard
    finally:
        events.unregister("after-call.dynamodb", hear)


@pytest.mark.parametrize("sort", ["updatedAt", "lastName", "email", "company"])
def test_page_without_filter_reads_hardly_more_than_it_shows(shared_api: Api, sort: str):
    cursor = ""
    for _ in range(3):
        with listening() as heard:
            answer = shared_api("GET", "/leads", pageSize=PAGE, sortBy=sort, cursor=cursor).json
        assert len(answer["leads"]) == PAGE
        assert heard.items <= 5 * PAGE, "every shard its share, and more of one that holds more of the page"
        assert set(heard.operations) == {"Query"}
        cursor = answer["pagination"]["cursor"]


@pytest.mark.parametrize("filters", [
    {"filter_company": "company"}, {"filter_company": "company 3"}, {"filter_email": "02499@"},
    {"filter_remarks": "nobody wrote this"}, {"filter_company": "4", "filter_lastName": "11", "filter_row": "9"}])
@pytest.mark.parametrize("sort", ["updatedAt", "email"])
def test_page_with_a_filter_looks_at_a_bounded_number_of_leads(shared_api: Api, filters: dict[str, str], sort: str):
    with listening() as heard:
        answer = shared_api("GET", "/leads", pageSize=PAGE, sortBy=sort, **filters).json
    assert heard.items <= BOUNDS.reads + len(answer["leads"])
    assert "Scan" not in heard.operations
    assert len(answer["leads"]) == PAGE or answer["pagination"]["hasMore"]


def test_walking_on_by_cursor_finds_the_one_lead_that_matches(shared_api: Api):
    cursor, found, pages = "", [], 0
    while pages == 0 or cursor:
        answer = shared_api("GET", "/leads", sortBy="email", sortOrder="asc", filter_email="02499@", cursor=cursor).json
        found += [lead["email"] for lead in answer["leads"]]
        cursor, pages = answer["pagination"]["cursor"], pages + 1
    assert found == ["02499@example.com"]
    assert 2 < pages <= LEADS // BOUNDS.reads + 3


def test_a_lead_that_was_found_comes_whole(shared_api: Api):
    found = shared_api("GET", "/leads", filter_email="00007@").json["leads"]
    found += shared_api("GET", "/leads", page=1, filter_email="00007@", sortBy="email", sortOrder="asc").json["leads"]
    plain = shared_api("GET", "/leads", sortBy="email", sortOrder="asc").json["leads"][7]
    assert found[-1] == plain
    assert all(lead == plain for lead in found)
