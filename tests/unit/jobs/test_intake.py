"""Names that people give to files, made safe."""

from __future__ import annotations

import pytest

from chalicelib.jobs.intake import safe_name


@pytest.mark.parametrize(("given", "safe"), [
    ("people.xlsx", "people.xlsx"),
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\ann\\my leads.csv", "my leads.csv"),
    ("..hidden.csv", "hidden.csv"),
    ("a<b>c:d\"e|f?g*h#i%j.csv", "abcdefghij.csv"),
    ("line\nbreak\x00\u202e.csv", "linebreak.csv"),
    ("Ka\u0308ufer.csv", "K\u00e4ufer.csv"),
    ("顧客 🙂.csv", "顧客 🙂.csv"),
    ("", "file"), ("..", "file"), ("/", "file"), ("   ", "file"), ("???", "file")])
def test_a_name_keeps_what_is_harmless(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_a_long_name_keeps_its_end_for_the_ending_is_there() -> None:
    assert safe_name("x" * 500 + ".csv") == "x" * 196 + ".csv"
