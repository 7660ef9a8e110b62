"""Delimited text (csv, tsv and their relatives) as one raw sheet, streaming, through the standard library's reader.

The worksheet of a text file is called `Sheet1`, as spreadsheet programs would show it. Row numbers count records, not
lines, because that is what a person sees; a leading `sep=;` line is an instruction and not a row.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.encoding import Scan, scan
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.raw import RawSheet, Row

SHEET_NAME = "Sheet1"
DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 64 * 1024
_SAMPLE_ROWS = 100
_END = "\x00 end of file \x00"
"""A last record that no file holds: where it does not come out alone, a quote was never closed."""


def text_sheets(path: str, file_name: str, limits: Limits) -> Iterator[RawSheet]:
    """The one sheet of a text file."""
    yield RawSheet(0, SHEET_NAME, False, text_rows(path, file_name, limits))


def text_rows(path: str, file_name: str, limits: Limits) -> Iterator[Row]:
    """Rows with their record numbers. Raises FileRefused: CELL_TOO_LONG, TOO_MANY_COLUMNS.

    How many there may be is for the reader of the table to say, who knows which of them are data.
    """
    found = scan(path)
    with _open(path, found) as file:
        delimiter, start = detect_delimiter(file, file_name)
        file.seek(0)
        list(islice(file, start))
        if found.longest_line > limits.max_row_chars:
            raise _too_long_line(file, delimiter, limits)
        yield from _Records(file, delimiter, found, limits).rows()


def detect_delimiter(file: TextIO, file_name: str) -> tuple[str, int]:
    """The delimiter and the number of lines before the first record (1 after `sep=`, else 0).

    The one that cuts the most sampled records into the same number of fields, two at least; a comma where none does.
    """
    sample = file.read(_SAMPLE_CHARS)
    first = sample.partition("\n")[0].strip().strip('"')
    if first[:4].lower() == "sep=" and len(first) <= 5:
        return first[4:5] or "\t", 1
    if len(sample) == _SAMPLE_CHARS:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    likely = "\t" if file_name.lower().endswith((".tsv", ".tab")) else ","
    scores = {each: (_agreement(sample, each), each == likely) for each in DELIMITERS}
    best = max(scores, key=lambda each: scores[each])
    return (best, 0) if scores[best][0] else (likely, 0)


def _agreement(sample: str, delimiter: str) -> float:
    """Share of records with the commonest width, weighted by that width (weakly: commas inside prose are many)."""
    try:
        widths = [len(row) for row in islice(csv.reader(sample.splitlines(keepends=True), delimiter=delimiter),
                                             _SAMPLE_ROWS) if row]
    except csv.Error:
        return 0.0
    common = Counter(width for width in widths if width > 1).most_common(1)
    if not common:
        return 0.0
    width, count = common[0]
    return count / len(widths) * (1 + min(width, 20) / 50)


class _Records:
    """Walks the csv reader and keeps watch over what it swallows, a batch of lines at a time, at C speed between."""

    _STUCK = 8

    def __init__(self, file: TextIO, delimiter: str, found: Scan, limits: Limits) -> None:
        self._file = file
        self._delimiter = delimiter
        self._limits = limits
        self._zeros = found.zeros
        self._number = 0
        self._over = False
        # The csv module keeps this limit for the whole process; every reading sets its own before it starts.
        csv.field_size_limit(limits.max_cell_chars)

    def rows(self) -> Iterator[Row]:
        return self._parse(chain.from_iterable(self._batches()))

    def _parse(self, lines: Iterator[str]) -> Iterator[Row]:
        """Rows of these lines. The loop runs for every row of a file: what it does is ordered by what it costs."""
        reader = csv.reader(chain(lines, self._end()), delimiter=self._delimiter)
        widest = self._limits.max_columns
        self._over = False
        number = self._number
        try:
            for cells in reader:
                number += 1
                self._number = number
                if cells and (cells[0] or any(cells)):
                    if len(cells) > widest:
                        raise FileRefused(FileProblem.TOO_MANY_COLUMNS, row=number, columns=len(cells))
                    if self._over:
                        yield from self._last(number, cells)
                        return
                    yield number, cells
        except csv.Error as error:
            raise self._too_long(number + 1) from error

    def _end(self) -> Iterator[str]:
        """The end mark; the record that is out next holds it, whatever else it swallowed."""
        self._over = True
        yield _END

    def _last(self, number: int, cells: list[str]) -> Iterator[Row]:
        """The record that holds the end mark: usually nothing else, or what a quote that never closes swallowed.

        The line with that quote is then read with the quote as an ordinary character, and reading goes on after it.
        """
        cells[-1] = cells[-1].removesuffix(_END)
        if cells == [""]:
            return
        if "\n" not in cells[-1] and "\r" not in cells[-1]:
            yield number, [*cells[:-1], cells[-1]]
            return
        swallowed = cells[-1].splitlines(keepends=True)
        yield number, [*cells[:-1], swallowed[0].rstrip("\r\n")]
        yield from self._parse(iter(swallowed[1:]))

    def _batches(self) -> Iterator[list[str]]:
        """Lines by the megabyte; refuses a record that does not end for many of them."""
        seen, stuck = -1, 0
        while batch := self._file.readlines(MIB):
            stuck = stuck + 1 if seen == self._number else 0
            if stuck > self._STUCK:
                raise self._too_long(self._number + 1)
            seen = self._number
            yield [line.replace("\0", "") for line in batch] if self._zeros else batch

    def _too_long(self, number: int) -> FileRefused:
        return FileRefused(
            FileProblem.CELL_TOO_LONG,
            f"A cell in row {number} is longer than {self._limits.max_cell_chars} characters; "
            "perhaps a quote opens there that never closes.",
            row=number,
        )


def _open(path: str, found: Scan) -> TextIO:
    # Only a file that breaks the promise of its byte order mark can hold what does not decode: `scan` checked the rest.
    return Path(path).open(encoding=found.encoding, errors="replace", newline="")


def _too_long_line(file: TextIO, delimiter: str, limits: Limits) -> FileRefused:
    """A line of megabytes is one huge cell or far too many small ones; a megabyte of it tells which."""
    piece = ""
    while line := file.readline(limits.max_row_chars + 1):
        piece = line
        if len(line) > limits.max_row_chars:
            break
    if piece.count(delimiter) > limits.max_columns:
        return FileRefused(FileProblem.TOO_MANY_COLUMNS)
    return FileRefused(FileProblem.CELL_TOO_LONG)
