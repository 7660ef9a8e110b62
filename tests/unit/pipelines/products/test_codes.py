"""Codes out of damaged cells: what each is read as, and what is left alone."""

from __future__ import annotations

import random

import pytest

from chalicelib.pipelines.products.codes import Code, CodeKind, Parameter, check_digit, gtin_key, repaired


@pytest.mark.parametrize(("text", "kind", "value"), [
    ("012345678905", CodeKind.UPC, "012345678905"),
    ("0012345678905", CodeKind.UPC, "012345678905"),
    ("00012345678905", CodeKind.UPC, "012345678905"),
    ("036000291452", CodeKind.UPC, "036000291452"),
    ("4006381333931", CodeKind.EAN, "4006381333931"),
    ("04006381333931", CodeKind.EAN, "4006381333931"),
    ("96385074", CodeKind.EAN8, "96385074"),
    ("73513537", CodeKind.EAN8, "73513537"),
    ("0000096385074", CodeKind.EAN8, "96385074"),
    ("10012345678902", CodeKind.GTIN14, "10012345678902"),
    ("9780306406157", CodeKind.ISBN13, "9780306406157"),
    ("9791034301003", CodeKind.ISBN13, "9791034301003"),
    ("0306406152", CodeKind.ISBN10, "0306406152"),
    ("080442957X", CodeKind.ISBN10, "080442957X"),
    ("B0088PUEPK", CodeKind.ASIN, "B0088PUEPK"),
])
def test_a_whole_code_is_recognised(text, kind, value):
    code = repaired(text)
    assert code == Code(kind, value)
    assert code.computed is False


@pytest.mark.parametrize("text", [
    " 012345678905 ", "0 12345 67890 5", "0-12345-67890-5", "0\u201312345\u201367890\u20115", "'012345678905",
    "012345678905.0", "012345678905,00", "\u00a0012345678905\u200b", "\ufeff012345678905", "UPC: 012345678905",
    "upc-a 012345678905", "EAN-13: 0012345678905", "GTIN #012345678905", "０１２３４５６７８９０５", "012_345_678_905",
    "12345678905", "12345678905.0", "12,345,678,905", "12.345.678.905", "1.2345678905E+10", "1.2345678905e10"])
def test_what_spreadsheets_and_people_put_around_a_code_is_taken_off(text):
    assert repaired(text) == Code(CodeKind.UPC, "012345678905")


@pytest.mark.parametrize(("text", "kind", "value"), [
    ("12345678905", CodeKind.UPC, "012345678905"),
    ("7468400120", CodeKind.UPC, "007468400120"),
    ("306406152", CodeKind.ISBN10, "0306406152"),
    ("978-0-306-40615-7", CodeKind.ISBN13, "9780306406157"),
    ("ISBN-10: 0-306-40615-2", CodeKind.ISBN10, "0306406152"),
    ("b0088puepk", CodeKind.ASIN, "B0088PUEPK"),
    ("ASIN B0088PUEPK", CodeKind.ASIN, "B0088PUEPK"),
    ("080442957x", CodeKind.ISBN10, "080442957X"),
    ("4.006381333931E12", CodeKind.EAN, "4006381333931"),
])
def test_a_damaged_code_is_repaired(text, kind, value):
    code = repaired(text)
    assert code == Code(kind, value)
    assert code.computed is False


@pytest.mark.parametrize(("text", "kind", "value"), [
    ("01234567890", CodeKind.UPC, "012345678905"),
    ("03600029145", CodeKind.UPC, "036000291452"),
    ("88541012345", CodeKind.UPC, "885410123453"),
    ("400638133393", CodeKind.EAN, "4006381333931"),
    ("978030640615", CodeKind.ISBN13, "9780306406157"),
])
def test_a_missing_check_digit_is_computed_and_said_to_be(text, kind, value):
    code = repaired(text)
    assert code == Code(kind, value)
    assert code.computed is True


@pytest.mark.parametrize(("text", "why"), [
    ("4.00638E+12", "its digits are gone"),
    ("4.00638133393E+12", "one digit is gone"),
    ("4006381333930", "a wrong check digit, thirteen digits"),
    ("036000291451", "a UPC with a wrong check digit is no EAN without one"),
    ("10012345678903", "a wrong check digit, fourteen digits"),
    ("90012345678908", "of variable measure"),
    ("96385075", "a wrong check digit, eight digits"),
    ("1234565", "no GTIN-8 begins with a zero"),
    ("12348", "too short to prove anything"),
    ("000000000000", "a filler"),
    ("0306406153", "neither an ISBN nor a UPC"),
    ("080442957Y", "no ISBN"),
    ("BLACKSHIRT", "a word"),
    ("A0088PUEPK", "no ASIN"),
    ("K87-BLK-L", "a style"),
    ("12345678.90", "a price"),
    ("012345678905 / 4006381333931", "two codes"),
    ("n/a", "nothing"), ("", "nothing"), ("   ", "nothing"), ("9" * 5000, "far too long"),
    ("٠١٢٣٤٥٦٧٨٩٠٥", "digits of another script"),
])
def test_what_is_no_code_for_certain_is_left_alone(text, why):
    assert repaired(text) is None, why


def test_a_whole_reading_beats_a_repair():
    """Both an ISBN-10 and a UPC that lost two zeros would prove these ten digits."""
    both = next(text for number in range(1_000_000_000, 1_000_001_000) for text in [str(number)]
                if check_digit(text[:-1]) == text[-1] and sum(
                    weight * int(digit) for weight, digit in zip(range(10, 0, -1), text, strict=True)) % 11 == 0)
    assert repaired(both) == Code(CodeKind.ISBN10, both)


def test_fewer_zeros_are_restored_before_more():
    both = next(text for number in range(100_000_000, 100_010_000) for text in [str(number)]
                if check_digit(text[:-1]) == text[-1] and sum(
                    weight * int(digit) for weight, digit in zip(range(9, 0, -1), text, strict=True)) % 11 == 0)
    assert repaired(both) == Code(CodeKind.ISBN10, f"0{both}")


def test_who_shows_a_zero_has_lost_none():
    """Eleven digits that begin with a zero and would be proved with one more: the check digit is what is missing."""
    text = next(text for number in range(1_234_567_890, 1_234_567_990) for text in [f"0{number}"]
                if check_digit(text[:-1]) == text[-1])
    assert repaired(text) == Code(CodeKind.UPC, text + check_digit(text))


@pytest.mark.parametrize(("one", "other"), [
    ("012345678905", "0012345678905"), ("012345678905", "12345678905"), ("012345678905", "00012345678905"),
    ("012345678905", "10012345678902"), ("4006381333931", "400638133393"), ("96385074", "0000096385074"),
    ("B0088PUEPK", "b0088puepk")])
def test_codes_that_one_look_up_answers_have_one_key(one, other):
    assert repaired(one).key == repaired(other).key


def test_a_book_is_asked_for_by_the_code_that_the_row_has():
    ten, thirteen = repaired("0306406152"), repaired("9780306406157")
    assert (ten.parameter, ten.asked, ten.key) == (Parameter.ASIN, "0306406152", "asin:0306406152")
    assert (thirteen.parameter, thirteen.asked) == (Parameter.CODE, "9780306406157")
    assert ten.key != thirteen.key


@pytest.mark.parametrize(("case", "item"), [
    ("10012345678902", "012345678905"), ("14006381333938", "4006381333931")])
def test_a_case_is_asked_for_by_the_item_in_it(case, item):
    code = repaired(case)
    assert code.kind is CodeKind.GTIN14
    assert code.asked == item
    assert code.key == gtin_key(item)


@pytest.mark.parametrize(("body", "digit"), [
    ("01234567890", "5"), ("400638133393", "1"), ("9638507", "4"), ("1001234567890", "2"), ("629104150021", "3")])
def test_check_digits_are_those_of_gs1(body, digit):
    assert check_digit(body) == digit


def test_every_upc_survives_what_a_spreadsheet_does_to_it():
    chance = random.Random(5)
    for _ in range(300):
        body = f"0{chance.randrange(1, 10)}{chance.randrange(10 ** 9):09d}"
        whole = body + check_digit(body)
        number = int(whole)
        for damaged in (str(number), f"{number}.0", f"{number:,}", f"0{whole}", f" {whole[:6]}-{whole[6:]}"):
            assert repaired(damaged) == Code(CodeKind.UPC, whole), damaged
