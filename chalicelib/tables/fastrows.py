"""Rows of a worksheet's XML, the fast way: one regular expression that learns what this sheet's rows look like.

Programs write all rows of a sheet alike. The first rows are taken apart cell by cell; from their shapes a pattern is
built that matches a whole row at once, each cell optional, in column order, each with the forms seen in its column.
A row that the pattern does not match is taken apart again, and teaches. What is not understood even then goes through
the XML parser; what cannot be cut into rows at all raises `Unfit`, and the general way starts over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.cells import boolean_text, iso_text, number_text, unescape, unfold
from chalicelib.tables.limits import Limits
from chalicelib.tables.markup import Feed
from chalicelib.tables.raw import Row
from chalicelib.tables.rows import (
    LAST_ROW,
    CellText,
    RowCollector,
    Spread,
    checked_number,
    column_letters,
    column_number,
    missing_string,
)
from chalicelib.tables.strings import Unfit, utf8

_MOST_FORMS = 5
_MOST_COMPILED = 12_000
"""Columns compiled into patterns of one sheet, all its versions together; learning stops there."""
_LONGEST_HEAD = 4 * 1024 * 1024

# Possessive quantifiers (`++`, `?+`) never give back what they took, which more than halves the time of a match.
_FORMULA = r"<f[^>]*+(?:(?<=/)>|(?<!/)>[^<]*+</f>)"
_TEXT = r'<is><t(?: xml:space="preserve")?+>([^<]*+)</t></is>'
_CELL = re.compile(
    rf'\s*+<c r="([A-Z]{{1,3}}+)\d++"([^>/]*+)(?:/>|>({_FORMULA})?+(?:<v>([^<]*+)</v>|<v/>|{_TEXT})?+</c>)'
)
_ROW = re.compile(r"\s*+<row\b([^>]*+)>")
_PLAIN_ROW = r'<row r="(\d++)"[^>]*+(?<!/)>'
_ATTRIBUTES = re.compile(r' (s|t)="(\w+)"')
_NUMBER = re.compile(r'\br="(\d+)"')
_STYLED_SHARED = re.compile(r'(?: s="\d+")? t="s"')


class Form(NamedTuple):
    """How a cell of a column is written: its attributes after the reference, and where its value stands."""

    attributes: str
    inline: bool
    formula: bool


_SHARED = Form(' t="s"', inline=False, formula=False)
"""Every shared string, whatever its style: the style of a text does not matter here."""


def fast_rows(chunks: Iterator[bytes], text: CellText, limits: Limits) -> Iterator[Row]:
    """Rows of a worksheet part. Raises Unfit where the general way must read instead, or FileRefused."""
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
        """The rows of a piece, which is cut after `</row>` unless it is the sheet's last."""
        longest = self._limits.max_cell_chars
        segments = piece.split("</row>")
        last = segments.pop()
        for segment in segments:
            try:
                row = self._pattern.row(segment)
            except (IndexError, ValueError) as error:
                raise missing_string() from error
            if row is None:
                cells = self._apart(segment)
            else:
                number, cells = row
                self._number = number if number > self._number else checked_number(number, self._number)
            if cells:
                if len(segment) > longest:
                    self._check(cells)
                yield self._number, cells
        if self._number > LAST_ROW:
            checked_number(self._number, 0)
        if last and not last.isspace():
            self._skip_empty(last)

    def _apart(self, segment: str) -> list[str]:
        """One row, cell by cell; teaches the pattern."""
        found: list[tuple[int, str]] = []
        forms: list[tuple[int, Form]] = []
        before, at = -1, self._open(segment)
        while match := _CELL.match(segment, at):
            at = match.end()
            letters, attributes, formula, value, inline = match.groups()
            column = column_number(letters)
            if column <= before:
                return self._parsed(segment)
            before = column
            if value is not None or inline is not None:
                found.append((column, self._value(attributes, value, inline)))
                forms.append((column, Form(attributes, value is None, bool(formula))))
        if segment[at:].strip():
            return self._parsed(segment)
        self._pattern.learn(forms)
        return self._spread.place(found)

    def _open(self, segment: str) -> int:
        """Read the row's number, and of rows without content before it; returns where its cells begin."""
        start = 0
        while match := _ROW.match(segment, start):
            start = match.end()
            number = _NUMBER.search(match[1])
            if number is None:
                raise Unfit
            self._number = checked_number(int(number[1]), self._number)
            if not match[1].endswith("/"):
                return start
        raise Unfit

    def _skip_empty(self, rest: str) -> None:
        """After the last `</row>` of the sheet only rows without content may stand."""
        start = 0
        while match := _ROW.match(rest, start):
            start = match.end()
            if not match[1].endswith("/"):
                raise Unfit
        if rest[start:].strip():
            raise Unfit

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
            if error.code is FileProblem.CORRUPT_FILE:
                raise Unfit from error
            raise
        rows = collector.take()
        return rows[-1][1] if rows else []

    def _check(self, cells: list[str]) -> None:
        if max(map(len, cells)) > self._limits.max_cell_chars:
            raise FileRefused(FileProblem.CELL_TOO_LONG, row=self._number)


class _Pattern:
    """What rows look like so far: per column the forms of its cells, and one expression for them all."""

    def __init__(self, text: CellText) -> None:
        self._text = text
        self._forms: dict[int, list[Form]] = {}
        self._compiled = 0
        self._match: Callable[[str], re.Match[str] | None] | None = None
        self._shows: list[Callable[[str], str]] = []
        self._places: list[int] = []
        self._only_shared = False
        self._one_form = False

    def row(self, segment: str) -> Row | None:
        """The row's number and cells, or None where the pattern does not fit.

        Raises IndexError or ValueError where a cell refers to a shared string that there is not.
        """
        match = self._match(segment) if self._match is not None else None
        if match is None:
            return None
        number, *values = match.groups()
        if self._only_shared:
            cells = self._shared(values)
        elif self._one_form:
            cells = ["" if value is None else show(value) for show, value in zip(self._shows, values, strict=True)]
        else:
            cells = [""] * (self._places[-1] + 1)
            for place, show, value in zip(self._places, self._shows, values, strict=True):
                if value is not None:
                    cells[place] = show(value)
        while cells and not cells[-1]:
            cells.pop()
        return int(number), cells

    def _shared(self, values: list[str | None]) -> list[str]:
        while values and values[-1] is None:
            values.pop()
        if None not in values:
            return self._text.strings.get(cast("list[str]", values))
        found = iter(self._text.strings.get([value for value in values if value is not None]))
        return ["" if value is None else next(found) for value in values]

    def learn(self, forms: list[tuple[int, Form]]) -> None:
        """Widen the pattern so that it fits a row of these forms; gives up quietly on sheets that are never alike."""
        if not forms or self._compiled + forms[-1][0] > _MOST_COMPILED:
            return
        new = False
        for column, form in forms:
            known = self._forms.setdefault(column, [])
            general = _generalised(form)
            if general not in known and len(known) < _MOST_FORMS:
                known.append(general)
                new = True
        if new:
            self._compile()

    def _compile(self) -> None:
        width = max(self._forms) + 1
        self._compiled += width
        spelled = [_PLAIN_ROW]
        for column in range(width):
            spellings = "|".join([*map(_spelling, self._forms.get(column, [])), r'(?: s="\d++")?+/>'])
            spelled.append(rf'(?:<c r="{column_letters(column)}\d[^"]*+"(?:{spellings}))?+')
        self._match = re.compile("".join(spelled)).fullmatch
        pairs = [(column, form) for column in range(width) for form in self._forms.get(column, [])]
        self._places = [column for column, _form in pairs]
        self._shows = [self._show(form) for _column, form in pairs]
        self._one_form = self._places == list(range(width))
        self._only_shared = self._one_form and all(form == _SHARED for _column, form in pairs)

    def _show(self, form: Form) -> Callable[[str], str]:
        named = dict(_ATTRIBUTES.findall(form.attributes))
        kind, style = named.get("t", ""), named.get("s", "")
        if form.inline:
            return _plain_text
        if kind == "s":
            return self._text.strings.at
        if kind in ("", "n"):
            return _number_shower(self._text.show(style) or number_text)
        if kind == "b":
            return boolean_text
        if kind == "d":
            return iso_text
        # Text of a formula, an error as shown, or a kind that only a later standard knows.
        return _plain_text


def _plain_text(raw: str) -> str:
    return unfold(unescape(raw))


def _number_shower(show: Callable[[str], str]) -> Callable[[str], str]:
    return lambda raw: show(raw) if raw else ""


def _generalised(form: Form) -> Form:
    shared = not form.inline and not form.formula and _STYLED_SHARED.fullmatch(form.attributes)
    return _SHARED if shared else form


def _spelling(form: Form) -> str:
    if form == _SHARED:
        return r'(?: s="\d++")?+ t="s"><v>([0-9]++)</v></c>'
    attributes = re.escape(form.attributes)
    value = "[0-9]++" if ' t="s"' in form.attributes else "[^<]*+"
    if form.inline:
        return f"{attributes}>{_TEXT}</c>"
    return f"{attributes}>{_FORMULA if form.formula else ''}<v>({value})</v></c>"
