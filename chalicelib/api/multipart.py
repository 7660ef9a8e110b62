"""multipart/form-data (RFC 7578), for small files sent straight to a route: fields and files by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.errors import RequestProblem, RequestRefused

MAX_PARTS = 100
_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')


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
    boundary = _parameters(content_type).get("boundary", "")
    if not content_type.lower().startswith("multipart/form-data") or not 0 < len(boundary) <= 70:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The body is not multipart/form-data with a boundary.")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"))
    if not parts or not parts[-1].startswith(b"--") or len(parts) > MAX_PARTS:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The form does not end, or has too many parts.")
    fields: dict[str, Field] = {}
    for part in parts[:-1]:
        name, found = _field(part)
        fields.setdefault(name, found)
    return fields


def _field(part: bytes) -> tuple[str, Field]:
    head, parted, body = part.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    told = _parameters(disposition)
    if not parted or "name" not in told:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "A part of the form has no name.")
    return told["name"], Field(body, told.get("filename", ""))


def _parameters(header: str) -> dict[str, str]:
    return {match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[3] is None else match[3]
            for match in _PARAMETER.finditer(header)}
