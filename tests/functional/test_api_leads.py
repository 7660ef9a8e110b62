"""Leads over REST, as far as it changes nothing: pages, filters, cursors, lineage, and what is refused."""

from __future__ import annotations

import pytest

from tests.conftest import Aws
from tests.functional.engine import Engine
from tests.functional.rest import Api, token
from tests.functional.rest_leads import all_pages, six

FOREIGN = token(org="somebody-else")


@pytest.fixture(scope="module", autouse=True)
def _leads(shared_aws: Aws) -> None:
    six(Engine(shared_aws, {"BATCH_SIZE": "10"}))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 7])
def test_pages_of_any_size_show_every_lead_once_and_in_order(shared_api: Api, order: str, size: int):
    found = [lead["email"] for lead in all_pages(shared_api, sortBy="email", sortOrder=order, pageSize=size)]
    expected = [f"{place}@example.com" for place in range(6)]
    assert found == (expected if order == "asc" else expected[::-1])


def test_sorting_by_last_name_ignores_case_and_loses_nobody(shared_api: Api):
    found = [lead["lastName"] for lead in all_pages(shared_api, sortBy="lastName", sortOrder="asc", pageSize=4)]
    assert found[:4] == ["Abel", "Baker", "Zabel", "Zorn"]
    assert set(found[4:]) == {"Öz", None}


def test_filter_contains_ignores_case_and_covers_provenance(shared_api: Api):
    def matching(**query: str) -> set[str]:
        return {lead["firstName"] for lead in all_pages(shared_api, **query)}

    assert matching(filter_lastName="ABEL") == {"P2", "P5"}
    assert matching(filter_company="søn", filter_email="3@") == {"P3"}
    assert matching(filter_lastName="öz", filter__worksheet="peop", filter_row="2", filter_sourceFile=".XLSX") == {"P0"}
    assert matching(filter_title="x") == set()
    assert matching(filter_lastName="") == {f"P{place}" for place in range(6)}
    assert shared_api("GET", "/leads", filter_password="x").code == "BAD_REQUEST"


def test_page_numbers_come_with_totals(shared_api: Api):
    second = shared_api("GET", "/leads", page=2, pageSize=4, sortBy="email", sortOrder="asc").json
    assert [lead["firstName"] for lead in second["leads"]] == ["P4", "P5"]
    told = second["pagination"]
    assert (told["page"], told["totalCount"], told["totalPages"], told["hasMore"]) == (2, 6, 2, False)
    filtered = shared_api("GET", "/leads", page=1, pageSize=1, filter_lastName="abel").json["pagination"]
    assert (filtered["totalCount"], filtered["totalPages"], filtered["hasMore"]) == (2, 2, True)


@pytest.mark.parametrize("change", [
    {"sortOrder": "desc"}, {"sortBy": "company"}, {"filter_email": "1"}])
def test_cursor_serves_only_the_query_that_gave_it(shared_api: Api, change: dict):
    query = {"sortBy": "email", "sortOrder": "asc", "pageSize": 2}
    cursor = shared_api("GET", "/leads", **query).json["pagination"]["cursor"]
    assert shared_api("GET", "/leads", **{**query, **change}, cursor=cursor).code == "BAD_CURSOR"
    assert shared_api.as_(FOREIGN)("GET", "/leads", **query, cursor=cursor).code == "BAD_CURSOR"
    assert shared_api("GET", "/leads", **query, cursor=cursor[:-2]).code == "BAD_CURSOR"


@pytest.mark.parametrize("query", [
    {"pageSize": 0}, {"pageSize": 101}, {"page": 0}, {"sortBy": "phone"}, {"sortOrder": "up"}, {"colour": "red"},
    {"filter_email": "x" * 201}, {"page": "one"}])
def test_queries_that_make_no_sense_are_refused_by_field(shared_api: Api, query: dict):
    answer = shared_api("GET", "/leads", **query)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert next(iter(query)).removeprefix("filter_") in str(answer.json["error"]["details"])


def test_injection_strings_in_filters_find_nothing_and_break_nothing(shared_api: Api):
    for text in ("' OR 1=1 --", "<script>", "attribute_exists(pk)", "\u0000", "%00", "#", "🙂"):
        assert shared_api("GET", "/leads", filter_lastName=text).json["leads"] == []


@pytest.mark.parametrize(("change", "status", "code"), [
    ({"email": "no address"}, 422, "INVALID_LEAD"), ({"phone": "call me"}, 422, "INVALID_LEAD"),
    ({"firstName": "x" * 101}, 422, "INVALID_LEAD"), ({"company": "n/a"}, 422, "INVALID_LEAD"),
    ({"firstName": None, "lastName": None, "email": None, "phone": None}, 422, "INVALID_LEAD"),
    ({"email": "1@EXAMPLE.com"}, 409, "EMAIL_TAKEN"), ({"leadId": "x"}, 400, "BAD_REQUEST"),
    ({"firstName": 5}, 400, "BAD_REQUEST"), ([], 400, "BAD_REQUEST")])
def test_a_change_that_would_spoil_a_lead_is_refused(shared_api: Api, change, status: int, code: str):
    lead = shared_api("GET", "/leads", filter_firstName="P3").json["leads"][0]
    answer = shared_api("PATCH", f"/leads/{lead['leadId']}", change)
    assert (answer.status, answer.code) == (status, code)
    assert shared_api("GET", f"/leads/{lead['leadId']}").json == lead


def test_lineage_names_file_sheet_row_batch_and_provider(shared_api: Api):
    lead = shared_api("GET", "/leads", filter_firstName="P3").json["leads"][0]
    told = shared_api("GET", f"/leads/{lead['leadId']}/lineage").json
    assert (told["sourceFile"], told["_worksheet"], told["row"], told["batchNumber"], told["provider"]) == (
        "people.xlsx", "People", 5, 1, "local")


def test_nobody_sees_or_touches_the_leads_of_another_owner(shared_api: Api):
    lead = shared_api("GET", "/leads", filter_firstName="P3").json["leads"][0]
    stranger = shared_api.as_(FOREIGN)
    assert stranger("GET", "/leads").json["leads"] == []
    assert stranger("GET", "/leads", page=1).json["pagination"]["totalCount"] == 0
    for method, path, body in [("GET", "", None), ("PATCH", "", {"remarks": "x"}), ("DELETE", "", None),
                               ("GET", "/lineage", None)]:
        assert stranger(method, f"/leads/{lead['leadId']}{path}", body).code == "NOT_FOUND"
    assert shared_api("GET", f"/leads/{lead['leadId']}").json == lead


