"""Masking hides what it does not know: whatever a message holds, no text of a person gets through."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.letter_masking import BODY_CHARS, KNOWN, masked_body, masked_name

JOB = "5601b63e624244b398355936c13f540d"


def test_ids_and_numbers_of_ours_stay_and_cells_go():
    body = {"v": 1, "batch_id": f"{JOB}-2", "upload_id": JOB, "source_file": "Ada.xlsx", "batch_number": 2, "run": 1,
            "timestamp": "2026-11-22T01:00:00.000Z", "environment": "test",
            "leads": [{"_sheet": 0, "_row": 2, "_worksheet": "Ada", "Email": "ada@example.com", "Age": 36}]}
    assert json.loads(masked_body(json.dumps(body))) == {
        **body, "source_file": "A***.xlsx",
        "leads": [{"_sheet": 0, "_row": 2, "_worksheet": "***", "field 4": "***", "field 5": "***"}]}


@pytest.mark.parametrize(("key", "value"), [
    ("upload_id", "Ada Byron"), ("batch_id", "ada@example.com"), ("timestamp", "Ada"), ("environment", "Ada"),
    ("task", "Ada"), ("run", 61412345678), ("_row", 12345678.5), ("batch_number", "0412345678"), ("strict", "Ada"),
    ("_claim", "work/Ada/row-1-1.json"), ("provider", "Ada"), ("user_id", "ada@example.com")])
def test_what_stands_under_our_names_but_is_not_ours_goes(key, value):
    assert json.loads(masked_body(json.dumps({key: value}))) == {key: "***"}


def test_only_the_first_items_are_shown():
    shown = json.loads(masked_body(json.dumps({"leads": [{"_row": row} for row in range(10)]})))
    assert shown == {"leads": [{"_row": 0}, {"_row": 1}, {"_row": 2}, "7 more"]}


def test_of_what_is_no_json_the_shape_is_left():
    assert masked_body('{"batch_number": 12, "name": "Ada Bÿron') == '{"batch_number": 99, "xxxx": "xxx xxxxx'


@pytest.mark.parametrize(("name", "masked"), [
    ("Ada Byron.XLSX", "A***.xlsx"), ("ada.byron", "a***"), ("", "***"), ("people.tar.gz", "p***.gz"),
    ("0412345678.csv", "0***.csv")])
def test_of_a_file_name_the_first_letter_and_the_kind_are_left(name, masked):
    assert masked_name(name) == masked


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.sampled_from(sorted(KNOWN)), inner,
                                                                max_size=5), max_leaves=20)
PERSON = "Grüß-Gött"


@given(JSON, st.text(max_size=20))
def test_nothing_that_is_planted_anywhere_gets_through(content, more):
    planted = _planted(content)
    for body in (json.dumps(planted), json.dumps(planted)[:-1], f"{more} {PERSON} {more}"):
        shown = masked_body(body)
        assert "Gr" not in shown
        assert "ött" not in shown
        assert len(shown) <= BODY_CHARS + 3


def _planted(content: object) -> object:
    """The same with a person's name for every text, and beside every key."""
    if isinstance(content, dict):
        return {**{key if key in KNOWN else PERSON + str(place): _planted(value)
                   for place, (key, value) in enumerate(content.items())}, PERSON: PERSON}
    if isinstance(content, list):
        return [*map(_planted, content), PERSON]
    return PERSON if isinstance(content, str) else content


def test_a_very_deep_letter_is_no_trouble():
    assert not re.search("Ada", masked_body("[" * 5000 + '"Ada"' + "]" * 5000))
