"""Rows of a worksheet's XML, the general way: expat and handlers, for whatever well-formed XML may look like.

Slower than `fastrows` by three times, and complete: prefixes, comments, CDATA, missing references, rich text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.cells import Show, boolean_text, iso_text, number_text, unfold
from chalicelib.tables.limits import Limits
from chalicelib.tables.markup import Attributes, Feed, attribute
from chalicelib.tables.raw import Row
from chalicelib.tables.strings import Strings

LAST_ROW = 1_048_576


def column_number(letters: str) -> int:
    """`A` -> 0, `XFD` -> 16383."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """0 -> `A`, 16383 -> `XFD`."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


class CellText:
    """Stored values of one workbook as text: its shared strings, and how each cell style shows numbers."""

    def __init__(self, strings: Strings, shows: Sequence[Show | None]) -> None:
        self.strings = strings
        self._shows = shows

    def of(self, kind: str, style: str, value: str) -> str:
        """The text of a `<v>` in a cell of type `kind` and style number `style`; both may be empty."""
        if kind == "s":
            return self.shared(value)
        if kind in ("", "n"):
            return self.number(value, style) if value else ""
        if kind == "b":
            return boolean_text(value) if value else ""
        if kind == "d":
            return iso_text(value)
        return unfold(value)

    def shared(self, value: str) -> str:
        if not value:
            return ""
        try:
            return self.strings.at(value if value.isdigit() else "none")
        except (IndexError, ValueError) as error:
            raise missing_string() from error

    def number(self, value: str, style: str) -> str:
        show = self.show(style)
        return number_text(value) if show is None else show(value)

    def show(self, style: str) -> Show | None:
        """How numbers of that style are shown; None where as plain numbers."""
        number = int(style) if style.isdigit() else 0
        return self._shows[number] if number < len(self._shows) else None


def missing_string() -> FileRefused:
    return FileRefused(FileProblem.CORRUPT_FILE, "A cell refers to a shared string that is missing.")


class Spread:
    """Stops a sheet whose few values are spread over a huge box: each empty cell before a value costs a slot."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._filled = 0
        self._hollow = 0

    def place(self, found: Sequence[tuple[int, str]]) -> list[str]:
        """Cells by their column; a later value for the same column wins."""
        width = max((column for column, text in found if text), default=-1) + 1
        if width > self._limits.max_columns:
            raise FileRefused(FileProblem.TOO_MANY_COLUMNS, columns=width)
        cells = [""] * width
        for column, text in found:
            if text:
                cells[column] = text
        self._filled += len(found)
        self._hollow += width - len(found)
        if self._hollow > self._limits.max_hollow_cells and self._hollow > 100 * self._filled:
            raise FileRefused(FileProblem.ARCHIVE_BOMB, "The sheet spreads a few cells over a box of millions.")
        return cells


class RowCollector:
    """Handlers that turn `<row>` elements into rows. Numbers that are missing or run backwards are counted on."""

    def __init__(self, text: CellText, spread: Spread, limits: Limits, after: int = 0) -> None:
        self._cell_text = text
        self._spread = spread
        self._limits = limits
        self._done: list[Row] = []
        self._number = after
        self._column = -1
        self._found: list[tuple[int, str]] = []
        self._kind = self._style = ""
        self._parts: list[str] = []
        self._inline: list[str] | None = None
        self._collecting = False
        self._phonetic = 0
        self._size = 0
        self._row_size = 0

    def take(self) -> list[Row]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._collecting = self._phonetic == 0
        elif name == "row":
            self._start_row(attribute(attributes, "r"))
        elif name == "rPh":
            self._phonetic += 1
        elif name == "is":
            self._inline = []

    def end(self, name: str) -> None:
        if name == "v":
            self._collecting = False
        elif name == "t":
            self._collecting = False
            if self._inline is not None:
                self._inline.extend(self._parts)
                self._parts = []
        elif name == "c":
            self._end_cell()
        elif name == "row":
            self._end_row()
        elif name == "rPh":
            self._phonetic -= 1

    def text(self, text: str) -> None:
        if not self._collecting:
            return
        self._size += len(text)
        self._row_size += len(text)
        if self._size > self._limits.max_cell_chars * 7 or self._row_size > self._limits.max_row_chars:
            raise FileRefused(FileProblem.CELL_TOO_LONG, row=self._number)
        self._parts.append(text)

    def _start_row(self, number: str) -> None:
        given = int(number) if number.isdigit() else 0
        self._number = checked_number(given, self._number)
        self._column = -1
        self._found = []
        self._row_size = 0

    def _start_cell(self, attributes: Attributes) -> None:
        letters = attribute(attributes, "r").rstrip("0123456789")
        given = letters.isascii() and letters.isalpha() and len(letters) <= 3
        self._column = column_number(letters.upper()) if given else self._column + 1
        self._kind = attribute(attributes, "t")
        self._style = attribute(attributes, "s")
        self._parts, self._inline, self._size = [], None, 0

    def _end_cell(self) -> None:
        if self._inline is not None:
            text = unfold("".join(self._inline))
        else:
            text = self._cell_text.of(self._kind, self._style, "".join(self._parts))
        if text:
            if len(text) > self._limits.max_cell_chars:
                raise FileRefused(FileProblem.CELL_TOO_LONG, row=self._number)
            self._found.append((self._column, text))
        self._parts = []

    def _end_row(self) -> None:
        cells = self._spread.place(self._found)
        if cells:
            self._done.append((self._number, cells))


def checked_number(given: int, before: int) -> int:
    """The number of a row that claims to be `given` and follows row `before`."""
    number = given if given > before else before + 1
    if number > LAST_ROW:
        raise FileRefused(FileProblem.TOO_MANY_ROWS, f"A row claims to be number {number}.")
    return number


def general_rows(pieces: Iterable[bytes], text: CellText, limits: Limits) -> Iterator[Row]:
    """All rows of a worksheet part."""
    collector = RowCollector(text, Spread(limits), limits)
    feed = Feed(collector.start, collector.end, collector.text)
    for piece in pieces:
        feed.feed(piece)
        yield from collector.take()
    feed.feed(b"", final=True)
    yield from collector.take()
