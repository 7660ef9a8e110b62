"""Exports: small ones at once, large ones by the task worker in steps that may be repeated."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openpyxl
import pytest
import requests

from chalicelib.api.export import Exporter
from chalicelib.api.export_record import kept
from tests.functional.engine import Context, Engine
from tests.functional.rest import Api, token
from tests.functional.rest_leads import stored

HEADER = ["leadId", "firstName", "lastName", "title", "company", "email", "phone", "remarks", "sourceFile",
          "createdAt", "updatedAt", "name", "industry", "source", "_worksheet", "row", "jobId"]


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def serve_tasks(engine: Engine, seconds: float = 60, most: int = 50) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(Context(seconds)).work(records), most)


def many(engine: Engine, count: int) -> None:
    stored(engine, [{"firstName": "Ada" if number % 2 else "Bo", "lastName": f"L{number}",
                     "email": f"{number:04d}@example.com"} for number in range(count)])


def finished(api: Api, asked: Any) -> dict[str, Any]:
    ready = api("GET", asked.json["statusUrl"]).json
    assert ready["status"] == "completed", ready
    return ready


def test_small_csv_comes_inline_with_the_seeds_header_and_na_for_missing(api: Api, engine: Engine):
    stored(engine, [{"firstName": "=1+1", "email": "a@example.com", "phone": "+41791234567", "remarks": "two\nlines"}])
    answer = api("POST", "/export", {"bom": True}).json
    assert answer["content"].startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(answer["content"].lstrip("\ufeff"), newline="")))
    assert rows[0] == HEADER
    told = dict(zip(HEADER, rows[1], strict=True))
    assert (told["firstName"], told["phone"], told["remarks"]) == ("'=1+1", "+41791234567", "two\nlines")
    assert (told["lastName"], told["row"], answer["leadCount"]) == ("N/A", "2", 1)
    assert answer["filename"].startswith("leads_export_")


def test_small_jsonl_has_null_for_missing_and_obeys_the_filters(api: Api, engine: Engine):
    many(engine, 4)
    answer = api("POST", "/export", {"format": "jsonl", "filters": {"firstName": "BO"}, "sortOrder": "desc"}).json
    told = [json.loads(line) for line in answer["content"].splitlines()]
    assert [(lead["lastName"], lead["company"]) for lead in told] == [("L2", None), ("L0", None)]
    assert answer["filters"] == {"firstName": "BO"}


def test_small_workbook_comes_by_link_and_its_cells_are_text(api: Api, engine: Engine):
    stored(engine, [{"firstName": "=1+1", "lastName": "007"}])
    answer = api("POST", "/export", {"format": "xlsx"}).json
    made = openpyxl.load_workbook(io.BytesIO(requests.get(answer["url"], timeout=10).content)).active
    cells = dict(zip(HEADER, list(made.iter_rows())[1], strict=True))
    assert (cells["firstName"].value, cells["firstName"].data_type) == ("=1+1", "s")
    assert (cells["lastName"].value, cells["title"].value, answer["content"]) == ("007", "N/A", None)


def test_nothing_to_export_is_an_answer_and_no_error(api: Api):
    answer = api("POST", "/export", {"filters": {"email": "nobody"}}).json
    assert (answer["leadCount"], answer["message"]) == (0, "No leads match.")
    assert len(answer["content"].splitlines()) == 1


@pytest.mark.parametrize("body", [{"format": "pdf"}, {"format": "json"}, {"filters": {"pk": "x"}}, {"sortBy": "phone"},
                                  {"filters": {"email": 5}}, {"more": 1}])
def test_exports_that_make_no_sense_are_refused(api: Api, engine: Engine, body: dict):
    assert api("POST", "/export", body).code == "BAD_REQUEST"
    assert engine.depth("tasks") == 0


@pytest.mark.parametrize("format_", ["csv", "jsonl", "xlsx"])
def test_large_export_is_made_by_a_worker_and_is_complete(api: Api, engine: Engine, format_: str):
    many(engine, 60)
    asked = api("POST", "/export", {"format": format_, "filters": {"firstName": "ada"}})
    assert (asked.status, asked.json["status"], asked.headers["location"]) == (202, "pending", asked.json["statusUrl"])
    serve_tasks(engine)
    ready = finished(api, asked)
    body = requests.get(ready["url"], timeout=10).content
    if format_ == "xlsx":
        names = [row[2] for row in openpyxl.load_workbook(io.BytesIO(body)).active.values][1:]
    elif format_ == "csv":
        names = [row["lastName"] for row in csv.DictReader(io.StringIO(body.decode()))]
    else:
        names = [json.loads(line)["lastName"] for line in body.decode().splitlines()]
    assert names == [f"L{number}" for number in range(1, 60, 2)]
    assert ready["rowCount"] == 30
    assert not [key for key in engine.services.blobs.keys("exports/") if "/parts/" in key]


def test_export_that_never_has_time_still_ends_complete(api: Api, engine: Engine):
    """Each invocation is late from the start, so each does one small step and asks for another."""
    many(engine, 600)
    asked = api("POST", "/export", {"format": "csv"})
    assert serve_tasks(engine, seconds=0.1) >= 3
    rows = requests.get(finished(api, asked)["url"], timeout=10).text.splitlines()
    assert len(rows) == 601
    assert len(set(rows)) == 601


def test_task_delivered_again_changes_nothing(api: Api, engine: Engine):
    many(engine, 300)
    asked = api("POST", "/export", {"format": "csv"})
    (message,) = engine.bodies("tasks")
    for body in [message] * 2:
        engine.send("tasks", body)
    serve_tasks(engine, seconds=0.1, most=1)
    engine.send("tasks", message)
    serve_tasks(engine)
    ready = finished(api, asked)
    engine.send("tasks", message)
    serve_tasks(engine)
    assert finished(api, asked) | {"url": ""} == ready | {"url": ""}
    assert len(requests.get(ready["url"], timeout=10).text.splitlines()) == 301


def test_a_worker_whose_twin_was_faster_leaves_no_part_behind(api: Api, engine: Engine):
    many(engine, 300)
    asked = api("POST", "/export", {"format": "csv"})
    services = engine.services
    found = kept(asked.json["exportId"], services.records)
    assert found is not None
    serve_tasks(engine)
    ready = finished(api, asked)
    services.call(Exporter, remaining=lambda: 60.0).run(found)
    assert not [key for key in services.blobs.keys("exports/") if "/parts/" in key]
    assert finished(api, asked) | {"url": ""} == ready | {"url": ""}


def test_one_task_on_four_workers_at_once_makes_one_complete_file(api: Api, engine: Engine):
    many(engine, 400)
    asked = api("POST", "/export", {"format": "csv"})
    (message,) = engine.bodies("tasks")
    record = {"messageId": "m", "receiptHandle": "none", "body": message, "attributes": {}}
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda _: engine.services.task_worker(Context()).work([record]), range(4)):
            pass
    ready = finished(api, asked)
    assert len(set(requests.get(ready["url"], timeout=10).text.splitlines())) == 401
    assert not [key for key in engine.services.blobs.keys("exports/") if "/parts/" in key]


def test_export_given_up_tells_who_waits_for_it(api: Api, engine: Engine):
    many(engine, 20)
    asked = api("POST", "/export", {"format": "csv"})
    (message,) = engine.bodies("tasks")

    class Broken:
        def get_remaining_time_in_millis(self) -> int:
            raise OSError("no clock")

    record = {"messageId": "m", "receiptHandle": "none", "body": message,
              "attributes": {"ApproximateReceiveCount": "3"}}
    failed = engine.services.task_worker(Broken()).work([record])
    told = api("GET", asked.json["statusUrl"]).json
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert (told["status"], told["error"]["code"], told["retryAfterMs"]) == ("error", "INTERNAL", None)


def test_another_owners_export_does_not_exist(api: Api, engine: Engine):
    many(engine, 20)
    asked = api("POST", "/export", {})
    assert api.as_(token(org="somebody-else"))("GET", asked.json["statusUrl"]).code == "NOT_FOUND"
    assert api("GET", "/exports/not-an-export").code == "NOT_FOUND"
    assert api("GET", "/exports/%2e%2e").code == "NOT_FOUND"
