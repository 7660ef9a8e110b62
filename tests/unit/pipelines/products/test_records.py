"""A row of a catalogue becomes a product's content."""

from __future__ import annotations

import json

import pytest

from chalicelib.errors import RowProblem, RowRefused
from chalicelib.pipelines.products.records import MAX_ROW_BYTES, codes_of, merged, own_id, read, row_of

PLACE = {"_worksheet": "S", "_sheet": 0, "_row": 2}


def test_fields_are_told_by_columns_and_everything_stays_in_the_original_data_in_order():
    row = row_of({**PLACE, "Style": "Jacket", "Zip": "YKK", "EAN": "4006381333931"}, {"Style": "name", "EAN": "upc"})
    assert {name: row.content[name] for name in ("name", "upc")} == {"name": "Jacket", "upc": "4006381333931"}
    assert list(row.content["original_data"].items()) == [("Style", "Jacket"), ("Zip", "YKK"), ("EAN", "4006381333931")]


def test_a_code_without_its_leading_zero_is_whole_again_and_the_file_s_own_text_stays():
    row = row_of({**PLACE, "UPC": "12345678905"}, {"UPC": "upc"})
    assert (row.content["upc"], row.content["original_data"]["UPC"]) == ("012345678905", "12345678905")
    assert [code.value for code in row.codes] == ["012345678905"]


def test_a_check_digit_that_we_added_is_told():
    row = row_of({**PLACE, "UPC": "01234567890", "Name": "x"}, {"UPC": "upc", "Name": "name"})
    assert (row.content["upc"], row.warnings) == ("012345678905", ("upc: the check digit is ours",))


def test_the_asin_is_asked_for_before_the_barcode_and_may_stand_in_its_column():
    both = row_of({**PLACE, "UPC": "012345678905", "ASIN": "B0088PUEPK"}, {"UPC": "upc", "ASIN": "asin"})
    only = row_of({**PLACE, "UPC": "b0088puepk"}, {"UPC": "upc"})
    assert [code.key for code in both.codes] == ["asin:B0088PUEPK", "gtin:00012345678905"]
    assert (only.content["asin"], "upc" in only.content) == ("B0088PUEPK", False)


def test_a_bad_code_is_a_warning_beside_a_name_and_a_reject_alone():
    beside = row_of({**PLACE, "Name": "Jacket", "UPC": "123"}, {"Name": "name", "UPC": "upc"})
    assert (beside.warnings, beside.codes, "upc" in beside.content) == (("upc: INVALID_CODE",), (), False)
    with pytest.raises(RowRefused) as refused:
        row_of({**PLACE, "UPC": "123"}, {"UPC": "upc"})
    assert (refused.value.code, refused.value.field) == (RowProblem.INVALID_CODE, "upc")


@pytest.mark.parametrize("nothing", ["", "-", "N/A", "none", "null", "0", "TBD"])
def test_words_for_nothing_are_no_code_and_no_warning(nothing: str):
    row = row_of({**PLACE, "Name": "Jacket", "UPC": nothing}, {"Name": "name", "UPC": "upc"})
    assert (row.codes, row.warnings) == ((), ())


@pytest.mark.parametrize("name", ["NA", "null", "None", "007"])
def test_names_that_look_like_nothing_stay_texts(name: str):
    assert row_of({**PLACE, "Name": name}, {"Name": "name"}).content["name"] == name


def test_a_row_that_only_has_a_price_is_no_product():
    with pytest.raises(RowRefused) as refused:
        row_of({**PLACE, "Price": "9"}, {"Price": "price"})
    assert refused.value.code is RowProblem.NO_PRODUCT


@pytest.mark.parametrize(("text", "price", "currency"), [
    ("$1,234.50", "1234.50", "USD"), ("1.234,50 €", "1234.50", "EUR"), ("12,5", "12.5", None), ("1,234", "1234", None),
    ("1 234,50 zł", "1234.50", "PLN"), ("EUR 9", "9", "EUR"), ("on request", "on request", None),
    ("1,2,3", "1,2,3", None), ("9.99-12.99", "9.99-12.99", None), ("1'234.50", "1234.50", None)])
def test_an_amount_is_told_from_its_currency_and_what_is_none_stays(text: str, price: str, currency: str | None):
    row = row_of({**PLACE, "Name": "x", "Price": text}, {"Name": "name", "Price": "price"})
    assert (row.content["price"], row.content.get("currency")) == (price, currency)


def test_a_currency_of_its_own_column_is_not_overruled():
    columns = {"Name": "name", "Price": "price", "Cur": "currency"}
    assert row_of({**PLACE, "Name": "x", "Price": "$9", "Cur": "CAD"}, columns).content["currency"] == "CAD"


def test_without_an_offer_price_the_wholesale_price_is_the_price():
    item = {**PLACE, "Name": "x", "RRP": "89.99", "Wholesale": "44.5"}
    assert row_of(item, {"Name": "name"}).content["price"] == "44.5"
    assert row_of({**item, "Offer": "29"}, {"Name": "name", "Offer": "price"}).content["price"] == "29"


def test_what_is_too_long_is_cut_with_a_warning_and_stays_whole_in_the_original_data():
    row = row_of({**PLACE, "Name": "x" * 600}, {"Name": "name"})
    assert (len(row.content["name"]), row.warnings) == (500, ("name: cut to 500 characters",))
    assert len(row.content["original_data"]["Name"]) == 600


def test_a_row_larger_than_a_store_takes_is_a_reject():
    with pytest.raises(RowRefused) as refused:
        row_of({**PLACE, "Name": "x", **{f"c{number}": "y" * 1000 for number in range(MAX_ROW_BYTES // 1000)}}, {
            "Name": "name"})
    assert refused.value.code is RowProblem.ROW_TOO_LARGE


def test_half_a_surrogate_pair_does_not_reach_a_store():
    row = row_of({**PLACE, "Name": "Jacket \ud83d"}, {"Name": "name"})
    assert json.dumps(row.content, ensure_ascii=False).encode()
    assert row.content["name"] == "Jacket ?"


def test_columns_that_a_person_gave_one_field_stand_beside_each_other():
    row = row_of({**PLACE, "Style": "Jacket", "Color": "Black"}, {"Style": "name", "Color": "name"})
    assert row.content["name"] == "Jacket Black"


def test_rows_from_outside_are_told_by_the_names_of_their_fields():
    row = row_of({**PLACE, "name": "Jacket", "Barcode": "012345678905", "product_id": "p-1", "Qty": "3"}, {})
    assert {name: row.content.get(name) for name in ("name", "upc", "quantity", "sku")} == {
        "name": "Jacket", "upc": "012345678905", "quantity": "3", "sku": None}
    assert own_id({**PLACE, "product_id": " p-1 "}) == "p-1"
    assert own_id({**PLACE, "product_id": "x" * 300}) == own_id(PLACE) == ""


def test_a_row_that_says_nothing_can_be_read_but_is_no_product():
    assert not read({**PLACE, "product_id": "p-1"}, {}).says_something


def test_a_message_completes_a_product_and_leaves_the_columns_of_its_file():
    old = {"name": "Jacket", "upc": "1", "original_data": {"Style": "Jacket"}}
    new = {"upc": "2", "brand": "", "original_data": {"upc": "2"}}
    assert merged(old, new) == {"name": "Jacket", "upc": "2", "original_data": {"Style": "Jacket"}}


def test_looking_ahead_tells_the_same_codes_as_reading():
    item = {**PLACE, "Style": "Jacket", "EAN": "4006381333931"}
    columns = {"Style": "name", "EAN": "upc"}
    assert codes_of(item, columns) == (row_of(item, columns).codes, "Jacket")
