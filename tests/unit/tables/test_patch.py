"""Values written back into somebody's workbook: in the right cells, looking like their neighbours, all else kept."""

from __future__ import annotations

import gzip
import re
import warnings
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from chalicelib.errors import FileRefused
from chalicelib.tables.limits import Limits
from chalicelib.tables.patch import NewColumn, PatchReport, SheetEdits, Unpatchable, patch_file, patch_workbook
from chalicelib.tables.raw import sheets
from tests.unit.tables.patching import (
    ONE,
    RATE,
    filled,
    looks,
    member,
    members,
    old_cells,
    patched,
    rates,
    rich_workbook,
    row,
    rows_of,
)
from tests.unit.tables.test_corpora import DATA
from tests.unit.tables.workbooks import data, package


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


# --- packed, and other people's workbooks


def test_a_workbook_that_is_packed_alone_is_patched_and_one_among_others_is_not(tmp_path: Path) -> None:
    source = Path(package(tmp_path / "a.xlsx", data(row(1, ONE))))
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
