"""Batches as text: every item as it was, in bytes that SQS takes."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chalicelib.jobs.cutting import cut, fitting, json_bytes
from chalicelib.jobs.model import Item, RowId

SQS_REFUSES = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters outside of what the API reference of SendMessage lists."""


def item(row: int, sheet: int = 0, **cells: str) -> Item:
    return {"_worksheet": f"Sheet {sheet}", "_sheet": sheet, "_row": row, **cells}


@given(some.dictionaries(some.text(), some.text() | some.integers()))
def test_any_text_comes_back_and_passes_sqs(value: dict[str, object]) -> None:
    text = json_bytes(value)
    assert json.loads(text) == value
    assert not SQS_REFUSES.search(text.decode())


@pytest.mark.parametrize("text", ["\ufffe", "\uffff", "\x00\x1f", "\ufffd", "\x7f", "half \ud800", "😀 李 Zoë"])
def test_rare_characters_come_back_and_pass_sqs(text: str) -> None:
    assert json.loads(json_bytes([text])) == [text]
    assert not SQS_REFUSES.search(json_bytes([text]).decode())


def test_letters_of_other_scripts_stay_as_they_are() -> None:
    assert json_bytes({"name": "李"}) == '{"name":"李"}'.encode()


def test_a_batch_says_which_rows_it_holds_and_carries_the_columns_of_their_sheets_only() -> None:
    columns = {"Sheet 0": {"Name": "name"}, "Sheet 1": {"Nom": "name"}, "Sheet 2": {}}
    made = cut([item(7, Name="Ada"), item(9), item(2, sheet=1, Nom="Léa")], "leads", columns)
    assert json.loads(made.text) == {
        "leads": [item(7, Name="Ada"), item(9), item(2, sheet=1, Nom="Léa")],
        "columns": {"Sheet 0": {"Name": "name"}, "Sheet 1": {"Nom": "name"}},
    }
    assert (made.rows, made.sheets, made.first, made.last) == (3, {0: 2, 1: 1}, RowId(0, 7), RowId(1, 2))


def test_items_too_long_together_become_several_runs_in_order() -> None:
    items = [item(row, Name="ü" * 100) for row in range(2, 12)]
    runs = list(fitting(items, 700, {"Sheet 0": {"Name": "name"}}))
    assert [each for run in runs for each in run] == items
    assert len(runs) > 1
    assert all(len(cut(run, "leads", {"Sheet 0": {"Name": "name"}}).text) <= 760 for run in runs)
