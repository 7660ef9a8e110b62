"""Descriptions as words: sizes in one spelling, codes with and without hyphens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.matching.words import LONGEST, code_key, is_code, words


@pytest.mark.parametrize("same", [
    ("10 mm", "10mm", "1 cm", "1cm", "10-mm", "0.01 m", "10,0 mm"),
    ('1/2"', "1/2 inch", "½″", "0.5 inch", "12.7mm"),
    ('1 1/2"', "1-1/2 inch", "1½″", "38.1 mm"),
    ("2,5 kg", "2.5kg", "2500 g"),
    ("1,500 mm", "1500mm", "1.5 m"),
    ("100 x 50 mm", "100x50mm", "100 × 50 mm", "10 x 5 cm"),
    ("0.75 kW", "750W", "750 watts"),
    ("5 l", "5 litres", "5000ml"),
    ("3x2.5mm²", "3 x 2,5 mm2"),
])
def test_sizes_are_the_same_words_however_they_are_written(same):
    assert len({words(f"pipe {text} black").sequence for text in same}) == 1


@pytest.mark.parametrize(("one", "other"), [
    ("10 mm", "100 mm"), ("10 mm", "10 m"), ("1/2 inch", "1 2 inch"), ("1,5 m", "15 m"), ("10 kg", "10 g"),
    ("2 in 1", "2in 1"), ("2.5mm2", "2.5mm"),
])
def test_other_sizes_are_other_words(one, other):
    assert words(one).sequence != words(other).sequence


@pytest.mark.parametrize(("text", "sequence"), [
    ("Sony PS-LX350H", ("sony", "pslx350h", "ps", "lx350h")),
    ("Office v5.0, two users", ("office", "5", "2", "user")),
    ("Women's Adobe® Photoshop(tm)", ("women", "adobe", "photoshop")),
    ("Kupfer-Rohr Straße Düse", ("kupfer", "rohr", "strasse", "duse")),
    ("Труба 20 塗料", ("труба", "20", "塗料")),
    ("10/100Base-TX", ("10100basetx", "10", "100base", "tx")),
    ("", ()), ("-- / **", ()),
])
def test_words_are_read_in_order(text, sequence):
    assert words(text).sequence == sequence


def test_marks_are_the_words_with_digits_each_in_its_forms():
    assert words("Sony PS-LX350H 2,5 mm black").marks == (("pslx350h", "lx350h"), ("2.5mm",))


@pytest.mark.parametrize(("one", "other"), [("PS-LX 350/H", "pslx350h"), ("0012345678905", "12345678905")])
def test_code_keys_leave_out_signs_and_leading_zeros(one, other):
    assert code_key(one) == code_key(other)


@pytest.mark.parametrize(("word", "code"), [("pslx350h", True), ("12345", True), ("2007", False), ("500mm", False),
                                            ("turntable", False), ("a1", False)])
def test_codes_are_told_from_words_years_and_sizes(word, code):
    assert is_code(word) is code


@given(st.text(max_size=80))
def test_any_text_can_be_read_twice_alike(text):
    assert words(text) == words(text)
    assert all(words(text).sequence)


@pytest.mark.parametrize("text", ["1 x " * 200_000, "9" * 1_000_000, "a-" * 500_000, '1/2"' * 300_000, "é" * 900_000])
def test_hostile_text_is_cut_before_it_costs(text):
    found = words(text)
    assert sum(map(len, found.sequence)) <= 4 * LONGEST
