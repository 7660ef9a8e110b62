"""One file in, one web-ready JPEG out: the whole way, and the only door to this package.

1. what is it, by content; 2. its header; 3. a plan and its memory, or a refusal; 4. decode as small as the format
allows; 5. on white, 8 bits, resize; 6. turn upright; 7. colours to sRGB; 8. code, with its credits and nothing else.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from chalicelib.imaging import encode, jpeg, pillow, raw, tiff, vips
from chalicelib.imaging.header import Header, read_header
from chalicelib.imaging.model import Engine, ImageLimits, ImageProblem, ImageRefused, Note, Picture, Size, fitted
from chalicelib.imaging.plan import decide
from chalicelib.imaging.sniff import Format, sniff

__all__ = ["web_ready"]


def web_ready(
    source: str, target: str, *, limits: ImageLimits | None = None, engine: Engine = Engine.AUTO,
) -> Picture:
    """Make the local file `target`, a progressive JPEG in sRGB, of the picture in the local file `source`.

    It fits `limits.max_side`, stands upright, shows what was transparent on white, and carries artist and copyright but
    nothing else of the source's metadata. Of several frames or pages it shows the first. Where the source is a JPEG
    that fits, the result has no more bytes. Raises ImageRefused; then there is no `target`.
    """
    limits = limits or ImageLimits()
    size = os.stat(source).st_size  # noqa: PTH116
    if size > limits.max_bytes:
        raise ImageRefused(ImageProblem.FILE_TOO_LARGE)
    kind = sniff(source)
    if kind is Format.RAW or (kind is Format.TIFF and raw.is_raw(tiff.directories(source))):
        return _of_preview(source, target, size, limits, engine)
    return _made(source, target, read_header(source, kind), size, limits, engine)


def _made(
    source: str, target: str, header: Header, size: int, limits: ImageLimits, engine: Engine,
) -> Picture:
    copied, notes = False, [Note.FIRST_OF_MANY] if header.frames > 1 else []
    data, final, used = _by_vips(source, header, limits, engine)
    if used is Engine.PILLOW:
        plan = decide(header, limits)
        image, more = pillow.render(source, header, plan)
        notes += more
        final = image.size
        data = encode.coded(image, header, limits, engine)
        if header.format is Format.JPEG and plan.target == header.size:
            room = size - len(header.credits.exif()) - 4 if header.credits.exif() else size
            data, copied = encode.no_larger(source, header, image, data, room)
    data = jpeg.with_exif(data, header.credits.exif())
    Path(target).write_bytes(data)
    return _picture(header, final, size, len(data), used, notes, copied=copied)


def _by_vips(source: str, header: Header, limits: ImageLimits, engine: Engine) -> tuple[bytes, Size, Engine]:
    """Nothing, by PILLOW, where that shall do it: chosen, better, or because libvips calls corrupt what it may read."""
    target = fitted(header.size, limits.max_side)
    if engine is not Engine.PILLOW and vips.suits(header, target) and vips.library():
        try:
            return *vips.render(source, header, target, limits), Engine.VIPS
        except ImageRefused as refused:
            if refused.code is not ImageProblem.CORRUPT_IMAGE:
                raise
    return b"", (0, 0), Engine.PILLOW


def _of_preview(source: str, target: str, size: int, limits: ImageLimits, engine: Engine) -> Picture:
    data, orientation = raw.preview(source)
    with tempfile.NamedTemporaryFile(dir=Path(target).parent, suffix=".jpg") as file:
        file.write(data)
        file.flush()
        header = read_header(file.name, Format.JPEG)
        if header.orientation == 1:
            header = replace(header, orientation=orientation if 1 <= orientation <= 8 else 1)
        picture = _made(file.name, target, header, len(data), limits, engine)
    return replace(picture, source_format=Format.RAW.value, source_bytes=size,
                   notes=(Note.PREVIEW_OF_RAW, *picture.notes))


def _picture(
    header: Header, final: Size, size: int, made: int, used: Engine, notes: list[Note], *, copied: bool,
) -> Picture:
    return Picture(width=final[0], height=final[1], source_format=header.format.value,
                   source_width=header.upright_size[0], source_height=header.upright_size[1], source_bytes=size,
                   bytes=made, engine=used, copied=copied, notes=tuple(notes))
