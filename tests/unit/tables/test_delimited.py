"""Delimited text: encodings, delimiters, quotes and everything that people's programs write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import sheets

SPECTRUM = Path(__file__).parents[4] / "shared" / "data" / "csv_spectrum"


def rows_of(path: Path, content: bytes | str = "", name: str = "a.csv") -> list[tuple[int, list[str]]]:
    if content:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [row for sheet in sheets(str(path), name, Limits()) for row in sheet.rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="commas"),
        pytest.param("a;b\n1,5;2\n2,5;3\n", [(1, ["a", "b"]), (2, ["1,5", "2"]), (3, ["2,5", "3"])], id="semicolons"),
        pytest.param("a\tb\n1\t2,3\n", [(1, ["a", "b"]), (2, ["1", "2,3"])], id="tabs"),
        pytest.param("a|b\r\n1|2\r\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="pipes"),
        pytest.param("sep=;\na;b,c\n1;2\n", [(1, ["a", "b,c"]), (2, ["1", "2"])], id="sep line"),
        pytest.param('"sep=|"\r\na|b\r\n', [(1, ["a", "b"])], id="quoted sep line"),
        pytest.param("a,b\n\n\n1,2\n", [(1, ["a", "b"]), (4, ["1", "2"])], id="blank lines keep their numbers"),
        pytest.param("a,b\n1\n1,2,3\n", [(1, ["a", "b"]), (2, ["1"]), (3, ["1", "2", "3"])], id="ragged"),
        pytest.param('a,b\n"x\ny","say ""hi"""\n1,2\n', [(1, ["a", "b"]), (2, ["x\ny", 'say "hi"']), (3, ["1", "2"])],
                     id="quoted newline is one row"),
        pytest.param("a,b\r1,2\r", [(1, ["a", "b"]), (2, ["1", "2"])], id="old Mac newlines"),
        pytest.param("a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])], id="no newline at the end"),
        pytest.param("a,b\n00412,NA\n", [(1, ["a", "b"]), (2, ["00412", "NA"])], id="text stays text"),
        pytest.param("email\nx@y.z\n", [(1, ["email"]), (2, ["x@y.z"])], id="one column"),
        pytest.param("a,b\n1,x\0y\n" + "1,2\n" * 99, [(1, ["a", "b"]), (2, ["1", "xy"])] +
                     [(n, ["1", "2"]) for n in range(3, 102)], id="zero bytes are dropped"),
        pytest.param('a,b\n1,"open\n2,x\n3,y\n', [(1, ["a", "b"]), (2, ["1", "open"]), (3, ["2", "x"]),
                                                 (4, ["3", "y"])], id="a quote that never closes"),
        pytest.param('a,b\n1,"open', [(1, ["a", "b"]), (2, ["1", "open"])], id="a quote that never closes at the end"),
    ],
)
def test_awkward_text_is_read_as_a_person_sees_it(
    tmp_path: Path, content: str, expected: list[tuple[int, list[str]]]
) -> None:
    assert rows_of(tmp_path / "a.csv", content) == expected


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,city\nZoë,Zürich\n", "utf-8"),
        ("name,city\nZoë,Zürich\n", "utf-8-sig"),
        ("name,city\nZoë,Zürich\n", "utf-16"),
        ("name,city\nZoë,Zürich\nAnna,Genf\n", "utf-16-le"),
        ("name,city\nZoë,Zürich\nAnna,Genf\n", "utf-16-be"),
        ("name,city\nZoë,Zürich\nJosé,São Paulo – “centro”\n", "cp1252"),
        ("name,city\nSão,x\n", "cp1252"),
        ("imię,miasto\nŁukasz Wójcik,Łódź\nZażółć,Kraków\nGrażyna Wiśniewska,Częstochowa\n", "cp1250"),
        ("имя,город\nИван Петров,Москва\nАнна,Казань\n", "cp1251"),
        ("名前,会社\n山田太郎,株式会社日本商事\n鈴木花子,東京電機工業株式会社\n" * 5, "shift-jis"),
        ("姓名,公司\n张伟,北京科技有限公司\n王芳,上海贸易有限公司\n" * 5, "gb18030"),
    ],
)
def test_encodings_are_detected(tmp_path: Path, text: str, encoding: str) -> None:
    found = rows_of(tmp_path / "a.csv", text.encode(encoding))
    assert [cells for _number, cells in found] == [line.split(",") for line in text.splitlines()]


def test_one_odd_byte_far_down_does_not_end_the_reading(tmp_path: Path) -> None:
    lines = b"name,city\n" + b"Anna,Bern\n" * 200_000 + b"Zo\xeb,Bern\n"
    found = rows_of(tmp_path / "a.csv", lines)
    assert len(found) == 200_002
    assert found[-1][1] == ["Zoë", "Bern"]


def test_a_tsv_without_any_tab_is_one_column(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "a", "name\nSmith\n", name="a.tsv") == [(1, ["name"]), (2, ["Smith"])]


def test_csv_spectrum_is_exact(tmp_path: Path) -> None:
    if not SPECTRUM.exists():
        pytest.skip("csv_spectrum is not beside the checkout")
    checked = 0
    for path in sorted((SPECTRUM / "csvs").glob("*.csv")):
        expected = SPECTRUM / "json" / f"{path.stem}.json"
        if expected.exists():
            header, *rows = [cells for _number, cells in rows_of(path)]
            # The corpus writes its newlines one way in the file and the other in the answer.
            found = json.dumps([dict(zip(header, row, strict=True)) for row in rows]).replace("\\r\\n", "\\n")
            assert json.loads(found) == json.loads(expected.read_text().replace("\\r\\n", "\\n")), path.name
            checked += 1
    assert checked >= 4
