"""A patched workbook as LibreOffice opens it: nothing lost, formulas computed over what was filled."""

from __future__ import annotations

import csv
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from chalicelib.tables.patch import SheetEdits, Target, patch_workbook
from tests.unit.tables.patching import RATE, filled, rates, rich_workbook

# openpyxl says that it would drop the data bar's extension; it only reads here.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The patched workbook (its Rate column filled, another one added), saved by LibreOffice as xlsx and as csv."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed (libreoffice-calc): nobody opens the patched workbook as people do")
    folder = tmp_path_factory.mktemp("office")
    source, patched = rich_workbook(folder / "bill.xlsx"), str(folder / "patched.xlsx")
    first = filled({line: (Decimal(line) / 4, f"=Supplier {line}") for line in range(4, 14)}, Target("D"), RATE[1],
                   header_row=3)
    patch_workbook(source, patched, {0: first, 2: SheetEdits(RATE, rates(8), header_row=3)})
    for ending in ("xlsx", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"):
        subprocess.run([program, "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to",
                        ending, "--outdir", str(folder / "out"), patched], check=True, capture_output=True,
                       timeout=120)
    return folder


def test_libreoffice_keeps_what_was_there_and_finds_the_rates_in_their_rows(office: Path) -> None:
    before, after = (openpyxl.load_workbook(office / name) for name in ("bill.xlsx", "out/patched.xlsx"))
    assert after.sheetnames == before.sheetnames
    assert (after["Second"].sheet_state, len(after["Bill"]._charts), len(after["Bill"]._images)) == ("hidden", 1, 1)
    assert [str(each) for each in after["Bill"].merged_cells.ranges] == ["A1:F1"]
    assert after["Bill"]["A4"].comment.text.strip() == "ask Ada"
    for name in ("Bill", "Second"):
        for line in range(3, 14):
            old, new = before[name].cell(line, 1), after[name].cell(line, 1)
            assert (old.value, old.font.b, old.fill.fgColor.rgb) == (new.value, new.font.b, new.fill.fgColor.rgb)
    for line in range(4, 14):
        assert after["Bill"].cell(line, 4).value == line / 4
        assert after["Bill"].cell(line, 5).value == f"=Supplier {line}"
        assert after["Bill"].cell(line, 5).data_type in ("s", "f")
        assert after["Second"].cell(line, 3).value == line / 8
        assert after["Second"].cell(line, 4).value == f"Supplier {line}/8"
        assert after["Bill"].cell(line, 5).fill.fgColor.rgb == before["Bill"].cell(line, 3).fill.fgColor.rgb
    assert after["Second"]["C4"].number_format == "#,##0.00"


def test_libreoffice_computes_formulas_over_what_was_filled(office: Path) -> None:
    with (office / "out" / "patched-Bill.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert float(rows[13][1]) == sum(range(4, 14)) / 4
    assert rows[4][4] == "=Supplier 5"
    assert float(rows[14][2]) == 6
