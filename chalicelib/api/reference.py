"""GET /openapi.json and GET /docs: what this API is, for programs and for people, made once in a container.

Neither changes before the next deployment, so both may be kept for a while and come with an ETag.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Request, Response

from chalicelib.api.openapi import page as pages
from chalicelib.api.openapi.document import Route, routes_of
from chalicelib.api.openapi.document import document as described
from chalicelib.api.openapi.operations import OPERATIONS
from chalicelib.api.requests import header
from chalicelib.api.status import matches
from chalicelib.settings import Settings

CACHE = "public, max-age=300"

Routes = Mapping[str, Mapping[str, Any]]
Headers = dict[str, str | list[str]]


def document(request: Request, routes: Routes, *, settings: Settings) -> Response:
    """The OpenAPI document."""
    return _cached(request, _document(routes_of(routes), settings.commit), {"Content-Type": "application/json"})


def page(request: Request, routes: Routes, *, settings: Settings) -> Response:
    """The same as a page without a script; its one style sheet is named by its digest."""
    return _cached(request, _page(routes_of(routes), settings.commit), {
        "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": pages.POLICY})


@functools.cache
def _document(routes: tuple[Route, ...], release: str) -> str:
    return json.dumps(described(routes, OPERATIONS, release=release), ensure_ascii=False, separators=(",", ":"))


@functools.cache
def _page(routes: tuple[Route, ...], release: str) -> str:
    return pages.render(json.loads(_document(routes, release)))


def _cached(request: Request, body: str, headers: Headers) -> Response:
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    told: Headers = {**headers, "ETag": etag, "Cache-Control": CACHE}
    if matches(header(request, "If-None-Match"), etag):
        return Response(body="", status_code=304, headers=told)
    return Response(body=body, headers=told)
