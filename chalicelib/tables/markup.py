"""XML parts of a workbook through expat, in bounded memory: no document types, no token of megabytes.

Names are local: prefixes are dropped, because a workbook's own vocabulary is told apart well enough without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias
from xml.parsers import expat

from chalicelib.errors import FileProblem, FileRefused

Attributes: TypeAlias = Mapping[str, str]

_LONGEST_TOKEN = 8 * 1024 * 1024


class Feed:
    """An expat parser that is fed piece by piece. Raises FileRefused: CORRUPT_FILE, ENTITY_BOMB."""

    def __init__(
        self,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        self._parser = parser = expat.ParserCreate()
        self._fed = 0
        parser.buffer_text = text is not None
        parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
        if end is not None:
            parser.EndElementHandler = lambda name: end(_local(name))
        if text is not None:
            parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype

    def feed(self, piece: bytes | str, *, final: bool = False) -> None:
        try:
            self._parser.Parse(piece, final)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: an encoding that Python lacks
            raise FileRefused(FileProblem.CORRUPT_FILE, f"A part is not well-formed XML: {error}.") from error
        self._fed += len(piece)
        if not final and self._fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise FileRefused(FileProblem.ARCHIVE_BOMB, "A part holds a single mark of many megabytes.")


def walk(
    pieces: Iterable[bytes],
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Parse a whole part."""
    feed = Feed(start, end, text)
    for piece in pieces:
        feed.feed(piece)
    feed.feed(b"", final=True)


def attribute(attributes: Attributes, name: str) -> str:
    """An attribute by its local name, or nothing."""
    if name in attributes:
        return attributes[name]
    return next((value for key, value in attributes.items() if _local(key) == name), "")


def refuse_doctype(sample: bytes) -> None:
    """For parts that somebody else will parse: refuse what declares entities."""
    if b"<!DOCTYPE" in sample or b"<!ENTITY" in sample:
        raise FileRefused(FileProblem.ENTITY_BOMB)


def _refuse_doctype(*_declaration: object) -> None:
    raise FileRefused(FileProblem.ENTITY_BOMB)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
