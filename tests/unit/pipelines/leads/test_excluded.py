"""A column that a person excluded is used for no field, by rules or by the AI, and is not lost."""

from __future__ import annotations

import json

from chalicelib.pipelines.leads.ai import question_of
from chalicelib.pipelines.leads.prompt import messages
from chalicelib.pipelines.leads.standardize import standardize

ITEM = {"_worksheet": "S", "_sheet": 0, "_row": 2, "Name": "Ann Lee", "Mail": "ann@lee.org", "Mobile": "212 555 0123"}
COLUMNS = {"Name": "name", "Mail": "email", "Mobile": ""}


def test_the_rules_do_not_take_an_excluded_mobile_for_the_phone() -> None:
    assert standardize(ITEM, {"Name": "name", "Mail": "email"}, default_region="US").record["phone"] == "+12125550123"
    record = standardize(ITEM, COLUMNS, default_region="US").record
    assert "phone" not in record
    assert record["remarks"] == "Mobile: 212 555 0123"


def test_the_ai_does_not_see_it() -> None:
    question = question_of(0, ITEM, {"S": COLUMNS})
    assert question.cells == {"Name": "Ann Lee", "Mail": "ann@lee.org"}
    asked = json.loads(messages([question])[1]["content"])
    assert "Mobile" not in json.dumps(asked)
    assert list(asked["columns"].values()) == [{"Mail": "email", "Name": "name"}]


def test_the_rules_that_help_the_ai_know_that_it_is_excluded() -> None:
    assert question_of(0, ITEM, {"S": COLUMNS}).columns == COLUMNS
