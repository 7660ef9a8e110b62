"""What rows of bills and lists are, and what the matcher gets of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.errors import RowRefused
from chalicelib.jobs.model import RowId
from chalicelib.pipelines.prices.items import (
    LONGEST_DESCRIPTION,
    Kind,
    bill_kind,
    cells_of,
    context_of,
    heading_of,
    list_kind,
    listed,
    wanted,
)

ITEM, SECTION, TOTALS, REPEATED = Kind.ITEM, Kind.SECTION, Kind.TOTALS, Kind.REPEATED_HEADER


@pytest.mark.parametrize(("cells", "kind"), [
    ({"description": "Pipe", "quantity": "12", "unit": "m"}, ITEM),
    ({"description": "Pipe", "quantity": "0"}, ITEM),
    ({"description": "Pipe", "quantity": "about ten"}, ITEM),
    ({"description": "Pipe", "rate": "12"}, ITEM),
    ({"description": "Mobilisation", "unit": "sum"}, ITEM),
    ({"quantity": "12"}, ITEM),
    ({"description": "EARTHWORKS"}, SECTION),
    ({"description": "EARTHWORKS", "code": "A"}, SECTION),
    ({"description": "EARTHWORKS", "quantity": "-", "rate": "n/a"}, SECTION),
    ({"quantity": "EARTHWORKS"}, SECTION),
    ({"description": "Carried to summary", "total": "12,300.00"}, TOTALS),
    ({"description": "Description of works", "quantity": "Qty", "unit": "Unit"}, REPEATED)])
def test_a_row_of_a_bill_is_what_its_numbers_say(cells: dict[str, str], kind: Kind) -> None:
    assert bill_kind(cells) is kind


@pytest.mark.parametrize(("cells", "kind"), [
    ({"description": "Pipe", "rate": "12"}, ITEM), ({"description": "Pipe", "rate": "on request"}, ITEM),
    ({"description": "Pipe", "unit": "m"}, ITEM), ({"description": "PIPES"}, SECTION),
    ({"description": "PIPES", "code": "3"}, SECTION), ({"rate": "Rate", "unit": "Unit"}, REPEATED)])
def test_a_row_of_a_list_is_what_its_rate_says(cells: dict[str, str], kind: Kind) -> None:
    assert list_kind(cells) is kind


def test_what_a_row_of_a_bill_asks_for_is_exact() -> None:
    cells = {"description": "Pipe DN110", "code": "DR-3010", "quantity": "1.234,50 m", "rate": "€ 12",
             "supplier": "Acme"}
    asked = wanted(cells, ("DRAINAGE",))
    query = asked.query
    assert (query.quantity, query.unit, query.price) == (Decimal("1234.5"), "m", Decimal(12))
    assert (query.code, query.context, query.supplier, asked.rate_only) == ("DR-3010", ("DRAINAGE",), "Acme", False)


@pytest.mark.parametrize("position", ["1", "12.", "A", "b)", "1024"])
def test_the_number_of_a_row_is_no_article(position: str) -> None:
    asked = wanted({"description": "Pipe", "code": position, "quantity": "1"}, ())
    assert (asked.query.code, asked.code) == ("", position)


def test_an_article_without_a_description_is_asked_for_by_its_code() -> None:
    assert wanted({"code": "DR-3010", "quantity": "1"}, ()).query.code == "DR-3010"


@pytest.mark.parametrize(("cells", "code", "field"), [
    ({"quantity": "12"}, "NO_DESCRIPTION", "description"),
    ({"quantity": "12", "code": "3"}, "NO_DESCRIPTION", "description"),
    ({"description": "Pipe", "quantity": "10-12"}, "NOT_A_NUMBER", "quantity"),
    ({"description": "Pipe", "quantity": "12", "rate": ""}, "", ""),
    ({"description": "Pipe", "quantity": "12", "rate": "on request"}, "", "")])
def test_a_row_that_cannot_be_asked_says_which_field_is_at_fault(cells: dict[str, str], code: str, field: str) -> None:
    if not code:
        assert wanted(cells, ()).query.price is None
        return
    with pytest.raises(RowRefused) as refused:
        wanted(cells, ())
    assert (refused.value.code.value, refused.value.field) == (code, field)


@pytest.mark.parametrize(("quantity", "rate_only"), [("rate only", True), ("R/O", True), ("", False), ("-", False)])
def test_an_item_may_lack_a_quantity(quantity: str, *, rate_only: bool) -> None:
    asked = wanted({"description": "Pipe", "quantity": quantity, "unit": "m"}, ())
    assert (asked.query.quantity, asked.rate_only) == (None, rate_only)


def test_an_item_of_a_list_is_known_by_its_place_and_not_by_its_own_id() -> None:
    cells = {"description": "Pipe", "code": "7", "rate": "12/m", "category": "Drainage"}
    item = listed(cells, RowId(1, 17), ("PIPES", "Plastic"))
    assert (item.id, item.code, item.unit, item.rate) == ("2-17", "7", "m", Decimal(12))
    assert (item.category, item.subcategory) == ("Drainage", "PIPES / Plastic")


def test_headings_stand_in_for_categories_that_a_list_has_no_column_for() -> None:
    item = listed({"description": "Pipe", "rate": "12"}, RowId(0, 2), ("DRAINAGE", "Pipes", "Plastic"))
    assert (item.category, item.subcategory) == ("DRAINAGE", "Pipes / Plastic")


@pytest.mark.parametrize(("cells", "code", "field"), [
    ({"rate": "12"}, "NO_DESCRIPTION", "description"), ({"description": "Pipe", "unit": "m"}, "NO_RATE", "rate"),
    ({"description": "Pipe", "rate": "on request"}, "NOT_A_NUMBER", "rate"),
    ({"description": "Pipe", "rate": "-1"}, "NOT_A_NUMBER", "rate")])
def test_a_row_of_a_list_that_is_no_item_says_why(cells: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(RowRefused) as refused:
        listed(cells, RowId(0, 2), ())
    assert (refused.value.code.value, refused.value.field) == (code, field)


def test_texts_are_bounded() -> None:
    item = listed({"description": "x" * 30_000, "rate": "1", "keywords": "y" * 30_000}, RowId(0, 2), ())
    assert len(item.description) == LONGEST_DESCRIPTION
    assert len(item.keywords) == 1000


def test_columns_of_one_field_stand_beside_each_other_and_ours_are_left_out() -> None:
    item: dict[str, Any] = {"_worksheet": "S", "_sheet": 0, "_row": 2, "_context": ["X"], "Text": " Pipe \n DN110 ",
                            "Text 2": "grey", "Colour": "grey", "Qty": "3"}
    columns = {"S": {"Text": "description", "Text 2": "description", "Qty": "quantity"}}
    assert cells_of(item, columns) == {"description": "Pipe DN110 grey", "quantity": "3"}
    assert context_of(item) == ("X",)


def test_rows_from_outside_are_understood_by_what_their_columns_are_called() -> None:
    item = {"_worksheet": "message", "_sheet": 1, "_row": 1, "description": "Pipe \ud800", "qty": 3, "Colour": "grey"}
    assert cells_of(item, {}) == {"description": "Pipe ?", "quantity": "3"}


def test_a_heading_is_its_description_or_else_its_first_words() -> None:
    assert heading_of({}, {"description": "EARTHWORKS", "code": "A"}) == ("EARTHWORKS", "A")
    assert heading_of({"_row": 2, "Item": "12", "Remark": "Ground  floor"}, {"code": "12"}) == ("Ground floor", "")
