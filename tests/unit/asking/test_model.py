"""What can be asked is closed: everything else is refused before anything is run."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chalicelib.asking.model import Condition, Query


def refused(model: type[Condition] | type[Query], **given: object) -> str:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(given)
    return str(refusal.value)


@pytest.mark.parametrize("given", [
    {"field": "owner", "op": "equals", "values": ["x"]}, {"field": "list_pk", "op": "present"},
    {"field": "company", "op": "regex", "values": ["."]}, {"field": "company", "op": "domain", "values": ["a.org"]},
    {"field": "company", "op": "before", "values": ["2026-01-01"]}, {"field": "createdAt", "op": "missing"},
    {"field": "createdAt", "op": "contains", "values": ["2026"]}, {"field": "company", "op": "words"},
    {"field": "company", "op": "words", "values": []}, {"field": "company", "op": "words", "values": [" "]},
    {"field": "company", "op": "missing", "values": ["x"]}, {"field": "company", "op": "words", "values": ["x" * 201]},
    {"field": "company", "op": "words", "values": ["x"] * 11}, {"field": "company", "op": "words", "values": ["a\nb"]},
    {"field": "phone", "op": "contains", "values": ["none"]}, {"field": "company", "op": "words", "values": [5]},
    {"field": "company", "op": "words", "values": ["x"], "owner": "y"}, {"field": "company"}, {}])
def test_a_condition_outside_the_model_is_refused(given: dict):
    assert refused(Condition, **given)


@pytest.mark.parametrize(("op", "values"), [
    ("on", ["yesterday"]), ("on", ["2026-13-01"]), ("on", ["2026-02-30"]), ("on", ["2026-1-1"]), ("on", ["٢٠٢٦-٠١-٠١"]),
    ("on", ["2026-01-01T00:00:00Z"]), ("between", ["2026-01-01"]), ("between", ["2026-02-01", "2026-01-01"]),
    ("between", ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]), ("before", ["2026-01-01T25:00:00Z"]),
    ("before", ["2026-01-01T00:00:00+02:00"]), ("after", ["2026-01-01", "2026-01-02"])])
def test_a_time_that_is_none_is_refused(op: str, values: list[str]):
    assert refused(Condition, field="updatedAt", op=op, values=values)


@pytest.mark.parametrize("given", [
    {"type": "delete"}, {"type": "filter", "limit": 0}, {"type": "filter", "limit": 101}, {"type": "aggregate"},
    {"type": "count", "groupBy": "company"}, {"type": "aggregate", "groupBy": "phone"},
    {"type": "filter", "sort": {"by": "count"}}, {"type": "aggregate", "groupBy": "company", "sort": {"by": "email"}},
    {"type": "filter", "sort": {"by": "remarks"}}, {"type": "filter", "atLeast": 2}, {"type": "filter", "owner": "x"},
    {"type": "filter", "filters": [{"field": "company", "op": "present"}] * 11}, {"filters": []}])
def test_a_query_outside_the_model_is_refused(given: dict):
    assert refused(Query, **given)


def test_a_refusal_says_what_the_field_knows():
    told = refused(Condition, field="createdAt", op="contains", values=["x"])
    assert "createdAt cannot be compared by contains, only by after, before, between, on" in told


def test_a_query_is_shown_in_the_words_in_which_it_may_be_given():
    given = {"type": "aggregate", "filters": [{"field": "_worksheet", "op": "words", "values": ["Web"], "not": True}],
             "groupBy": "createdDay", "limit": 7, "sort": {"by": "count", "descending": True}, "atLeast": 2}
    assert Query.model_validate(given).model_dump(mode="json", by_alias=True) == given
