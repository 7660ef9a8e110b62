"""Exports that run as tasks: in every order, and of a job whose rows are only in the spool."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from chalicelib.api import downloads
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import ReportQuery
from chalicelib.jobs import transitions
from chalicelib.jobs.model import stamp
from tests.functional.engine import Context, Engine, book, people
from tests.functional.rest import OWNER, Api
from tests.functional.rest_leads import stored

COUNT = 12
"""More than `INLINE_ROWS` of the app under test."""


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "2"})


@pytest.mark.parametrize("order", ["updatedAt", "lastName", "email", "company"])
def test_a_large_export_is_in_the_order_that_was_asked_for(api: Api, engine: Engine, order: str):
    stored(engine, [{"lastName": f"L{number * 5 % COUNT:02d}", "email": f"{number * 7 % COUNT:02d}@example.com",
                     "company": f"C{number * 11 % COUNT:02d}"} for number in range(COUNT)])
    asked = api("POST", "/export", {"format": "jsonl", "sortBy": order, "sortOrder": "desc"})
    assert asked.status == 202
    told = [json.loads(line)[order] for line in downloaded(api, engine, asked.json).text.splitlines()]
    assert len(told) == COUNT
    assert told == sorted(told, reverse=True)


def test_a_report_that_is_made_as_a_file_names_the_rows_of_failed_batches(api: Api, engine: Engine):
    job = engine.drop(book(A=people(3)))
    engine.split()
    engine.services.ledger.change(job.job_id, lambda now: transitions.forced(
        now, at=stamp(engine.time()), by="operator"))
    asked = engine.services.call(downloads.report, caller=Caller("ada", OWNER, frozenset()), job_id=job.job_id,
                                 query=ReportQuery(), inline_batches=1)
    report = downloaded(api, engine, asked.body).json()
    assert report["rows"]["failed"] == 3
    assert [(each["worksheet"], each["first"], each["last"]) for each in report["failedRows"]] == [("A", 2, 4)]


def downloaded(api: Api, engine: Engine, asked: dict[str, Any]) -> requests.Response:
    """The file behind the link, once the task has run."""
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)
    ready = api("GET", asked["statusUrl"]).json
    assert ready["status"] == "completed", ready
    return requests.get(ready["url"], timeout=10)
