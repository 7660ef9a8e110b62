"""Columns find their fields: by header, near misses included, and by content."""

from __future__ import annotations

import re

import pytest

from chalicelib.tables.columns import FieldSpec, map_columns, squeezed, words

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
FIELDS = (
    FieldSpec("firstName", ("first name", "given name", "vorname", "prénom")),
    FieldSpec("lastName", ("last name", "surname", "nachname")),
    FieldSpec("name", ("name", "full name")),
    FieldSpec("email", ("email", "e-mail", "mail", "email address"), lambda text: bool(EMAIL.fullmatch(text.strip()))),
    FieldSpec("phone", ("phone", "telephone", "mobile"), lambda text: 7 <= sum(map(str.isdigit, text)) <= 15),
    FieldSpec("company", ("company", "company name", "organisation")),
)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("firstName", "firstName"), ("FIRST_NAME", "firstName"), ("First  Name", "firstName"), ("Prenom", "firstName"),
        ("Vorname", "firstName"), ("E-Mail", "email"), ("Work email address", "email"), ("Emial", "email"),
        ("Phone 1", "phone"), ("Telephone2", "phone"), ("Company Name", "company"), ("Organisaton", "company"),
        ("Mobile (private)", "phone"), ("Surname", "lastName"),
    ],
)
def test_headers_name_fields(header: str, field: str) -> None:
    assert map_columns([header], {}, FIELDS).fields == {header: field}


@pytest.mark.parametrize("header", ["Product name", "Quantity", "Notes", "Street", "", "column C", "Male"])
def test_other_headers_name_none(header: str) -> None:
    assert map_columns([header], {}, FIELDS).fields == {}


def test_a_column_of_emails_is_the_email_column_whatever_it_is_called() -> None:
    samples = {"Kontakt": ["a@b.co", "c@d.org", "e@f.net"], "Notes": ["x", "y", "z"]}
    assert map_columns(["Kontakt", "Notes"], samples, FIELDS).fields == {"Kontakt": "email"}


def test_values_that_do_not_look_like_the_field_outweigh_a_near_miss() -> None:
    samples = {"email opt in": ["yes", "no", "yes"], "Address": ["a@b.co", "c@d.org", "e@f.net"]}
    assert map_columns(["email opt in", "Address"], samples, FIELDS).fields == {"Address": "email"}


def test_each_field_is_given_once_and_best_first() -> None:
    found = map_columns(["Email (old)", "Email", "Email 2"], {}, FIELDS)
    assert found.fields == {"Email": "email"}
    assert found.scores["Email"]["email"] == 1.0
    assert 0 < found.scores["Email (old)"]["email"] < 1


def test_a_given_mapping_is_settled_beforehand() -> None:
    given = {"e-mail": "", "Kontakt": "email"}
    assert map_columns(["E-MAIL", "Kontakt", "Phone"], {}, FIELDS, given).fields == {
        "E-MAIL": "", "Kontakt": "email", "Phone": "phone",
    }


def test_words_are_plain() -> None:
    assert words("ÉtatCivil_(2)") == ("etat", "civil", "2")
    assert squeezed("E-Mail") == squeezed("e mail") == "email"
    assert words("Телефон") == ("телефон",)
