"""Pictures that the imaging benchmark reads: gradients at many scales and a sensor's noise, made once and kept.

They are as large, as fine and as many bytes as a camera's. The largest ones repeat a smaller one; a TIFF is written
piece by piece, so that making 2 GB takes no memory.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SIZES = {"24 MP": (6000, 4000), "48 MP": (8064, 6048), "500 MB": (14000, 11920), "2 GB": (28000, 23880),
         "280 MP": (16733, 16733)}
QUALITY = 92
NOISE = 5.0
TILE = 256
STRIP = 16
_FORM = 1


def photograph(megapixels: str, *, profile: bytes = b"") -> str:
    """A JPEG (4:2:0) with the given ICC profile."""
    return _kept(f"{megapixels}-{zlib.crc32(profile[128:]):x}.jpg", lambda path: _camera(*SIZES[megapixels]).save(
        path, "JPEG", quality=QUALITY, subsampling=2, icc_profile=profile))


def giant(*, progressive: bool) -> str:
    """A JPEG of 280 megapixels."""
    def make(path: str) -> None:
        from PIL import Image

        shot = _camera(*SIZES["24 MP"])
        whole = Image.new("RGB", SIZES["280 MP"])
        for top in range(0, whole.height, shot.height):
            for left in range(0, whole.width, shot.width):
                whole.paste(shot, (left, top))
        whole.save(path, "JPEG", quality=85, progressive=progressive)

    return _kept(f"giant-{progressive}.jpg", make)


def tiff(size: str, *, tiled: bool) -> str:
    """An RGB TIFF of so many bytes, in strips as they are or in tiles with deflate."""
    return _kept(f"{size}-{tiled}.tif", lambda path: _write_tiff(path, *SIZES[size], tiled=tiled))


def bomb() -> str:
    """A PNG of 30,000 by 30,000 pixels of one bit in a hundred kilobytes."""
    return _kept("bomb.png", lambda path: Path(path).write_bytes(_bomb(30_000)))


def display_p3() -> bytes:
    """A profile as recent telephones embed it: the primaries of DCI-P3 (as D50 XYZ), gamma 2.2."""
    def xyz(*place: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in place))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
            b"rXYZ": xyz(0.5151, 0.2412, -0.0011), b"gXYZ": xyz(0.2920, 0.6922, 0.0419),
            b"bXYZ": xyz(0.1571, 0.0666, 0.7841)}
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body
    kind = (b"", b"\x02\x40\0\0", b"mntr", b"RGB ", b"XYZ ")
    head = struct.pack(">I4s4s4s4s4s6H", at + len(data), *kind, 2000, 1, 1, 0, 0, 0)
    return (head + b"acsp").ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:].ljust(60, b"\0") + table + data


def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _kept(name: str, make: Callable[[str], object]) -> str:
    folder = Path(tempfile.gettempdir()) / f"dropmill-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"form{_FORM}-{name.replace(' ', '')}"
    if not path.exists():
        print(f"making {path.name} (once)", flush=True)
        part = path.with_suffix(".part")
        make(str(part))
        part.rename(path)
    return str(path)


def _camera(width: int, height: int) -> Any:
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(1)
    noise = random.normal(0, NOISE, (height, width)).astype(np.float32)
    planes = []
    for _ in range(3):
        plane = noise + 128
        for cells in (4, 8, 16, 32, 64, 128, 256, 512):
            coarse = random.normal(0, 38 * (4 / cells) ** 0.62, (cells, cells)).astype(np.float32)
            plane += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        planes.append(np.clip(plane, 0, 255).astype(np.uint8))
    return Image.fromarray(np.stack(planes, 2))


def _write_tiff(path: str, width: int, height: int, *, tiled: bool) -> None:
    where: list[int] = []
    sizes: list[int] = []
    with Path(path).open("wb") as file:
        file.write(bytes(8))
        for piece in _tiles(width, height) if tiled else _strips(width, height):
            where.append(file.tell())
            sizes.append(len(piece))
            file.write(piece)
        at = file.tell() + file.tell() % 2
        tags = {256: [width], 257: [height], 258: [8, 8, 8], 259: [8 if tiled else 1], 262: [2], 277: [3]}
        tags |= {322: [TILE], 323: [TILE], 324: where, 325: sizes} if tiled else {273: where, 278: [STRIP], 279: sizes}
        table, values, place = b"", b"", at + 2 + 12 * len(tags) + 4
        for tag, numbers in sorted(tags.items()):
            raw = struct.pack(f"<{len(numbers)}I", *numbers)
            table += struct.pack("<HHI", tag, 4, len(numbers))
            table += raw if len(raw) == 4 else struct.pack("<I", place + len(values))
            values += raw if len(raw) > 4 else b""
        file.seek(at)
        file.write(struct.pack("<H", len(tags)) + table + bytes(4) + values)
        file.seek(0)
        file.write(b"II*\0" + struct.pack("<I", at))


def _strips(width: int, height: int) -> Iterator[bytes]:
    import numpy as np

    base = np.asarray(_camera(*SIZES["24 MP"]))
    for top in range(0, height, STRIP):
        rows = base[np.arange(top, min(height, top + STRIP)) % len(base)]
        yield np.tile(rows, (1, -(-width // rows.shape[1]), 1))[:, :width].tobytes()


def _tiles(width: int, height: int) -> Iterator[bytes]:
    import numpy as np

    base = np.asarray(_camera(*SIZES["24 MP"]))
    for top in range(0, height, TILE):
        rows = base[np.arange(top, top + TILE) % len(base)]
        wide = np.tile(rows, (1, -(-width // rows.shape[1]) + 1, 1))
        for left in range(0, width, TILE):
            yield zlib.compress(wide[:, left:left + TILE].tobytes(), 1)


def _bomb(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(-(-side // 8) + 1)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
