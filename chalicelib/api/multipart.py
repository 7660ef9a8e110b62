"""multipart/form-data (RFC 7578), for small files sent straight to a route: fields and files by name.

The parsing is `multipart`'s; forms are not what Dropmill exists for. Here are its limits and its errors in our words.
A body has passed the edge's limit before, so that all parts stay in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from multipart import MultipartError, MultipartParser, parse_options_header

from chalicelib.errors import RequestProblem, RequestRefused

MAX_PARTS = 100
MAX_BOUNDARY = 70
"""RFC 2046 section 5.1.1."""


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a form. `file_name` is empty for a plain field."""

    body: bytes
    file_name: str = ""

    @property
    def text(self) -> str:
        """Raises BAD_REQUEST for a field that is no UTF-8."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            raise RequestRefused(RequestProblem.BAD_REQUEST, "A form field is not UTF-8.") from None


def parse(content_type: str, body: bytes) -> Mapping[str, Field]:
    """The parts of a form by name, the first of each. Raises BAD_REQUEST for what is no such form."""
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The body is not multipart/form-data with a boundary.")
    fields: dict[str, Field] = {}
    room = len(body) + 1
    try:
        for part in MultipartParser(BytesIO(body), boundary, len(body), part_limit=MAX_PARTS, partsize_limit=room,
                                    spool_limit=room, memory_limit=room):
            fields.setdefault(part.name, Field(part.raw, part.filename or ""))
    except (MultipartError, UnicodeError):
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The form is damaged, does not end, or has too many parts, "
                             "or a part has no name.") from None
    return fields
