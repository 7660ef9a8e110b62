"""Cells say what a column is where its header does not, or says wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.pipelines.leads.evidence import profile
from chalicelib.pipelines.leads.fields import FIELDS
from chalicelib.tables.columns import ColumnMap, map_columns, map_nameless

EMAILS = [f"{word}@example.com" for word in ("anna.berg", "bo", "carla.diaz", "dirk", "eva.f", "finn")]
PHONES = ["+49 30 901820", "030/901821", "(212) 555-0123", "+44 20 7946 0958", "0171 1234567", "212-555-0199"]
FIRST = ["Anna", "Bo", "Carla", "Dirk", "Eva", "Finn"]
LAST = ["Berg", "Olsen", "Díaz", "Meier", "Frank", "Kowalski"]
PEOPLE = [f"{first} {last}" for first, last in zip(FIRST, LAST, strict=True)]
FIRMS = ["Berg GmbH", "Olsen & Sons Ltd.", "Acme Inc", "Meier AG", "Frank Consulting", "Nordwind"]
JOBS = ["Sales Manager", "CEO", "Head of Purchasing", "Engineer", "Geschäftsführer", "Directeur commercial"]
GREETINGS = ["Mr", "Mrs.", "Dr.", "Frau", "Herr Dr.", "Ms"]
DATES = ["2026-01-02", "02.03.2026", "2026-04-05", "1/2/2026", "2026-04-06", "2026-04-07"]
NUMBERS = ["1", "2", "30", "4", "5", "6"]
LINKS = ["acme.com", "https://berg.de", "www.olsen.no/about", "meier.ch", "frank.io", "x.org"]
DECIMALS = ["47.2400052", "-44.9781144", "+41.7656906", "0.91151928", "4018.99999998843", "12.61832872"]
ARTICLES = ["0012345678905", "0012345678906", "0012345678907", "0012345678908", "0012345678909", "0012345678910"]


def mapped(**columns: Sequence[str]) -> dict[str, str]:
    return dict(full(columns).fields)


def full(columns: dict[str, Sequence[str]]) -> ColumnMap:
    return map_columns(list(columns), columns, FIELDS)


@pytest.mark.parametrize("header", ["Kontakt", "Ref", "Spalte 4", "", "Zugang", "Login", "Mitteilung an"])
def test_a_column_of_emails_is_the_email_column_whatever_its_header_says(header: str) -> None:
    assert full({header: EMAILS, "Ort": ["Rom"] * 6}).fields == {header: "email"}


def test_a_column_of_phones_is_the_phone_column_under_a_strange_header() -> None:
    assert mapped(Erreichbar=PHONES) == {"Erreichbar": "phone"}


@pytest.mark.parametrize(("values", "field"), [
    (EMAILS, "email"), (PHONES, "phone"), (PEOPLE, "name"), (FIRST, "firstName"), (FIRMS, "company"), (JOBS, "title"),
    ([f"{last}, {first}" for first, last in zip(FIRST, LAST, strict=True)], "name")])
def test_a_column_without_a_header_is_known_by_its_cells(values: Sequence[str], field: str) -> None:
    assert full({"column B": values}).fields == {"column B": field}


@pytest.mark.parametrize("values", [LINKS, DATES, NUMBERS, DECIMALS, ARTICLES, GREETINGS, LAST, ["yes", "no", "yes"]])
def test_other_cells_without_a_header_are_no_field(values: Sequence[str]) -> None:
    assert full({"column B": values}).fields == {}


@pytest.mark.parametrize(("header", "values", "field"), [
    ("Title", GREETINGS, None), ("Title", JOBS, "title"), ("Titel", ["Dr.", "Prof. Dr.", "Dr."], None),
    ("Titre", ["M.", "Mme", "M."], None), ("Contact", EMAILS, "email"), ("Contact", PHONES, "phone"),
    ("Contact", PEOPLE, "name"), ("Contact", DATES, None), ("Last", DATES, None), ("Last", LAST, "lastName"),
    ("Company", NUMBERS, None), ("Company", LINKS, "company"), ("Name", EMAILS, "email"), ("E-Mail", PHONES, "phone"),
    ("Phone", EMAILS, "email"), ("Source", NUMBERS, None),
    ("Lead", ["x", "x", "x"], None), ("Notes", EMAILS, "remarks"),
    ("First", NUMBERS, None), ("Position", NUMBERS, None), ("Ad", ["Spring sale 2026 EU"] * 3, None),
    ("Ad", FIRST, "firstName"),
])
def test_cells_overrule_a_header_that_they_contradict(header: str, values: Sequence[str], field: str | None) -> None:
    assert mapped(**{header: values}).get(header) == field


def test_swapped_columns_are_put_right() -> None:
    assert mapped(Email=PHONES, Phone=EMAILS) == {"Email": "phone", "Phone": "email"}


def test_the_address_of_one_salesperson_on_all_rows_is_not_the_leads_email() -> None:
    assert mapped(Betreut_von=["sales@example.com"] * 6, Telefon=PHONES) == {"Telefon": "phone"}


def test_an_assistants_emails_are_a_candidate_but_not_mapped() -> None:
    found = full({"Assistant's Email": EMAILS}).columns[0]
    assert found.field == ""
    assert found.candidates["email"] > 0
    assert "assistant" in found.reason


def test_one_of_two_phone_columns_is_taken_and_the_other_stays() -> None:
    found = full({"Mobile": PHONES, "Work phone": PHONES[::-1]})
    assert found.fields == {"Mobile": "phone"}
    assert found.columns[1].candidates["phone"] == 1.0
    assert found.columns[1].reason == "another column is phone"


def test_the_persons_phone_wins_over_a_longer_header() -> None:
    assert mapped(**{"Company phone number": PHONES, "Phone": PHONES}) == {"Phone": "phone"}


def test_a_table_without_a_header_is_mapped_by_its_cells() -> None:
    samples = {"column A": NUMBERS, "column B": FIRST, "column C": LAST, "column D": EMAILS, "column E": PHONES,
               "column F": FIRMS, "column G": DATES}
    found = map_nameless(list(samples), samples, FIELDS)
    assert found is not None
    assert found.fields == {"column B": "firstName", "column C": "lastName", "column D": "email", "column E": "phone",
                            "column F": "company"}
    assert "beside its neighbour" in found.columns[2].reason


@pytest.mark.parametrize("columns", [{"column A": NUMBERS, "column B": DATES}, {"column A": LAST, "column B": EMAILS}])
def test_cells_that_hardly_say_anything_make_no_table(columns: dict[str, list[str]]) -> None:
    assert map_nameless(list(columns), columns, FIELDS) is None


def test_a_dot_behind_an_area_code_makes_no_decimal_number() -> None:
    assert mapped(Ref=["0171.1234567", "030.9018200", "040.1234567"]) == {"Ref": "phone"}


def test_two_cells_prove_nothing() -> None:
    assert mapped(Ref=EMAILS[:2]) == {}


def test_words_for_nothing_are_not_looked_at() -> None:
    seen = profile(("n/a", "-", "", "anna@example.com"))
    assert (seen.count, seen.share("email")) == (1, 1.0)
