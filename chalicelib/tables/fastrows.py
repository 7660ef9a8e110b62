"""Rows of a worksheet's XML, the fast way: one regular expression that learns what this sheet's rows look like.

Programs write all rows of a sheet alike. The first rows are taken apart cell by cell; from their shapes a pattern is
built that matches a whole row at once, each cell optional, in column order, each with the forms seen in its column.
A row that the pattern does not match is taken apart again, and teaches. What is not understood even then goes through
the XML parser; what cannot be cut into rows at all raises `Unfit`, and the general way starts over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from chalicelib.errors import FileRefused
from chalicelib.tables.cells import boolean_text, iso_text, number_text, unescape, unfold
from chalicelib.tables.limits import Limits
from chalicelib.tables.markup import Feed
from chalicelib.tables.raw import Row
from chalicelib.tables.rows import CellText, RowCollector, Spread, checked_number, column_letters, column_number
from chalicelib.tables.strings import Unfit, utf8

_MOST_COLUMNS = 200
_MOST_FORMS = 5
_MOST_LESSONS = 60
_LONGEST_HEAD = 4 * 1024 * 1024

_CELL = re.compile(
    r'\s*<c r="([A-Z]{1,3})\d+"([^>]*?)(?:/>|>(?:<f[^>]*?(?:/>|>[^<]*</f>))?'
    r'(?:<v>([^<]*)</v>|<v/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)'
)
_ATTRIBUTES = re.compile(r' (s|t)="(\w+)"')
_ROW = re.compile(r'\s*<row\b([^>]*)>')
_NUMBER = re.compile(r'\br="(\d+)"')
_STYLE_AND_SHARED = re.compile(r'(?: s="\d+")? t="s"')


class Form(NamedTuple):
    """How a cell of a column is written: its attributes after the reference, and where its value stands."""

    attributes: str
    inline: bool


def fast_rows(chunks: Iterator[bytes], text: CellText, limits: Limits) -> Iterator[Row]:
    """Rows of a worksheet part. Raises Unfit where the general way must read instead, FileRefused as that would."""
    scanner = _Scanner(text, limits)
    for piece in _pieces(chunks, limits):
        yield from scanner.rows(piece)


def _pieces(chunks: Iterator[bytes], limits: Limits) -> Iterator[str]:
    """The inside of `<sheetData>`, cut after `</row>`. Reads the part to its end, so that its checksum is verified."""
    rest = _data_start(chunks)
    if rest is None:
        return
    for chunk in chunks:
        end = rest.find(b"</sheetData>")
        if end >= 0:
            break
        cut = rest.rfind(b"</row>") + 6
        if cut > 5:
            yield _decoded(rest[:cut])
            rest = rest[cut:] + chunk
        elif len(rest) > limits.max_row_chars:
            raise Unfit
        else:
            rest += chunk
    end = rest.find(b"</sheetData>")
    if end < 0:
        raise Unfit
    yield _decoded(rest[:end])
    for _chunk in chunks:
        pass


def _data_start(chunks: Iterator[bytes]) -> bytes | None:
    """What follows `<sheetData>`; None where the sheet is empty."""
    head = b""
    for chunk in chunks:
        head += chunk
        at = head.find(b"<sheetData")
        close = head.find(b">", at) if at >= 0 else -1
        if close >= 0:
            if b"<!" in head[:close] or not utf8(head):
                raise Unfit
            if head[close - 1 : close] == b"/":
                for _chunk in chunks:
                    pass
                return None
            return head[close + 1 :]
        if len(head) > _LONGEST_HEAD:
            break
    raise Unfit


def _decoded(piece: bytes) -> str:
    try:
        text = piece.decode()
    except UnicodeDecodeError as error:
        raise Unfit from error
    if "<!" in text or "<?" in text:
        raise Unfit
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class _Scanner:
    """Takes pieces apart into rows and remembers what it learned."""

    def __init__(self, text: CellText, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._spread = Spread(limits)
        self._number = 0
        self._pattern = _Pattern(text)
        self._attributes: dict[str, tuple[str, str]] = {}

    def rows(self, piece: str) -> Iterator[Row]:
        longest = self._limits.max_cell_chars
        segments = piece.split("</row>")
        last = segments.pop()
        for segment in segments:
            start = self._open(segment)
            cells = self._pattern.cells(segment, start)
            if cells is None:
                cells = self._apart(segment, start)
            if len(segment) > longest:
                self._check(cells)
            if cells:
                yield self._number, cells
        if last and not last.isspace():
            self._skip_empty(last)

    def _open(self, segment: str) -> int:
        """Read the row's number; returns where its cells begin."""
        if segment.startswith('<row r="'):
            close = segment.find(">", 8)
            if close > 0 and segment[close - 1] != "/":
                self._take_number(segment[8 : segment.find('"', 8)])
                return close + 1
        start = 0
        while match := _ROW.match(segment, start):
            start = match.end()
            number = _NUMBER.search(match[1])
            self._take_number(number[1] if number else "")
            if not match[1].endswith("/"):
                return start
        raise Unfit

    def _take_number(self, digits: str) -> None:
        before = self._number
        if not digits.isdigit():
            raise Unfit
        self._number = checked_number(int(digits), before)

    def _skip_empty(self, rest: str) -> None:
        """After the last `</row>` of the sheet only rows without content may stand."""
        start = 0
        while match := _ROW.match(rest, start):
            start = match.end()
            if not match[1].endswith("/"):
                raise Unfit
        if rest[start:].strip():
            raise Unfit

    def _apart(self, segment: str, start: int) -> list[str]:
        """One row, cell by cell; teaches the pattern."""
        found: list[tuple[int, str]] = []
        forms: list[tuple[int, Form]] = []
        before = -1
        at = start
        while match := _CELL.match(segment, at):
            at = match.end()
            letters, attributes, value, inline = match.groups()
            column = column_number(letters)
            if column <= before:
                return self._parsed(segment)
            before = column
            if value is None and inline is None:
                continue
            found.append((column, self._value(attributes, value, inline)))
            forms.append((column, Form(attributes, value is None)))
        if segment[at:].strip():
            return self._parsed(segment)
        self._pattern.learn(forms)
        return self._spread.place(found)

    def _value(self, attributes: str, value: str | None, inline: str | None) -> str:
        if value is None:
            return unfold(unescape(inline or ""))
        known = self._attributes.get(attributes)
        if known is None:
            named = dict(_ATTRIBUTES.findall(attributes))
            known = self._attributes[attributes] = named.get("t", ""), named.get("s", "")
        return self._text.of(*known, unescape(value))

    def _parsed(self, segment: str) -> list[str]:
        """One row through the XML parser, for rich text, extensions and unusual spelling."""
        collector = RowCollector(self._text, self._spread, self._limits)
        feed = Feed(collector.start, collector.end, collector.text)
        try:
            feed.feed(f"<rows>{segment}</row></rows>", final=True)
        except FileRefused as error:
            if error.code == "CORRUPT_FILE":
                raise Unfit from error
            raise
        rows = collector.take()
        return rows[-1][1] if rows else []

    def _check(self, cells: list[str]) -> None:
        if cells and max(map(len, cells)) > self._limits.max_cell_chars:
            from chalicelib.errors import FileProblem

            raise FileRefused(FileProblem.CELL_TOO_LONG, row=self._number)


class _Pattern:
    """What rows look like so far: per column the forms of its cells, and one expression for them all."""

    def __init__(self, text: CellText) -> None:
        self._text = text
        self._forms: dict[int, list[Form]] = {}
        self._lessons = 0
        self._match: Callable[[str, int], re.Match[str] | None] | None = None
        self._shared_only = False
        self._plan: list[tuple[int, Callable[[str], str]]] = []
        self._single: list[Callable[[str], str]] | None = None

    def cells(self, segment: str, start: int) -> list[str] | None:
        """The row's cells, or None where the pattern does not fit."""
        if self._match is None:
            return None
        match = self._match(segment, start)
        if match is None:
            return None
        groups = match.groups()
        if self._shared_only and None not in groups:
            cells = self._shared(groups)
        elif self._single is not None:
            cells = ["" if group is None else show(group) for show, group in zip(self._single, groups, strict=True)]
        else:
            cells = [""] * (max(self._forms) + 1)
            for (column, show), group in zip(self._plan, groups, strict=True):
                if group is not None:
                    cells[column] = show(group)
        while cells and not cells[-1]:
            cells.pop()
        return cells

    def _shared(self, groups: tuple[str, ...]) -> list[str]:
        try:
            return list(map(self._text.string, map(int, groups)))
        except IndexError:
            return [self._text.shared(group) for group in groups]

    def learn(self, forms: list[tuple[int, Form]]) -> None:
        """Widen the pattern so that it fits a row of these forms; gives up quietly on sheets that are never alike."""
        if self._lessons >= _MOST_LESSONS or (forms and forms[-1][0] >= _MOST_COLUMNS):
            return
        new = False
        for column, form in forms:
            known = self._forms.setdefault(column, [])
            general = _generalised(form)
            if general not in known:
                if len(known) >= _MOST_FORMS:
                    return
                known.append(general)
                new = True
        if new:
            self._lessons += 1
            self._compile()

    def _compile(self) -> None:
        parts: list[str] = []
        self._plan = []
        for column in range(max(self._forms) + 1):
            forms = self._forms.get(column, [])
            spellings = ["(?: s=\"\\d+\")?/>", *(_spelling(form) for form in forms)]
            parts.append(f'(?:<c r="{column_letters(column)}\\d+"(?:{"|".join(spellings)}))?')
            self._plan.extend((column, self._show(form)) for form in forms)
        self._match = re.compile("".join(parts)).fullmatch
        columns = [column for column, _show in self._plan]
        self._single = [show for _column, show in self._plan] if columns == list(range(len(columns))) else None
        self._shared_only = self._single is not None and all(
            form.attributes == _STYLE_AND_SHARED.pattern for forms in self._forms.values() for form in forms
        )

    def _show(self, form: Form) -> Callable[[str], str]:
        if form.inline:
            return lambda raw: unfold(unescape(raw))
        named = dict(_ATTRIBUTES.findall(form.attributes))
        kind, style = named.get("t", ""), named.get("s", "")
        if kind == "s":
            return self._text.shared
        if kind in ("", "n"):
            return self._text.show(style) or number_text
        if kind == "b":
            return boolean_text
        if kind == "d":
            return iso_text
        # Text of a formula, an error as shown, or a kind that only a later standard knows.
        return lambda raw: unfold(unescape(raw))


def _generalised(form: Form) -> Form:
    """The style of a shared string does not matter, so one form stands for all of them."""
    if not form.inline and _STYLE_AND_SHARED.fullmatch(form.attributes):
        return Form(_STYLE_AND_SHARED.pattern, False)
    return form


def _spelling(form: Form) -> str:
    if form.attributes == _STYLE_AND_SHARED.pattern:
        return f"{form.attributes}><v>(\\d+)</v></c>"
    attributes = re.escape(form.attributes)
    if form.inline:
        return f'{attributes}><is><t(?: xml:space="preserve")?>([^<]*)</t></is></c>'
    return f"{attributes}>(?:<f[^>]*?(?:/>|>[^<]*</f>))?<v>([^<]*)</v></c>"
