"""A worksheet's XML cut into what stands before its rows, the rows, and what stands after, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.patch_edits import Unpatchable
from chalicelib.tables.patch_xml import local_tag, shadow_of, tag
from chalicelib.tables.rows import checked_number, column_number

_SHEET_DATA = local_tag(b"sheetData")
_LONGEST_HEAD = 4 * MIB
_MARKUP = 4
"""Bytes of markup around a byte of text in the longest row that is legal."""
_NUMBER = re.compile(rb"""\sr\s*=\s*["'](\d+)["']""")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})\d+["']""")
_STYLE = re.compile(rb"""\ss\s*=\s*["'](\d{1,6})["']""")


class SheetText:
    """One walk over a worksheet part in UTF-8: `head`, then `pieces()`, then `tail()`. The part must be judged."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self._chunks = chunks
        self._most = limits.max_row_chars * _MARKUP
        self._rest = b""
        self.head, self.opening, self.prefix = self._read_head()
        self.hollow = self.opening.endswith(b"/>")
        """Whether the sheet has no rows and says so in one tag."""

    def pieces(self) -> Iterator[tuple[bytes, bytes]]:
        """Whole rows, and their shadow."""
        if self.hollow:
            return
        closing, start = b"</" + self.prefix + b"sheetData", b"<" + self.prefix + b"row"
        while True:
            shadow, known = shadow_of(self._rest)
            end = shadow.find(closing, 0, known)
            cut = end if end >= 0 else shadow.rfind(start, 0, known)
            if cut > 0:
                yield self._rest[:cut], shadow[:cut]
            if end >= 0:
                self._rest = self._rest[end:]
                return
            if len(self._rest) - max(cut, 0) > self._most:
                raise FileRefused(FileProblem.CELL_TOO_LONG, "A row of the sheet has too many megabytes.")
            self._rest = self._rest[max(cut, 0) :] + self._more()

    def tail(self) -> Iterator[bytes]:
        yield self._rest
        yield from self._chunks

    def _read_head(self) -> tuple[bytes, bytes, bytes]:
        while len(self._rest) <= _LONGEST_HEAD:
            self._rest += self._more()
            shadow, known = shadow_of(self._rest)
            found = _SHEET_DATA.search(shadow, 0, known)
            if found is not None:
                head, self._rest = self._rest[: found.start()], self._rest[found.end() :]
                return head, found[0], found[1]
        raise Unpatchable("The sheet's rows begin too far from its start.")

    def _more(self) -> bytes:
        for piece in self._chunks:
            if piece:
                return piece
        raise Unpatchable("The sheet has no place for rows.")


class RowText(NamedTuple):
    """Where a row lies in its piece: `[start, inner)` is its tag, `[inner, outer)` its cells; all equal where none."""

    number: int
    start: int
    inner: int
    outer: int
    end: int
    attributes: bytes


class CellText(NamedTuple):
    """Where a cell lies in its piece; its content is `[inner, outer)`."""

    column: int
    start: int
    inner: int
    outer: int
    end: int
    attributes: bytes

    @property
    def style(self) -> int:
        return style_of(self.attributes)


class Grammar:
    """Expressions for one sheet's prefix. Numbers of rows and columns are those that the reader gives them."""

    def __init__(self, prefix: bytes) -> None:
        name = re.escape(prefix)
        self._row = tag(prefix + b"row", lead=rb"\s*+")
        self._cell = tag(prefix + b"c", lead=rb"\s*+")
        self._row_end = re.compile(rb"</" + name + rb"row\s*>")
        self._cell_end = re.compile(rb"</" + name + rb"c\s*>")
        self.formula = tag(prefix + b"f")
        self.result = re.compile(
            rb"<" + name + rb"f(?P<attributes>(?:\s[^>]*+)?)>(?:(?<=/>)|(?P<text>[^<]*+)</" + name + rb"f\s*>)"
            rb"\s*(?P<result><" + name + rb"v>[^<]*+</" + name + rb"v>)"
        )
        """A formula with what it came to."""
        self.formula_cell = re.compile(
            rb"<" + name + rb"c(?P<cell>(?:\s[^>]*+)?)>\s*<" + name
            + rb"f(?P<attributes>(?:\s[^>]*+)?)>(?:(?<=/>)|(?P<text>[^<]*+)<)"
        )
        self.content = re.compile(rb"<" + name + rb"(?:v\s*>[^<]|is[\s>])")
        self.any_cell = re.compile(rb"<" + name + rb"c[\s/>]")
        self._last_cell = re.compile(rb'<' + name + rb'c r="([A-Z]{1,3})\d+"([^>]*+)>')
        self._cell_mark = b"<" + prefix + b"c "
        self._cell_close = b"</" + prefix + b"c>"

    def rows(self, shadow: bytes, before: int) -> Iterator[RowText]:
        """The rows of a piece; `before` is the number of the row before it."""
        at, number = 0, before
        while found := self._row.match(shadow, at):
            given = _NUMBER.search(found[1])
            number = checked_number(int(given[1][:10]) if given else 0, number)
            inner = outer = at = found.end()
            start = found.end() - len(found[0].lstrip())
            if not found[1].endswith(b"/"):
                end = self._row_end.search(shadow, inner)
                if end is None:
                    raise Unpatchable("A row of the sheet does not end where rows end.")
                outer, at = end.span()
            yield RowText(number, start, inner, outer, at, found[1])
        if shadow[at:].strip():
            raise Unpatchable("Something else than rows stands among the sheet's rows.")

    def cells(self, shadow: bytes, row: RowText) -> Iterator[CellText]:
        at, column = row.inner, -1
        while found := self._cell.match(shadow, at, row.outer):
            given = _REFERENCE.search(found[1])
            column = column_number(given[1].decode().upper()) if given else column + 1
            inner = outer = at = found.end()
            start = found.end() - len(found[0].lstrip())
            if not found[1].endswith(b"/"):
                end = self._cell_end.search(shadow, inner, row.outer)
                if end is None:
                    raise Unpatchable("A cell of the sheet does not end where cells end.")
                outer, at = end.span()
            yield CellText(column, start, inner, outer, at, found[1])

    def last_cell(self, shadow: bytes, row: RowText) -> tuple[int, int] | None:
        """Column and style of a row's last cell, the fast way; None where it cannot be told so."""
        at = shadow.rfind(self._cell_mark, row.inner, row.outer)
        found = self._last_cell.match(shadow, at, row.outer) if at >= 0 else None
        if found is None or self.any_cell.search(shadow, found.end(), row.outer):
            return None
        if found.end() < row.outer and not shadow.endswith(self._cell_close, row.inner, row.outer):
            return None  # Extensions may follow the cells, and must go on doing so.
        return column_number(found[1].decode()), style_of(found[2])


def letters_of(attributes: bytes) -> bytes:
    """A cell's column as it says; nothing where it does not."""
    found = _REFERENCE.search(attributes)
    return found[1].upper() if found else b""


def style_of(attributes: bytes) -> int:
    found = _STYLE.search(attributes)
    return int(found[1]) if found else 0


def own_number(row: RowText) -> int:
    """The number that a row's cells are written with: the one that it claims."""
    given = _NUMBER.search(row.attributes)
    return int(given[1]) if given else row.number
