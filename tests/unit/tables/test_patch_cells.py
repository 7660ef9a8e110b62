"""Which cells of a sheet are written, where new ones go, what they look like and what they hold."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from chalicelib.tables.patch import Format, NewColumn, Target, last_used_column
from tests.unit.tables.patching import (
    RATE,
    STYLES,
    filled,
    looks,
    member,
    members,
    number,
    patched,
    rewrite,
    rich_workbook,
    row,
    rows_of,
)
from tests.unit.tables.workbooks import data, package

# --- columns that are there already


def test_blank_cells_of_a_column_are_filled_and_keep_their_style(tmp_path: Path) -> None:
    source = rich_workbook(tmp_path / "bill.xlsx")
    target, report = patched(source, filled({line: Decimal(line) / 2 for line in range(4, 14)}, Target("D")))
    before, after = (openpyxl.load_workbook(path)["Bill"] for path in (source, target))
    assert [after.cell(line, 4).value for line in range(4, 14)] == [line / 2 for line in range(4, 14)]
    assert all(looks(before.cell(line, 4)) == looks(after.cell(line, 4)) for line in range(3, 14))
    assert (report.sheets[0].written, report.sheets[0].columns) == (10, (3,))


CONTENT = data(
    row(1, '<c r="A1"><v>1</v></c>', '<c r="B1"><f>A1*2</f><v>2</v></c>'),
    row(2, '<c r="A2"><v>1</v></c>', '<c r="B2"><v>7</v></c>'),
    row(3, '<c r="A3"><v>1</v></c>', '<c r="B3"><f t="shared" ref="B3:B4" si="0">A3</f><v>1</v></c>'),
    row(4, '<c r="A4"><v>1</v></c>', '<c r="B4" s="1" t="str"><f t="shared" si="0"/></c>'),
    row(5, '<c r="A5"><v>1</v></c>', '<c r="B5"><f t="array" ref="B5:B6">A5:A6</f><v>1</v></c>'),
    row(6, '<c r="A6"><v>1</v></c>', '<c r="B6"><v>1</v></c>'),
    row(7, '<c r="A7"><v>1</v></c>', '<c r="B7" s="1"/>'),
    row(8, '<c r="B8" s="1"></c>', '<c r="C8"><v>3</v></c>'),
    row(9, '<c r="A9"><v>1</v></c>', '<c r="C9"><v>3</v></c>'),
)


@pytest.mark.parametrize(
    ("target", "written", "formulas", "values"),
    [
        (Target("B"), "789", 5, 1),
        (Target(1, overwrite=True), "2789", 5, 0),
        (Target("b", keep_formulas=False), "1789", 4, 1),
        (Target("B", keep_formulas=False, overwrite=True), "12789", 4, 0),
    ],
)
def test_formulas_and_values_stay_unless_asked(
    tmp_path: Path, target: Target, written: str, formulas: int, values: int
) -> None:
    source = package(tmp_path / "a.xlsx", CONTENT, styles=STYLES)
    path, report = patched(source, filled({line: f"new {line}" for line in range(1, 10)}, target))
    found = report.sheets[0]
    assert (found.written, found.formulas_kept, found.values_kept) == (len(written), formulas, values)
    cells = {line: cells[1] for line, cells in rows_of(path).items() if len(cells) > 1}
    assert [str(line) for line, text in cells.items() if text == f"new {line}"] == list(written)
    assert '<f t="shared" ref="B3:B4" si="0">A3</f>' in member(path)
    assert [cells[2] for line, cells in rows_of(path).items() if line > 7] == ["3", "3"]


def test_a_blank_cell_without_a_format_of_its_own_gets_the_one_asked_for(tmp_path: Path) -> None:
    sheet = data(row(1, '<c r="A1" s="1"/>', number("B1")), row(2, '<c r="A2" s="2"/>', number("B2")))
    target, _report = patched(package(tmp_path / "a.xlsx", sheet, styles=STYLES),
                              filled({1: 5, 2: 5}, Target("A", Format.MONEY)))
    assert '<c r="A1" s="1"><v>5</v></c>' in member(target)
    assert '<c r="A2" s="3"><v>5</v></c>' in member(target)
    assert '<xf numFmtId="4" applyNumberFormat="1" fontId="9"/></cellXfs>' in member(target, "xl/styles.xml")


def test_a_cell_that_is_not_there_takes_the_style_of_its_row_or_column(tmp_path: Path) -> None:
    sheet = ('<worksheet><cols><col min="1" max="1" style="1"/></cols><sheetData>'
             + row(1, number("B1")) + row(2, number("B2"), more=' s="2" customFormat="1"') + "</sheetData></worksheet>")
    target, _report = patched(package(tmp_path / "a.xlsx", sheet, styles=STYLES), filled({1: 5, 2: "=5"}, Target("A")))
    assert '<c r="A1" s="1"><v>5</v></c><c r="B1"' in member(target)
    assert '<c r="A2" s="2" t="inlineStr">' in member(target)


def test_the_chain_of_formulas_goes_when_formulas_may_go_and_only_then(tmp_path: Path) -> None:
    source = package(tmp_path / "a.xlsx", CONTENT)
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("xl/calcChain.xml", '<calcChain><c r="B1" i="1"/></calcChain>')
        relations = archive.read("xl/_rels/workbook.xml.rels").decode()
    chain = '<Relationship Id="rId9" Type="http://example.org/calcChain" Target="calcChain.xml"/>'
    types = '<Types><Override PartName="/xl/calcChain.xml" ContentType="c"/><Default Extension="xml"/></Types>'
    replaced = {"xl/_rels/workbook.xml.rels": relations.replace("</Rel", chain + "</Rel", 1),
                "[Content_Types].xml": types}
    rewrite(source, replaced)
    kept, _report = patched(source, filled({1: 5}, Target("B")))
    assert members(kept)["xl/calcChain.xml"] == members(source)["xl/calcChain.xml"]
    gone, _report = patched(source, filled({1: 5}, Target("B", keep_formulas=False)))
    assert "xl/calcChain.xml" not in members(gone)
    assert "calcChain" not in member(gone, "xl/_rels/workbook.xml.rels")
    assert member(gone, "[Content_Types].xml") == '<Types><Default Extension="xml"/></Types>'


# --- where new columns and rows go


def test_a_new_column_follows_the_last_cell_with_content(tmp_path: Path) -> None:
    sheet = data(row(1, number("A1"), number("C1"), '<c r="D1" s="1"/>'), row(2, number("B2")),
                 row(3, '<c r="XFD3" />'))
    source = package(tmp_path / "a.xlsx", sheet, styles=STYLES)
    assert last_used_column(source, 0) == 2
    target, report = patched(source, filled({1: 5, 2: 6, 3: 7}, NewColumn("Rate"), header_row=0))
    assert report.sheets[0].columns == (3,)
    assert rows_of(target) == {1: ["1", "", "1", "5"], 2: ["", "1", "", "6"], 3: ["", "", "", "7"]}
    assert member(target).count('r="D1"') == 1


def test_what_is_merged_into_the_header_is_not_written_over(tmp_path: Path) -> None:
    sheet = data(row(1, number("A1")), row(2, number("A2")))
    sheet = sheet.replace("</worksheet>", '<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A3:ZZ3"/></mergeCells>'
                          "</worksheet>")
    target, report = patched(package(tmp_path / "a.xlsx", sheet), filled({2: 5}, NewColumn("Rate"), header_row=1))
    assert report.sheets[0].columns == (3,)
    assert rows_of(target) == {1: ["1", "", "", "Rate"], 2: ["1", "", "", "5"]}


def test_covered_cells_are_never_written(tmp_path: Path) -> None:
    sheet = data(*(row(n, number(f"A{n}")) for n in range(1, 8)))
    merges = "<mergeCells><x:mergeCell ref='A2:D2'/><mergeCell foo=\"1\" ref=\"B4:C5\" /></mergeCells></worksheet>"
    sheet = sheet.replace("</worksheet>", merges)
    target, report = patched(package(tmp_path / "a.xlsx", sheet),
                             filled({n: (n, n) for n in range(1, 8)}, Target("B"), Target("C")))
    assert (report.sheets[0].covered, report.sheets[0].written) == (5, 9)
    cells = re.findall(r'r="([BC]\d)"', member(target))
    assert cells == ["B1", "C1", "B3", "C3", "B4", "B6", "C6", "B7", "C7"]


def test_rows_that_are_not_there_are_inserted_in_order(tmp_path: Path) -> None:
    sheet = data(row(2, number("A2")), '<row r="4"/>', '<row r="6" ht="30" customHeight="1"/>')
    sheet = sheet.replace("<sheetData>", '<dimension ref="A2:A2"/><sheetData>')
    target, report = patched(package(tmp_path / "a.xlsx", sheet),
                             filled(dict.fromkeys((1, 3, 4, 5, 9), 7), Target("C"), last_row=9))
    assert re.findall(r'<row r="(\d)"', member(target)) == ["1", "2", "3", "4", "5", "6", "9"]
    assert rows_of(target) == {2: ["1"], **{line: ["", "", "7"] for line in (1, 3, 4, 5, 9)}}
    assert '<row r="6" ht="30" customHeight="1"/>' in member(target)
    assert '<dimension ref="A2:C9"/>' in member(target)
    assert report.sheets[0].written == 5


def test_a_sheet_without_rows_gets_them(tmp_path: Path) -> None:
    source = package(tmp_path / "a.xlsx", "<worksheet><sheetData /></worksheet>")
    target, _report = patched(source, filled({2: 5}, NewColumn("Rate"), header_row=1))
    assert rows_of(target) == {1: ["Rate"], 2: ["5"]}


def test_spans_that_would_be_wrong_go_and_other_attributes_of_a_row_stay(tmp_path: Path) -> None:
    sheet = data(row(1, number("A1"), more=' spans="1:1" ht="20" x14ac:dyDescent="0.2"'),
                 row(2, number("A2"), more=' spans="1:1"')).replace("<worksheet", '<worksheet xmlns:x14ac="x"')
    target, _report = patched(package(tmp_path / "a.xlsx", sheet), filled({1: 5}, NewColumn("Rate")))
    assert '<row r="1" ht="20" x14ac:dyDescent="0.2">' in member(target)
    assert '<row r="2" spans="1:1">' in member(target)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '<cols><col min="2" max="2" width="9.5" customWidth="1"/></cols>'),
        ('<cols><col min="1" max="1" width="3"/></cols>',
         '<cols><col min="1" max="1" width="3"/><col min="2" max="2" width="9.5" customWidth="1"/></cols>'),
        ('<cols><col min="1" max="16384" width="3" hidden="1" style="1"/></cols>',
         '<cols><col min="1" max="1" width="3" hidden="1" style="1"/>'
         '<col min="2" max="2" style="1" width="9.5" customWidth="1"/><col min="3" max="3" width="3" style="1"/>'
         '<col min="4" max="16384" width="3" hidden="1" style="1"/></cols>'),
        ('<cols><col min="4" max="5" width="3"/></cols>',
         '<cols><col min="2" max="2" width="9.5" customWidth="1"/><col min="4" max="5" width="3"/></cols>'),
        ('<cols><col min="4" max="4"/></cols><cols/>', '<cols><col min="4" max="4"/></cols><cols/>'),
    ],
)
def test_new_columns_are_as_wide_as_asked_and_never_hidden(tmp_path: Path, before: str, after: str) -> None:
    sheet = data(row(1, number("A1"))).replace("<sheetData>", f"{before}<sheetData>")
    target, _report = patched(package(tmp_path / "a.xlsx", sheet),
                              filled({1: (5, 6)}, NewColumn("Rate", width=9.5), NewColumn("Note")))
    assert member(target).split("<worksheet>")[1].startswith(f"{after}<sheetData>")


def test_many_columns_keep_their_order_beyond_z(tmp_path: Path) -> None:
    sheet = data(row(1, number("X1"), '<c r="ZZ1" s="1"/>'))
    columns = [NewColumn(str(place)) for place in range(4)]
    target, _report = patched(package(tmp_path / "a.xlsx", sheet), filled({1: (1, 2, 3, 4)}, *columns))
    assert re.findall(r'r="([A-Z]+)1"', member(target)) == ["X", "Y", "Z", "AA", "AB", "ZZ"]


# --- values


@pytest.mark.parametrize(
    "text",
    ["00412", "NA", " padded ", "a<b>&\"c'", "line\nbreak", "tab\there", "_x000D_", "_x0041", "=1+1", "@cmd", "é漢😀",
     "bell\x07", "cr\r", "\ufffe", "]]>", "-"],
)
def test_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    target, _report = patched(package(tmp_path / "a.xlsx", data(row(1, number("A1")))), filled({1: text}, RATE[1]))
    assert rows_of(target)[1] == ["1", text]


def test_what_no_cell_can_hold_is_made_to_fit(tmp_path: Path) -> None:
    values = {1: "a\0b", 2: "half \ud83d", 3: "x" * 40_000, 4: float("nan"), 5: Decimal("1E+999999999")}
    target, _report = patched(package(tmp_path / "a.xlsx", data()), filled(values, Target("A")))
    assert [len(cells[0]) if line == 3 else cells[0] for line, cells in rows_of(target).items()] == [
        "ab", "half \ufffd", 32_767, "nan", "1E+999999999"]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (12, "12"), (0, "0"), (-3.5, "-3.5"), (1e-7, "0.0000001"), (1e22, "10000000000000000000000"),
        (Decimal("12.50"), "12.5"), (Decimal("1E+3"), "1000"), (Decimal("1E-999999999"), "0"), (Decimal("-0.00"), "0"),
        (12345678901234567890, "12345678901234567890"), (date(2024, 3, 1), "45352"),
        (datetime(2024, 3, 1, 18), "45352.75"),  # noqa: DTZ001
    ],
)
def test_numbers_are_plain_digits(tmp_path: Path, value: Any, stored: str) -> None:
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1"))), styles=STYLES)
    target, _report = patched(source, filled({1: value}, NewColumn("N", Format.NUMBER)))
    assert re.findall(r'r="B1"[^>]*><v>([^<]*)</v>', member(target)) == [stored]


@pytest.mark.parametrize(("day", "shown"), [(date(2024, 3, 1), "2024-03-01"), (date(1850, 1, 1), "1850-01-01")])
@pytest.mark.parametrize("properties", ["", '<workbookPr date1904="1"/>'])
def test_days_are_days_in_both_calendars(tmp_path: Path, day: date, shown: str, properties: str) -> None:
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1"))), styles=STYLES, workbook=properties)
    target, _report = patched(source, filled({1: day}, NewColumn("Since")))
    assert rows_of(target)[1] == ["1", shown]


def test_days_in_a_workbook_without_styles_are_text(tmp_path: Path) -> None:
    target, _report = patched(package(tmp_path / "a.xlsx", data()), filled({1: date(2024, 3, 1)}, NewColumn("Since")))
    assert rows_of(target)[1] == ["2024-03-01"]


def test_text_that_looks_like_a_formula_is_marked_as_typed_with_an_apostrophe(tmp_path: Path) -> None:
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1"))), styles=STYLES)
    target, _report = patched(source, filled({1: ("=1+1", "plain", True)}, *map(NewColumn, "abc")))
    assert '<xf numFmtId="0" applyNumberFormat="1" quotePrefix="1" fontId="0"/></cellXfs>' in member(
        target, "xl/styles.xml")
    assert '<c r="B1" s="3" t="inlineStr">' in member(target)
    assert '<c r="C1" t="inlineStr">' in member(target)
    assert '<c r="D1" t="b"><v>1</v></c>' in member(target)


def test_a_copied_style_keeps_all_but_its_number_format(tmp_path: Path) -> None:
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1", style=1)), row(2, number("A2", style=2))),
                     styles=STYLES)
    target, _report = patched(source, filled({1: 5, 2: 6}, NewColumn("Rate", Format.PERCENT)))
    assert ('<xf numFmtId="10" applyNumberFormat="1" fontId="7" applyFont="1"><alignment horizontal="right"/></xf>'
            '<xf numFmtId="10" applyNumberFormat="1" fontId="9"/></cellXfs>') in member(target, "xl/styles.xml")


def test_a_missing_value_leaves_an_old_cell_and_makes_a_new_one_that_looks_like_the_row(tmp_path: Path) -> None:
    sheet = data(row(1, number("A1", style=2), '<c r="B1" s="1"/>'), row(2, number("A2", style=1)))
    source = package(tmp_path / "a.xlsx", sheet, styles=STYLES)
    target, report = patched(source, filled({1: (None, None), 2: (None, None)}, Target("B"), NewColumn("Rate")))
    assert report.sheets[0].written == 0
    assert '<c r="B1" s="1"/><c r="C1" s="3"/></row>' in member(target)
    assert '<c r="C2" s="3"/></row>' in member(target)
