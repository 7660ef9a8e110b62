"""A walk over the OpenAPI document by somebody else: with another owner's ids nothing is found, told or changed.

The walk takes every operation of the document. One with a new kind of id fails until `populated` knows an example, so
that no route escapes. What may be seen across owners is named here: the routes of operators.
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chalicelib.api import auth
from chalicelib.api.openapi.document import Route, routes_of
from chalicelib.api.openapi.model import Operation
from chalicelib.api.openapi.operations import OPERATIONS
from tests.conftest import Aws
from tests.functional.engine import Engine, book
from tests.functional.populated import DAY, MARK, World, populate
from tests.functional.prices import BILL_FILE, LIST, MATCH, send
from tests.functional.rest import Answer, Api, token

ACROSS_OWNERS = {"get_day_report", "list_dead_letters", "get_dead_letter", "redrive_queue", "get_redrive"}
"""Operators see figures and masked dead letters over all owners; everything else belongs to one."""
CONSOLE = "/console/{version}/{file}"
"""The one public route with parts: files of the package, the same for everybody."""
HELD_BY_NAME = {"get_dry_run"}
"""Lies in a folder of the asker's own: another's is one that nobody has asked for yet, and answers `processing`."""
BODIES: Mapping[str, Any] = {
    "put_status": {"status": "uploaded"}, "resume_job": {"maxUsd": 5}, "rematch": {"method": "LOCAL"},
    "patch_lead": {"firstName": "Mallory"}, "patch_result": {"rate": 1}, "redrive_queue": {"count": 1, "dryRun": True}}
"""Good bodies, so that it is the owner that is refused."""

ROUTES = routes_of(importlib.import_module("app").app.routes)
PRIVATE = [route for route in ROUTES if not route.public]
WITH_ID = [route for route in PRIVATE if route.parts]
WITHOUT_ID = sorted((route for route in PRIVATE if not route.parts), key=lambda route: route.method != "GET")
"""Lists first, while the stranger has nothing of his own."""


def named(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture(scope="module")
def engine(shared_aws: Aws) -> Engine:
    return Engine(shared_aws)


@pytest.fixture(scope="module")
def world(shared_api: Api, engine: Engine) -> World:
    return populate(shared_api, engine)


@pytest.fixture(scope="module")
def before(engine: Engine, world: World) -> Mapping[str, list[str]]:
    """Everything in all tables before anybody else came."""
    return everything(engine)


@pytest.fixture(scope="module")
def stranger(shared_api: Api, before: Mapping[str, list[str]]) -> Api:
    """A user of another owner."""
    return shared_api.as_(token("mallory", org="somebody-else"))


@pytest.fixture(scope="module")
def operator(shared_api: Api, before: Mapping[str, list[str]]) -> Api:
    """An operator of another owner."""
    return shared_api.as_(token("oscar", org="somebody-else", roles=("user", "operator")))


def everything(engine: Engine) -> Mapping[str, list[str]]:
    client = engine.services.leads.client
    return {table: sorted(json.dumps(item, sort_keys=True, default=str)
                          for page in client.get_paginator("scan").paginate(TableName=table) for item in page["Items"])
            for table in client.list_tables()["TableNames"]}


def places(route: Route, world: World) -> Iterator[str]:
    """The route's path with all of the owner's ids. Raises KeyError for a part that nobody has an example of."""
    for ids in itertools.product(*(world.of(route.path, part) for part in route.parts)):
        yield route.path.format(**dict(zip(route.parts, ids, strict=True)))


def asked(api: Api, route: Route, path: str) -> Answer:
    operation = OPERATIONS[route.view]
    return api(route.method, path, BODIES[route.view] if operation.body else None)


def test_every_operation_with_an_id_has_an_example_of_one(world: World):
    assert [route for route in WITH_ID if not [*places(route, world)]] == []


@pytest.mark.parametrize("role", ["stranger", "operator"])
@named(WITH_ID)
def test_another_owners_things_are_not_there(request: pytest.FixtureRequest, route: Route, role: str, world: World):
    api, operation = request.getfixturevalue(role), OPERATIONS[route.view]
    for path in places(route, world):
        answer = asked(api, route, path)
        assert MARK.lower() not in answer.text.lower()
        assert answer.status == wanted(route, operation, role), answer.text
        if route.view in HELD_BY_NAME:
            assert answer.json["status"] == "processing"


def wanted(route: Route, operation: Operation, role: str) -> int:
    if operation.operators and role == "stranger":
        return 403
    return 200 if route.view in ACROSS_OWNERS | HELD_BY_NAME else 404


@named(WITH_ID)
def test_the_owner_finds_them(shared_api: Api, route: Route, world: World, before: Mapping[str, list[str]]):
    """Or the test above would prove nothing; reading is enough, writing would change what it looks at."""
    if route.method == "GET" and route.view not in ACROSS_OWNERS | {"export_results"}:
        found = [shared_api("GET", path).status for path in places(route, world)]
        assert set(found) == {200}


@named(WITHOUT_ID)
def test_what_another_owner_lists_or_makes_holds_nothing_of_the_first(stranger: Api, route: Route):
    operation = OPERATIONS[route.view]
    if operation.form:
        answer = send(stranger, route.path, book(Items=LIST), "items.xlsx")
    else:
        answer = stranger(route.method, route.path, dict(operation.seen or {}) if operation.body else None)
    assert MARK.lower() not in answer.text.lower()
    assert answer.status in (200, 201, 202) or (answer.status, answer.code) in {
        (403, "FORBIDDEN"), (404, "NOT_FOUND"), (409, "NO_PRICE_LIST")}, answer.text
    if route.method == "GET":
        assert [found for found in answer.json.values() if isinstance(found, list) and not _general(route) and found] \
            == []


def _general(route: Route) -> bool:
    """Whether the list is the same for everybody."""
    return route.view in {"list_providers", "list_matching_methods"}


@named(PRIVATE)
def test_nobody_is_told_anything_without_a_token(shared_api: Api, route: Route, world: World):
    for path in [*places(route, world)][:1] if route.parts else [route.path]:
        for bearer in ("", "nonsense"):
            answer = asked(shared_api.as_(bearer), route, path) if route.parts else shared_api.as_(bearer)(
                route.method, path)
            assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def test_public_routes_know_no_owner():
    assert {(route.method, route.path) for route in ROUTES if route.public} == set(auth.PUBLIC)
    assert [route.path for route in ROUTES if route.public and route.parts] == [CONSOLE]


def test_the_console_is_the_same_for_everybody(shared_api: Api, stranger: Api, world: World):
    files = [path for route in ROUTES if route.path == CONSOLE for path in places(route, world)]
    assert files
    for path in ["/", *files]:
        answers = [api("GET", path) for api in (shared_api, stranger, shared_api.as_(""))]
        assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}


@pytest.mark.parametrize("path", [f"/reports/{DAY}", "/queues", "/queues/leads/dlq", "/config"])
def test_what_is_across_owners_is_for_operators_of_any_owner(operator: Api, stranger: Api, path: str):
    seen = operator("GET", path)
    assert seen.status == 200
    assert MARK.lower() not in seen.text.lower()
    assert stranger("GET", path).status == 403


def test_dead_letter_is_there_and_masked(operator: Api, world: World):
    """Or its absence from the answers above would prove nothing."""
    (letter,) = operator("GET", "/queues/leads/dlq").json["letters"]
    assert [letter["messageId"]] == world.ids["message_id"]
    assert "leads" in letter["body"]


@pytest.mark.parametrize("question", [
    f"how many leads at {MARK}", f"find {MARK}", f"leads with email {MARK.lower()}0@example.com", "count by company"])
def test_question_of_another_owner_counts_none_of_the_first_ones_leads(stranger: Api, shared_api: Api, question: str):
    """Its own words come back to who asks, so that the walk cannot look for them."""
    told = stranger("POST", "/chat", {"query": question}).json
    assert (told["type"], told["resultCount"], told["total"] or 0) == ("success", 0, 0)
    assert (told["rows"], told["groups"], told["lookedAt"]) == ([], [], 0)
    assert shared_api("POST", "/chat", {"query": question}).json["resultCount"] > 0


def test_key_of_the_first_owner_is_listed_to_nobody_else(stranger: Api, operator: Api, shared_api: Api, world: World):
    """The stranger has made one of his own by now."""
    (key,) = world.ids["key_id"]
    for api, theirs in ((stranger, False), (operator, False), (shared_api, True)):
        assert (key in {each["id"] for each in api("GET", "/api-keys").json["keys"]}) is theirs


def test_key_of_another_owner_opens_his_things_only(stranger: Api, shared_api: Api, world: World):
    secret = stranger("POST", "/api-keys", {"name": "mine"}).json["key"]
    holder = shared_api.as_(secret)
    assert holder("GET", "/leads").json["leads"] == []
    assert holder("GET", f"/leads/{world.ids['lead_id'][0]}").status == 404
    assert holder("GET", "/queues").status == 403


def test_dry_run_of_another_owners_file_is_not_found(stranger: Api, shared_api: Api, engine: Engine, world: World):
    """Keys stand in bodies, where the walk does not look."""
    announced = next(job for each in world.ids["job_id"]
                     if (job := shared_api("GET", f"/status/{each}").json)["status"] == "uploading")
    asked_for = {"fileKey": announced["metadata"]["fileKey"]}
    engine.services.blobs.put(asked_for["fileKey"], f"First Name,Email\n{MARK},a@example.com\n".encode())
    assert shared_api("POST", "/dry-run", asked_for).status == 200
    assert stranger("POST", "/dry-run", asked_for).code == "NOT_FOUND"


def test_another_owners_price_list_cannot_be_matched_with(stranger: Api, world: World):
    answer = send(stranger, MATCH, BILL_FILE, priceList=world.ids["list_id"][0])
    assert answer.code == "NO_PRICE_LIST"
    assert MARK.lower() not in answer.text.lower()


def test_nothing_of_the_first_owner_was_changed(engine: Engine, before: Mapping[str, list[str]]):
    """The last test of this file: whatever was there before all these calls is there still, as it was."""
    now = {table: set(items) for table, items in everything(engine).items()}
    gone = {table: [item for item in items if item not in now[table]] for table, items in before.items()}
    assert {table: items for table, items in gone.items() if items} == {}
