"""Requests about prices that are refused, each with its code; none of them leaves anything behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.prices import BILL_FILE, MATCH, send, with_list
from tests.functional.rest import Answer, Api, token

ROUTE = "/api/price-matching"


@pytest.fixture(scope="module")
def result_id(shared_api: Api) -> str:
    """A result that nobody has edited."""
    with_list(shared_api)
    answer = send(shared_api, MATCH, BILL_FILE, method="LOCAL")
    return str(answer.json["results"][2]["resultId"])


@pytest.fixture
def api(shared_api: Api, result_id: str) -> Api:
    return shared_api


def match(api: Api, body: bytes | None = None, **fields: str) -> Answer:
    return send(api, MATCH, BILL_FILE if body is None else body, **{"method": "LOCAL", **fields})


def jobs(api: Api) -> list[Any]:
    return list(api("GET", "/status", pipeline="prices").json["jobs"])


@pytest.mark.parametrize(("fields", "status_code", "code"), [
    ({"method": "COHERE"}, 400, "BAD_REQUEST"), ({"method": "LOCAL_DEEPSEEK"}, 400, "METHOD_UNAVAILABLE"),
    ({"priceList": "Other rates"}, 409, "NO_PRICE_LIST"), ({"mapping": "{"}, 400, "BAD_REQUEST"),
    ({"mapping": '{"Qty": 5}'}, 400, "BAD_REQUEST"), ({"mapping": '{"Qty": "volume of gas"}'}, 400, "BAD_REQUEST"),
    ({"headerRow": "first"}, 400, "BAD_REQUEST"), ({"colour": "red"}, 400, "BAD_REQUEST")])
def test_a_form_that_makes_no_sense_is_refused(api: Api, fields: dict[str, str], status_code: int, code: str):
    answer = match(api, **fields)
    assert (answer.status, answer.code, len(jobs(api))) == (status_code, code, 2), answer.text


def test_refusals_say_what_there_is(api: Api):
    told = match(api, method="COHERE").json["error"]
    assert told["details"]["methods"] == ["LOCAL", "LOCAL_DEEPSEEK"]
    none = match(api.as_(token(org="without-a-list")))
    assert (none.status, none.code) == (409, "NO_PRICE_LIST")
    assert "POST /price-lists" in none.json["error"]["message"]
    methods = api("GET", f"{ROUTE}/matching-methods").json
    assert (methods["default"], [(each["method"], each["available"]) for each in methods["methods"]]) == \
        ("LOCAL", [("LOCAL", True), ("LOCAL_DEEPSEEK", False)])


@pytest.mark.parametrize(("body", "name", "status_code", "code"), [
    (b"%PDF-1.4 nothing", "bill.xlsx", 422, None), (b"", "bill.xlsx", 422, "EMPTY_FILE"),
    (b"x", "bill.exe", 415, "UNSUPPORTED_TYPE"), (b"Description,Unit,Qty\n", "bill.csv", 422, "NO_ROWS"),
    (b"x" * (4 * 1024 * 1024), "bill.csv", 413, "PAYLOAD_TOO_LARGE")])
def test_a_file_that_is_no_bill_leaves_no_job(api: Api, body: bytes, name: str, status_code: int, code: str | None):
    answer = send(api, MATCH, body, name)
    assert (answer.status, code or answer.code) == (status_code, answer.code)
    assert len(jobs(api)) == 2
    if code == "PAYLOAD_TOO_LARGE":
        assert answer.json["error"]["details"]["use"] == "POST /upload"


def test_a_form_without_a_file_is_refused(api: Api):
    form = b'--B\r\nContent-Disposition: form-data; name="method"\r\n\r\nLOCAL\r\n--B--\r\n'
    answer = api("POST", MATCH, form, headers={"content-type": "multipart/form-data; boundary=B"})
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(("result", "body", "status_code", "code"), [
    ("{id}", {"itemId": "1-99"}, 400, "BAD_REQUEST"), ("{id}", {}, 400, "BAD_REQUEST"),
    ("{id}", {"rate": "much"}, 400, "BAD_REQUEST"), ("{id}0", {"rate": 1}, 404, "NOT_FOUND"),
    ("nothing", {"rate": 1}, 404, "NOT_FOUND"), ("a-b-c", {"rate": 1}, 404, "NOT_FOUND")])
def test_changes_of_nothing_or_to_nothing_are_refused(
    api: Api, result_id: str, result: str, body: dict[str, Any], status_code: int, code: str
):
    answer = api("PATCH", f"{ROUTE}/results/{result.format(id=result_id)}", body)
    assert (answer.status, answer.code) == (status_code, code)
