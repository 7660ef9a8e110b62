"""The multipart form that a presigned POST wants, streamed from the file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO


class Form:
    """The multipart body of a presigned POST, read from its file as it goes out.

    requests sends an iterable with a length and `read` as a stream with Content-Length; S3 takes no chunked bodies.
    """

    def __init__(
        self, fields: Mapping[str, str], file: BinaryIO, size: int, on_bytes: Callable[[int], None]
    ) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.sent = 0
        parts = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                        for name, value in fields.items())
        # The object's key is among the fields, so the file needs no name of its own here; S3 ignores what follows it.
        file_part = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
        self._head = BytesIO((parts + file_part).encode())
        self._tail = BytesIO(f"\r\n--{boundary}--\r\n".encode())
        self._length = len(self._head.getbuffer()) + size + len(self._tail.getbuffer())
        self._file, self._left, self._on_bytes = file, size, on_bytes

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(65536), b"")

    def read(self, size: int = 65536) -> bytes:
        return self._head.read(size) or self._read_file(size) or self._tail.read(size)

    def _read_file(self, size: int) -> bytes:
        block = self._file.read(min(size, self._left))
        if self._left and not block:
            raise EOFError("the file became shorter while it was being uploaded")
        self._left -= len(block)
        self.sent += len(block)
        self._on_bytes(len(block))
        return block


def media_type(path: Path) -> str:
    """By the name's ending; the standard library's guess depends on files of the machine, and several know no .xlsx."""
    return MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")


MEDIA_TYPES: Mapping[str, str] = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".gz": "application/gzip",
    ".zip": "application/zip",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".heic": "image/heic",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
