"""Price lists over REST: versions come as forms, are listed, named in a match, and seen by nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.engine import Context, Engine, book
from tests.functional.prices import BILL, BILL_FILE, LIST, MATCH, by_queue, send, with_list
from tests.functional.rest import Api


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def listed(api: Api, **query: Any) -> dict[str, list[int]]:
    lists = api("GET", "/price-lists", **query).json["priceLists"]
    return {each["name"]: [version["number"] for version in each["versions"]] for each in lists}


def long_list(count: int) -> bytes:
    return book(Prices=[LIST[0], *([f"A-{each}", f"Article number {each}", "nr", each] for each in range(count))])


def test_few_rows_become_a_version_at_once_and_many_by_the_queue(api: Api, engine: Engine):
    few = send(api, "/price-lists", long_list(100), "my rates.xlsx")
    assert (few.status, few.json["status"], few.json["name"], few.json["items"]) == \
        (201, "completed", "my rates", 100)
    many = send(api, "/price-lists", long_list(101), "my rates.xlsx")
    list_id = many.json["listId"]
    assert (many.status, many.json["status"], many.headers["location"]) == (202, "pending", f"/price-lists/{list_id}")
    assert api("GET", f"/price-lists/{list_id}").json["items"] == 0
    waiting = send(api, MATCH, BILL_FILE, priceList=list_id)
    assert (waiting.status, waiting.code) == (409, "NO_PRICE_LIST")
    by_queue(engine)
    told = api("GET", f"/price-lists/{list_id}").json
    assert (told["status"], told["items"], told["number"], told["rejected"]) == ("completed", 101, 2, 0)
    assert listed(api) == {"my rates": [2, 1]}


def test_a_match_names_a_list_by_its_name_or_its_id(api: Api):
    dear, cheap = (with_list(api, [LIST[0], ["BW-200", BILL[2][1], "m2", rate]], name)
                   for name, rate in (("Dear", 90), ("Cheap", 10)))
    newer = with_list(api, [LIST[0], ["BW-200", BILL[2][1], "m2", 95]], "Dear")
    for wanted, rate, list_id in (("Dear", 95, newer), (dear, 90, dear), ("Cheap", 10, cheap), ("", 95, newer)):
        answer = send(api, MATCH, BILL_FILE, priceList=wanted).json
        assert (answer["results"][1]["matchedRate"], answer["listId"]) == (rate, list_id), wanted
    assert listed(api) == {"Dear": [2, 1], "Cheap": [1]}
    assert listed(api, name="Cheap") == {"Cheap": [1]}


def test_versions_are_paged(api: Api):
    for rate in (1, 2, 3):
        with_list(api, [LIST[0], ["X", "Thing of some kind", "nr", rate]])
    first = api("GET", "/price-lists", limit=2).json
    second = api("GET", "/price-lists", limit=2, cursor=first["cursor"]).json
    assert [[version["number"] for version in page["priceLists"][0]["versions"]] for page in (first, second)] == \
        [[3, 2], [1]]
    assert second["cursor"] is None
    assert api("GET", "/price-lists", cursor=first["cursor"], name="X").code == "BAD_CURSOR"


def test_the_same_list_again_is_no_new_version(api: Api):
    body = book(Prices=LIST)
    first, again = (send(api, "/price-lists", body, "other.xlsx", name="Rates").json for _ in range(2))
    assert (again["listId"], again["duplicateOf"], again["status"]) == (first["listId"], first["listId"], "completed")
    assert listed(api) == {"Rates": [1]}
    send(api, "/price-lists", body, "other.xlsx", name="Other rates")
    assert listed(api) == {"Other rates": [1], "Rates": [1]}


def test_a_list_whose_import_was_undone_is_gone(api: Api, engine: Engine):
    list_id = with_list(api)
    assert api("POST", f"/status/{list_id}/undo").status == 202
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)
    assert api("GET", f"/price-lists/{list_id}").code == "NOT_FOUND"
    assert api("GET", "/price-lists").json["priceLists"] == []
    assert send(api, MATCH, BILL_FILE).code == "NO_PRICE_LIST"


def test_a_large_list_and_its_bill_come_by_upload(api: Api, engine: Engine):
    ticket = api("POST", "/upload", {"fileName": "rates.xlsx", "pipeline": "prices", "options": {"priceList": "Big"}})
    assert ticket.status == 200, ticket.text
    engine.put(book(Prices=LIST), ticket.json["fileKey"])
    engine.announce(ticket.json["fileKey"])
    by_queue(engine)
    told = api("GET", f"/price-lists/{ticket.json['jobId']}").json
    assert (told["name"], told["items"], told["status"]) == ("Big", 4, "completed")
    assert send(api, MATCH, BILL_FILE, priceList="Big").json["matchedCount"] == 2


@pytest.mark.parametrize(("body", "fields", "status", "code"), [
    (b"nothing,here\n1,2\n", {}, 422, "NO_ROWS"), (b"", {}, 422, "EMPTY_FILE"),
    (book(P=LIST), {"colour": "red"}, 400, "BAD_REQUEST"), (book(P=LIST), {"name": "n" * 101}, 400, "BAD_REQUEST")])
def test_what_is_no_list_is_refused(api: Api, body: bytes, fields: dict[str, str], status: int, code: str):
    answer = send(api, "/price-lists", body, "rates.csv", **fields)
    assert (answer.status, answer.code) == (status, code), answer.text
    assert api("GET", "/status", pipeline="prices").json["jobs"] == []
