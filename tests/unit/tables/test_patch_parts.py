"""However a workbook spells its parts, they are understood; and the parts around a sheet follow its cells."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from chalicelib.tables.patch import NewColumn, Target
from tests.unit.tables.patching import ONE, SHEET, filled, member, members, number, patched, rewrite, row, rows_of
from tests.unit.tables.workbooks import data, package

# --- spelling


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
        pytest.param(data(row(1, ONE, "<extLst><ext><a:c xmlns:a='a'/></ext></extLst>")), 1, id="extensions"),
        pytest.param('<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"><x:sheetData><x:row r="1">'
                     '<x:c r="A1"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>', 1, id="a prefix, strict"),
        pytest.param(data(row(1, ONE)).replace("UTF-8", "utf-16").encode("utf-16"), 1, id="UTF-16"),
        pytest.param(data(row(1, '<c r="A1" t="str"><v>Zoë</v></c>')).replace("UTF-8", "latin-1").encode("latin-1"), 1,
                     id="Latin-1"),
        pytest.param(b"\xef\xbb\xbf" + data(row(1, ONE)).encode(), 1, id="byte order mark"),
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


# --- results of formulas


@pytest.mark.parametrize(
    ("formula", "holds"),
    [
        ("A1*2", True), ("SUM(D1:D9)", False), ("$D$1+1", False), ("d1", False), ("SUM(A1:E1)", False),
        ("SUM(C:F)", False), ("SUM(1:1)", False), ("E1*2", False), ("F1&amp;\"D1\"", True), ("Other!D1", True),
        ("Other!B1", False),
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
