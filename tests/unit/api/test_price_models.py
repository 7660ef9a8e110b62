"""What price routes take and answer: exact amounts as JSON numbers, one kind of change at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.adapters.price_results import FIELDS
from chalicelib.api.price_columns import COLUMNS, values
from chalicelib.api.price_models import DIGITS, MatchForm, ResultPatch, number
from chalicelib.api.price_parallel import differences
from chalicelib.api.price_view import row_view, seed_status, status_view
from chalicelib.jobs.model import Job, Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROW: dict[str, Any] = {
    **FIELDS, "jobId": "j", "resultId": "j-1-2", "rowNumber": 2, "worksheet": "Bill", "owner": "o", "listId": "l",
    "originalDescription": "Wall", "originalUnit": "m2", "originalQuantity": "3", "matchedItemId": "1-2",
    "matchedDescription": "Brick wall", "matchedCode": "W1", "matchedUnit": "m2", "matchedRate": "0.1",
    "totalPrice": "0.3", "confidence": 0.93, "tier": "accepted", "jobTier": "accepted", "matchMethod": "LOCAL",
    "candidates": [{"itemId": "1-2", "description": "Brick wall", "code": "", "unit": "m2", "rate": "0.1",
                    "score": 0.9, "reasons": ["words"]}]}


@given(st.integers(min_value=-10**DIGITS + 1, max_value=10**DIGITS - 1), st.integers(min_value=0, max_value=6))
def test_an_amount_of_fifteen_digits_is_exact_as_a_json_number(digits: int, places: int):
    amount = Decimal(digits).scaleb(-places)
    assert Decimal(json.dumps(number(amount))) == amount


@pytest.mark.parametrize(("amount", "shown"), [
    ("12.50", "12.5"), ("3", "3"), ("3.00", "3"), ("1E+3", "1000"), ("-0.10", "-0.1"), ("0.30", "0.3")])
def test_an_amount_is_shown_without_noise(amount: str, shown: str):
    assert json.dumps(number(Decimal(amount))) == shown


def test_a_row_is_told_in_numbers_and_without_empty_texts():
    told = row_view(ROW).as_json()
    assert json.dumps([told["originalQuantity"], told["matchedRate"], told["totalPrice"]]) == "[3, 0.1, 0.3]"
    assert (told["_worksheet"], told["rowNumber"], told["tier"], told["notes"]) == ("Bill", 2, "accepted", None)
    assert told["candidates"] == [{"itemId": "1-2", "code": None, "description": "Brick wall", "unit": "m2",
                                   "rate": 0.1, "score": 0.9, "reasons": ["words"]}]


def test_a_row_that_a_person_edited_is_manual():
    assert row_view({**ROW, "isManuallyEdited": True}).tier == "manual"


@pytest.mark.parametrize("body", [
    {}, {"version": 3}, {"clear": False}, {"itemId": "1-2", "clear": True}, {"itemId": "1-2", "rate": 5},
    {"rate": 5, "clear": True}, {"rate": "NaN"}, {"rate": 1e30}, {"itemId": ""}, {"price": 5}])
def test_a_change_that_says_nothing_or_two_things_is_refused(body: dict[str, Any]):
    with pytest.raises(ValidationError):
        ResultPatch.model_validate(body)


def test_a_rate_comes_in_as_it_was_written():
    assert ResultPatch.model_validate_json('{"rate": 1234567.35}').own == {"rate": Decimal("1234567.35")}
    assert ResultPatch.model_validate_json('{"rate": null, "unit": "m"}').own == {"rate": None, "unit": "m"}


@pytest.mark.parametrize("name", ["method", "matchingMethod"])
def test_the_method_has_two_names(name: str):
    assert MatchForm.model_validate({name: "LOCAL", "headerRow": "4"}).method == "LOCAL"


@pytest.mark.parametrize(("status", "planned", "word"), [
    (Status.UPLOADING, False, "pending"), (Status.PENDING, False, "pending"), (Status.UPLOADED, False, "pending"),
    (Status.PROCESSING, False, "parsing"), (Status.PROCESSING, True, "matching"), (Status.COMPLETED, True, "completed"),
    (Status.ERROR, False, "failed"), (Status.CANCELLED, True, "cancelled")])
def test_a_job_is_told_in_the_words_of_the_seed(status: Status, planned: bool, word: str):
    assert seed_status(job(status=status, planned=planned)) == word


def test_a_duplicate_tells_of_the_job_whose_file_it_was():
    first = job(status=Status.PROCESSING, planned=True, rows=4, batches_total=4, batches_pending=1, batches_done=3,
                tallies={"accepted": 2, "review": 1, "unmatched": 4, "manual": 1})
    told = status_view(job("k", status=Status.COMPLETED, duplicate_of="j"), first, NOW)
    assert (told.job_id, told.duplicate_of, told.status, told.progress) == ("k", "j", "matching", 75)
    assert (told.item_count, told.matched_count) == (4, 4)


def test_an_unmatched_row_puts_no_rate_into_a_spreadsheet():
    told = dict(zip(COLUMNS, values({**ROW, "tier": "unmatched"}, tuple(COLUMNS)), strict=True))
    assert told == {"code": None, "description": None, "unit": None, "rate": None, "total": None, "confidence": 0.93,
                    "status": "unmatched"}


def test_a_row_puts_its_exact_amounts_into_a_spreadsheet():
    told = values({**ROW, "unitMismatch": True, "tier": "review"}, ("total", "rate", "code", "status"))
    assert told == [Decimal("0.3"), Decimal("0.1"), "W1", "review, the units differ"]


def test_two_ways_of_working_are_compared_field_by_field():
    other = {**ROW, "resultId": "k-1-2", "matchedRate": "0.2", "tier": "review"}
    assert [(each.field, each.sync, each.asynchronous) for each in differences([ROW], [other])] == [
        ("matchedRate", "0.1", "0.2"), ("tier", "accepted", "review")]
    assert differences([ROW], [{**other, "isManuallyEdited": True}]) == []
    assert [(each.field, each.sync, each.asynchronous) for each in differences([ROW], [])] == [("row", True, False)]
    assert [(each.field, each.sync, each.asynchronous) for each in differences([], [other])] == [("row", False, True)]
    assert differences([ROW], [{**ROW, "resultId": "k-1-2", "createdAt": "later", "version": 3}]) == []


def job(job_id: str = "j", **fields: Any) -> Job:
    at = "2026-11-22T00:00:00Z"
    told = {"owner": "o", "pipeline": "prices", "file_name": "b.xlsx", "file_key": "k", "created_at": at,
            "updated_at": at, **fields}
    return Job(job_id=job_id, **told)
