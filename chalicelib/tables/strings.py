"""The shared strings of a workbook: read at C speed where they are simple, kept on disk where they are many.

A workbook of a million rows holds millions of strings; in memory they cost more than everything else together.
"""

from __future__ import annotations

import mmap
import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import IO

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import Archive
from chalicelib.tables.cells import unescape, unfold
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.markup import Attributes, Feed

_OPEN, _CLOSE = "<si><t>", "</t></si>"
_PRESERVED = '<si><t xml:space="preserve">'
_SIMPLE = re.compile(f"{_OPEN}([^<]*+){_CLOSE}")
_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)""")


class Unfit(Exception):
    """The fast path met something it does not understand; the general path must read the part from its start."""


class Strings:
    """Strings by number. The first ones stay in memory, where values that repeat usually are. Close after use."""

    def __init__(self, in_memory: int) -> None:
        self._room = in_memory
        self._first: list[str] = []
        self._file: IO[bytes] | None = None
        self._ends = array("Q", [0])
        self._map: mmap.mmap | bytes = b""

    def extend(self, texts: list[str], size: int) -> None:
        """Add texts of roughly `size` bytes together."""
        self._room -= size
        if self._file is None and self._room >= 0:
            self._first.extend(texts)
        else:
            self._spill(texts)

    def seal(self) -> None:
        """No more strings come; from now on they can be asked for."""
        if self._file is not None and self._ends[-1]:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def get(self, numbers: Iterable[str]) -> list[str]:
        """The strings of these numbers. Raises IndexError beyond the last one, ValueError for what is no number."""
        first = self._first
        if self._file is None:
            return list(map(first.__getitem__, map(int, numbers)))
        here, ends, data = len(first), self._ends, self._map
        return [
            first[number]
            if number < here
            else data[ends[number - here] : ends[number - here + 1]].decode("utf-8", "surrogatepass")
            for number in map(int, numbers)
        ]

    def at(self, digits: str) -> str:
        """One string; raises as `get` does."""
        number = int(digits)
        here = len(self._first)
        if number < here or self._file is None:
            return self._first[number]
        start, end = self._ends[number - here : number - here + 2]
        return self._map[start:end].decode("utf-8", "surrogatepass")

    def close(self) -> None:
        if isinstance(self._map, mmap.mmap):
            self._map.close()
        if self._file is not None:
            self._file.close()

    def _spill(self, texts: list[str]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        joined = "".join(texts)
        encoded = joined.encode("utf-8", "surrogatepass")
        if len(encoded) == len(joined):
            sizes: Iterable[int] = map(len, texts)
        else:
            sizes = (len(text.encode("utf-8", "surrogatepass")) for text in texts)
        sums = accumulate(sizes, initial=self._ends.pop())
        self._ends.extend(sums)
        self._file.write(encoded)


def read_strings(archive: Archive, part: str, limits: Limits) -> Strings:
    """All shared strings of the workbook; without a part, none."""
    if not part:
        return Strings(limits.strings_in_memory)
    try:
        return _fill(_simple(archive, part, limits), limits)
    except Unfit:
        return _fill(_general(archive.chunks(part), limits), limits)


def _fill(batches: Iterator[tuple[list[str], int]], limits: Limits) -> Strings:
    strings = Strings(limits.strings_in_memory)
    try:
        for texts, size in batches:
            strings.extend(texts, size)
        strings.seal()
    except BaseException:
        strings.close()
        raise
    return strings


def _simple(archive: Archive, part: str, limits: Limits) -> Iterator[tuple[list[str], int]]:
    """Pieces that end at `</si>`; whatever is not a plain string in them is left to the parser, piece by piece."""
    chunks = archive.chunks(part)
    rest = _after_root(next(chunks, b""))
    for chunk in chunks:
        rest += chunk
        cut = rest.rfind(b"</si>") + 5
        if cut > 4:
            yield _texts(rest[:cut], limits), cut
            rest = rest[cut:]
        elif len(rest) > MIB:
            raise Unfit
    end = rest.rfind(b"</sst>")
    cut = rest.rfind(b"</si>", 0, max(end, 0)) + 5
    if end < 0:
        raise Unfit
    if cut > 4:
        yield _texts(rest[:cut], limits), cut
        rest = rest[cut:]
    if b"<si" in rest:
        yield _texts(rest[: rest.find(b"</sst>")], limits), 0


def _after_root(head: bytes) -> bytes:
    at = head.find(b"<sst")
    if at < 0 or b"<!" in head or not utf8(head):
        raise Unfit
    close = head.find(b">", at)
    if close < 0 or head[close - 1 : close] == b"/":
        raise Unfit
    return head[close + 1 :]


def utf8(head: bytes) -> bool:
    """Whether the part says, or leaves unsaid, that it is UTF-8."""
    declared = _ENCODING.match(head.removeprefix(b"\xef\xbb\xbf"))
    return declared is None or declared[1].lower() in (b"utf-8", b"utf8", b"us-ascii")


def _texts(piece: bytes, limits: Limits) -> list[str]:
    try:
        text = piece.decode()
    except UnicodeDecodeError as error:
        raise Unfit from error
    if "<!" in text or "<?" in text:
        raise Unfit
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _cut(text)
    if found is None:
        return _parsed(text, limits)
    if "&" in text:
        found = [unescape(each) for each in found]
    if "_x" in text:
        found = [unfold(each) for each in found]
    if len(text) > limits.max_cell_chars:
        _check_lengths(found, limits)
    return found


def _cut(text: str) -> list[str] | None:
    """Plain strings by splitting, or by expression where there are spaces between them; None if some are not plain."""
    text = text.replace(_PRESERVED, _OPEN)
    count = text.count(_OPEN)
    # Four marks a string and no other: then nothing else can stand between them.
    if text.count("<") == 4 * count and text.startswith(_OPEN) and text.endswith(_CLOSE):
        found = text[len(_OPEN) : -len(_CLOSE)].split(_CLOSE + _OPEN)
        if len(found) == count:
            return found
    found = _SIMPLE.findall(text)
    return found if len(found) == text.count("<si") else None


def _parsed(text: str, limits: Limits) -> list[str]:
    collected: list[str] = []
    for texts, _size in _general(iter([b"<sst>", text.encode(), b"</sst>"]), limits):
        collected.extend(texts)
    return collected


def _general(chunks: Iterator[bytes], limits: Limits) -> Iterator[tuple[list[str], int]]:
    collector = StringCollector("si", limits)
    feed = Feed(collector.start, collector.end, collector.text)
    for chunk in chunks:
        feed.feed(chunk)
        yield collector.take(), len(chunk)
    feed.feed(b"", final=True)
    yield collector.take(), 0


class StringCollector:
    """Handlers that join the text runs of each `item` element and leave phonetic hints (`rPh`) out."""

    def __init__(self, item: str, limits: Limits) -> None:
        self._item = item
        self._limits = limits
        self._done: list[str] = []
        self._runs: list[str] = []
        self._size = 0
        self._phonetic = 0
        self._inside = False

    def start(self, name: str, _attributes: Attributes) -> None:
        if name == "t":
            self._inside = self._phonetic == 0
        elif name == "rPh":
            self._phonetic += 1
        elif name == self._item:
            self._runs, self._size = [], 0

    def end(self, name: str) -> None:
        if name == "t":
            self._inside = False
        elif name == "rPh":
            self._phonetic -= 1
        elif name == self._item:
            self._done.append(unfold("".join(self._runs)))
            self._runs = []

    def text(self, text: str) -> None:
        if self._inside:
            self._size += len(text)
            # A folded character takes seven; judge the text that a person sees, but never hold more than that.
            if self._size > self._limits.max_cell_chars * 7:
                raise FileRefused(FileProblem.CELL_TOO_LONG)
            self._runs.append(text)

    def take(self) -> list[str]:
        done, self._done = self._done, []
        _check_lengths(done, self._limits)
        return done


def _check_lengths(texts: list[str], limits: Limits) -> None:
    if texts and max(map(len, texts)) > limits.max_cell_chars:
        raise FileRefused(FileProblem.CELL_TOO_LONG)
