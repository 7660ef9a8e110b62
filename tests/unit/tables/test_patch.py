"""Values written back into somebody's workbook: in the right cells, looking like their neighbours, all else kept."""

from __future__ import annotations

import re
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from PIL import Image
from python_calamine import CalamineWorkbook

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.patch import (
    Format,
    NewColumn,
    PatchReport,
    SheetEdits,
    Target,
    Unpatchable,
    last_used_column,
    patch_file,
    patch_workbook,
)
from chalicelib.tables.raw import sheets
from tests.unit.tables.test_corpora import DATA
from tests.unit.tables.workbooks import data, package

SHEET = "xl/worksheets/sheet1.xml"
RATE = (NewColumn("Rate", Format.MONEY, 14), NewColumn("Supplier"))


def patched(path: str | Path, edits: SheetEdits | dict[int, SheetEdits], **options: Any) -> tuple[str, PatchReport]:
    target = str(Path(path).with_name("patched.xlsx"))
    return target, patch_workbook(str(path), target, edits if isinstance(edits, dict) else {0: edits}, **options)


def filled(rows: dict[int, Any], *columns: NewColumn | Target, header_row: int = 0, **more: Any) -> SheetEdits:
    lines = [(number, value if isinstance(value, tuple) else (value,)) for number, value in rows.items()]
    return SheetEdits(columns, lines, header_row=header_row, **more)


def member(path: str, name: str = SHEET) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def members(path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(path: str, sheet: int = 0) -> dict[int, list[str]]:
    return {each.index: dict(each.rows) for each in sheets(path, path, Limits())}[sheet]


def row(number: int, *cells: str, more: str = "") -> str:
    return f'<row r="{number}"{more}>{"".join(cells)}</row>'


def number(reference: str, value: int = 1, style: int = 0) -> str:
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


STYLES = (
    '<styleSheet><cellXfs count="3"><xf numFmtId="0" fontId="0"/><xf numFmtId="14" fontId="7" applyFont="1">'
    '<alignment horizontal="right"/></xf><xf numFmtId="0" fontId="9" quotePrefix="1"/></cellXfs></styleSheet>'
)


# --- a workbook with everything in it


def rich_workbook(path: Path) -> str:
    book = xlsxwriter.Workbook(str(path))
    head = book.add_format({"bold": True, "bg_color": "#204060", "font_color": "#ffffff", "border": 2})
    bands = [book.add_format({"bg_color": colour, "border": 1, "font_name": "Verdana", "num_format": "0.000"})
             for colour in ("#eeeeee", "#ffffff")]
    first = book.add_worksheet("Bill")
    first.merge_range("A1:F1", "Bill of quantities", head)
    first.write_row(2, 0, ["Item", "Qty", "Unit", "Rate"], head)
    for line in range(3, 13):
        first.write_row(line, 0, [f"Pipe {line}", line, "m"], bands[line % 2])
        first.write_blank(line, 3, None, bands[line % 2])
    first.write_formula(13, 1, "=SUM(D4:D13)", None, 0)
    first.write_array_formula("C15:C16", "{=B4:B5*2}", None, 0)
    first.write_comment("A4", "ask Ada")
    first.conditional_format("B4:B13", {"type": "data_bar"})
    first.data_validation("C4:C13", {"validate": "list", "source": ["m", "kg"]})
    first.insert_image("H20", "logo.png", {"image_data": picture()})
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Bill!$B$4:$B$13"})
    first.insert_chart("H2", chart)
    whole = book.add_chart({"type": "line"})
    whole.add_series({"values": "=Bill!$B$4:$B$13"})
    book.add_chartsheet("Graph").set_chart(whole)
    second = book.add_worksheet("Second")
    second.write_row(2, 0, ["Item", "Qty"], head)
    for line in range(3, 13):
        second.write_row(line, 0, [f"Valve {line}", line * 10], bands[0])
    second.hide()
    book.define_name("Quantities", "=Bill!$B$4:$B$13")
    book.close()
    return str(path)


def picture() -> BytesIO:
    out = BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, "PNG")
    return out


def rates(share: int) -> Iterator[tuple[int, tuple[Decimal, str]]]:
    return ((line, (Decimal(line) / share, f"Supplier {line}/{share}")) for line in range(4, 14))


@pytest.fixture
def rich(tmp_path: Path) -> tuple[str, str, PatchReport]:
    source = rich_workbook(tmp_path / "bill.xlsx")
    edits = {0: SheetEdits(RATE, rates(4), header_row=3), 2: SheetEdits(RATE, rates(8), header_row=3)}
    return source, *patched(source, edits)


def test_sheets_with_equal_row_numbers_get_their_own_values_in_the_right_rows(rich: tuple[str, str, PatchReport]):
    source, target, report = rich
    before, after = openpyxl.load_workbook(source), openpyxl.load_workbook(target)
    for name, index, share in (("Bill", 0, 4), ("Second", 2, 8)):
        first = report.sheets[index].columns[0] + 1
        sheet = after[name]
        assert [sheet.cell(3, first + each).value for each in (0, 1)] == ["Rate", "Supplier"]
        for line in range(4, 14):
            assert sheet.cell(line, first).value == line / share
            assert sheet.cell(line, first + 1).value == f"Supplier {line}/{share}"
        assert old_cells(before[name], first) == old_cells(sheet, first)
    assert [report.sheets[index].written for index in (0, 2)] == [22, 22]


def test_every_member_but_the_sheets_and_what_must_follow_is_the_same_bytes(rich: tuple[str, str, PatchReport]):
    source, target, _report = rich
    before, after = members(source), members(target)
    assert set(before) == set(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/styles.xml"}
    assert any("drawing" in name for name in before)
    assert any("comments" in name for name in before)


def test_a_sheet_without_edits_is_the_same_bytes(tmp_path: Path) -> None:
    source = rich_workbook(tmp_path / "bill.xlsx")
    target, _report = patched(source, {2: SheetEdits(RATE, rates(8), header_row=3)})
    assert members(source)["xl/worksheets/sheet1.xml"] == members(target)["xl/worksheets/sheet1.xml"]


def test_new_cells_look_like_their_neighbour_with_the_number_format_of_their_kind(
    rich: tuple[str, str, PatchReport]
) -> None:
    sheet = openpyxl.load_workbook(rich[1])["Bill"]
    column = rich[2].sheets[0].columns[0] + 1
    assert looks(sheet.cell(3, column)) == looks(sheet.cell(3, 4))
    for line in (4, 5):
        old, new = sheet.cell(line, column - 1), sheet.cell(line, column)
        assert looks(old)[1:] == looks(new)[1:]
        assert (old.number_format, new.number_format) == ("0.000", "#,##0.00")
    assert sheet.cell(4, column).fill.fgColor.rgb != sheet.cell(5, column).fill.fgColor.rgb
    assert sheet.column_dimensions["E"].width == 14


def test_each_pair_of_style_and_format_is_added_once(rich: tuple[str, str, PatchReport]):
    before, after = (len(re.findall("<xf ", member(path, "xl/styles.xml").split("<cellXfs")[1].split("</cellXfs")[0]))
                     for path in rich[:2])
    assert after - before == 4  # two bands, as money and as text
    assert f'<cellXfs count="{after}"' in member(rich[1], "xl/styles.xml")


def test_what_stands_behind_the_rows_stays(rich: tuple[str, str, PatchReport]):
    before, after = (member(path).split("</sheetData>")[1] for path in rich[:2])
    assert before == after
    assert "conditionalFormatting" in after
    assert "dataValidation" in after


def test_formulas_are_computed_again_on_opening(rich: tuple[str, str, PatchReport]):
    assert 'fullCalcOnLoad="1"' in member(rich[1], "xl/workbook.xml")
    assert member(rich[1]).count("<f") == member(rich[0]).count("<f")


def old_cells(sheet: Any, first: int) -> dict[tuple[int, int], Any]:
    """Cells left of column `first` (from 1) as openpyxl sees them."""
    return {key: (getattr(cell.value, "text", cell.value), looks(cell))
            for key, cell in sheet._cells.items() if key[1] < first}


def looks(cell: Any) -> tuple[str, ...]:
    return cell.number_format, *(repr(getattr(cell, name)) for name in ("font", "fill", "border", "alignment"))


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


def rewrite(path: str, replaced: dict[str, str]) -> None:
    content = members(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in content.items():
            archive.writestr(name, replaced.get(name, body))


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


# --- spelling


WIDE = '<c r="A1"><v>1</v></c>'


@pytest.mark.parametrize(
    ("sheet", "columns"),
    [
        pytest.param(data("<row><c><v>1</v></c><c><v>2</v></c></row>"), 2, id="no references"),
        pytest.param(data('<row r="1"><c r="A1"><v>1</v></c><c><v>2</v></c></row>'), 2, id="one without a reference"),
        pytest.param(data("<row r='1'><c r='A1'><v>1</v></c></row >"), 1, id="single quotes"),
        pytest.param(data('<row r="1"><c t="n" r="A1"><v>1</v></c></row>'), 1, id="attributes in other order"),
        pytest.param(data('<row\n  spans="1:1"\n  r="1"\n >\n <c r="A1">\n<v>1</v>\n</c>\n</row>\n'), 1, id="lines"),
        pytest.param(data('<!-- <row r="1"> </row> </sheetData> --><row r="1"><!-- <c r="F1"> --><c r="A1"><v>1</v>'
                          "<?go </row>?></c><!-- > --></row>"), 1, id="comments"),
        pytest.param(data('<row r="1"><c r="A1" t="str"><v><![CDATA[</c></row>]]></v></c></row>'), 1, id="CDATA"),
        pytest.param(data(row(1, WIDE, "<extLst><ext><a:c xmlns:a='a'/></ext></extLst>")), 1, id="extensions"),
        pytest.param('<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"><x:sheetData><x:row r="1">'
                     '<x:c r="A1"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>', 1, id="a prefix, strict"),
        pytest.param(data(row(1, WIDE)).replace("UTF-8", "utf-16").encode("utf-16"), 1, id="UTF-16"),
        pytest.param(data(row(1, '<c r="A1" t="str"><v>Zoë</v></c>')).replace("UTF-8", "latin-1").encode("latin-1"), 1,
                     id="Latin-1"),
        pytest.param(b"\xef\xbb\xbf" + data(row(1, WIDE)).encode(), 1, id="byte order mark"),
    ],
)
def test_unusual_spelling_is_understood_and_kept(tmp_path: Path, sheet: str | bytes, columns: int) -> None:
    source = package(tmp_path / "a.xlsx", sheet)
    before = rows_of(source)[1]
    target, report = patched(source, filled({1: ("é", 2), 3: ("x", 4)}, NewColumn("A"), NewColumn("B")))
    assert report.sheets[0].columns == (columns, columns + 1)
    assert rows_of(target) == {1: [*before, "é", "2"], 3: [*[""] * columns, "x", "4"]}
    text = members(target)[SHEET]
    if b"extLst" in text:
        assert text.index(b'r="C1"') < text.index(b"<extLst>")


def test_a_comment_over_two_pieces_hides_what_it_holds(tmp_path: Path) -> None:
    filler = b'<row r="1"><c r="A1"><v>1</v></c></row>' + b" " * (256 * 1024 - 120)
    comment = b"<!-- " + b"</sheetData><row r='9'><c r='Z9'><v>1</v></c></row>" * 9000 + b" -->"
    sheet = b"<worksheet><sheetData>" + filler + comment + row(2, number("A2")).encode() + b"</sheetData></worksheet>"
    target, report = patched(package(tmp_path / "a.xlsx", sheet), filled({1: 5, 2: 6}, NewColumn("Rate")))
    assert report.sheets[0].columns == (1,)
    assert rows_of(target) == {1: ["1", "5"], 2: ["1", "6"]}
    assert comment in members(target)[SHEET]


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


# --- the outline


@pytest.mark.parametrize(
    ("outline", "expected"),
    [
        ("<sheets>{}</sheets>", '</sheets><calcPr fullCalcOnLoad="1"/></workbook>'),
        ("<sheets>{}</sheets><definedNames/><oleSize/>", '<definedNames/><calcPr fullCalcOnLoad="1"/><oleSize/>'),
        ('<sheets>{}</sheets><calcPr calcId="1" fullCalcOnLoad="0"/>', '<calcPr calcId="1" fullCalcOnLoad="1"/>'),
        ("<sheets>{}</sheets><calcPr></calcPr>", '<calcPr fullCalcOnLoad="1"></calcPr>'),
    ],
)
def test_the_outline_asks_for_a_new_computation(tmp_path: Path, outline: str, expected: str) -> None:
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1"))))
    sheet = '<sheet name="A" sheetId="1" r:id="rId1"/>'
    rewrite(source, {"xl/workbook.xml": f'<workbook xmlns:r="r">{outline.format(sheet)}</workbook>'})
    target, _report = patched(source, filled({1: 5}, NewColumn("Rate")))
    assert expected in member(target, "xl/workbook.xml")


def test_macros_and_unknown_members_stay_as_they_are(tmp_path: Path) -> None:
    source = package(tmp_path / "a.xlsm", data(row(1, number("A1"))))
    with zipfile.ZipFile(source, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/vbaProject.bin", bytes(range(256)) * 40)
        archive.writestr("customXml/ünï.xml", "<a/>")
    target, _report = patched(source, filled({1: 5}, NewColumn("Rate")))
    assert {name for name, body in members(source).items() if members(target)[name] != body} == {
        SHEET, "xl/workbook.xml"}
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target) as after:
        assert [(info.filename, info.compress_type, info.compress_size) for info in before.infolist()[5:]] == [
            (info.filename, info.compress_type, info.compress_size) for info in after.infolist()[-3:-1]]


# --- what is refused


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        (data(row(1, WIDE)).removesuffix("</worksheet>"), FileProblem.CORRUPT_FILE),
        (data('<row r="1"><c r="A1"><v>1</c></row>'), FileProblem.CORRUPT_FILE),
        (data(row(1, WIDE)).replace("<v>", "<v>&nope;"), FileProblem.CORRUPT_FILE),
        (data(row(1, WIDE)) + "<!-- ", FileProblem.CORRUPT_FILE),
        ("", FileProblem.CORRUPT_FILE),
        ("\x00\x01 no XML", FileProblem.CORRUPT_FILE),
        (data(row(1, WIDE)).replace("UTF-8", "utf-99"), FileProblem.CORRUPT_FILE),
        (data(row(1, WIDE)).replace("UTF-8", "rot13"), FileProblem.CORRUPT_FILE),
        (b"\xff\xfe" + "<worksheet>".encode("utf-16-le") + b"\x00\xd8\x00", FileProblem.CORRUPT_FILE),
        ('<!DOCTYPE a [<!ENTITY b "c">]><worksheet><sheetData/></worksheet>', FileProblem.ENTITY_BOMB),
        (data('<row r="9999999999999"/>'), FileProblem.TOO_MANY_ROWS),
    ],
)
def test_damage_and_deceit_are_refused_and_nothing_is_left(
    tmp_path: Path, sheet: str | bytes, problem: FileProblem
) -> None:
    source = package(tmp_path / "a.xlsx", sheet)
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is problem
    assert not (tmp_path / "patched.xlsx").exists()


@pytest.mark.parametrize("part", ["styles", "outline"])
def test_entities_are_refused_in_the_parts_that_are_rewritten(tmp_path: Path, part: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>'
    source = package(tmp_path / "a.xlsx", data(row(1, WIDE)), styles=(bomb if part == "styles" else "") + STYLES)
    if part == "outline":
        rewrite(source, {"xl/workbook.xml": bomb + member(source, "xl/workbook.xml")})
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is FileProblem.ENTITY_BOMB


def _endless_row() -> Iterable[bytes]:
    return [b'<worksheet><sheetData><row r="1">', *[b'<c r="A1"/>' * 100_000] * 4, b"</row></sheetData></worksheet>"]


@pytest.mark.parametrize(
    ("sheet", "limits"),
    [
        (_endless_row(), Limits(max_unpacked_bytes=MIB)),
        (_endless_row(), Limits(free_unpacked_bytes=MIB, max_ratio=20)),
        ([b"<worksheet><sheetData/><!--", *[b"x>" * (MIB // 2)] * 12, b"--></worksheet>"], Limits()),
    ],
    ids=["total", "ratio", "one mark"],
)
def test_bombs_are_refused(tmp_path: Path, sheet: Iterable[bytes], limits: Limits) -> None:
    with pytest.raises(FileRefused) as refused:
        patched(package(tmp_path / "a.xlsx", sheet), filled({1: 5}, NewColumn("Rate")), limits=limits)
    assert refused.value.code is FileProblem.ARCHIVE_BOMB


def test_a_row_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        patched(package(tmp_path / "a.xlsx", _endless_row()), filled({1: 5}, NewColumn("Rate")),
                limits=Limits(max_row_chars=MIB // 4))
    assert refused.value.code is FileProblem.CELL_TOO_LONG


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    source = Path(package(tmp_path / "a.xlsx", data(row(1, WIDE))))
    with zipfile.ZipFile(source, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("media.bin", bytes(MIB))
        for place in range(3):
            twin = zipfile.ZipInfo(f"twin{place}.bin")
            for name in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(twin, name, getattr(archive.getinfo("media.bin"), name))
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is FileProblem.ARCHIVE_BOMB


def test_a_full_sheet_and_unknown_structure_are_unpatchable(tmp_path: Path) -> None:
    full = package(tmp_path / "a.xlsx", data(row(1, '<c r="XFD1"><v>1</v></c>')))
    odd = package(tmp_path / "b.xlsx", data("<other/>"))
    hollow = package(tmp_path / "c.xlsx", "<worksheet/>")
    for source in (full, odd, hollow):
        with pytest.raises(Unpatchable):
            patched(source, filled({1: 5}, NewColumn("Rate")))
        assert not (tmp_path / "patched.xlsx").exists()


@pytest.mark.parametrize("lines", [[(2, (5,)), (1, (5,))], [(1, (5, 6))], [(0, (5,))], [(1_048_577, (5,))]])
def test_edits_out_of_order_or_shape_are_an_error_of_the_caller(tmp_path: Path, lines: Sequence[Any]) -> None:
    with pytest.raises(ValueError, match="row"):
        patched(package(tmp_path / "a.xlsx", data(row(1, WIDE))), SheetEdits((NewColumn("Rate"),), lines))
    assert not (tmp_path / "patched.xlsx").exists()


def test_a_sheet_that_is_none_is_an_error_of_the_caller(tmp_path: Path) -> None:
    source = rich_workbook(tmp_path / "bill.xlsx")
    with pytest.raises(ValueError, match=r"\[1\]"):
        patched(source, {1: SheetEdits(RATE, rates(4))})
    with pytest.raises(ValueError, match="edits of columns"):
        patched(source, filled({4: (1, 2)}, Target("D"), Target(3)))


# --- size


def test_memory_does_not_grow_with_the_sheet(tmp_path: Path) -> None:
    head, foot, text = b"<worksheet><sheetData>", b"</sheetData></worksheet>", "text " * 1600
    rows = (f'<row r="{n}"><c r="A{n}" t="str"><v>{n}{text}</v></c></row>'.encode() for n in range(1, 2_501))
    source = package(tmp_path / "a.xlsx", (piece for part in ([head], rows, [foot]) for piece in part))
    edits = SheetEdits(RATE, ((n, (n, f"{n}{text}")) for n in range(1, 2_501)))
    tracemalloc.start()
    try:
        _target, report = patched(source, edits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.sheets[0].written == 5_000
    assert peak < 6 * MIB


# --- results of formulas


@pytest.mark.parametrize(
    ("formula", "holds"),
    [
        ("A1*2", True), ("SUM(D1:D9)", False), ("$D$1+1", False), ("d1", False), ("SUM(A1:E1)", False),
        ("SUM(C:F)", False), ("SUM(1:1)", False), ("E1*2", False), ("F1&amp;\"D1\"", True), ("Other!D1", True), ("Other!B1", False),
        ("'Other'!B1", False), ("[1]A!D1", True), ("Rates", False), ("INDIRECT(A1)", False), ("OFFSET(A1,0,3)", False),
        ("Table1[Rate]", False), ("IF(TRUE,1.5E3,LOG10(A1))", True), ("A1:A3 B2", True), ("#REF!+1", True),
        ("SUM(A:Z!B1)", False), ("A1#", False),
    ],
)
def test_results_that_may_not_hold_go_and_others_stay(tmp_path: Path, formula: str, holds: bool) -> None:
    first = data(row(1, number("A1"), '<c r="D1"/>', '<c r="E1"><f>D1*2</f><v>0</v></c>', number("F1"),
                     f'<c r="G1"><f>{formula}</f><v>7</v></c>', '<c r="H1"><f t="shared" si="0" ref="H1:H2">D1</f>'
                     "<v>7</v></c>"), row(2, '<c r="H2"><f t="shared" si="0"/><v>7</v></c>'))
    source = package(tmp_path / "a.xlsx", first)
    other = data(row(1, '<c r="A1"><f>B1</f><v>1</v></c><c r="B1"><f>A!E1</f><v>1</v></c>', number("D1")))
    relations = member(source, "xl/_rels/workbook.xml.rels").replace(
        "</Rel", '<Relationship Id="x" Type="a/worksheet" Target="worksheets/other.xml"/></Rel', 1)
    outline = member(source, "xl/workbook.xml").replace("</sheets>", '<sheet name="Other" r:id="x"/></sheets>')
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("xl/worksheets/other.xml", other)
    rewrite(source, {"xl/_rels/workbook.xml.rels": relations, "xl/workbook.xml": outline})
    target, _report = patched(source, filled({1: 5}, Target("D")))
    assert (f"<f>{formula}</f><v>7</v>" in member(target)) is holds
    assert f"<f>{formula}</f>" in member(target)
    assert "<f>D1*2</f></c>" in member(target)
    assert '<f t="shared" si="0"/></c>' in member(target)
    assert member(target, "xl/worksheets/other.xml") == other.replace("<v>1</v></c><c", "</c><c").replace(
        "E1</f><v>1</v>", "E1</f>")


def test_all_results_hold_where_only_a_new_column_is_filled(tmp_path: Path) -> None:
    cells = [f'<c r="{letter}1"><f>{formula}</f><v>7</v></c>'
             for letter, formula in zip("BCD", ("A1*2", "Rates+INDIRECT(A1)", "SUM(A1:C1)"), strict=True)]
    source = package(tmp_path / "a.xlsx", data(row(1, number("A1"), *cells)))
    target, _report = patched(source, filled({1: 5}, NewColumn("Rate")))
    assert "".join(cells) in member(target)


# --- packed, and other people's workbooks


def test_a_workbook_that_is_packed_alone_is_patched_and_one_among_others_is_not(tmp_path: Path) -> None:
    import gzip

    source = Path(package(tmp_path / "a.xlsx", data(row(1, WIDE))))
    edits = {0: filled({1: 5}, NewColumn("Rate"))}
    (tmp_path / "a.xlsx.gz").write_bytes(gzip.compress(source.read_bytes()))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(source, "folder/a.xlsx")
        archive.writestr("__MACOSX/._a.xlsx", b"litter")
    for name in ("a.xlsx.gz", "a.zip"):
        report = patch_file(str(tmp_path / name), name, str(tmp_path / "out"), edits)
        assert (report.kind, rows_of(str(tmp_path / "out"))) == ("xlsx", {1: ["1", "5"]})
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("b.csv", "a,b")
    with pytest.raises(Unpatchable):
        patch_file(str(tmp_path / "a.zip"), "a.zip", str(tmp_path / "out"), edits)


@pytest.mark.parametrize("name", ["date.ods", "date.xls", "date.xlsb"])
def test_other_formats_are_unpatchable(tmp_path: Path, name: str) -> None:
    source = DATA / "sheets_calamine" / name
    if not source.exists():
        pytest.skip(f"{source.parent.name} is not beside the checkout")
    with pytest.raises(Unpatchable):
        patch_workbook(str(source), str(tmp_path / "out.xlsx"), {0: filled({1: 5}, NewColumn("Rate"))})


FOLDERS = ["sheets_calamine", "sheets_closedxml", "sheets_poi", "sheets_sheetjs", "sheets_xlsxwriter"]
ODD = ("duplicate-filename", "FormulasWithEvaluation")
"""Two members of one name, of which programs open different ones; sums over whole rows, new columns included."""
A_FOLDER = 8
"""Workbooks of a folder that one run tries, spread over all of them."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_workbooks_of_other_programs_keep_all_they_had(tmp_path: Path, folder: str) -> None:
    found = sorted(path for path in (DATA / folder).rglob("*.xls[xm]") if not path.name.startswith(ODD))
    if not found:
        pytest.skip(f"{folder} is not beside the checkout")
    done = 0
    for source in found[:: max(1, len(found) // A_FOLDER)]:
        done += _holds_all(source, str(tmp_path / "patched.xlsx"))
    assert done


def _holds_all(source: Path, target: str) -> bool:
    """Patch all sheets of a file; False where it cannot be read at all."""
    try:
        before = {sheet.index: dict(sheet.rows) for sheet in sheets(str(source), source.name, Limits())}
        report = patch_workbook(str(source), target, {
            index: SheetEdits(RATE, [(n, (Decimal(n) / 4, f"row {n}")) for n in rows])
            for index, rows in before.items()})
    except (FileRefused, Unpatchable):
        return False
    for index, rows in before.items():
        first = report.sheets[index].columns[0]
        after = rows_of(target, index)
        assert after.keys() == rows.keys(), source
        for n, cells in rows.items():
            assert after[n][:first] == cells + [""] * (first - len(cells)), source
            if not report.sheets[index].covered:
                assert (float(after[n][first]), after[n][first + 1]) == (n / 4, f"row {n}"), source
        _same_in_calamine(source, target, index, first)
    _same_in_openpyxl(source, target, report)
    old, new = members(str(source)), members(target)
    assert all("sheet" in name.lower() or name.endswith(("workbook.xml", "styles.xml"))
               for name in old if not name.endswith("/") and old[name] != new[name]), source
    return True


def _same_in_calamine(source: Path, target: str, index: int, first: int) -> None:
    before, after = (_calamine_cells(path, index) for path in (str(source), target))
    if before is not None:
        assert after is not None, source
        assert {key: value for key, value in after.items() if key[1] < first} == before, source


def _calamine_cells(path: str, index: int) -> dict[tuple[int, int], Any] | None:
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(index)
        rows = sheet.to_python(skip_empty_area=False)
    except BaseException:
        return None
    return {(n, column): value for n, cells in enumerate(rows) for column, value in enumerate(cells) if value != ""}


def _same_in_openpyxl(source: Path, target: str, report: PatchReport) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            before = openpyxl.load_workbook(source)
        except Exception:  # it cannot read all of these files
            return
        after = openpyxl.load_workbook(target)
    for index in report.sheets:
        first = report.sheets[index].columns[0] + 1
        old, new = (old_cells(book._sheets[index], first) for book in (before, after))
        assert old == new, source
