"""Jobs over REST: from the announced upload to the report that accounts for every row."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
import requests

from chalicelib.api import downloads
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import ReportQuery
from tests.functional.engine import Context, Engine, book, people
from tests.functional.rest import OWNER, Api, token

FOREIGN = token(org="somebody-else")
OPERATOR = token("boss", roles=("user", "operator"))


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


@pytest.fixture
def done(engine: Engine) -> str:
    """A finished job: 7 rows in two sheets beside an empty one, 2 of them duplicates, 1 that is no lead."""
    rows = [*people(5, emails=4), [], ["only a first name", "", "", "", ""]]
    job = engine.drop(book(People=rows, Empty=[], Others=[["Mail", "Vorname", "Shoe size"],
                                                           ["p1@example.com", "Grace", "38"]]))
    engine.split()
    engine.work()
    return job.job_id


def test_announced_file_is_uploaded_by_form_and_becomes_a_finished_job(api: Api, engine: Engine):
    body = book(People=people(4))
    ticket = api("POST", "/upload", {"fileName": "../my people.xlsx", "fileType": "application/x-thing",
                                     "fileSize": len(body), "pipeline": "leads"}).json
    assert api("GET", f"/status/{ticket['jobId']}").json["status"] == "uploading"
    sent = requests.post(ticket["uploadUrl"], data=ticket["fields"], files={"file": body}, timeout=10)
    assert sent.status_code in (200, 204)
    assert api("PUT", f"/status/{ticket['jobId']}", {"status": "uploaded", "stage": "x"}).status == 200
    assert ticket["fileKey"] == f"uploads/leads/{ticket['jobId']}/my people.xlsx"
    assert engine.announce(ticket["fileKey"]).job_id == ticket["jobId"]
    engine.split()
    engine.work()
    told = api("GET", f"/status/{ticket['jobId']}").json
    assert (told["status"], told["progress"]["createdLeads"], told["retryAfterMs"]) == ("completed", 4, None)


@pytest.mark.parametrize(("announced", "status", "code"), [
    ({"fileName": "a.csv", "fileSize": 0}, 422, "EMPTY_FILE"),
    ({"fileName": "a.csv", "fileSize": 10 ** 12}, 413, "FILE_TOO_LARGE"),
    ({"fileName": "a.exe", "fileSize": 5}, 415, "UNSUPPORTED_TYPE"),
    ({"fileName": "a.csv", "pipeline": "dreams"}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "fileType": "no type"}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "fileSize": -1}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "surprise": 1}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "options": {"x": "y"}}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "options": {"dedupe": "maybe"}}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "options": {"headerRow": 0}}, 400, "BAD_REQUEST"),
    ({"fileName": "a.csv", "options": {"mapping": {"Mail": "password"}}}, 400, "BAD_REQUEST"),
    ({}, 400, "BAD_REQUEST"),
])
def test_an_upload_that_cannot_succeed_is_refused_and_leaves_no_job(api: Api, announced: Any, status: int, code: str):
    answer = api("POST", "/upload", announced)
    assert (answer.status, answer.code) == (status, code)
    assert api("GET", "/status").json["jobs"] == []


def test_options_reach_the_job_as_they_were_meant(api: Api):
    options = {"headerRow": "4", "dedupe": "skip", "mapping": {"Mail": "email", "Notes": ""}}
    job_id = api("POST", "/upload", {"fileName": "a.csv", "options": options}, **{"again": "true"}).json["jobId"]
    assert api("GET", f"/status/{job_id}").json["metadata"]["options"] == {**options, "headerRow": 4}
    refused = api("POST", "/upload", {"fileName": "a.csv", "options": {"headerRow": "four"}}).json["error"]
    assert refused["details"]["fields"][0]["field"] == "options.headerRow"


def test_report_accounts_for_every_physical_row_of_every_sheet(api: Api, done: str):
    report = api("GET", f"/status/{done}/report").json
    assert report["balance"] == {"balanced": True, "rowsEqualOutcomes": True, "sheetsEqualJob": True,
                                 "sheetsAreComplete": True, "batchesEqualJob": True}
    told = {sheet["worksheet"]: (sheet["physical"], sheet["header"], sheet["blank"], sheet["rows"])
            for sheet in report["sheets"]}
    assert told == {"People": (8, 1, 1, 6), "Empty": (0, 0, 0, 0), "Others": (2, 1, 0, 1)}
    people_outcomes = report["sheets"][0]["outcomes"]
    assert (people_outcomes["new"], people_outcomes["superseded"], people_outcomes["rejected"]) == (3, 2, 1)
    assert sum(sum(batch["outcomes"].values()) for batch in report["batches"]) == report["rows"]["total"] == 7


def test_report_shows_what_a_duplicate_changed(api: Api, done: str):
    duplicates = api("GET", f"/status/{done}/report").json["duplicates"]
    last = next(entry for entry in duplicates if entry["worksheet"] == "Others")
    assert (last["old"]["firstName"], last["new"]["firstName"], last["row"]) == ("Ada", "Grace", 2)
    assert "email" not in last["new"]


def test_report_workbook_pivots_sheets_by_outcome(api: Api, done: str):
    answer = api("GET", f"/status/{done}/report", format="xlsx").json
    made = openpyxl.load_workbook(io.BytesIO(requests.get(answer["url"], timeout=10).content))
    rows = [list(row) for row in made["Sheets"].values]
    head = rows[0]
    people_row = next(row for row in rows if str(row[0]).endswith("People"))
    assert (people_row[head.index("rejected")], people_row[head.index("physical")]) == (1, 8)
    assert rows[-1][head.index("total")] == 7
    assert made["Batches"].max_row == 1 + 3


def test_rejects_name_sheet_row_and_reason_beside_the_original_columns(api: Api, done: str):
    answer = api("GET", f"/status/{done}/rejects")
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row == {"First Name": "only a first name", "Last Name": "", "Email": "", "Phone": "", "Company": "",
                   "_job_id": done, "_worksheet": "People", "_row": "8", "_error_code": "TOO_FEW_FIELDS",
                   "_error_field": "", "_error_message": row["_error_message"]}


def test_rejects_as_a_workbook_come_by_link(api: Api, done: str):
    answer = api("GET", f"/status/{done}/rejects", format="xlsx").json
    made = openpyxl.load_workbook(io.BytesIO(requests.get(answer["url"], timeout=10).content))
    assert [row[:1] for row in made.active.values] == [("First Name",), ("only a first name",)]


def test_job_list_is_newest_first_and_continues_behind_its_cursor(api: Api, engine: Engine):
    made = [engine.drop(b"x" * (size + 1), f"uploads/leads/{size}.csv", f"2026-11-22T01:00:0{size}.000Z").job_id
            for size in range(3)]
    first = api("GET", "/status", limit=2).json
    second = api("GET", "/status", limit=2, cursor=first["cursor"]).json
    assert [job["jobId"] for job in first["jobs"] + second["jobs"]] == made[::-1]
    assert second["cursor"] is None
    assert api("GET", "/status", status="completed").json["jobs"] == []
    assert api("GET", "/status", status="nonsense").code == "BAD_REQUEST"
    assert api("GET", "/status", cursor=first["cursor"], status="uploaded").code == "BAD_CURSOR"


def test_unchanged_status_is_not_sent_again(api: Api, done: str):
    tag = api("GET", f"/status/{done}").headers["etag"]
    again = api("GET", f"/status/{done}", headers={"if-none-match": tag})
    assert (again.status, again.text) == (304, "")
    assert api("GET", f"/status/{done}", headers={"if-none-match": 'W/"other"'}).status == 200


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/status/{id}", None), ("PUT", "/status/{id}", {"status": "uploaded"}),
    ("POST", "/status/{id}/cancel", None), ("POST", "/status/{id}/resume", None), ("POST", "/status/{id}/retry", None),
    ("GET", "/status/{id}/report", None), ("GET", "/status/{id}/rejects", None), ("GET", "/status/{id}/events", None),
])
def test_another_owners_job_does_not_exist(api: Api, done: str, method: str, path: str, body: Any):
    answer = api.as_(FOREIGN)(method, path.format(id=done), body)
    assert (answer.status, answer.code) == (404, "UPLOAD_NOT_FOUND")
    assert api.as_(FOREIGN)("GET", "/status").json["jobs"] == []


@pytest.mark.parametrize(("said", "status", "code"), [
    ("uploading", 409, "STATUS_BACKWARDS"), ("processing", 409, "STATUS_BACKWARDS"), ("splendid", 400, "BAD_REQUEST")])
def test_a_client_can_move_a_status_nowhere(api: Api, done: str, said: str, status: int, code: str):
    answer = api("PUT", f"/status/{done}", {"status": said})
    assert (answer.status, answer.code) == (status, code)
    assert api("GET", f"/status/{done}").json["status"] == "completed"


def test_cancelled_job_is_resumed_to_the_end(api: Api, engine: Engine):
    job = engine.drop(book(People=people(6)))
    engine.split()
    cancelled = api("POST", f"/status/{job.job_id}/cancel")
    assert (cancelled.status, cancelled.json["rows"]["cancelled"]) == (200, 6)
    assert [option["action"] for option in cancelled.json["recovery"]["options"]] == ["resume"]
    engine.bodies("leads")
    assert api("POST", f"/status/{job.job_id}/resume").status == 202
    engine.split()
    engine.work()
    assert api("GET", f"/status/{job.job_id}").json["rows"]["new"] == 6
    assert api("POST", f"/status/{job.job_id}/cancel").code == "CANNOT_CANCEL"
    kinds = [event["kind"] for event in api("GET", f"/status/{job.job_id}/events").json["events"]]
    assert {"cancelled", "resumed"} <= set(kinds)


def test_forced_job_lists_exactly_the_rows_that_were_missing(api: Api, engine: Engine):
    job = engine.drop(book(People=[*people(4), [], *people(3)[1:]]))
    engine.split()
    engine.work(most=1)
    assert api("POST", f"/status/{job.job_id}/force-complete").code == "FORBIDDEN"
    forced = api.as_(OPERATOR)("POST", f"/status/{job.job_id}/force-complete").json
    assert (forced["action"], forced["failedBatches"], forced["failedRows"]) == ("forced", 2, 4)
    report = api("GET", f"/status/{job.job_id}/report").json
    assert report["failedRows"] == [{"worksheet": "People", "first": 5, "last": 5},
                                    {"worksheet": "People", "first": 7, "last": 9}]
    assert report["balance"]["balanced"] is True
    again = api.as_(OPERATOR)("POST", f"/status/{job.job_id}/force-complete").json
    assert (again["action"], again["status"]) == ("none", "completed")


def test_retry_completes_what_failed(api: Api, engine: Engine):
    job = engine.drop(book(People=people(3)))
    engine.split()
    engine.bodies("leads")
    api.as_(OPERATOR)("POST", f"/status/{job.job_id}/force-complete")
    told = api("GET", f"/status/{job.job_id}").json
    assert (told["status"], told["error"]["code"]) == ("error", "ALL_BATCHES_FAILED")
    assert api("POST", f"/status/{job.job_id}/retry").status == 202
    engine.split()
    engine.work()
    assert api("GET", f"/status/{job.job_id}").json["rows"]["new"] == 3


def test_a_long_job_is_reported_as_an_export(api: Api, engine: Engine, done: str):
    asked = engine.services.call(downloads.report, caller=Caller("ada", OWNER, frozenset()), job_id=done,
                                 query=ReportQuery(), inline_batches=2)
    assert asked.status_code == 202
    serve_tasks(engine)
    ready = api("GET", asked.body["statusUrl"]).json
    whole = requests.get(ready["url"], timeout=10).json()
    assert (ready["status"], whole["rows"]["total"], len(whole["batches"])) == ("completed", 7, 3)


def serve_tasks(engine: Engine) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 20)


def test_a_message_that_is_no_task_goes_to_the_dead_letters(engine: Engine):
    engine.send("tasks", {"v": 1, "task": "dream"})
    assert serve_tasks(engine) == 1
    assert engine.depth("tasks-dlq") == 1
