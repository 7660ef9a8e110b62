"""Numbers of bills and lists: one reading, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.pipelines.prices.numbers import number, product, written


@pytest.mark.parametrize(("text", "value"), [
    ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("12,34,567.50", "1234567.5"), ("1.234.567", "1234567"),
    ("1 234,5", "1234.5"), ("1\u00a0234,5", "1234.5"), ("1'234.50", "1234.5"), ("1’234.50", "1234.5"),
    ("1,5", "1.5"), ("0,125", "0.125"), (".5", "0.5"), (",5", "0.5"), ("1,2345", "1.2345"), ("1.234", "1.234"),
    ("1,234", "1234"), ("12", "12"), ("１２", "12"), ("007", "7"), ("0", "0"), ("-0", "0")])
def test_a_number_has_one_reading_whoever_wrote_it(text: str, value: str) -> None:
    found = number(text)
    assert found is not None
    assert (written(found.value), found.unit) == (value, "")


@pytest.mark.parametrize(("text", "value"), [
    ("$ 12", "12"), ("€1.50", "1.5"), ("12 €", "12"), ("EUR 1.234,50", "1234.5"), ("12 USD", "12"),
    ("Rs. 1,200", "1200"),
    ("R$ 5,20", "5.2"), ("US$12", "12"), ("12,-", "12"), ("12.--", "12"), ("(5)", "-5"), ("-3", "-3"), ("- 3", "-3"),
    ("−3", "-3"), ("$-3", "-3"), ("+3", "3")])
def test_signs_around_a_number_are_understood(text: str, value: str) -> None:
    found = number(text)
    assert found is not None
    assert written(found.value) == value


@pytest.mark.parametrize(("text", "value", "unit"), [
    ("12/m", "12", "m"), ("12.50 EUR/m²", "12.5", "m2"), ("12 per m", "12", "m"), ("12 €/Stk", "12", "Stk"),
    ("12 pcs", "12", "pcs"), ("3 sq.m", "3", "sq.m"), ("12 No.", "12", "No."), ("5m3", "5", "m3")])
def test_the_unit_behind_a_number_is_told_apart(text: str, value: str, unit: str) -> None:
    found = number(text)
    assert found is not None
    assert (written(found.value), found.unit) == (value, unit)


@pytest.mark.parametrize("text", [
    "", " ", "abc", "-", "nan", "inf", "Infinity", "10-12", "10 - 12", "1/2", "½", "12x5", "12 x 5", "12k", "3 Mio",
    "50%",
    "1,23,4", "1,234,56", "1,,2", "1..2", "1.2.3", "1 2 3", "12'6", "2024-01-05", "01.02.2024", "1_000", "--5", "-(5)",
    "12.50-", "1e99", "9" * 16, "1" * 61, "=1+1", "1\x002", "12 m 5", "(5", "5)", "1.234,56.7", "1.234.56,7"])
def test_what_is_no_number_or_could_be_two_is_none(text: str) -> None:
    assert number(text) is None


def test_what_a_binary_fraction_leaves_behind_is_rounded_away() -> None:
    assert [written(found.value) for text in ("0.30000000000000004", "12.499999999999998", "1E+05", "1e-3")
            if (found := number(text))] == ["0.3", "12.5", "100000", "0.001"]


def test_the_product_of_long_numbers_is_exact() -> None:
    total = product(Decimal("123456789012345.0123456789"), Decimal("987654321098765.9876543211"))
    whole = 1234567890123450123456789 * 9876543210987659876543211
    assert written(total) == f"{whole // 10**20}.{whole % 10**20:020d}"


@pytest.mark.parametrize(("value", "text"), [("12.500", "12.5"), ("1E+5", "100000"), ("-0.0", "0"), ("100", "100")])
def test_numbers_are_written_plainly(value: str, text: str) -> None:
    assert written(Decimal(value)) == text
