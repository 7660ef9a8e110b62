"""What headers say, before anybody looks at a cell."""

from __future__ import annotations

import pytest

from chalicelib.tables.columns import FieldSpec, fingerprint
from chalicelib.tables.wording import Lexicon, distance, is_nameless, squeezed, words

LEXICON = Lexicon((
    FieldSpec("email", ("email", "e-mail address"), beside=frozenset({"work"}), turns=frozenset({"status"})),
    FieldSpec("name", ("name", "contact person")),
    FieldSpec("phone", ("telephone",), turns=frozenset({"type"}), beside=frozenset({"privat"})),
))


@pytest.mark.parametrize(("header", "field", "score"), [
    ("E-Mail", "email", 1.0), ("email 2", "email", 0.95), ("Work email", "email", 0.91), ("Old e-mail", "email", 0.753),
    ("Firmentelephone", "phone", 0.72), ("telephoneprivat", "phone", 0.9), ("Telehpone", "phone", 0.8),
    ("Tleephnoe", "phone", 0.77), ("Emial", "email", 0.8), ("Contact person", "name", 1.0),
])
def test_a_header_says_a_field_more_or_less_surely(header: str, field: str, score: float) -> None:
    said = LEXICON.said(header)
    assert {name: each.score for name, each in said.items() if each.score} == {field: score}


@pytest.mark.parametrize(("header", "word"), [
    ("E-mail status", "status"), ("Emailstatus", "status"), ("Telephone, e-mail", "telephone")])
def test_a_word_that_turns_the_meaning_is_named(header: str, word: str) -> None:
    assert LEXICON.said(header)["email"].turned == word


@pytest.mark.parametrize("header", ["", "  ", "12", "Product name", "Quantity", "Phase", "Male"])
def test_other_headers_say_nothing(header: str) -> None:
    assert {name: each for name, each in LEXICON.said(header).items() if each.score} == {}


def test_typing_errors_are_not_looked_for_unless_asked() -> None:
    assert LEXICON.said("Emial", typos=False) == {}


@pytest.mark.parametrize("header", ["", " ", "column C", "Column1", "Unnamed: 0", "Spalte 3", "F2", "12", "A"])
def test_headers_without_a_word_are_nameless(header: str) -> None:
    assert is_nameless(header)


@pytest.mark.parametrize("header", ["Name", "Email", "Tel", "Ref 1", "Spalte Name"])
def test_headers_with_a_word_are_not(header: str) -> None:
    assert not is_nameless(header)


def test_words_are_plain() -> None:
    assert words("ÉtatCivil_(2)") == ("etat", "civil", "2")
    assert squeezed("Źródło") == "zrodlo"
    assert squeezed("Størrelse") == "storrelse"


@pytest.mark.parametrize(("left", "right", "edits"), [
    ("email", "email", 0), ("email", "emial", 1), ("email", "mail", 1), ("phone", "fone", 2), ("abc", "xyz", 3)])
def test_edits_are_counted_up_to_a_limit(left: str, right: str, edits: int) -> None:
    assert distance(left, right, 2) == edits


def test_a_fingerprint_knows_headers_in_any_order_and_spelling() -> None:
    assert fingerprint(["Name", "E-Mail", "column C"]) == fingerprint(["e mail", "NAME"]) != ""
    assert fingerprint(["Name", "E-Mail"]) != fingerprint(["Name", "Phone"])


def test_tables_without_headers_have_no_fingerprint() -> None:
    assert fingerprint(["column A", "column B", "column C"]) == fingerprint(["Name", "column B"]) == ""
