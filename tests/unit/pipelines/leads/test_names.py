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


@pytest.mark.parametrize(("cell", "first", "last", "full"), [
    ("DUPONT Jean", "Jean", "Dupont", "Jean Dupont"), ("LE PEN Marine", "Marine", "Le Pen", "Marine Le Pen"),
    ("McDONALD Ronald", "Ronald", "McDonald", "Ronald McDonald"), ("O'NEILL Mary", "Mary", "O'Neill", "Mary O'Neill"),
    ("GARCÍA LÓPEZ María José", "María", "García López", "María José García López"),
    ("María José GARCÍA LÓPEZ", "María", "García López", "María José García López"),
    ("VAN DER BERG Jan", "Jan", "van der Berg", "Jan van der Berg"),
])
def test_a_surname_in_capitals_is_the_surname_wherever_it_stands(cell: str, first: str, last: str, full: str) -> None:
    assert read_name(cell) == Name(full, first, last)


@pytest.mark.parametrize(("cell", "first", "last"), [
    ("JOSE Smith", "Jose", "Smith"), ("JP Morgan", "JP", "Morgan"), ("Kim NG", "Kim", "NG"),
    ("JoAnn Smith", "JoAnn", "Smith"), ("DeLuca Maria", "DeLuca", "Maria"), ("Jane DOE PhD", "Jane", "Doe")])
def test_other_capitals_move_nothing(cell: str, first: str, last: str) -> None:
    name = read_name(cell)
    assert (name.first, name.last) == (first, last)


def test_two_spanish_surnames_stay_together() -> None:
    assert read_name("María José García López") == Name("María José García López", "María", "García López")
    assert read_name("Mary Ann Jane Doe").last == "Doe"


@pytest.mark.parametrize("cell", ["Dr. h.c. Karl Weber", "Prof. Dr. h. c. mult. Karl Weber", "Dr. e.h. Karl Weber"])
def test_an_honorary_degree_is_no_first_name(cell: str) -> None:
    name = read_name(cell)
    assert (name.full, name.first, name.last) == (cell, "Karl", "Weber")
