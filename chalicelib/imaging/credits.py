"""Who made a picture and who owns it: the only words about a picture that go on with it.

Everything else stays behind, places and serial numbers first. They are looked for in Exif, IPTC, XMP and the texts of a
PNG, and written as Exif, which JPEG carries and every viewer reads.
"""

from __future__ import annotations

import html
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

ARTIST, COPYRIGHT = 0x013B, 0x8298
LONGEST = 2000
_LOOK_AT_XMP = 512 * 1024
_XMP = {ARTIST: re.compile(rb"<dc:creator>(.{1,8000}?)</dc:creator>", re.DOTALL),
        COPYRIGHT: re.compile(rb"<dc:rights>(.{1,8000}?)</dc:rights>", re.DOTALL)}
_XMP_ITEM = re.compile(rb"<rdf:li[^>]*>([^<]{1,4000})</rdf:li>")
_IPTC = {ARTIST: (2, 80), COPYRIGHT: (2, 116)}
_PNG = {ARTIST: "author", COPYRIGHT: "copyright"}


@dataclass(frozen=True, slots=True)
class Credits:
    """Bytes as they stood in the file, or UTF-8; empty where it says nothing."""

    artist: bytes = b""
    copyright: bytes = b""

    def exif(self) -> bytes:
        """An Exif block (Exif 2.32) of these and nothing else; empty when there is nothing to say."""
        said = [(tag, text + b"\0") for tag, text in ((ARTIST, self.artist), (COPYRIGHT, self.copyright)) if text]
        if not said:
            return b""
        texts_at = 8 + 2 + 12 * len(said) + 4
        entries, texts = b"", b""
        for tag, text in said:
            where = text.ljust(4, b"\0") if len(text) <= 4 else struct.pack("<I", texts_at + len(texts))
            entries += struct.pack("<HHI", tag, 2, len(text)) + where
            texts += b"" if len(text) <= 4 else text + b"\0" * (len(text) % 2)
        return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(said)) + entries + bytes(4) + texts


def credits_of(image: Image) -> Credits:
    """What an opened picture says. Nothing that is wrong in its metadata is worth losing the picture for."""
    found = {tag: next(filter(None, (_clean(source(image, tag)) for source in (_exif, _iptc, _xmp, _texts))), b"")
             for tag in (ARTIST, COPYRIGHT)}
    return Credits(found[ARTIST], found[COPYRIGHT])


def _exif(image: Image, tag: int) -> Any:
    try:
        return image.getexif().get(tag)
    except Exception:
        return None


def _iptc(image: Any, tag: int) -> Any:
    from PIL import IptcImagePlugin

    try:
        records: Mapping[Any, Any] = IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:
        return None
    value = records.get(_IPTC[tag])
    return value[0] if isinstance(value, list) and value else value


def _xmp(image: Image, tag: int) -> Any:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet.encode() if isinstance(packet, str) else packet
    if not isinstance(packet, bytes) or not (outer := _XMP[tag].search(packet[:_LOOK_AT_XMP])):
        return None
    inner = _XMP_ITEM.search(outer[1])
    return html.unescape((inner[1] if inner else b"").decode(errors="replace"))


def _texts(image: Image, tag: int) -> Any:
    return next((value for key, value in image.info.items()
                 if isinstance(key, str) and key.lower() == _PNG[tag] and isinstance(value, str)), None)


def _clean(value: Any) -> bytes:
    """Pillow reads Exif text as Latin-1, which gives back the very bytes; other sources are Unicode."""
    if isinstance(value, str):
        value = value.encode("latin-1") if all(ord(sign) < 256 for sign in value) else value.encode()
    if not isinstance(value, bytes):
        return b""
    return value.replace(b"\0", b" ").strip()[:LONGEST]
