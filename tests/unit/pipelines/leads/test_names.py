"""Names of people, tidy and untidy."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.leads.names import Name, proper_case, read_name, without_salutation


@pytest.mark.parametrize(("cell", "full", "first", "last"), [
    ("Jane Doe", "Jane Doe", "Jane", "Doe"),
    ("Doe, Jane", "Jane Doe", "Jane", "Doe"),
    ("Doe,Jane", "Jane Doe", "Jane", "Doe"),
    ("  Jane \t Doe\u200b ", "Jane Doe", "Jane", "Doe"),
    ('"Jane Doe"', "Jane Doe", "Jane", "Doe"),
    ("Jane\u00a0Doe", "Jane Doe", "Jane", "Doe"),
    ("Dr. Jane van der Berg Jr.", "Dr. Jane van der Berg Jr.", "Jane", "van der Berg"),
    ("van Gogh, Vincent", "Vincent van Gogh", "Vincent", "van Gogh"),
    ("Smith, John Jr., PhD", "John Smith Jr., PhD", "John", "Smith"),
    ("Prof. Dr. Hans-Peter Müller", "Prof. Dr. Hans-Peter Müller", "Hans-Peter", "Müller"),
    ("John Q. Public III", "John Q. Public III", "John", "Public"),
    ("José María García", "José María García", "José", "García"),
    ("Mrs. Anna de Souza e Silva", "Mrs. Anna de Souza e Silva", "Anna", "de Souza e Silva"),
    ("'t Hooft, Gerard", "Gerard 't Hooft", "Gerard", "'t Hooft"),
    ("John Smith (Johnny)", "John Smith (Johnny)", "John", "Smith"),
    ("Mr. Smith", "Mr. Smith", "", "Smith"),
    ("Madonna", "Madonna", "Madonna", ""),
    ("Jack Ma", "Jack Ma", "Jack", "Ma"),
    ("Jenny Null", "Jenny Null", "Jenny", "Null"),
    ("Мария Иванова", "Мария Иванова", "Мария", "Иванова"),
    ("김민준", "김민준", "민준", "김"),
    ("", "", "", ""),
])
def test_a_name_is_taken_apart_and_put_in_order(cell: str, full: str, first: str, last: str) -> None:
    assert read_name(cell) == Name(full, first, last)


@pytest.mark.parametrize(("typed", "written"), [
    ("JANE DOE", "Jane Doe"),
    ("jane doe", "Jane Doe"),
    ("DOE, JANE", "Jane Doe"),
    ("john mcdonald", "John McDonald"),
    ("RONALD MACDONALD", "Ronald MacDonald"),
    ("MARIA MACHADO", "Maria Machado"),
    ("o'neil, shaun", "Shaun O'Neil"),
    ("sean o’connor", "Sean O’Connor"),
    ("D'ANGELO RUSSELL", "D'Angelo Russell"),
    ("jean-luc picard", "Jean-Luc Picard"),
    ("ANNA-MARÍA GONZÁLEZ-PÉREZ", "Anna-María González-Pérez"),
    ("VAN GOGH, VINCENT", "Vincent van Gogh"),
    ("maria de la cruz", "Maria de la Cruz"),
    ("JOHN Q. PUBLIC III", "John Q. Public III"),
    ("j.r.r. tolkien", "J.R.R. Tolkien"),
    ("TJ SMITH", "TJ Smith"),
    ("İSMAİL YILMAZ", "İsmail Yilmaz"),
    ("ИВАН ПЕТРОВ", "Иван Петров"),
    ("Shaun O'NEIL", "Shaun O'Neil"),
    ("Ludwig VON BEETHOVEN", "Ludwig von Beethoven"),
    ("e mma moyse", "E Mma Moyse"),
    ("e mma Moyse", "E mma Moyse"),
])
def test_a_name_in_one_case_is_written_as_names_are(typed: str, written: str) -> None:
    assert read_name(typed).full == written


@pytest.mark.parametrize("name", ["Robert DeLuca", "Ronald McDonald", "Leo DiCaprio", "Anna MacLeod", "Jane van Doe"])
def test_a_name_in_mixed_case_stays_as_typed(name: str) -> None:
    assert read_name(name).full == name


@pytest.mark.parametrize(("first", "last", "written"), [
    ("Jane", "SMITH", ("Jane", "Smith")),
    ("jane", "Smith", ("Jane", "Smith")),
    ("JP", "Morgan", ("JP", "Morgan")),
    ("Andrew", "NG", ("Andrew", "NG")),
    ("JANE", "NA", ("Jane", "NA")),
    ("jane", "null", ("Jane", "null")),
    ("", "VAN DER BERG", ("", "Van der Berg")),
    ("ANNA", "VAN DER BERG", ("Anna", "van der Berg")),
    ("MARY ANN", "O'BRIEN", ("Mary Ann", "O'Brien")),
    ("WEI", "LI", ("Wei", "Li")),
    ("王", "小明", ("王", "小明")),
])
def test_first_and_last_name_are_cased_by_what_both_show(first: str, last: str, written: tuple[str, str]) -> None:
    assert proper_case(first, last) == written


@pytest.mark.parametrize(("cell", "first"), [
    ("Dr. Jane", "Jane"), ("Mr John", "John"), ("Prof. Dr. Hans", "Hans"), ("FRAU ANNA", "ANNA"),
    ("Jane", "Jane"), ("Drew", "Drew"), ("Dr.", "Dr."), ("Mrs", "Mrs"),
])
def test_a_salutation_is_no_first_name(cell: str, first: str) -> None:
    assert without_salutation(cell) == first
