"""What a file is, by its first bytes: names lie, and a library that tries every decoder is a larger target.

Kinds that we know and do not read (film, documents, drawings) are refused here, by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from chalicelib.imaging.model import ImageProblem, ImageRefused

LOOK_AT = 4096
TAIL = 64 * 1024


class Format(StrEnum):
    """Pillow's names of the formats that we read, and RAW for all cameras' own."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WEBP"
    TIFF = "TIFF"
    BMP = "BMP"
    HEIF = "HEIF"
    AVIF = "AVIF"
    JPEG2000 = "JPEG2000"
    PPM = "PPM"
    PSD = "PSD"
    ICO = "ICO"
    CUR = "CUR"
    ICNS = "ICNS"
    PCX = "PCX"
    SGI = "SGI"
    QOI = "QOI"
    DDS = "DDS"
    FLI = "FLI"
    XBM = "XBM"
    TGA = "TGA"
    RAW = "RAW"


_BEGINS: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
    (b"II+\x00", Format.TIFF),
    (b"MM\x00+", Format.TIFF),
    (b"BM", Format.BMP),
    (b"\x00\x00\x00\x0cjP  ", Format.JPEG2000),
    (b"\xff\x4f\xff\x51", Format.JPEG2000),
    (b"8BPS", Format.PSD),
    (b"\x00\x00\x01\x00", Format.ICO),
    (b"\x00\x00\x02\x00", Format.CUR),
    (b"icns", Format.ICNS),
    (b"\x01\xda", Format.SGI),
    (b"qoif", Format.QOI),
    (b"DDS ", Format.DDS),
    (b"#define", Format.XBM),
    (b"FUJIFILMCCD-RAW", Format.RAW),
    (b"IIRO", Format.RAW),
    (b"IIRS", Format.RAW),
    (b"MMOR", Format.RAW),
    (b"IIU\x00", Format.RAW),
    (b"\x00MRM", Format.RAW),
    (b"FOVb", Format.RAW),
)
_UNREAD: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (b"<", "text with markup, perhaps an SVG drawing"),
    (b"PK\x03\x04", "an archive or an office document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"FLV", "a film"),
    (b"OggS", "a film or sound"),
    (b"\x30\x26\xb2\x75", "a film"),
    (b"\x00\x00\x01\xba", "a film"),
    (b"\x00\x00\x01\xb3", "a film"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xd7\xcd\xc6\x9a", "a Windows drawing"),
)
_BRANDS: Mapping[bytes, Format] = {
    b"avif": Format.AVIF, b"avis": Format.AVIF, b"crx ": Format.RAW,
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), Format.HEIF),
}
_GENERAL = (b"mif1", b"mif2", b"msf1", b"miaf", b"MiHE", b"MiHB", b"1pic")
"""Brands of HEIF that do not say how the pixels are packed."""
_FLIC = (b"\x11\xaf", b"\x12\xaf")
_TGA_TYPES = (1, 2, 3, 9, 10, 11)


def sniff(path: str) -> Format:
    """The format of a local file. Raises ImageRefused EMPTY_FILE and UNSUPPORTED_FORMAT."""
    with Path(path).open("rb") as file:
        head = file.read(LOOK_AT)
    if not head:
        raise ImageRefused(ImageProblem.EMPTY_FILE)
    found = _by_content(head)
    if isinstance(found, Format):
        return found
    raise ImageRefused(ImageProblem.UNSUPPORTED_FORMAT, f"The file is {found}.")


def is_cut_short(path: str, kind: Format) -> bool:
    """Whether the end that the format asks for is missing. Asked after a failure, to say why; cheap."""
    size = os.stat(path).st_size  # noqa: PTH116
    with Path(path).open("rb") as file:
        head = file.read(16)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    if kind is Format.JPEG:
        return b"\xff\xd9" not in tail
    if kind is Format.PNG:
        return b"IEND" not in tail
    if kind is Format.GIF:
        return b"\x3b" not in tail[-64:]
    if kind is Format.WEBP:
        return int.from_bytes(head[4:8], "little") + 8 > size
    if kind is Format.BMP:
        return int.from_bytes(head[2:6], "little") > size
    return kind in (Format.HEIF, Format.AVIF) and _boxes_end_beyond(path, size)


def _by_content(head: bytes) -> Format | str:
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] == b"RIFF":
        return Format.WEBP if head[8:12] == b"WEBP" else "a film or sound"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for begin, kind in _BEGINS:
        if head.startswith(begin):
            return _of_two(head, kind)
    for begin, name in _UNREAD:
        if text.startswith(begin):
            return name
    return _by_structure(head)


def _of_two(head: bytes, kind: Format) -> Format | str:
    """What else begins like this: Canon's raw files are TIFFs, and a plain TGA looks like a cursor file of none."""
    if kind is Format.TIFF and head[8:10] == b"CR":
        return Format.RAW
    return _by_structure(head) if kind is Format.CUR and head[4:6] == b"\0\0" else kind


def _by_brand(head: bytes) -> Format | str:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major, others = head[8:12], [head[at:at + 4] for at in range(16, length - 3, 4)]
    if major in _BRANDS:
        return _BRANDS[major]
    if major in _GENERAL:
        return next((_BRANDS[each] for each in others if each in _BRANDS), Format.HEIF)
    return next((_BRANDS[each] for each in others if each in _BRANDS), "a film")


def _by_structure(head: bytes) -> Format | str:
    """Formats whose first bytes alone prove little."""
    if head[:1] == b"P" and head[1:2] in b"1234567Ffy" and head[2:3].isspace():
        return Format.PPM
    if head[:1] == b"\x0a" and len(head) > 128 and head[1] <= 5 and head[2] <= 1 and head[3] in (1, 2, 4, 8):
        return Format.PCX
    if head[4:6] in _FLIC:
        return Format.FLI
    if len(head) > 18 and head[1] <= 1 and head[2] in _TGA_TYPES and head[16] in (1, 8, 15, 16, 24, 32) \
            and head[12:14] != b"\0\0" != head[14:16]:
        return Format.TGA
    return "nothing that we know"


def _boxes_end_beyond(path: str, size: int) -> bool:
    """Whether the boxes of an ISO file (ISO 14496-12) claim more than there is."""
    at = 0
    with Path(path).open("rb") as file:
        for _ in range(64):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                return at > size or len(head) > 0
            length = int.from_bytes(head[:4], "big")
            if length == 0:
                return False
            at += int.from_bytes(head[8:16], "big") if length == 1 else length
            if (length == 1 and len(head) < 16) or (length not in (0, 1) and length < 8):
                return False
            if at > size:
                return True
    return False
