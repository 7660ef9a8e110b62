"""Numbers as people leave them in cells."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pipelines.leads.phones import Number, Numbers, read_number, read_numbers


@pytest.mark.parametrize(("cell", "region", "stored"), [
    ("(212) 555-0123", "US", "+12125550123"),
    ("212.555.0123", "us", "+12125550123"),
    ("1 212 555 0123", "US", "+12125550123"),
    ("+1 (212) 555-0123", "DE", "+12125550123"),
    ("212–555–0123", "US", "+12125550123"),
    ("２１２５５５０１２３", "US", "+12125550123"),
    ("Tel: 212-555-0123", "US", "+12125550123"),
    ("212-555-0123 (mobile)", "US", "+12125550123"),
    ("'+12125550123", "US", "+12125550123"),
    ("2125550123.0", "US", "+12125550123"),
    ("212-555-0123 x45", "US", "+12125550123;ext=45"),
    ("212-555-0123 ext. 45", "US", "+12125550123;ext=45"),
    ("+12125550123;ext=45", "US", "+12125550123;ext=45"),
    ("1-800-FLOWERS", "US", "+18003569377"),
    ("+49 (0)30 901820", "US", "+4930901820"),
    ("030/901820", "DE", "+4930901820"),
    ("0049 30 901820", "US", "+4930901820"),
    ("442071838750", "US", "+442071838750"),
    ("020 7183 8750", "GB", "+442071838750"),
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("0412 345 678", "AU", "+61412345678"),
])
def test_a_valid_number_is_stored_as_e164(cell: str, region: str, stored: str) -> None:
    assert read_numbers(cell, region) == Numbers((Number(stored, valid=True),))


@pytest.mark.parametrize("cell", [
    "0412345678", "00412345678", "+1 555 123 4567", "555-1234", "030/901820", "(0) 12 34 56 7", "000123456789",
])
def test_a_number_in_no_plan_stays_as_typed(cell: str) -> None:
    assert read_numbers(f" {cell} ", "US") == Numbers((Number(cell, valid=False),))


@pytest.mark.parametrize("cell", [
    "call me", "123", "123456", "1234567890123456", "4.4207E+11", "2024-03-01", "01.03.2024", "ask Bob, room 12",
    "jane@example.com", "212-5550123-0412345678-99", "order 2125550123a", "",
])
def test_what_nobody_can_dial_is_no_number(cell: str) -> None:
    assert read_numbers(cell, "US").found == ()


@pytest.mark.parametrize(("cell", "found", "rest"), [
    ("2125550123 / 4155550100", ["+12125550123", "+14155550100"], ""),
    ("2125550123; 4155550100", ["+12125550123", "+14155550100"], ""),
    ("2125550123/4155550100", ["+12125550123", "+14155550100"], ""),
    ("2125550123\n4155550100", ["+12125550123", "+14155550100"], ""),
    ("n/a; 2125550123", ["+12125550123"], ""),
    ("2125550123, ask for Jane", ["+12125550123"], "2125550123, ask for Jane"),
    ("call Jane at 212-555-0123 after 5", ["+12125550123"], "call Jane at 212-555-0123 after 5"),
])
def test_a_cell_with_more_than_a_number_loses_nothing(cell: str, found: list[str], rest: str) -> None:
    numbers = read_numbers(cell, "US")
    assert ([number.text for number in numbers.found], numbers.rest) == (found, rest)


def test_an_unknown_region_keeps_numbers_as_typed() -> None:
    assert read_number("212-555-0123", "ZZ") == Number("212-555-0123", valid=False)


@given(st.text("0123456789", min_size=7, max_size=15))
def test_a_number_kept_as_typed_keeps_every_digit(digits: str) -> None:
    number = read_number(digits, "US")
    assert number is not None
    assert number.valid or number.text == digits


def test_every_country_s_own_example_comes_out_as_e164_from_either_spelling() -> None:
    wrong = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number(region)
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for spelling, home in ((phonenumbers.PhoneNumberFormat.NATIONAL, region),
                               (phonenumbers.PhoneNumberFormat.INTERNATIONAL, "US")):
            written = phonenumbers.format_number(example, spelling)
            if read_number(written, home) != Number(e164, valid=True):
                wrong.append((region, written))
    assert wrong == []
