"""Files that answers are made of: rows into CSV, XLSX or JSONL through one temporary file, and links to stored ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.s3 import Blobs
from chalicelib.api.models import FileFormat
from chalicelib.tables.write import CsvWriter, JsonlWriter, XlsxWriter

LINK_SECONDS = 3600
MISSING = "N/A"
SHEET_ROWS = 1_048_575
"""Rows below the header of one worksheet (Excel's own limit)."""

CONTENT_TYPES: Mapping[FileFormat, str] = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.JSONL: "application/jsonl; charset=utf-8",
    FileFormat.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows become a file. `missing` stands for values that a row does not have; JSONL always has null."""

    format: FileFormat
    columns: Sequence[str]
    missing: str = MISSING
    bom: bool = False


def write_rows(path: str, rows: Iterable[Mapping[str, Any]], layout: Layout) -> int:
    """Write `rows` to `path`, streaming; answers how many. Cells that a spreadsheet would run are made harmless."""
    count = 0
    with _writer(path, layout) as out:
        for row in rows:
            out.write(row)
            count += 1
    return count


def link_to(blobs: Blobs, key: str, filename: str, format_: FileFormat) -> str:
    """A link that downloads a stored file for `LINK_SECONDS` without a token."""
    return blobs.presigned_get(key, LINK_SECONDS, filename, CONTENT_TYPES[format_])


def _writer(path: str, layout: Layout) -> CsvWriter | XlsxWriter | JsonlWriter:
    if layout.format is FileFormat.CSV:
        return CsvWriter(path, layout.columns, bom=layout.bom, missing=layout.missing)
    if layout.format is FileFormat.XLSX:
        return XlsxWriter(path, layout.columns, missing=layout.missing)
    return JsonlWriter(path, layout.columns, bom=layout.bom)
