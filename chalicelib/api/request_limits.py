"""What a request may weigh, before anything else looks at it. How its JSON may be built says `strict_json`."""

from __future__ import annotations

from typing import Any

from chalice.app import MultiDict, Request

from chalicelib.api.requests import header
from chalicelib.errors import RequestProblem, RequestRefused

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A Lambda takes 6 MB, and a binary body travels as base64: 4.5 MB are the most that can arrive (AWS quotas)."""
MAX_HEADER_CHARS = 32 * 1024
"""API Gateway takes 10,240 bytes from clients and adds its own; this bounds what other servers let through."""
MAX_QUERY_CHARS = 8 * 1024


def check(request: Request) -> None:
    """Refuse what is too large: LENGTH_REQUIRED, PAYLOAD_TOO_LARGE or BAD_REQUEST."""
    if "chunked" in header(request, "Transfer-Encoding").lower():
        raise RequestRefused(RequestProblem.LENGTH_REQUIRED)
    if max(_declared(request), len(request.raw_body)) > MAX_BODY_BYTES:
        raise RequestRefused(RequestProblem.PAYLOAD_TOO_LARGE, maxBytes=MAX_BODY_BYTES, use="POST /upload")
    if sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_HEADER_CHARS:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The headers are too long.", maxChars=MAX_HEADER_CHARS)
    if _query_chars(request) > MAX_QUERY_CHARS:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The query is too long.", maxChars=MAX_QUERY_CHARS)


def _query_chars(request: Request) -> int:
    """Every value counts, also those of a name that comes twice."""
    query: Any = request.query_params or MultiDict({})
    return sum(len(name) + len(value) for name in query for value in query.getlist(name))


def _declared(request: Request) -> int:
    """The announced length; one of more digits than fit a number is too large in any case."""
    declared = header(request, "Content-Length")
    if not (declared.isascii() and declared.isdecimal()):
        return 0
    return int(declared[:20])
