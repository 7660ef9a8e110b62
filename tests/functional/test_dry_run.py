"""A dry run tells what would become of a file, and leaves everything as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from chalicelib.adapters.dynamodb import from_item
from chalicelib.api import dry_run
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from tests.conftest import Aws
from tests.functional.engine import Context, Engine, book, people
from tests.functional.rest import Api, token


@pytest.fixture
def engine(aws: Aws) -> Engine:
    return Engine(aws)


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests read to the end however busy the machine is, unless a test says otherwise."""
    monkeypatch.setenv("DRY_RUN_SECONDS", str(getattr(request, "param", 600)))


def uploaded(api: Api, body: bytes, name: str = "people.xlsx", **query: Any) -> dict[str, Any]:
    """A file at the place for dry runs; the ticket."""
    ticket = api("POST", "/upload", {"fileName": name, "fileSize": len(body)}, dryRun="true", **query).json
    sent = requests.post(ticket["uploadUrl"], data=ticket["fields"], files={"file": (name, body)}, timeout=10)
    assert sent.status_code < 300
    return dict(ticket)


def tables(engine: Engine) -> str:
    """Every item of every table, and every key of the bucket outside `dry/`."""
    client = engine.services.leads.client
    names = sorted(client.list_tables()["TableNames"])
    items = {name: sorted(json.dumps(from_item(item), sort_keys=True, default=str)
                          for page in client.get_paginator("scan").paginate(TableName=name) for item in page["Items"])
             for name in names}
    keys = [key for key in engine.services.blobs.keys("") if not key.startswith("dry/")]
    return json.dumps([items, keys])


def serve(engine: Engine) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 20)


def sample(rows: int, bad: int = 50) -> bytes:
    lines = ["Quarterly export", "", "Full Name,E-Mail,Mobile,Firm,Shoe size"]
    lines += [f"Ada Byron{row},p{row}@example.com,0412345{row:05d},Acme {row},4{row % 9}" if row % bad else f",,,,{row}"
              for row in range(1, rows + 1)]
    return "\n".join(lines).encode()


def test_ten_thousand_rows_are_told_and_nothing_is_stored(api: Api, engine: Engine) -> None:
    ticket = uploaded(api, sample(10_000), "people.csv")
    before = tables(engine)
    answer = api("POST", "/dry-run", {"fileKey": ticket["fileKey"]})
    told = answer.json
    assert (answer.status, told["status"], told["complete"], told["rows"]) == (200, "completed", True, 10_000)
    sheet, = told["sheets"]
    assert (sheet["headerRow"], sheet["rows"], sheet["physical"]) == (3, 10_000, 10_003)
    fields = {column["header"]: column["field"] for column in sheet["columns"]}
    assert fields == {"Full Name": "name", "E-Mail": "email", "Mobile": "phone", "Firm": "company", "Shoe size": None}
    assert all(0 <= column["score"] <= 1 for column in sheet["columns"])
    assert (told["checkedRows"], told["checkedRejects"], told["estimatedRejects"]) == (500, 10, 200)
    assert (told["rejects"][0]["row"], told["rejects"][0]["code"]) == (53, "TOO_FEW_FIELDS")
    estimate = told["estimate"]
    assert (estimate["batches"], told["batchSize"], estimate["aiCalls"]) == (1000, 10, 0)
    assert estimate["usd"] > 0
    assert estimate["minutes"] > 0
    assert (tables(engine), engine.depth("split"), engine.depth("tasks")) == (before, 0, 0)


def test_with_ai_a_dry_run_estimates_calls_and_money_without_a_single_call(aws: Aws) -> None:
    with FakeDeepSeek(tick=0.01) as fake:
        engine = Engine(aws, {"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k"})
        engine.services.blobs.put("f", sample(300, bad=10**6))
        order = dry_run.DryRunOrder(id="d", owner="default", key="f", file_name="people.csv", pipeline="leads",
                                    options={})
        engine.services.call(dry_run.run, order=order.as_json(), remaining=lambda: 60.0)
        estimate = json.loads(engine.services.blobs.get(dry_run._result_key("default", "d")))["estimate"]
        assert (estimate["aiCalls"], len(fake.seen)) == (30, 0)
        assert 0 < estimate["aiUsd"] < estimate["usd"] < 1
        job = engine.drop(sample(300, bad=10**6), "uploads/leads/people.csv")
        engine.split()
        engine.work()
        spent = engine.job(job.job_id)
    assert estimate["aiCalls"] == spent.used_calls
    assert estimate["promptTokens"] == pytest.approx(spent.used_prompt_tokens, rel=0.5)
    assert estimate["completionTokens"] == pytest.approx(spent.used_completion_tokens, rel=0.5)


def test_a_small_file_comes_with_the_request(api: Api, engine: Engine) -> None:
    before = tables(engine)
    form = (b'--B\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"headerRow": 1}\r\n'
            b'--B\r\nContent-Disposition: form-data; name="file"; filename="p.xlsx"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n" + book(A=people(12), B=[["x"]]) + b"\r\n--B--\r\n")
    answer = api("POST", "/dry-run", form, headers={"content-type": "multipart/form-data; boundary=B"})
    assert answer.status == 200, answer.text
    assert (answer.json["rows"], [sheet["worksheet"] for sheet in answer.json["sheets"]]) == (12, ["A", "B"])
    assert tables(engine) == before


def test_a_file_that_cannot_become_rows_says_why(api: Api) -> None:
    ticket = uploaded(api, b"%PDF-1.4 nothing to see", "people.csv")
    told = api("POST", "/dry-run", {"fileKey": ticket["fileKey"]}).json
    assert (told["status"], told["error"]["code"], told["estimate"]) == ("error", "NOT_A_SPREADSHEET", None) or \
        told["error"]["code"] == "UNSUPPORTED_FORMAT"


def test_bytes_that_were_dropped_before_are_recognised(api: Api, engine: Engine) -> None:
    job = engine.drop(sample(20), "uploads/leads/people.csv")
    engine.split()
    engine.work()
    ticket = uploaded(api, sample(20), "other.csv")
    assert api("POST", "/dry-run", {"fileKey": ticket["fileKey"]}).json["duplicateOf"] == job.job_id
    again = api("POST", "/dry-run", {"fileKey": ticket["fileKey"], "options": {"dedupe": "skip"}}).json
    assert again["duplicateOf"] is None


def test_nobody_looks_at_the_file_of_somebody_else(api: Api, engine: Engine) -> None:
    ticket = uploaded(api, sample(3), "people.csv")
    engine.services.blobs.put("uploads/leads/bo/x.csv", sample(3))
    engine.services.blobs.put("work/x/part-00001.jsonl", sample(3))
    other = api.as_(token(org="others"))
    assert other("POST", "/dry-run", {"fileKey": ticket["fileKey"]}).code == "NOT_FOUND"
    for key in ("uploads/leads/bo/x.csv", "work/x/part-00001.jsonl", "dry/x", "dry/../uploads/x"):
        assert api("POST", "/dry-run", {"fileKey": key}).code == "NOT_FOUND"
    assert api.as_(token(org="bo"))("POST", "/dry-run", {"fileKey": "uploads/leads/bo/x.csv"}).json["rows"] == 3


@pytest.mark.parametrize("patience", [0], indirect=True)
def test_a_file_too_long_for_a_request_is_told_in_part_and_then_in_full(api: Api, engine: Engine) -> None:
    ticket = uploaded(api, sample(9000), "people.csv")
    before = tables(engine)
    asked = api("POST", "/dry-run", {"fileKey": ticket["fileKey"]})
    assert (asked.status, asked.json["status"], asked.json["complete"]) == (202, "processing", False)
    assert asked.json["sheets"][0]["headerRow"] == 3
    assert 0 < asked.json["rows"] < 9000
    assert api("GET", asked.json["statusUrl"]).json["status"] == "processing"
    assert serve(engine) == 1
    told = api("GET", asked.json["statusUrl"]).json
    assert (told["status"], told["complete"], told["rows"], tables(engine)) == ("completed", True, 9000, before)
    assert api.as_(token(org="others"))("GET", asked.json["statusUrl"]).json["status"] == "processing"


@pytest.mark.parametrize(("body", "headers"), [
    ({"fileKey": ""}, {}), ({}, {}), ({"fileKey": "x", "more": 1}, {}), ({"fileKey": "x", "options": {"no": 1}}, {}),
    ({"fileKey": "x", "pipeline": "none"}, {}), (b"not json", {}),
    (b"--B\r\n\r\n--B--", {"content-type": "multipart/form-data; boundary=B"}),
    (b"x", {"content-type": "multipart/form-data"}),
    (b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--B--\r\n',
     {"content-type": "multipart/form-data; boundary=B"})])
def test_requests_that_make_no_sense_are_refused(api: Api, body: Any, headers: dict) -> None:
    assert api("POST", "/dry-run", body, headers=headers).code == "BAD_REQUEST"


def test_the_first_rows_of_every_sheet_are_shown_and_long_cells_are_cut(api: Api) -> None:
    ticket = uploaded(api, book(A=[["E-Mail", "Notes"], *([f"p{row}@example.com", "n" * 300] for row in range(9))],
                                B=[["Total list"], [], ["E-Mail", "Firm"], ["x@example.com", None]]))
    told = api("POST", "/dry-run", {"fileKey": ticket["fileKey"]}).json
    first, second = (sheet["firstRows"] for sheet in told["sheets"])
    assert [each["row"] for each in first] == [2, 3, 4, 5, 6]
    assert first[0]["cells"] == {"E-Mail": "p0@example.com", "Notes": "n" * 79 + "…"}
    assert second == [{"row": 4, "cells": {"E-Mail": "x@example.com"}}]


def test_a_book_of_wide_sheets_shows_no_more_cells_than_an_answer_holds(api: Api) -> None:
    header = ["E-Mail", *(f"Field {place}" for place in range(900))]
    sheets = {f"S{sheet}": [header, *([f"p{row}@example.com", *["c" * 200] * 900] for row in range(5))]
              for sheet in range(2)}
    ticket = uploaded(api, book(**sheets))
    told = api("POST", "/dry-run", {"fileKey": ticket["fileKey"]}).json
    assert [len(sheet["firstRows"]) for sheet in told["sheets"]] == [3, 0]


@pytest.mark.parametrize(("pipeline", "options", "some", "none"), [
    ("leads", {}, "email", "sku"), ("products", {}, "sku", "email"), ("prices", {}, "quantity", "category"),
    ("prices", {"priceList": "Rates"}, "category", "quantity")])
def test_a_dry_run_says_what_columns_may_be_mapped_to(
    api: Api, pipeline: str, options: dict, some: str, none: str,
) -> None:
    ticket = uploaded(api, sample(3), "people.csv")
    fields = api("POST", "/dry-run", {"fileKey": ticket["fileKey"], "pipeline": pipeline, "options": options}
                 ).json["fields"]
    assert some in fields
    assert none not in fields
    for field in fields:
        taken = api("POST", "/dry-run", {"fileKey": ticket["fileKey"], "pipeline": pipeline,
                                         "options": {**options, "mapping": {"Firm": field}}})
        firm = next(each for each in taken.json["sheets"][0]["columns"] if each["header"] == "Firm")
        assert (taken.status, firm["field"], firm["reason"]) == (200, field, "given")
