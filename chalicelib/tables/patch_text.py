"""New columns in a delimited text file, behind records that keep their bytes.

The bytes are read as if they were Latin-1, in which every byte is a character and comes out as it went in: delimiters,
quotes and newlines are ASCII in every encoding that we read but UTF-16 and UTF-32, which are decoded.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple, TextIO

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.delimited import detect_delimiter
from chalicelib.tables.encoding import scan
from chalicelib.tables.limits import Limits
from chalicelib.tables.patch_edits import NewColumn, PatchReport, SheetEdits, SheetReport, Unpatchable, Value
from chalicelib.tables.patch_values import number_digits
from chalicelib.tables.sniff import Kind
from chalicelib.tables.write import safe_text, text_of

_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
_TRAILS = ("cp932", "gb18030", "big5", "euc_kr", "euc_jp")
"""Encodings whose second bytes can be `|`."""
_BYTES_A_CHARACTER = 4
_MARKS = {b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be"}
_SHORT_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_END = "\x00 end of file \x00"
"""A last record that no file holds: where it does not come out alone, a quote was never closed."""


def patch_text(
    path: str, file_name: str, target: str, edits: Mapping[int, SheetEdits], limits: Limits
) -> PatchReport:
    """As `patch.patch_csv`, of a file that is not packed."""
    if set(edits) - {0}:
        raise ValueError("A text file has one sheet, number 0.")
    if not edits or not all(isinstance(column, NewColumn) for column in edits[0].columns):
        raise Unpatchable("Only new columns can be written into a text file.")
    dialect = _dialect(path, file_name, limits)
    with dialect.open(path) as source:
        width = max((record.width for record in _records(source, dialect, limits)), default=0)
    report = SheetReport(tuple(range(width, width + len(edits[0].columns))))
    with dialect.open(path) as source, dialect.create(target) as out:
        writer = _Writer(out, dialect, width, report)
        lines = edits[0].lines()
        line = next(lines, None)
        number = 0
        for number, text, fields in _records(source, dialect, limits):
            if line is not None and line[0] == number:
                writer.extend(text, fields, line[1])
                line = next(lines, None)
            else:
                out.write(text)
    if line is not None:
        raise ValueError(f"row {line[0]} of a file of {number} records")
    return PatchReport({0: report}, Kind.TEXT)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How the file is read (`reads`), how text becomes part of it (`encoding`), and how it is cut."""

    reads: str
    encoding: str
    mark: str
    delimiter: str
    skipped: int

    def open(self, path: str) -> TextIO:
        file = Path(path).open(encoding=self.reads, newline="")  # noqa: SIM115 - the caller closes it
        file.read(len(self.mark))
        return file

    def create(self, path: str) -> TextIO:
        file = Path(path).open("w", encoding=self.reads, newline="")  # noqa: SIM115 - the caller closes it
        file.write(self.mark)
        return file


class _Record(NamedTuple):
    """A record's number, its text as it stands in the file, and how many fields it has."""

    number: int
    text: str
    width: int


def _dialect(path: str, file_name: str, limits: Limits) -> _Dialect:
    found = scan(path)
    if found.longest_line > limits.max_row_chars:
        raise FileRefused(FileProblem.CELL_TOO_LONG)
    encoding = "utf-8" if found.encoding == "utf-8-sig" else found.encoding
    with Path(path).open("rb") as file:
        head = file.read(4)
    reads, mark = "latin-1", "\xef\xbb\xbf" if head.startswith(b"\xef\xbb\xbf") else ""
    if encoding in _WIDE:
        exact = _MARKS.get(head) or _SHORT_MARKS.get(head[:2])
        reads, mark = exact or encoding, "\ufeff" if exact else ""
        encoding = reads
    with Path(path).open(encoding=found.encoding, errors="replace", newline="") as text:
        delimiter, skipped = detect_delimiter(text, file_name)
    if delimiter == "|" and encoding in _TRAILS:
        raise Unpatchable("Delimiters cannot be told from letters in this file.")
    return _Dialect(reads, encoding, mark, delimiter, skipped)


def _records(file: TextIO, dialect: _Dialect, limits: Limits) -> Iterator[_Record]:
    """The records as the reader numbers them; lines before the first (`sep=;`) are number 0."""
    for _ in range(dialect.skipped):
        yield _Record(0, file.readline(), 0)
    try:
        yield from _cut(file, dialect.delimiter, limits)
    except csv.Error as error:
        raise FileRefused(FileProblem.CELL_TOO_LONG) from error
    except UnicodeError as error:
        raise Unpatchable("The file is not in one encoding.") from error


def _cut(lines: TextIO, delimiter: str, limits: Limits) -> Iterator[_Record]:
    taken: list[str] = []

    def fed() -> Iterator[str]:
        for line in lines:
            if taken or len(line) > limits.max_cell_chars:
                # Another reader in this process may have set its own limit meanwhile.
                csv.field_size_limit(limits.max_cell_chars * _BYTES_A_CHARACTER)
            taken.append(line)
            yield line.replace("\0", "")
        yield _END

    for number, cells in enumerate(csv.reader(fed(), delimiter=delimiter), 1):
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            raise Unpatchable("A quote in the file never closes: what follows it cannot be told from its text.")
        yield _Record(number, "".join(taken), len(cells))
        taken.clear()


class _Writer:
    """Writes records with cells behind them."""

    def __init__(self, out: TextIO, dialect: _Dialect, width: int, report: SheetReport) -> None:
        self._out = out
        self._dialect = dialect
        self._width = width
        self._report = report

    def extend(self, text: str, fields: int, values: Sequence[Value | None]) -> None:
        self._report.written += sum(value is not None for value in values)
        body = text.rstrip("\r\n")
        # Up to the widest record, so that new cells stand below their header.
        gap = self._dialect.delimiter * (self._width - max(fields, 1))
        cells = self._dialect.delimiter.join(map(self._cell, values))
        self._out.write(f"{body}{gap}{self._dialect.delimiter}{cells}{text[len(body) :]}")

    def _cell(self, value: Value | None) -> str:
        text = safe_text(_shown(value))
        if text != text.strip() or any(sign in text for sign in (self._dialect.delimiter, '"', "\r", "\n")):
            text = '"' + text.replace('"', '""') + '"'
        return self._encoded(text)

    def _encoded(self, text: str) -> str:
        """Text as the file's encoding would have it, in the characters that the file is read by."""
        try:
            inside = text.encode(self._dialect.encoding)
        except UnicodeEncodeError:
            self._report.lossy += 1
            inside = text.encode(self._dialect.encoding, "replace")
        return inside.decode(self._dialect.reads)


def _shown(value: Value | None) -> str:
    """Numbers as plain digits, days as ISO 8601."""
    if value is None or isinstance(value, (str, bool)):
        return text_of(value)
    if isinstance(value, date):
        return value.isoformat()
    return number_digits(value) or str(value)
