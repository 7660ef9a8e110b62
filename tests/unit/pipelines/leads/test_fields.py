"""Headers in nine languages, and cells that give themselves away."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.leads.fields import (
    CONTENT,
    FIELDS,
    LIMITS,
    SYNONYMS,
    field_of,
    is_missing,
    is_placeholder,
    looks_like_email,
    looks_like_phone,
)


def test_every_content_field_has_a_limit_synonyms_and_a_place_among_the_mapper_fields() -> None:
    assert tuple(LIMITS) == CONTENT
    assert tuple(SYNONYMS) == CONTENT
    assert tuple(field.name for field in FIELDS) == CONTENT


@pytest.mark.parametrize("field", CONTENT)
def test_no_header_means_two_fields(field: str) -> None:
    assert {header: field_of(header) for header in SYNONYMS[field]} == dict.fromkeys(SYNONYMS[field], field)


@pytest.mark.parametrize(("header", "field"), [
    ("First Name", "firstName"), ("FIRST_NAME", "firstName"), ("firstName", "firstName"), ("first-name", "firstName"),
    ("  Given   Name ", "firstName"), ("Vorname", "firstName"), ("PRENOM", "firstName"), ("Prénom", "firstName"),
    ("Imię", "firstName"), ("Förnamn", "firstName"), ("Voornaam", "firstName"), ("Nome", "firstName"),
    ("Last Name", "lastName"), ("Surname", "lastName"), ("Nachname", "lastName"), ("Apellidos", "lastName"),
    ("Cognome", "lastName"), ("Sobrenome", "lastName"), ("Nazwisko", "lastName"), ("Efternamn", "lastName"),
    ("E-Mail", "email"), ("email_address", "email"), ("Correo electronico", "email"), ("Email 2", "email"),
    ("E-Mail-Adresse", "email"),
    ("Adresse e-mail", "email"), ("E-post", "email"),
    ("Phone #", "phone"), ("Tel.", "phone"), ("Téléphone", "phone"), ("Handy", "phone"), ("Mobile No.", "phone"),
    ("Nr telefonu", "phone"), ("Celular", "phone"),
    ("Company Name", "company"), ("Firma", "company"), ("Société", "company"), ("Ragione sociale", "company"),
    ("Företag", "company"), ("Job Title", "title"), ("Funktion", "title"), ("Stanowisko", "title"),
    ("Branche", "industry"), ("Lead Source", "source"), ("Bemerkungen", "remarks"), ("Uwagi", "remarks"),
    ("Full Name", "name"), ("Ansprechpartner", "name"), ("Imię i nazwisko", "name"),
])
def test_a_header_means_its_field_whatever_its_case_accents_and_punctuation(header: str, field: str) -> None:
    assert field_of(header) == field


@pytest.mark.parametrize("header", ["", "City", "_row", "Revenue", "Price", "Anrede", "ZIP"])
def test_a_header_that_means_no_field_maps_to_none(header: str) -> None:
    assert field_of(header) is None


@pytest.mark.parametrize("text", ["", " ", "N/A", "n/a", "null", "NONE", "na", "Not Available", "not provided", "-"])
def test_a_word_for_nothing_is_missing(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize("text", ["NA", "Null", "None"])
def test_what_may_be_a_name_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)


@pytest.mark.parametrize(("text", "is_email", "is_phone"), [
    ("jane@example.com", True, False), ("Jane <jane@example.co.uk>", True, False),
    ("jane at example.com", False, False),
    ("@jane", False, False), ("(212) 555-0123", False, True), ("+49 30 901820", False, True),
    ("0412345678", False, True), ("212-555-0123 x12", False, True), ("2024-03-01", False, False),
    ("01.03.2024", False, False), ("12345", False, False), ("call me", False, False), ("1234.50 EUR", False, False),
])
def test_a_cell_gives_itself_away(text: str, is_email: bool, is_phone: bool) -> None:
    assert (looks_like_email(text), looks_like_phone(text)) == (is_email, is_phone)
