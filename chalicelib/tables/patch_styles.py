"""Cell styles of a workbook, and copies of them that differ in their number format alone.

A written cell looks like its neighbour (font, fill, border, alignment are the neighbour's); only how it shows a number
is its own. Each such pair is appended to `cellXfs` once. The formats are built in (ECMA-376 part 1, 18.8.30), so
programs show them the way the person's country writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.tables.patch_edits import Format
from chalicelib.tables.patch_xml import attributes, local_tag, shadow_of, spliced, tag, without

_IDS: Mapping[Format, int] = {Format.TEXT: 0, Format.NUMBER: 0, Format.MONEY: 4, Format.PERCENT: 10, Format.DATE: 14}
"""General, General, `#,##0.00`, `0.00%` and the short date. Not `@` for text: Excel shows long texts in it as ####."""
_MOST_STYLES = 64_000
"""Excel opens no more (its specification says 65,490)."""
_LIST = local_tag(b"cellXfs")


class Styles:
    """The styles of a workbook by number. `raw` is its styles part, or nothing, and then no style is ever added."""

    def __init__(self, raw: bytes = b"") -> None:
        self._raw = raw
        self._known: list[tuple[bytes, bytes]] = []
        self._added: dict[tuple[int, int, bool], int] = {}
        self._new: list[bytes] = []
        self._find()

    @property
    def able(self) -> bool:
        """Whether styles can be added at all."""
        return bool(self._known)

    def of(self, base: int, format_: Format, *, quoted: bool = False) -> int:
        """The style that is `base` with this number format; `quoted` as if typed with an apostrophe in front."""
        return self._style(base, _IDS[format_], quoted=quoted)

    def filled(self, base: int, format_: Format | None, *, quoted: bool = False) -> int:
        """The style for a cell that has style `base`: a format of its own stays."""
        own = self._number_format(base)
        return self._style(base, _IDS[format_] if format_ is not None and own == 0 else own, quoted=quoted)

    def xml(self) -> bytes:
        """The part with what was added."""
        if not self._new:
            return self._raw
        start, end, close = self._place
        counted = without(self._raw[start:end], b"count") + b' count="%d"' % (len(self._known) + len(self._new))
        return spliced(self._raw, [(start, end, counted), (close, close, b"".join(self._new))])

    @property
    def changed(self) -> bool:
        return bool(self._new)

    def _style(self, base: int, number_format: int, *, quoted: bool) -> int:
        if base >= len(self._known):
            return base
        key = base, number_format, quoted
        found = self._added.get(key)
        if found is None:
            found = self._added[key] = self._add(*key)
        return found

    def _add(self, base: int, number_format: int, quoted: bool) -> int:
        named, rest = self._known[base]
        given = attributes(named)
        is_quoted = given.get(b"quotePrefix") in (b"1", b"true")
        if self._number_format(base) == number_format and is_quoted == quoted:
            return base
        number = len(self._known) + len(self._new)
        if number >= _MOST_STYLES:
            return base
        kept = without(named, b"numFmtId", b"applyNumberFormat", b"quotePrefix").rstrip()
        own = b' numFmtId="%d" applyNumberFormat="1"' % number_format + (b' quotePrefix="1"' if quoted else b"")
        self._new.append(b"<%sxf%s%s%s" % (self._prefix, own, kept, rest))
        return number

    def _number_format(self, base: int) -> int:
        text = attributes(self._known[base][0]).get(b"numFmtId", b"0") if base < len(self._known) else b"0"
        return int(text[:9]) if text.isdigit() else 0

    def _find(self) -> None:
        """Each `<xf>` of the list as its attributes, and what follows them."""
        shadow, _whole = shadow_of(self._raw)
        opened = _LIST.search(shadow)
        if opened is None or opened[2].endswith(b"/"):
            return
        self._prefix = opened[1]
        close = shadow.find(b"</" + self._prefix + b"cellXfs", opened.end())
        if close < 0:
            return
        self._place = (*opened.span(2), close)
        ending = re.compile(rb"</" + re.escape(self._prefix) + rb"xf\s*>")
        for found in tag(self._prefix + b"xf").finditer(shadow, opened.end(), close):
            if found[1].endswith(b"/"):
                self._known.append((found[1][:-1], b"/>"))
            elif ended := ending.search(shadow, found.end(), close):
                self._known.append((found[1], self._raw[found.end() - 1 : ended.end()]))
