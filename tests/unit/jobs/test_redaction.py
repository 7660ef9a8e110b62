"""Taking a person out of kept rows: nothing of theirs stays, nothing of others goes, every length and count holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.model import RowId
from chalicelib.jobs.redaction import ERASED, Redactor


def redactor() -> Redactor:
    return Redactor(lambda address: address.lower() == "ada@example.com")


def row(number: int, **cells: Any) -> dict[str, Any]:
    return {"_worksheet": "May", "_sheet": 0, "_row": number, **cells}


def batch(*items: dict[str, Any]) -> bytes:
    return json.dumps({"leads": items, "columns": {"May": {"E-mail": "email"}}}, separators=(",", ":"),
                      ensure_ascii=False).encode()


@pytest.mark.parametrize("text", [
    "ada@example.com", " ADA@Example.com ", "Ada <ada@example.com>", "mailto:ada@example.com", "x; ada@example.com.",
    "(ada@example.com)", "write to ada@example.com, or not"])
def test_an_address_is_found_however_it_stands_in_a_cell(text):
    assert redactor().mentions({"any": ["deep", {"cell": text}]})


@pytest.mark.parametrize("text", [
    "ada@example.org", "xada@example.com", "ada@example.com.au", "ada at example.com", ""])
def test_another_address_is_not_theirs(text):
    assert not redactor().mentions(text)


def test_a_row_of_theirs_keeps_its_place_and_nothing_else():
    body = batch(row(2, Name="Ada", **{"E-mail": "ada@example.com"}), row(3, Name="Bob", **{"E-mail": "b@example.com"}))
    taker = redactor()
    found = list(taker.find(body))
    assert [each.item["_row"] for each in found] == [2]
    assert found[0].columns == {"May": {"E-mail": "email"}}
    assert taker.rows == {RowId(0, 2)}
    clean = json.loads(taker.text(body))["leads"]
    assert clean[0] == row(2, Name="", **{"E-mail": ""})
    assert clean[1] == row(3, Name="Bob", **{"E-mail": "b@example.com"})


def test_a_row_that_was_too_large_for_a_message_is_a_row_like_others():
    body = json.dumps(row(7, Mail="ada@example.com", Note="x" * 50)).encode()
    taker = redactor()
    assert [each.item["_row"] for each in taker.find(body)] == [7]
    assert json.loads(taker.text(body)) == row(7, Mail="", Note="")


_cells = st.dictionaries(st.text(min_size=1).filter(lambda name: not name.startswith("_")),
                         st.one_of(st.text(), st.just("ada@example.com"), st.none(), st.integers()), max_size=4)


@given(st.lists(_cells, min_size=1, max_size=5))
def test_a_redacted_batch_is_as_long_as_it_was_and_redacting_again_changes_nothing(cells):
    body = batch(*(row(number, **each) for number, each in enumerate(cells)))
    clean = redactor().text(body)
    assert len(clean) == len(body)
    assert not redactor().mentions(json.loads(clean))
    assert redactor().text(clean) == clean
    assert list(redactor().find(clean)) == []
    assert len(json.loads(clean)["leads"]) == len(cells)


def detail() -> dict[str, Any]:
    place = {"worksheet": "May", "sheet": 0}
    return {
        "rejects": [{**place, "row": 2, "code": "X", "field": "", "message": "no", "cells": {"E": "ada@example.com"}},
                    {**place, "row": 3, "code": "X", "field": "", "message": "no", "cells": {"E": "b@example.com"}}],
        "duplicates": [{**place, "row": 4, "record_id": "l1", "old": {"email": "ada@example.com", "phone": "1"},
                        "new": {"phone": "2"}}],
        "warnings": {"0:5": ["phone 123 is malformed"], "0:6": ["phone 456 is malformed"]}, "marks": ["e:1"]}


def test_the_ledger_keeps_that_a_row_was_rejected_and_why_but_not_whose_it_was():
    taker = redactor()
    taker.rows.add(RowId(0, 5))
    clean = taker.detail(detail())
    assert clean["rejects"][0] == {"worksheet": "May", "sheet": 0, "row": 2, "code": "X", "field": "",
                                   "message": ERASED, "cells": {"E": ""}}
    assert clean["rejects"][1] == detail()["rejects"][1]
    assert clean["duplicates"] == [{**detail()["duplicates"][0], "old": {}, "new": {}}]
    assert clean["warnings"] == {"0:5": [ERASED], "0:6": ["phone 456 is malformed"]}
    assert clean["marks"] == ["e:1"]


def test_a_detail_without_the_person_is_left_as_it_is():
    body = {"rejects": [], "duplicates": [], "warnings": {}}
    assert redactor().detail(body) is body
    taker = redactor()
    clean = taker.detail(detail())
    assert taker.detail(clean) is clean
