"""What stands before a worksheet's rows, made to fit new columns: the stated size, and the widths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chalicelib.tables.patch_xml import attributes, shadow_of, spliced, tag, without
from chalicelib.tables.rows import column_letters, column_number

_CORNER = re.compile(rb"([A-Z]{1,3})(\d{1,7})$")
_LAST_COLUMN = 16_384


class Head:
    """The bytes before `<sheetData>` of a sheet, and what they say of its columns."""

    def __init__(self, raw: bytes, prefix: bytes) -> None:
        self._raw = raw
        self._prefix = prefix
        self._shadow, _whole = shadow_of(raw)
        self._col = tag(prefix + b"col")
        lists = list(tag(prefix + b"cols").finditer(self._shadow))
        # More than one list is legal, and written by nobody; such widths stay as they are.
        self._list = lists[0].end() if len(lists) == 1 else -1 if lists else None

    def column_styles(self) -> list[tuple[int, int, int]]:
        """First and last column (from 0) and the style of cells that are not there."""
        found = []
        for each in self._col.finditer(self._shadow):
            given = attributes(each[1])
            style = _int(given.get(b"style", b""))
            if style:
                found.append((_int(given.get(b"min", b"")) - 1, _int(given.get(b"max", b"")) - 1, style))
        return found

    def fitted(self, widths: Mapping[int, float | None], columns: Sequence[int], last_row: int) -> bytes:
        """With `columns` inside the stated size, and new ones (`widths`, by index) shown and as wide as asked."""
        changes = [*self._size(columns, last_row), *self._widths(widths)]
        return spliced(self._raw, changes)

    def _size(self, columns: Sequence[int], last_row: int) -> list[tuple[int, int, bytes]]:
        found = tag(self._prefix + b"dimension").search(self._shadow)
        if found is None or not columns:
            return []
        first, _colon, last = attributes(found[1]).get(b"ref", b"").rpartition(b":")
        corner, start = _CORNER.match(last), _CORNER.match(first or last)
        if corner is None or start is None:
            return []
        right = max(column_number(corner[1].decode()), *columns, 0)
        left = min(column_number(start[1].decode()), *columns, right)
        reference = (f"{column_letters(left)}{int(start[2])}:"
                     f"{column_letters(right)}{max(int(corner[2]), last_row)}").encode()
        slash = b"/" if found[1].endswith(b"/") else b""
        kept = without(found[1].removesuffix(b"/"), b"ref").rstrip()
        return [(*found.span(1), b' ref="%s"%s%s' % (reference, kept, slash))]

    def _widths(self, widths: Mapping[int, float | None]) -> list[tuple[int, int, bytes]]:
        if not widths or self._list == -1:
            return []
        changes: list[tuple[int, int, bytes]] = []
        new = dict(widths)
        at = self._list or 0
        for found in self._col.finditer(self._shadow):
            given = attributes(found[1])
            first, last = _int(given.get(b"min", b"")) - 1, min(_int(given.get(b"max", b"")), _LAST_COLUMN) - 1
            inside = [column for column in sorted(widths) if first <= column <= last]
            if inside:
                changes.append((found.start(), _element_end(self._shadow, found),
                                self._cut(found[1].removesuffix(b"/"), first, last, inside, widths)))
                for column in inside:
                    new.pop(column, None)
            if last < min(widths):
                at = _element_end(self._shadow, found)
        added = b"".join(self._element(b"", column, column, width) for column, width in sorted(new.items()) if width)
        if added and self._list is None:
            name = self._prefix + b"cols"
            added = b"<%s>%s</%s>" % (name, added, name)
            at = len(self._raw)
        return [*changes, (at, at, added)] if added else changes

    def _cut(
        self, named: bytes, first: int, last: int, inside: Sequence[int], widths: Mapping[int, float | None]
    ) -> bytes:
        """A `<col>` for a range, as several: the new columns of it by themselves, and never hidden."""
        pieces, at = [], first
        for column in inside:
            if at < column:
                pieces.append(self._element(named, at, column - 1, None))
            shown = without(named, b"hidden", b"collapsed")
            pieces.append(self._element(shown, column, column, widths[column]))
            at = column + 1
        if at <= last:
            pieces.append(self._element(named, at, last, None))
        return b"".join(pieces)

    def _element(self, named: bytes, first: int, last: int, width: float | None) -> bytes:
        kept = without(named, b"min", b"max").rstrip()
        if width:
            kept = without(kept, b"width", b"customWidth", b"bestFit") + b' width="%s" customWidth="1"' % (
                f"{width:g}".encode())
        return b'<%scol min="%d" max="%d"%s/>' % (self._prefix, first + 1, last + 1, kept)


def _element_end(shadow: bytes, found: re.Match[bytes]) -> int:
    return found.end() if found[1].endswith(b"/") else shadow.find(b">", found.end()) + 1


def _int(text: bytes) -> int:
    return int(text[:9]) if text.isdigit() else 0
