"""The console: one page and the files that it is made of, as they lie in `chalicelib/console`.

Nothing is built or bundled: the page names the modules of its first view, and the browser loads those of others when
they are opened. Their address holds a digest of all of them, so they can be cached for ever and a deployment is seen at
once. The page is public; everything that it shows is asked
for with the token of whoever signs in.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from chalice.app import Request, Response

from chalicelib.adapters.s3 import Blobs
from chalicelib.api.requests import header
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.settings import Settings

FOLDER = Path(__file__).parent.parent / "console"
PAGE = "index.html"
FIRST = ("main.js", "drop.js")
"""What the first view begins with."""
TYPES: Mapping[str, str] = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
                            ".js": "text/javascript; charset=utf-8"}
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from "\./(\w+\.js)";', re.MULTILINE)
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Files:
    """All files of the console by name. `version` changes when any of them does."""

    texts: Mapping[str, str]
    version: str


@lru_cache(maxsize=1)
def files() -> Files:
    """Read once a container."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
    digest = sha256("\0".join(f"{name}\0{text}" for name, text in texts.items()).encode())
    return Files(texts, digest.hexdigest()[:16])


def page(request: Request | None, *, blobs: Blobs, settings: Settings) -> Response:
    """The page, with a policy under which the browser loads and asks nothing but this app and its bucket."""
    facts = {"base": _base(request), "version": files().version, "stage": settings.stage, "app": settings.app,
             "local": "true" if settings.stage == "local" else "false", "modules": _modules()}
    body = re.sub(r"\{\{(\w+)\}\}", lambda match: facts[match[1]] if match[1] == "modules" else
                  html.escape(facts[match[1]]), files().texts[PAGE])
    return Response(body=body, headers={
        "Content-Type": TYPES[".html"], "Cache-Control": "no-cache", "Content-Security-Policy": policy(blobs.origin),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()"})


def asset(request: Request | None, version: str, name: str) -> Response:
    """One file of the page. An older version than ours is answered with ours, and not for ever.

    Raises NOT_FOUND for everything that is not one of the files.
    """
    text = files().texts.get(name)
    if text is None or name == PAGE:
        raise RequestRefused(RequestProblem.NOT_FOUND)
    etag = f'"{files().version}"'
    headers: dict[str, str | list[str]] = {"ETag": etag, "Content-Type": TYPES[Path(name).suffix],
                                           "Cache-Control": FOR_EVER if version == files().version else "no-cache"}
    if header(request, "If-None-Match") == etag:
        return Response(body="", status_code=304, headers=headers)
    return Response(body=text, headers=headers)


def policy(bucket: str) -> str:
    """The page's Content-Security-Policy. `bucket` is the origin of upload forms and of links to files."""
    return "; ".join((
        "default-src 'none'", "script-src 'self'", "style-src 'self'", f"img-src 'self' data: blob: {bucket}",
        f"connect-src 'self' {bucket}", "base-uri 'self'", "form-action 'none'", "frame-ancestors 'none'"))


def _base(request: Request | None) -> str:
    """The path of the page with a slash at its end: a deployed one begins with the gateway's stage."""
    path = str((request.context if request else {}).get("path") or "/")
    return path if path.endswith("/") else f"{path}/"


@lru_cache(maxsize=1)
def first_modules() -> tuple[str, ...]:
    """What the modules of the first view import, in turn: else the browser would learn of each from its importer."""
    found: dict[str, None] = dict.fromkeys(FIRST)
    waiting = list(FIRST)
    while waiting:
        new = [name for name in _IMPORT.findall(files().texts[waiting.pop()]) if name not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)


def _modules() -> str:
    return "\n".join(f'<link rel="modulepreload" href="console/{files().version}/{name}">' for name in first_modules())
