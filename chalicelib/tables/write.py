"""Tables out: CSV, XLSX and JSON lines, a row at a time, safe to open in a spreadsheet program.

A cell that begins with `=`, `+`, `-`, `@`, tab or carriage return can run as a formula when a person opens the file
(OWASP, "CSV Injection"); such cells get a leading apostrophe in CSV. In XLSX every cell is stored as text and needs
none. Phone numbers and plain negative numbers are no formulas, and stay as they are.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = Mapping[str, Any]


class TableWriter(Protocol):
    """Writes rows of `columns` to a local file; keys that are no column are ignored. Close to finish the file."""

    def write(self, row: Row) -> None: ...

    def close(self) -> None: ...


class _Closing:
    """`with` for writers: the file is finished also where writing failed, so that it can be removed."""

    def close(self) -> None:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class CsvWriter(_Closing):
    """UTF-8, every cell quoted, lines ended by CRLF (RFC 4180). `missing` stands for absent and None values."""

    def __init__(self, path: str, columns: Sequence[str], *, bom: bool = False, missing: str = "") -> None:
        self._columns = list(columns)
        self._missing = missing
        self._file = Path(path).open("w", encoding="utf-8-sig" if bom else "utf-8", errors="replace", newline="")  # noqa: SIM115
        self._csv = csv.writer(self._file, quoting=csv.QUOTE_ALL)
        self._csv.writerow([safe_text(column) for column in self._columns])

    def __enter__(self) -> CsvWriter:
        return self

    def write(self, row: Row) -> None:
        self._csv.writerow([safe_text(text_of(row.get(column), self._missing)) for column in self._columns])

    def close(self) -> None:
        self._file.close()


class XlsxWriter(_Closing):
    """One worksheet of text cells, streaming. `bom` is accepted and means nothing here."""

    def __init__(
        self, path: str, columns: Sequence[str], *, bom: bool = False, missing: str = "", sheet_name: str = "Sheet1"
    ) -> None:
        from openpyxl import Workbook

        del bom
        self._path = path
        self._columns = list(columns)
        self._missing = missing
        self._workbook = Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet(sheet_name)
        self._closed = False
        self._append(self._columns)

    def __enter__(self) -> XlsxWriter:
        return self

    def write(self, row: Row) -> None:
        self._append([text_of(row.get(column), self._missing) for column in self._columns])

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._workbook.save(self._path)

    def _append(self, texts: Sequence[str]) -> None:
        from openpyxl.cell import WriteOnlyCell

        cells = []
        for text in texts:
            cell = WriteOnlyCell(self._sheet)
            # The constructor would make `=1+1` a formula and `#N/A` an error; set as text, they stay what they are.
            cell.value, cell.data_type = _storable(text), "s"
            cells.append(cell)
        self._sheet.append(cells)


class JsonlWriter(_Closing):
    """One JSON object a line, UTF-8; absent values are null."""

    def __init__(self, path: str, columns: Sequence[str], *, bom: bool = False) -> None:
        self._columns = list(columns)
        self._file = Path(path).open("w", encoding="utf-8-sig" if bom else "utf-8", errors="replace", newline="\n")  # noqa: SIM115

    def __enter__(self) -> JsonlWriter:
        return self

    def write(self, row: Row) -> None:
        line = {column: row.get(column) for column in self._columns}
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")

    def close(self) -> None:
        self._file.close()


def safe_text(text: str) -> str:
    """The text as a CSV cell that no program takes for a formula."""
    if text and text[0] in _DANGEROUS and not _HARMLESS.fullmatch(text):
        return "'" + text
    return text


def text_of(value: Any, missing: str = "") -> str:
    """A stored value as cell text: None is `missing`, booleans as spreadsheets show them, the rest as JSON or str."""
    if value is None:
        return missing
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


_DANGEROUS = "=+-@\t\r\n"
_HARMLESS = re.compile(r"[+-][0-9][0-9 ().-]*")
"""`+41 79 123 45 67` and `-3.5`: digits and punctuation that compute nothing worse than a number."""
_LONGEST_CELL = 32_767
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _storable(text: str) -> str:
    """What XML can hold, cut to the length that Excel opens."""
    return _UNSTORABLE.sub("\ufffd", text)[:_LONGEST_CELL]
