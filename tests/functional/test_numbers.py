"""Numbers at the edge of what can be stored: refused as the caller's, not failed on as ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.engine import book
from tests.functional.prices import BILL_FILE, MATCH, send, with_list
from tests.functional.rest import Api

LEADS = {"fileName": "people.csv", "pipeline": "leads"}


@pytest.fixture(scope="module")
def priced(shared_api: Api) -> Api:
    with_list(shared_api)
    return shared_api


@pytest.mark.parametrize("caps", [{"maxUsd": 5e-324}, {"maxUsd": 1e-7}, {"maxUsd": 1e300}, {"maxAiCalls": 10**40}])
def test_cap_that_cannot_be_stored_is_refused(priced: Api, caps: dict[str, Any]):
    job = priced("POST", "/upload", LEADS).json["jobId"]
    assert priced("POST", f"/status/{job}/cancel").status == 200
    for answer in (priced("POST", f"/status/{job}/resume", caps),
                   priced("POST", "/upload", {**LEADS, "options": caps}),
                   send(priced, MATCH, BILL_FILE, **{name: str(value) for name, value in caps.items()})):
        assert (answer.status, answer.code) == (400, "BAD_REQUEST"), answer.text


def test_smallest_cap_is_taken(priced: Api):
    assert priced("POST", "/upload", {**LEADS, "options": {"maxUsd": 1e-6, "maxAiCalls": 10**9}}).status == 200


@pytest.mark.parametrize("body", [{**LEADS, "again": 0}, {**LEADS, "again": "true"}, {**LEADS, "fileSize": "5"}])
def test_json_of_another_type_is_refused_and_not_guessed_at(priced: Api, body: dict[str, Any]):
    assert priced("POST", "/upload", body).code == "BAD_REQUEST"


def test_whole_number_may_stand_for_a_fraction_and_a_word_for_a_choice(priced: Api):
    assert priced("POST", "/upload", {**LEADS, "options": {"maxUsd": 1}}).status == 200
    assert priced("POST", "/export", {"format": "xlsx"}).status == 200


def test_header_row_beyond_a_worksheet_is_refused(priced: Api):
    assert send(priced, "/catalogs", book(A=[["Name"], ["Kettle"]]), "a.xlsx", headerRow=str(10**40)).status == 400
