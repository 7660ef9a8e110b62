"""Bills over REST: matched while their sender waits or by the queue, edited, asked again; always the same job."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from chalicelib.adapters.convex_batch import TRIES
from chalicelib.bootstrap import services, settings
from chalicelib.errors import Transient, Waiting
from chalicelib.local.fakes.convex import FakeConvex
from tests.functional.engine import Engine, Time, book
from tests.functional.prices import BILL, BILL_FILE, LIST, MATCH, all_results, by_queue, long_bill, send, with_list
from tests.functional.rest import Answer, Api, token

FOREIGN = token(org="somebody-else")
ROUTE = "/api/price-matching"


@pytest.fixture(autouse=True)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in getattr(request, "param", {}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def api(environment: None, api: Api) -> Api:
    return api


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def match(api: Api, body: bytes | None = None, **fields: str) -> Answer:
    return send(api, MATCH, BILL_FILE if body is None else body, **{"method": "LOCAL", **fields})


def setting(**values: str) -> Any:
    return pytest.mark.parametrize("environment", [values], indirect=True)


def jobs(api: Api) -> list[Any]:
    return list(api("GET", "/status", pipeline="prices").json["jobs"])


def status(api: Api, job_id: str) -> Any:
    return api("GET", f"{ROUTE}/{job_id}/status").json


# --- at once, or by the queue


def test_few_items_are_answered_at_once_with_rates_and_totals(api: Api):
    list_id = with_list(api)
    answer = match(api, clientName="Acme", projectName="Tower")
    assert (answer.status, answer.json["status"], answer.json["itemCount"]) == (200, "completed", 3)
    assert (answer.json["matchedCount"], answer.json["fileName"], answer.json["listId"]) == (2, "bill.xlsx", list_id)
    told = [(row["rowNumber"], row["tier"], row["matchedCode"], row["matchedRate"], row["totalPrice"])
            for row in answer.json["results"]]
    assert told == [(2, "accepted", "CW-101", 145.35, 1816.875), (3, "accepted", "BW-200", 62.1, 4968),
                    (4, "unmatched", None, None, None)]
    assert '"totalPrice":1816.875' in answer.text.replace(" ", "")
    asked = status(api, answer.json["jobId"])
    assert (asked["status"], asked["jobStatus"], asked["progress"], asked["retryAfterMs"]) == \
        ("completed", "completed", 100, None)
    assert (asked["clientName"], asked["projectName"], asked["tallies"]) == \
        ("Acme", "Tower", {"accepted": 2, "unmatched": 1})
    assert all_results(api, answer.json["jobId"], limit=2) == answer.json["results"]


@setting(SYNC_ITEMS="6")
def test_as_many_items_as_a_request_takes_are_answered_and_one_more_takes_the_queue(api: Api, engine: Engine):
    with_list(api)
    at_once = match(api, long_bill(6), clientName="")
    assert (at_once.status, len(at_once.json["results"]), at_once.json["clientName"]) == (200, 6, "Default Client")
    queued = match(api, long_bill(7))
    job_id = queued.json["jobId"]
    assert (queued.status, queued.json["status"], queued.json["results"]) == (202, "pending", None)
    assert queued.headers["location"] == queued.json["statusUrl"] == f"{ROUTE}/{job_id}/status"
    assert queued.json["retryAfterMs"] == 2000
    assert status(api, job_id)["jobStatus"] == "pending"
    assert api("GET", f"/status/{job_id}").json["userMessage"].startswith("The file came with its request")
    by_queue(engine)
    assert (status(api, job_id)["status"], status(api, job_id)["matchedCount"]) == ("completed", 7)
    assert [row["totalPrice"] for row in all_results(api, job_id)][:2] == [145.35, 124.2]


def test_the_default_limit_is_a_hundred_items(api: Api):
    with_list(api)
    assert (match(api, long_bill(100)).status, match(api, long_bill(101)).status) == (200, 202)


@setting(PROCESSING_MODE="async")
def test_in_async_mode_few_items_take_the_queue_too(api: Api, engine: Engine):
    with_list(api)
    answer = match(api)
    assert (answer.status, answer.json["status"]) == (202, "pending")
    by_queue(engine)
    assert [row["matchedCode"] for row in all_results(api, answer.json["jobId"])] == ["CW-101", "BW-200", None]


def replaced(api: Api, process: Any) -> None:
    """Have the app work on batches of prices by `process(real, batch, work)`."""
    composed = services()
    prices = composed.pipelines["prices"]
    composed.pipelines = {**composed.pipelines, "prices": dataclasses.replace(  # type: ignore[assignment]
        prices, process=lambda batch, work: process(prices.process, batch, work))}


@setting(PRICES_BATCH_SIZE="2")
def test_a_request_that_runs_out_of_time_answers_202_and_the_queue_does_the_rest(api: Api, engine: Engine):
    clock = services().clock = Time()
    with_list(api)

    def slowly(real: Any, batch: Any, work: Any) -> Any:
        done = real(batch, work)
        clock.pass_(14)
        return done

    replaced(api, slowly)
    answer = match(api, long_bill(7))
    job_id = answer.json["jobId"]
    assert (answer.status, answer.json["status"], answer.json["results"]) == (202, "matching", None)
    assert 0 < answer.json["progress"] < 100
    assert [job["jobId"] for job in jobs(api) if job["metadata"]["options"].get("method")] == [job_id]
    by_queue(engine)
    told = status(api, job_id)
    assert (told["status"], told["matchedCount"], len(all_results(api, job_id))) == ("completed", 7, 7)
    report = api("GET", f"/status/{job_id}/report").json
    assert report["balance"]["balanced"] is True


def test_what_convex_must_hear_last_waits_in_the_queue_when_it_does_not_listen(
    api: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch,
):
    with_list(api)
    with FakeConvex(script=["ok", "ok", "ok", *["503"] * TRIES]) as convex:
        for name, value in {"URL": convex.url, "DEPLOY_KEY": "k", "SPACING_SECONDS": "0", "BATCH_GAP_SECONDS": "0",
                            "STATUS_GAP_SECONDS": "0"}.items():
            monkeypatch.setenv(f"CONVEX_{name}", value)
        services.cache_clear()
        settings.cache_clear()
        answer = match(api)
        job_id = answer.json["jobId"]
        assert (answer.status, answer.json["status"], len(convex.documents)) == (200, "completed", 3)
        assert job_id not in convex.statuses
        assert engine.depth("prices") == 1, "nobody will tell Convex that the job has ended"


@pytest.mark.parametrize("trouble", [Transient("a hiccup"), Waiting(1, "tokens"), RuntimeError("a bug")])
def test_what_fails_at_its_first_try_goes_on_in_the_queue(api: Api, engine: Engine, trouble: Exception):
    with_list(api)

    def process(_real: Any, _batch: Any, _work: Any) -> Any:
        raise trouble

    replaced(api, process)
    answer = match(api)
    assert (answer.status, answer.json["status"], answer.json["error"]) == (202, "matching", None)
    by_queue(engine)
    assert status(api, answer.json["jobId"])["matchedCount"] == 2


# --- again


def test_the_same_bill_again_answers_the_results_of_the_first(api: Api):
    with_list(api)
    first, second = match(api).json, match(api).json
    assert (second["duplicateOf"], second["itemCount"], second["matchedCount"]) == (first["jobId"], 3, 2)
    assert second["results"] == first["results"]
    assert all_results(api, second["jobId"]) == first["results"]
    assert status(api, second["jobId"])["status"] == "completed"
    anew = match(api, again="true").json
    assert (anew["duplicateOf"], anew["matchedCount"]) == (None, 2)
    with_list(api, [*LIST, ["HL-1", "Helicopter landing lights", "set", 999]])
    assert match(api).json["matchedCount"] == 3


def test_a_request_that_is_sent_again_is_answered_again(api: Api):
    with_list(api)
    first, second = (send(api, MATCH, BILL_FILE, key="k1", method="LOCAL") for _ in range(2))
    assert second.headers["idempotency-replayed"] == "true"
    assert (second.status, second.json, len(jobs(api))) == (200, first.json, 2)
    assert send(api, MATCH, BILL_FILE, key="k1", method="local").code == "IDEMPOTENCY_MISMATCH"


# --- both ways at once


@setting(PROCESSING_MODE="parallel")
def test_in_parallel_mode_both_ways_are_compared(api: Api, engine: Engine):
    with_list(api)
    answer = match(api)
    job_id = answer.json["jobId"]
    assert (answer.status, answer.json["mode"], answer.json["status"]) == (200, "parallel", "pending")
    assert [row["totalPrice"] for row in answer.json["results"]] == [1816.875, 4968, None]
    assert (status(api, job_id)["differences"], all_results(api, job_id)) == (None, [])
    by_queue(engine)
    assert status(api, job_id)["differences"] == []
    key = f"received/parallel/{job_id}.json"
    kept = json.loads(services().blobs.get(key))
    services().blobs.put(key, json.dumps([{**kept[0], "matchedRate": "1"}, *kept[1:]]).encode())
    assert status(api, job_id)["differences"] == [{
        "resultId": f"{job_id}-1-2", "_worksheet": "Bill", "rowNumber": 2, "field": "matchedRate", "sync": "1",
        "async": "145.35"}]
    page = api("GET", f"{ROUTE}/{job_id}/results", limit=1).json
    assert len(page["differences"]) == 1


# --- a person's word


def test_an_item_chosen_by_hand_is_remembered(api: Api):
    list_id = with_list(api)
    row = match(api).json["results"][2]
    changed = api("PATCH", f"{ROUTE}/results/{row['resultId']}", {"itemId": "1-4", "notes": "as agreed"})
    assert changed.status == 200, changed.text
    told = changed.json
    assert (told["tier"], told["isManuallyEdited"], told["matchedCode"], told["matchedRate"], told["totalPrice"]) == \
        ("manual", True, "DR-310", 210, 420)
    assert (told["notes"], told["version"], told["listId"]) == ("as agreed", 2, list_id)
    after = status(api, row["jobId"])
    assert (after["tallies"], after["matchedCount"]) == ({"accepted": 2, "unmatched": 0, "manual": 1}, 3)
    other = match(api, book(Other=[BILL[0], ["9", "Helicopter landing lights", "set", 1, None, None]])).json
    assert [(each["matchedCode"], each["isLearnedMatch"], each["tier"]) for each in other["results"]] == \
        [("DR-310", True, "accepted")]


def test_own_values_and_clearing(api: Api):
    with_list(api)
    rows = match(api).json["results"]
    own = api("PATCH", f"{ROUTE}/results/{rows[0]['resultId']}",
              {"rate": 0.1, "unit": "t", "description": "Lean concrete", "code": ""}).json
    assert (own["matchedRate"], own["totalPrice"], own["matchedUnit"], own["matchedDescription"], own["matchedCode"]) \
        == (0.1, 1.25, "t", "Lean concrete", None)
    assert (own["unitMismatch"], own["tier"]) == (True, "manual")
    cleared = api("PATCH", f"{ROUTE}/results/{rows[1]['resultId']}", {"clear": True}).json
    assert (cleared["matchedItemId"], cleared["matchedRate"], cleared["totalPrice"], cleared["tier"]) == \
        (None, None, None, "manual")
    noted = api("PATCH", f"{ROUTE}/results/{rows[2]['resultId']}", {"notes": "ask Bo"}).json
    assert (noted["notes"], noted["isManuallyEdited"], noted["tier"]) == ("ask Bo", False, "unmatched")
    assert [row["rowNumber"] for row in all_results(api, rows[0]["jobId"], tier="manual")] == [2, 3]


def test_a_change_of_a_row_that_has_changed_is_refused(api: Api):
    with_list(api)
    result = f"{ROUTE}/results/{match(api).json['results'][0]['resultId']}"
    assert api("PATCH", result, {"rate": 5, "version": 1}).json["version"] == 2
    again = api("PATCH", result, {"rate": 6, "version": 1})
    assert (again.status, again.code, again.json["error"]["details"]) == (409, "RESULT_CHANGED", {"version": 2})
    assert api("PATCH", result, {"rate": 6}).json["version"] == 3


# --- unmatched rows once more


def test_unmatched_rows_are_matched_again_with_another_list(api: Api, engine: Engine):
    with_list(api)
    job_id = match(api).json["jobId"]
    newer = with_list(api, [*LIST, ["HL-1", "Helicopter landing lights", "set", 999]])
    asked = api("POST", f"{ROUTE}/{job_id}/rematch", {"listId": newer})
    again = asked.json["jobId"]
    assert (asked.status, asked.json["action"], asked.headers["location"]) == \
        (202, "started", f"{ROUTE}/{again}/status")
    busy = api("POST", f"{ROUTE}/{job_id}/rematch", {"listId": newer})
    assert (busy.status, busy.code, busy.json["error"]["details"]) == (409, "CANNOT_REMATCH", {"jobId": again})
    by_queue(engine)
    told = status(api, again)
    assert (told["status"], told["itemCount"], told["matchedCount"], told["rematchOf"]) == ("completed", 1, 1, job_id)
    rows = all_results(api, job_id)
    assert [(row["matchedCode"], row["matchedRate"], row["rematchedBy"]) for row in rows] == [
        ("CW-101", 145.35, None), ("BW-200", 62.1, None), ("HL-1", 999, again)]
    assert all_results(api, again) == rows
    assert status(api, job_id)["tallies"] == {"accepted": 3, "unmatched": 0}
    nothing = api("POST", f"{ROUTE}/{job_id}/rematch", {})
    assert (nothing.status, nothing.json["action"], nothing.json["jobId"]) == (200, "none", None)


@setting(SYNC_ITEMS="6")
def test_a_job_that_goes_on_is_not_matched_again(api: Api, engine: Engine):
    list_id = with_list(api)
    job_id = match(api, long_bill(7)).json["jobId"]
    for request, code in (({}, "CANNOT_REMATCH"), ({"listId": list_id}, "CANNOT_REMATCH")):
        answer = api("POST", f"{ROUTE}/{job_id}/rematch", request)
        assert (answer.status, answer.code) == (409, code)
    assert api("GET", f"{ROUTE}/{job_id}/export").code == "CANNOT_EXPORT"
    by_queue(engine)


# --- nobody else


def test_another_owner_sees_and_changes_nothing(api: Api):
    list_id = with_list(api)
    job_id = match(api).json["jobId"]
    other = api.as_(FOREIGN)
    for method, path, body in (
            ("GET", f"{ROUTE}/{job_id}/status", None), ("GET", f"{ROUTE}/{job_id}/results", None),
            ("GET", f"{ROUTE}/{job_id}/export", None), ("POST", f"{ROUTE}/{job_id}/rematch", {}),
            ("PATCH", f"{ROUTE}/results/{job_id}-1-2", {"rate": 1}), ("GET", f"/price-lists/{list_id}", None),
            ("GET", f"{ROUTE}/{list_id}/status", None)):
        assert other(method, path, body).status == 404, path
    assert other("GET", "/price-lists").json == {"priceLists": [], "cursor": None}
    assert match(other, priceList=list_id).code == "NO_PRICE_LIST"
    assert api("GET", f"{ROUTE}/{list_id}/status").status == 404


def test_a_cursor_belongs_to_its_job_and_tier(api: Api):
    with_list(api)
    one, two = (match(api, again="true").json["jobId"] for _ in range(2))
    cursor = api("GET", f"{ROUTE}/{one}/results", limit=1).json["cursor"]
    assert api("GET", f"{ROUTE}/{one}/results", limit=1, cursor=cursor).json["results"][0]["rowNumber"] == 3
    for path, query in ((two, {}), (one, {"tier": "accepted"})):
        assert api("GET", f"{ROUTE}/{path}/results", cursor=cursor, **query).code == "BAD_CURSOR"
    assert [row["rowNumber"] for row in all_results(api, one, tier="unmatched")] == [4]
    assert api("GET", f"{ROUTE}/{one}/results", tier="splendid").code == "BAD_REQUEST"
