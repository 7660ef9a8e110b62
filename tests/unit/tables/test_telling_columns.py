"""Reading a file tells its columns: without a header, with what was remembered, and with what was excluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.pipelines.leads.fields import FIELDS
from chalicelib.tables.reading import MOST_TOLD, Reading, read_table

PEOPLE = "Anna,Berg,anna@berg.de,030 901820,Berg GmbH\nBo,Olsen,bo@olsen.no,+47 22 86 44 00,Olsen AS\n" \
         "Carla,Diaz,carla@diaz.es,+34 912 345 678,Diaz SL\nDirk,Meier,dirk@meier.ch,+41 44 668 18 00,Meier AG\n"


def reading(path: Path, content: str, **options: Any) -> Reading:
    path.write_text(content, encoding="utf-8")
    return read_table(str(path), path.name, fields=FIELDS, options=options)


def test_a_table_without_a_header_is_read_from_its_first_row(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", PEOPLE)
    items = list(read)
    assert [item["_row"] for item in items] == [1, 2, 3, 4]
    assert items[0]["column C"] == "anna@berg.de"
    assert read.columns["Sheet1"] == {"column A": "firstName", "column B": "lastName", "column C": "email",
                                      "column D": "phone", "column E": "company"}
    (sheet,) = read.sheets
    assert (sheet.header, sheet.header_row, sheet.rows, sheet.physical, sheet.blank) == (0, None, 4, 4, 0)
    assert sheet.note == "no header; columns told by their cells"


def test_rows_that_hardly_say_anything_are_still_no_table(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "4,2026-01-01\n5,2026-01-02\n6,2026-01-03\n")
    with pytest.raises(FileRefused) as refused:
        list(read)
    assert refused.value.code is FileProblem.NO_HEADER


def test_a_header_wins_over_cells_that_could_do_without(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", f"Given name,Surname,Mail,Tel,Firm\n{PEOPLE}")
    assert [item["_row"] for item in read] == [2, 3, 4, 5]
    assert set(read.columns["Sheet1"].values()) == {"firstName", "lastName", "email", "phone", "company"}


def test_what_is_remembered_is_asked_once_a_sheet_and_used(tmp_path: Path) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []

    def memory(headers: Sequence[str], given: Mapping[str, str]) -> Mapping[str, str]:
        asked.append((list(headers), dict(given)))
        return {"refx": "company", "mail": ""}

    read = reading(tmp_path / "a.csv", "Ref X,Mail,Name\nAcme,a@b.co,Anna Berg\n", memory=memory,
                   mapping={"Name": "name"})
    list(read)
    assert asked == [(["Ref X", "Mail", "Name"], {"Name": "name"})]
    assert read.columns["Sheet1"] == {"Ref X": "company", "Mail": "", "Name": "name"}


def test_of_a_very_wide_file_so_many_columns_are_told(tmp_path: Path) -> None:
    head = ",".join(["Name", "Mail", *(f"Metric {place}x" for place in range(MOST_TOLD))])
    read = reading(tmp_path / "a.csv", f"{head}\nAnna Berg,a@b.co{',1' * MOST_TOLD}\n")
    list(read)
    (sheet,) = read.sheets
    assert [column["field"] for column in sheet.mapping[:3]] == ["name", "email", ""]
    assert len(sheet.mapping) == MOST_TOLD


def test_an_option_of_that_name_in_a_request_is_no_memory(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "Name,Mail\nAnna Berg,a@b.co\n", memory={"Name": "email"})
    list(read)
    assert read.columns["Sheet1"] == {"Name": "name", "Mail": "email"}
