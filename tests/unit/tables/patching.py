"""Workbooks to write values into, edits in short, and a look at what came out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter
from PIL import Image

from chalicelib.tables.limits import Limits
from chalicelib.tables.patch import Format, NewColumn, PatchReport, SheetEdits, Target, patch_workbook
from chalicelib.tables.raw import sheets

SHEET = "xl/worksheets/sheet1.xml"
ONE = '<c r="A1"><v>1</v></c>'
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


def rewrite(path: str, replaced: dict[str, str]) -> None:
    content = members(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in content.items():
            archive.writestr(name, replaced.get(name, body))


def old_cells(sheet: Any, first: int) -> dict[tuple[int, int], Any]:
    """Cells left of column `first` (from 1) as openpyxl sees them."""
    return {key: (getattr(cell.value, "text", cell.value), looks(cell))
            for key, cell in sheet._cells.items() if key[1] < first}


def looks(cell: Any) -> tuple[str, ...]:
    return cell.number_format, *(repr(getattr(cell, name)) for name in ("font", "fill", "border", "alignment"))
