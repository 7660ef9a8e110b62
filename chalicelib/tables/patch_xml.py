"""XML as bytes that are cut and spliced, so that what is not edited stays as it was written, to the byte.

expat judges first that a part is well-formed; only then may expressions look for tags in it. Comments, CDATA and
processing instructions can hold anything: searches run on a shadow of the same length in which they are blank.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB
from chalicelib.tables.patch_edits import Unpatchable

_LONGEST_TOKEN = 8 * MIB
_LARGEST_PART = 64 * MIB
"""Parts that are held whole: styles, the workbook's outline."""
_MARKED = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_OPEN_MARK = re.compile(rb"<[!?]")
_ATTRIBUTES = rb"""((?:[^>"']++|"[^"]*+"|'[^']*+')*+)"""
_ATTRIBUTE = re.compile(rb"""\s([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DECLARATION = re.compile(r"\s*<\?xml.*?\?>", re.DOTALL)
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]+)""")
_BYTE_ORDER = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEADER = b'<?xml version="1.0" encoding="UTF-8"?>'


def tag(name: bytes, *, lead: bytes = b"") -> re.Pattern[bytes]:
    """An expression for the start tag of `name`; its only group is what stands between name and `>`."""
    return re.compile(lead + rb"<" + re.escape(name) + rb"(?=[\s/>])" + _ATTRIBUTES + rb">")


def local_tag(name: bytes) -> re.Pattern[bytes]:
    """As `tag`, under any prefix: the groups are the prefix with its colon, and the attributes."""
    return re.compile(rb"<((?:[\w.-]+:)?)" + re.escape(name) + rb"(?=[\s/>])" + _ATTRIBUTES + rb">")


def attributes(text: bytes) -> dict[bytes, bytes]:
    """The attributes of a start tag, values as they are written."""
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(text)}


def without(text: bytes, *names: bytes) -> bytes:
    """Attributes as they are written, without those of these names."""
    return _ATTRIBUTE.sub(lambda found: b"" if found[1] in names else found[0], text)


def shadow_of(raw: bytes) -> tuple[bytes, int]:
    """`raw` with blanks for what is no markup, and how far it can be trusted: up to a mark that does not close."""
    if b"<!" not in raw and b"<?" not in raw:
        return raw, len(raw)
    shadow = _MARKED.sub(lambda found: b" " * len(found[0]), raw)
    unclosed = _OPEN_MARK.search(shadow)
    return shadow, unclosed.start() if unclosed else len(raw)


def spliced(raw: bytes, changes: Iterable[tuple[int, int, bytes]]) -> bytes:
    """`raw` with other bytes between these offsets; what goes to the same place keeps its order."""
    pieces, at = [], 0
    for start, end, content in sorted(changes, key=lambda change: change[:2]):
        pieces += [raw[at:start], content]
        at = end
    return b"".join([*pieces, raw[at:]])


def judged(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, while expat looks on. Raises FileRefused: CORRUPT_FILE, ENTITY_BOMB, ARCHIVE_BOMB.

    Without handlers for elements it is ten times as fast as `markup.Feed`.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_doctype
    fed = 0
    for piece in pieces:
        _parse(parser, piece, final=False)
        fed += len(piece)
        if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise FileRefused(FileProblem.ARCHIVE_BOMB, "A part holds a single mark of many megabytes.")
        yield piece
    _parse(parser, b"", final=True)


def utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A part in UTF-8, whatever it was in; it stays as it is where that is what it says."""
    first = next(pieces, b"")
    declared = _DECLARED.match(first.removeprefix(codecs.BOM_UTF8)[:200].lstrip())
    encoding = _BYTE_ORDER.get(first[:2]) or (declared[1].decode().lower() if declared else "utf-8")
    if encoding in ("utf-8", "utf8", "us-ascii", "ascii"):
        if first:
            yield first
        yield from pieces
        return
    text = _decoded(encoding, first, pieces)
    yield _HEADER + _DECLARATION.sub("", next(text, ""), count=1).encode()
    for more in text:
        yield more.encode()


def whole(pieces: Iterator[bytes]) -> bytes:
    """A judged part in one piece. Raises Unpatchable for one of many megabytes."""
    parts, size = [], 0
    for piece in judged(utf8(pieces)):
        parts.append(piece)
        size += len(piece)
        if size > _LARGEST_PART:
            raise Unpatchable("A part of the workbook is too large to be changed.")
    return b"".join(parts)


def _parse(parser: expat.XMLParserType, piece: bytes, *, final: bool) -> None:
    try:
        parser.Parse(piece, final)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise FileRefused(FileProblem.CORRUPT_FILE, f"A part is not well-formed XML: {error}.") from error


def _refuse_doctype(*_declaration: object) -> None:
    raise FileRefused(FileProblem.ENTITY_BOMB)


def _decoded(encoding: str, first: bytes, pieces: Iterator[bytes]) -> Iterator[str]:
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError) as error:
        raise FileRefused(FileProblem.CORRUPT_FILE, "A part is in an unknown encoding.") from error
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        yield decoder.decode(first)
        for piece in pieces:
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise FileRefused(FileProblem.CORRUPT_FILE, "A part is not in the encoding that it declares.") from error
