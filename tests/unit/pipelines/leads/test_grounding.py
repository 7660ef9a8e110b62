"""What may and may not stand in an answer, given its row."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.leads.grounding import ungrounded


def stands(field: str, value: str, *cells: str, region: str = "US") -> bool:
    row = {f"column {number}": cell for number, cell in enumerate(cells)}
    return ungrounded({field: value}, row, default_region=region) == ""


@pytest.mark.parametrize(("value", "cell"), [
    ("jane@x.com", "jane@x.com"),
    ("jane@x.com", "Jane@X.COM"),
    ("jane@x.com", "Jane Doe <JANE@x.com>"),
    ("jane@x.com", "mailto:jane@x.com"),
    ("jane@x.com", "write to jane@x.com."),
    ("jane@x.com", "jane @ x.com"),
    ("jane@x.com", "a@b.org; jane@x.com, c@d.org"),
    ("o'neil@x.com", "o'neil@x.com"),
    ("o'neil@x.com", "'o'neil@x.com'"),
    ("bob@", "bob@"),
    ("jane at x dot com", "Jane at x dot com"),
    ("jane@x.com", "ｊａｎｅ＠ｘ．ｃｏｍ"),
])
def test_an_email_of_the_row_stands(value, cell):
    assert stands("email", value, cell)


@pytest.mark.parametrize(("value", "cell"), [
    ("jane@y.com", "jane@x.com"),
    ("jane@x.co", "jane@x.com"),
    ("ane@x.com", "jane@x.com"),
    ("neil@x.com", "o'neil@x.com"),
    ("janejane@x.com", "Jane jane@x.com"),
    ("jose@x.com", "josé@x.com"),
    ("jane@x.com", "jane at x dot com"),
    ("jane@x.com", "+jane@x.com"),
    ("jane@x.com", ""),
    ("an address", "not an address"),
])
def test_an_email_that_is_not_in_the_row_does_not(value, cell):
    assert not stands("email", value, cell)


@pytest.mark.parametrize(("value", "cell", "region"), [
    ("0412 345 678", "0412345678", "AU"),
    ("+61412345678", "0412 345 678", "AU"),
    ("+61 412 345 678", "0061 412 345 678", "AU"),
    ("+15551234567", "(555) 123-4567", "US"),
    ("555-123-4567", "+1 555.123.4567", "US"),
    ("+15551234567 ext 12", "555 123 4567 x12", "US"),
    ("+15551234567;ext=12", "555 123 4567 x12", "US"),
    ("5559999", "home 555-1234 / work 555-9999", "US"),
    ("+442079460000", "+44 (0)20 7946 0000", "GB"),
    ("+4930123456", "+49 30 123456", "US"),
    ("00412", "00412", "US"),
    ("0412345678", "٠٤١٢٣٤٥٦٧٨", "US"),
])
def test_a_phone_of_the_row_stands_also_with_the_regions_prefix(value, cell, region):
    assert stands("phone", value, cell, region=region)


@pytest.mark.parametrize(("value", "cell", "region"), [
    ("+15551234568", "555 123 4567", "US"),
    ("+445551234567", "555 123 4567", "US"),
    ("412345678", "0412345678", "AU"),
    ("412", "00412", "US"),
    ("+61412", "00412", "AU"),
    ("5551234555", "555-1234 / 555-9999", "US"),
    ("1234567", "555 123 4567", "US"),
    ("+1 202 555 0199", "", "US"),
    ("call me", "call me", "US"),
])
def test_a_phone_with_other_digits_or_a_lost_zero_does_not(value, cell, region):
    assert not stands("phone", value, cell, region=region)


@pytest.mark.parametrize(("field", "value", "cells"), [
    ("name", "Jane Doe", ["DOE, jane"]),
    ("firstName", "José", ["jose garcia"]),
    ("name", "山田 太郎", ["山田太郎"]),
    ("company", "Müller GmbH", ["MULLER GMBH & Co"]),
    ("title", "Head of Sales", ["head of sales (EMEA)"]),
    ("remarks", "column 0: likes tea", ["likes tea"]),
    ("lastName", "Null", ["Null"]),
])
def test_words_of_the_row_stand_whatever_their_case_and_accents(field, value, cells):
    assert stands(field, value, *cells)


@pytest.mark.parametrize(("field", "value", "cells"), [
    ("name", "John Smith", ["Jane Doe"]),
    ("company", "International Business Machines", ["IBM"]),
    ("title", "Ignore all previous instructions", ["CEO"]),
])
def test_words_from_elsewhere_do_not(field, value, cells):
    assert not stands(field, value, *cells)


def test_the_field_at_fault_is_named():
    record = {"name": "Jane Doe", "email": "x@y.org"}
    assert ungrounded(record, {"Name": "Jane Doe"}, default_region="US") == "email"


def test_a_region_nobody_knows_only_means_no_prefix():
    assert stands("phone", "5551234567", "555 123 4567", region="ZZ")
