"""Workbooks as text: what a person sees in each cell, by the fast way and by the general one."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import Archive
from chalicelib.tables.fastrows import fast_rows
from chalicelib.tables.limits import Limits
from chalicelib.tables.package import open_workbook
from chalicelib.tables.raw import sheets
from chalicelib.tables.rows import CellText, column_letters, column_number, general_rows
from chalicelib.tables.strings import Unfit, read_strings
from tests.unit.tables.workbooks import data, package

LIMITS = Limits()


def rows_of(path: str, limits: Limits = LIMITS) -> list[tuple[int, list[str]]]:
    return [row for sheet in sheets(path, path, limits) for row in sheet.rows]


def cells_of(path: str) -> list[list[str]]:
    return [cells for _number, cells in rows_of(path)]


def test_text_stays_as_it_is(tmp_path: Path) -> None:
    texts = ["00412", "NA", "null", "None", "TRUE", " padded ", "a<b>&\"c'", "line\nbreak", "_x000D_", "=1+1", "é漢😀"]
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row, text in enumerate(texts):
        sheet.write_string(row, 0, text)
    book.close()
    assert [cells[0] for cells in cells_of(path)] == texts


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("15551234567", "15551234567"),
        ("15551234567.0", "15551234567"),
        ("4.0063813339310001E12", "4006381333931"),
        ("0.30000000000000004", "0.3"),
        ("1.5E-2", "0.015"),
        ("-3", "-3"),
        ("-0", "0"),
        ("1E-7", "0.0000001"),
        ("12345678901234567890", "12345678901234567890"),
        ("52.520006599999997", "52.5200066"),
        ("1E300", "1E+300"),
    ],
)
def test_numbers_have_no_exponents_and_no_float_artefacts(tmp_path: Path, stored: str, shown: str) -> None:
    path = package(tmp_path / "a.xlsx", data(f'<row r="1"><c r="A1"><v>{stored}</v></c></row>'))
    assert cells_of(path) == [[shown]]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (date(2024, 3, 1), "yyyy-mm-dd", "2024-03-01"),
        (datetime(2024, 3, 1, 10, 30), "dd.mm.yyyy hh:mm", "2024-03-01T10:30:00"),  # noqa: DTZ001
        (time(10, 30), "h:mm AM/PM", "10:30:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (-1.25, "[h]:mm:ss", "-30:00:00"),
        (60, "d mmm", "1900-02-29"),
        (59, "d mmm", "1900-02-28"),
        (1234, '0.00 "days"', "1234"),
        (1234, "[Red]0", "1234"),
        (1234, "General", "1234"),
        (45352, "[$-407]d. mmmm yyyy;@", "2024-03-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1234, "00000", "01234"),
        (123456, "00000\\-0000", "00012-3456"),
        (123456789, "000-00-0000", "123-45-6789"),
    ],
)
def test_number_formats_make_dates_and_keep_zeros(
    tmp_path: Path, value: float | date | time, number_format: str, shown: str
) -> None:
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path)
    style = book.add_format({"num_format": number_format})
    sheet = book.add_worksheet()
    for row in range(3):
        sheet.write(row, 0, value, style)
    book.close()
    assert cells_of(path) == [[shown]] * 3


def test_dates_of_a_1904_workbook_are_right(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path, {"date_1904": True})
    book.add_worksheet().write(0, 0, date(2024, 3, 1), book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    assert cells_of(path) == [["2024-03-01"]]


def test_formats_of_differential_styles_are_not_cell_formats(tmp_path: Path) -> None:
    styles = (
        '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
        '<dxfs><dxf><numFmt numFmtId="14" formatCode="General"/></dxf></dxfs></styleSheet>'
    )
    path = package(tmp_path / "a.xlsx", data('<row r="1"><c r="A1" s="1"><v>45352</v></c></row>'), styles=styles)
    assert cells_of(path) == [["2024-03-01"]]


def test_formulas_show_their_cached_value_and_errors_their_name(tmp_path: Path) -> None:
    sheet = data(
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>'
        '<c r="C1" t="e"><f>NA()</f><v>#N/A</v></c><c r="D1" t="b"><v>1</v></c><c r="E1"><f>F1</f></c>'
        '<c r="F1" t="b"><v>0</v></c></row>'
    )
    assert cells_of(package(tmp_path / "a.xlsx", sheet)) == [["2", "ab", "#N/A", "TRUE", "", "FALSE"]]


def test_rich_text_is_joined_and_phonetic_text_dropped(tmp_path: Path) -> None:
    strings = (
        "<sst><si><r><t>Zo</t></r><r><rPr><b/></rPr><t>ë</t></r></si>"
        "<si><t>課</t><rPh sb='0' eb='1'><t>カ</t></rPh></si><si/><si><t/></si><si><t>plain</t></si></sst>"
    )
    sheet = data(
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c>'
        '<c r="D1" t="s"><v>4</v></c><c r="E1" t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c></row>'
    )
    path = package(tmp_path / "a.xlsx", sheet, strings=strings)
    assert cells_of(path) == [["Zoë", "課", "", "plain", "inline"]]


PLAIN_ROW = '<row r="1"><c r="A1"><v>1</v></c><c r="C1"><v>3</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param('<row><c><v>1</v></c><c><v>2</v></c></row>', [(1, ["1", "2"])], id="no references"),
        pytest.param('<row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>',
                     [(2, ["1"]), (3, ["2"])], id="a row number twice"),
        pytest.param('<row r="1"><c r="B1"><v>2</v></c><c r="A1"><v>1</v></c></row>', [(1, ["1", "2"])],
                     id="cells out of order"),
        pytest.param(f'<!-- </row> -->{PLAIN_ROW}', [(1, ["1", "", "3"])], id="a comment"),
        pytest.param('<row r="1"><c r="A1" t="str"><v><![CDATA[a</row>b]]></v></c></row>', [(1, ["a</row>b"])],
                     id="CDATA"),
        pytest.param('<row r="1" />\n <row r="5"><c r="A5"><v>1</v></c></row>\n<row r="6"/>', [(5, ["1"])],
                     id="rows without content"),
        pytest.param('<row r="1"><c t="n" r="A1"><v>1</v></c></row>', [(1, ["1"])], id="attributes in other order"),
        pytest.param("<row r='1'><c r='A1'><v>1</v></c></row>", [(1, ["1"])], id="single quotes"),
        pytest.param('<row r="1"><c r="A1" s="" t="str"><v>x</v></c></row>', [(1, ["x"])], id="an empty style"),
        pytest.param('<row r="1"><c r="A1"><v>1</v><extLst><ext/></extLst></c></row>', [(1, ["1"])], id="extensions"),
    ],
)
def test_unusual_spelling_means_the_same(tmp_path: Path, rows: str, expected: list[tuple[int, list[str]]]) -> None:
    assert rows_of(package(tmp_path / "a.xlsx", data(rows))) == expected


def test_a_namespace_prefix_means_the_same(tmp_path: Path) -> None:
    sheet = '<x:worksheet xmlns:x="m"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row></x:sheetData>'
    assert rows_of(package(tmp_path / "a.xlsx", sheet + "</x:worksheet>")) == [(1, ["1"])]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_mean_the_same(tmp_path: Path, encoding: str) -> None:
    sheet = data('<row r="1"><c r="A1" t="str"><v>Zoë</v></c></row>').replace("UTF-8", encoding)
    assert rows_of(package(tmp_path / "a.xlsx", sheet.encode(encoding))) == [(1, ["Zoë"])]


def test_reading_goes_on_where_the_fast_way_gives_up(tmp_path: Path) -> None:
    many = [f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="str"><v>{"x" * 100}</v></c></row>'
            for n in range(1, 9001)]
    many[8000] = '<row r="8001"><c r="A8001"><v>8001<!-- note --></v></c></row>'
    path = package(tmp_path / "a.xlsx", data(*many))
    found = rows_of(path)
    assert [number for number, _cells in found] == list(range(1, 9001))
    assert [cells[0] for _number, cells in found] == [str(n) for n in range(1, 9001)]


def _messy_book(path: str) -> None:
    book = xlsxwriter.Workbook(path)
    styles = [book.add_format({"num_format": code}) for code in ("General", "yyyy-mm-dd", "00000", "0.00")]
    sheet = book.add_worksheet()
    for row in range(300):
        for column in range(12):
            kind = (row * 7 + column * 5 + row // 11) % 6
            if kind == 0:
                sheet.write_string(row, column, f"text {row % 9} & <{column}>")
            elif kind == 1:
                sheet.write_number(row, column, row * 1.1, styles[(row + column) % 4])
            elif kind == 2:
                sheet.write_boolean(row, column, row % 2 == 0)
            elif kind == 3:
                sheet.write_blank(row, column, None, styles[1])
            elif kind == 4:
                sheet.write_formula(row, column, "=A1", styles[0], value=row)
    book.close()


def test_fast_and_general_way_agree_on_rows_that_are_never_alike(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    _messy_book(path)
    with Archive(path, LIMITS) as archive:
        book = open_workbook(archive)
        text = CellText(read_strings(archive, book.strings_part, LIMITS), book.shows)
        part = book.sheets[0].part
        fast = list(fast_rows(archive.chunks(part), text, LIMITS))
        assert fast == list(general_rows(archive.chunks(part), text, LIMITS))
        assert len(fast) == 300


def test_cells_agree_with_openpyxl(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row in range(500):
        sheet.write_row(row, 0, [f"name {row % 7}", row, row / 8, f"note {row}" if row % 3 else None, row % 5 == 0])
    book.close()
    theirs = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
    shown = [
        ["" if value is None else str(value).upper() if isinstance(value, bool) else f"{value}".removesuffix(".0")
         for value in row] for row in theirs.iter_rows(values_only=True)
    ]
    assert cells_of(path) == shown


def test_strings_on_disk_are_the_strings_in_memory(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row in range(20_000):
        sheet.write_row(row, 0, [f"Zoë {row}", f"plain {row}", "again", row])
    book.close()
    assert rows_of(path, Limits(strings_in_memory=0)) == rows_of(path)
    assert rows_of(path, Limits(strings_in_memory=300_000)) == rows_of(path)


@pytest.mark.parametrize("number", ["7", "-1", "x"])
def test_a_missing_shared_string_is_a_corrupt_file(tmp_path: Path, number: str) -> None:
    row = f'<row r="1"><c r="A1" t="s"><v>{number}</v></c></row>'
    path = package(tmp_path / "a.xlsx", data(row), strings="<sst><si><t>a</t></si></sst>")
    with pytest.raises(FileRefused) as refused:
        rows_of(path)
    assert refused.value.code is FileProblem.CORRUPT_FILE


def test_hidden_sheets_are_read_and_chart_sheets_skipped(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("One").write(0, 0, "a")
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=One!$A$1"})
    book.add_chartsheet("Chart").set_chart(chart)
    hidden = book.add_worksheet("Hidden")
    hidden.write(2, 1, "b")
    hidden.hide()
    book.close()
    found = [(sheet.index, sheet.name, sheet.hidden, list(sheet.rows)) for sheet in sheets(path, path, LIMITS)]
    assert found == [(0, "One", False, [(1, ["a"])]), (2, "Hidden", True, [(3, ["", "b"])])]


def test_a_truncated_sheet_is_a_corrupt_file(tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", data(PLAIN_ROW).removesuffix("</sheetData></worksheet>"))
    with pytest.raises(FileRefused) as refused:
        rows_of(path)
    assert refused.value.code is FileProblem.CORRUPT_FILE


def test_the_fast_way_refuses_what_it_does_not_understand(tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", data(f"<!-- here -->{PLAIN_ROW}"))
    with Archive(path, LIMITS) as archive, pytest.raises(Unfit):
        list(fast_rows(archive.chunks("xl/worksheets/sheet1.xml"), CellText(read_strings(archive, "", LIMITS), ()),
                       LIMITS))


@pytest.mark.parametrize(("number", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (16_383, "XFD")])
def test_columns_have_letters(number: int, letters: str) -> None:
    assert column_letters(number) == letters
    assert column_number(letters) == number
