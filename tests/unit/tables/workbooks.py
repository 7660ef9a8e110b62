"""Workbooks written by hand, part by part, for what no library would write."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_ROOT = (
    '<Relationships><Relationship Id="r" Type="http://example.org/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
_RELATIONS = (
    '<Relationships><Relationship Id="rId1" Type="http://example.org/worksheet" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId2" Type="http://example.org/sharedStrings" Target="sharedStrings.xml"/>'
    '<Relationship Id="rId3" Type="http://example.org/styles" Target="styles.xml"/></Relationships>'
)


def package(
    path: Path,
    sheet: str | bytes | Iterable[bytes],
    *,
    strings: str | Iterable[bytes] = "",
    styles: str = "",
    workbook: str = "",
) -> str:
    """A workbook of one sheet named `A`, whose XML is `sheet`."""
    outline = f'<workbook xmlns:r="r">{workbook}<sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _ROOT)
        archive.writestr("xl/workbook.xml", outline)
        archive.writestr("xl/_rels/workbook.xml.rels", _RELATIONS)
        _write(archive, "xl/worksheets/sheet1.xml", sheet)
        if strings:
            _write(archive, "xl/sharedStrings.xml", strings)
        if styles:
            archive.writestr("xl/styles.xml", styles)
    return str(path)


def data(*rows: str) -> str:
    """A worksheet's XML around rows."""
    return f'<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>{"".join(rows)}</sheetData></worksheet>'


def _write(archive: zipfile.ZipFile, name: str, content: str | bytes | Iterable[bytes]) -> None:
    pieces = [content.encode()] if isinstance(content, str) else [content] if isinstance(content, bytes) else content
    with archive.open(name, "w") as member:
        for piece in pieces:
            member.write(piece)
