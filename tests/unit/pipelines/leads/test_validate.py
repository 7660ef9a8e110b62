"""What is a lead, and what its reject says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chalicelib.errors import RowProblem, RowRefused
from chalicelib.pipelines.leads.fields import LIMITS
from chalicelib.pipelines.leads.validate import cut, validate


@pytest.mark.parametrize("record", [
    {"firstName": "Jane", "lastName": "Doe"},
    {"firstName": "Jane", "email": "jane@example.com"},
    {"email": "jane@example.com", "phone": "+12125550123"},
    {"company": "Acme", "phone": "0412345678"},
    {"lastName": "NA", "email": "na@example.com"},
    {"firstName": "Jenny", "lastName": "Null"},
    {"firstName": "Na", "lastName": "Kim"},
])
def test_two_meaningful_fields_are_a_lead(record: Mapping[str, str]) -> None:
    assert validate(record) == record


@pytest.mark.parametrize("record", [
    {},
    {"firstName": "Jane"},
    {"email": "jane@example.com", "title": "CEO", "industry": "Steel", "remarks": "call", "source": "fair"},
    {"name": "Jane", "firstName": "Jane"},
    {"firstName": "NA", "lastName": "NA", "email": "NA", "phone": "NA", "company": "NA"},
    {"firstName": "null", "lastName": "null", "company": "Acme"},
    {"firstName": "Jane", "lastName": "N/A", "company": "none"},
    {"firstName": "Jane", "email": " ", "phone": "not provided"},
    {"firstName": "null", "company": "Acme"},
])
def test_fewer_than_two_meaningful_fields_are_refused(record: Mapping[str, str]) -> None:
    with pytest.raises(RowRefused) as refusal:
        validate(record)
    assert refusal.value.code is RowProblem.TOO_FEW_FIELDS


@pytest.mark.parametrize("field", [field for field in LIMITS if field != "remarks"])
def test_a_field_at_its_limit_passes_and_one_character_more_is_refused_by_name(field: str) -> None:
    record = {"firstName": "Jane", "lastName": "Doe", field: "x" * LIMITS[field]}
    assert validate(record)[field] == record[field]
    with pytest.raises(RowRefused) as refusal:
        validate({**record, field: "x" * (LIMITS[field] + 1)})
    assert (refusal.value.code, refusal.value.field) == (RowProblem.FIELD_TOO_LONG, field)


def test_remarks_are_cut_and_not_refused() -> None:
    remarks = validate({"firstName": "Jane", "lastName": "Doe", "remarks": "x" * 5000})["remarks"]
    assert (len(remarks), remarks[-1]) == (LIMITS["remarks"], "…")


def test_missing_words_and_unknown_fields_do_not_reach_the_store() -> None:
    assert validate({"firstName": "Jane", "lastName": "Doe", "company": "N/A", "title": "", "leadId": "7"}) == {
        "firstName": "Jane", "lastName": "Doe"}


@pytest.mark.parametrize(("text", "limit", "result"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a bcd", 3, "a…")])
def test_a_cut_shows(text: str, limit: int, result: str) -> None:
    assert cut(text, limit) == result
