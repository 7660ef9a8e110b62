"""Rows as people drop them, and the leads that come of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pipelines.leads.fields import CONTENT, LIMITS
from chalicelib.pipelines.leads.standardize import Standardized, clean, standardize


def lead(row: Mapping[str, Any], columns: Mapping[str, str] | None = None, region: str = "US") -> dict[str, str]:
    return dict(standardize(row, columns or {}, default_region=region).record)


def test_a_mapped_row_becomes_a_lead_and_our_own_keys_do_not() -> None:
    row = {"_worksheet": "Sheet1", "_sheet": 1, "_row": 7, "A": "jane", "B": "DOE", "C": " Jane@Example.COM ",
           "D": "(212) 555-0123", "E": "  ACME   Inc. ", "F": "Head\tof Sales"}
    columns = {"A": "firstName", "B": "lastName", "C": "email", "D": "phone", "E": "company", "F": "title"}
    assert lead(row, columns) == {
        "firstName": "Jane", "lastName": "Doe", "name": "Jane Doe", "email": "Jane@example.com",
        "phone": "+12125550123", "company": "ACME Inc.", "title": "Head of Sales"}


def test_a_row_whose_sender_did_not_map_speaks_by_its_headers() -> None:
    assert lead({"Vorname": "Jörg", "Nachname": "Weiß", "E-Mail": "j@example.de", "Telefon": "030 901820"},
                region="DE") == {"firstName": "Jörg", "lastName": "Weiß", "name": "Jörg Weiß",
                                 "email": "j@example.de", "phone": "+4930901820"}


def test_values_that_are_no_texts_are_read_as_a_person_would_write_them() -> None:
    row = {"first": "Jane", "phone": 12125550123.0, "Age": 44, "VIP": True, "Score": 0.5, "Tags": ["a"], "Gone": None}
    assert lead(row) == {"firstName": "Jane", "name": "Jane", "phone": "+12125550123",
                         "remarks": 'Age: 44; VIP: TRUE; Score: 0.5; Tags: ["a"]'}


@pytest.mark.parametrize(("row", "first", "last", "name"), [
    ({"name": "Doe, Jane"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "Dr. Jane van der Berg Jr."}, "Jane", "van der Berg", "Dr. Jane van der Berg Jr."),
    ({"first": "Jane", "last": "Doe"}, "Jane", "Doe", "Jane Doe"),
    ({"first": "dr. jane", "last": "SMITH"}, "Jane", "Smith", "Dr. Jane Smith"),
    ({"first": "Jane", "last": "Doe", "name": "Jane Q. Doe"}, "Jane", "Doe", "Jane Q. Doe"),
    ({"last": "Doe, Jane"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "Doe", "Vorname": "Jane"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "van Gogh", "first": "Vincent"}, "Vincent", "van Gogh", "Vincent van Gogh"),
    ({"name": "Jane", "last": "Doe"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "Jane Doe", "last": "Doe"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "Jane Doe", "first": "Jane"}, "Jane", "Doe", "Jane Doe"),
    ({"Nome": "João da Silva"}, "João", "da Silva", "João da Silva"),
    ({"Nome": "João", "Sobrenome": "da Silva"}, "João", "da Silva", "João da Silva"),
    ({"name": "Jane Doe <jane@example.com>"}, "Jane", "Doe", "Jane Doe"),
    ({"name": "jane doe jane@example.com"}, "Jane", "Doe", "Jane Doe"),
    ({"email": "Jane Doe <jane@example.com>"}, "Jane", "Doe", "Jane Doe"),
    ({"email": '"Doe, Jane" <jane@example.com>'}, "Jane", "Doe", "Jane Doe"),
])
def test_whatever_part_of_the_name_is_given_the_others_follow(
    row: Mapping[str, str], first: str, last: str, name: str
) -> None:
    record = lead(row)
    assert (record["firstName"], record["lastName"], record["name"]) == (first, last, name)


@pytest.mark.parametrize(("first", "last", "stored"), [
    ("Jane", "NA", {"firstName": "Jane", "lastName": "NA", "name": "Jane NA"}),
    ("Jane", "Null", {"firstName": "Jane", "lastName": "Null", "name": "Jane Null"}),
    ("Jane", "null", {"firstName": "Jane", "lastName": "null", "name": "Jane null"}),
    ("", "NA", {"lastName": "NA", "name": "NA"}),
    ("Na", "Kim", {"firstName": "Na", "lastName": "Kim", "name": "Na Kim"}),
    ("Jane", "N/A", {"firstName": "Jane", "name": "Jane"}),
    ("Jane", "-", {"firstName": "Jane", "name": "Jane"}),
    ("NA", "NA", {}),
    ("null", "null", {}),
    ("n/a", "n/a", {}),
])
def test_na_and_null_stand_as_last_names_unless_nothing_else_is_said(
    first: str, last: str, stored: Mapping[str, str]
) -> None:
    record = lead({"first": first, "last": last, "email": "x@example.com"})
    assert {field: text for field, text in record.items() if field != "email"} == stored


@pytest.mark.parametrize("phone", ["0412345678", "00412345678", "030/901820"])
def test_leading_zeros_survive_a_number_that_no_plan_knows(phone: str) -> None:
    result = standardize({"first": "Jane", "phone": phone}, {}, default_region="US")
    assert result.record["phone"] == phone
    assert result.warnings == ("The phone is in no numbering plan that we know; it is kept as typed.",)


def test_a_malformed_email_and_phone_are_kept_in_remarks_with_a_warning() -> None:
    result = standardize({"name": "Jane Doe", "email": "jane doe@example.com", "phone": "call me", "Notes": "VIP"}, {},
                         default_region="US")
    assert result.record == {"firstName": "Jane", "lastName": "Doe", "name": "Jane Doe",
                             "remarks": "VIP; email: jane doe@example.com; phone: call me"}
    assert len(result.warnings) == 2


@pytest.mark.parametrize("word", ["N/A", "null", "None", "NA", "Not Available", "not provided", "-", " "])
def test_a_word_for_nothing_leaves_its_field_absent_and_no_remark(word: str) -> None:
    assert lead({"first": "Jane", "email": word, "phone": word, "company": word, "title": word}) == {
        "firstName": "Jane", "name": "Jane"}


def test_columns_without_a_field_are_kept_in_remarks_in_their_order() -> None:
    row = {"City": "Rome", "first": "Jane", "Budget (EUR)": "5 000", "Fax": "n/a", "Area": "NA", "Blank": ""}
    assert lead(row)["remarks"] == "City: Rome; Budget (EUR): 5 000; Area: NA"


def test_a_second_column_of_a_field_is_kept_under_its_own_header() -> None:
    record = lead({"Email": "a@example.com", "Work Email": "b@example.com", "Phone": "2125550123",
                   "Mobile": "4155550100", "Company": "Acme", "Account": "acme"})
    assert record == {"email": "a@example.com", "phone": "+12125550123", "company": "Acme",
                      "remarks": "Work Email: b@example.com; Mobile: +14155550100"}


@pytest.mark.parametrize(("row", "phone", "remarks"), [
    ({"Phone": "", "Mobile": "2125550123"}, "+12125550123", None),
    ({"Phone": "call me", "Mobile": "2125550123"}, "+12125550123", "phone: call me"),
    ({"Phone": "4155550100", "Mobile": "2125550123"}, "+14155550100", "Mobile: +12125550123"),
])
def test_a_further_phone_column_serves_where_the_mapped_one_fails(
    row: Mapping[str, str], phone: str, remarks: str | None
) -> None:
    record = lead({"First": "Jane", **row}, {"First": "firstName", "Phone": "phone"})
    assert (record["phone"], record.get("remarks")) == (phone, remarks)


def test_a_column_that_was_mapped_to_nothing_stays_a_remark() -> None:
    columns = {"First": "firstName", "Work Email": "email", "Email": ""}
    assert lead({"First": "Jane", "Email": "office@example.com"}, columns) == {
        "firstName": "Jane", "name": "Jane", "remarks": "Email: office@example.com"}


def test_two_name_parts_at_their_limits_do_not_make_a_name_over_its_own() -> None:
    record = lead({"first": "J" + "a" * 99, "last": "D" + "o" * 99})
    assert (len(record["firstName"]), len(record["lastName"]), "name" in record) == (100, 100, False)


def test_of_two_numbers_the_valid_one_is_the_phone() -> None:
    assert lead({"Phone": "5550123", "Mobile": "2125550123", "first": "Jane"})["phone"] == "+12125550123"


def test_two_addresses_in_a_cell_are_an_email_and_a_remark() -> None:
    record = lead({"email": "a@example.com; b@example.com"})
    assert record == {"email": "a@example.com", "remarks": "email: b@example.com"}


def test_swapped_email_and_phone_find_their_places() -> None:
    result = standardize({"email": "212-555-0123"}, {}, default_region="US")
    assert (dict(result.record), len(result.warnings)) == ({"phone": "+12125550123"}, 1)
    result = standardize({"phone": "jane@example.com"}, {}, default_region="US")
    assert (dict(result.record), len(result.warnings)) == ({"email": "jane@example.com"}, 1)


@pytest.mark.parametrize(("typed", "stored"), [
    ('"Müller GmbH & Co. KG"', "Müller GmbH & Co. KG"), ("ACME INC.", "ACME INC."), ("acme", "acme"),
    ("Foo\r\nBar  Ltd", "Foo Bar Ltd"), ("Acme\u00a0Corp\u200b", "Acme Corp"),
    ('Joe "The Pipe" Smith Ltd', 'Joe "The Pipe" Smith Ltd'),
    ("Cafe\u0301 Rouge", "Café Rouge"), ("«Ромашка»", "Ромашка"), ("\x00Acme\x07", "Acme"), ("Yahoo!", "Yahoo!"),
])
def test_a_company_is_tidied_and_never_rewritten(typed: str, stored: str) -> None:
    assert lead({"company": typed})["company"] == stored


def test_remarks_keep_their_lines() -> None:
    assert lead({"notes": " first  line \r\nsecond\n"})["remarks"] == "first line\nsecond"


def test_remarks_over_the_limit_are_cut_with_a_warning_but_never_what_was_rescued() -> None:
    result = standardize({"notes": "x" * 3000, "email": "jane@", "City": "Rome"}, {}, default_region="US")
    remarks = result.record["remarks"]
    assert len(remarks) <= LIMITS["remarks"]
    assert "…; email: jane@" in remarks
    assert "The remarks were longer than their limit and were cut." in result.warnings


def test_a_name_with_an_at_sign_that_is_no_address_goes_to_remarks() -> None:
    assert lead({"name": "jane@work", "company": "Acme"}) == {"company": "Acme", "remarks": "name: jane@work"}


def test_an_answer_by_field_names_ends_in_the_same_form_as_a_row() -> None:
    answer = {"firstName": "JANE", "lastName": "O'NEIL", "name": "N/A", "email": "Jane@EXAMPLE.com",
              "phone": "212 555 0123", "company": "N/A", "remarks": "n/a", "unheard": "of"}
    assert clean(answer, default_region="US").record == {
        "firstName": "Jane", "lastName": "O'Neil", "name": "Jane O'Neil", "email": "Jane@example.com",
        "phone": "+12125550123"}


_CELL = st.one_of(
    st.text("aZ9éßİıŁ漢한ا\u0301\u200b\u200d\x00\x1b\r\n\t\ufeff\U0001f600=+-@'\"<>&", max_size=40),
    st.text("0123456789+()- x;/.,", max_size=25),
    st.text("aAzZéßİ @.<>,;'\"-", max_size=30),
    st.sampled_from(["N/A", "NA", "null", "Dr.", "van der", "jane@example.com", "(212) 555-0123", "mailto:", "<@>"]))
_ROW = st.dictionaries(st.sampled_from([*CONTENT, "Email 2", "Mobile", "Nom", "City", "_x", ""]), _CELL, max_size=8)


@given(_ROW)
def test_any_row_becomes_a_record_of_present_texts_that_stays_as_it_is(row: dict[str, str]) -> None:
    result = standardize(row, {}, default_region="US")
    assert set(result.record) <= set(CONTENT)
    assert all(isinstance(text, str) and text.strip() for text in result.record.values())
    again = clean(result.record, default_region="US")
    assert isinstance(again, Standardized)
    for field in ("email", "phone", "company", "title", "industry", "source"):
        assert again.record.get(field) == result.record.get(field)


@given(st.text("0123456789", min_size=1, max_size=18))
def test_no_digit_of_a_phone_is_ever_lost(digits: str) -> None:
    record = lead({"phone": digits, "first": "Jane"})
    kept = record.get("phone", "") + record.get("remarks", "")
    assert digits in kept or digits.lstrip("01") in kept
