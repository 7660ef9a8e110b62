"""The header is found wherever it stands; what is no data below it is recognised."""

from __future__ import annotations

import pytest

from chalicelib.tables.columns import squeezed
from chalicelib.tables.headers import TOTALS_BEGIN, ColumnNames, find_header, is_totals

KNOWN = {"name", "email", "phone", "company", "city"}


def found(*rows: list[str]) -> int | None:
    return find_header([(number, cells) for number, cells in enumerate(rows, 1)], lambda text: squeezed(text) in KNOWN)


DATA = [["Anna Berg", "a@b.co", "0041791234567"], ["John Smith", "j@s.org", "15551234567"]]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([["Name", "E-mail", "Phone"], *DATA], 0),
        ([["Leads of March"], ["exported 2024-03-01"], ["Name", "Email", "Phone"], *DATA], 2),
        ([["Leads", "", ""], ["", "Name", "Email"], ["", "Anna", "a@b.co"]], 1),
        ([["Email"], ["a@b.co"], ["c@d.co"]], 0),
        ([["Nimi", "Posti", "Puhelin"], *DATA], 0),
        ([["Kunden 2024"], ["Nimi", "Posti", "Puhelin"], *DATA], 1),
        ([["Name", "Email"]], 0),
        ([["Phone", "Phone", "Phone"], ["Name", "Phone", "Phone"], ["Anna", "1234567", "1234567"]], 1),
    ],
)
def test_a_header_is_found(rows: list[list[str]], place: int) -> None:
    assert found(*rows) == place


@pytest.mark.parametrize(
    "rows",
    [[], DATA, [["12", "13"], ["14", "15"]], [["just a line of text"]], [["one", "two"], ["three", "four"]],
     [["a sentence"], ["another sentence"], ["and a third"]]],
)
def test_data_is_no_header(rows: list[list[str]]) -> None:
    assert found(*rows) is None


def test_names_are_unique_and_never_ours() -> None:
    assert ColumnNames(["email", "", " email ", "_row", "line\nbreak", "email (2)", ""]).names == [
        "email", "column B", "email (2)", "column _row", "line break", "email (2) (2)", "column G",
    ]
    assert ColumnNames(["a", "column C", ""]).names == ["a", "column C", "column C (2)"]
    assert ColumnNames(["x"] * 16_384).names[-1] == "x (16384)"


@pytest.mark.parametrize(
    ("cells", "totals"),
    [
        (["Total", "", "12", "3,400.00"], True),
        (["", "Grand total:", "€ 12.50"], True),
        (["Gesamtsumme", "7 %"], True),
        (["Total", "Anna", "12"], False),
        (["Total", "", "0041791234567"], False),
        (["Totalenergies", "", "12"], False),
        (["Total", "", ""], False),
    ],
)
def test_totals_rows_are_the_word_and_numbers_only(cells: list[str], totals: bool) -> None:
    def is_phone(place: int, text: str) -> bool:
        return place == 2 and len(text) > 10

    assert is_totals(cells, is_phone) is totals
    assert not totals or next(cell for cell in cells if cell)[:3].lower() in TOTALS_BEGIN
