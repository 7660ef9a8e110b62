"""What the fake Dropbox understands and how it refuses: arguments, errors in Dropbox's own words, bodies in pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.local.fakes.dropbox_tree import Metadata, Node, Tree
from chalicelib.local.fakes.server import Act

LIST, CONTINUE, LATEST = (f"/2/files/list_folder{rest}" for rest in ("", "/continue", "/get_latest_cursor"))
LISTINGS = (LIST, CONTINUE, LATEST)
DOWNLOAD = "/2/files/download"
MAX_LIMIT = 2000
PIECES = 10

_FOLDER = re.compile(r"(/(.|[\r\n])*)?|id:.*|(ns:[0-9]+(/.*)?)")
_SOURCE = re.compile(r"(/(.|[\r\n])*|id:.*)|(rev:[0-9a-f]{9,})|(ns:[0-9]+(/.*)?)")
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}

_ENDPOINT: Mapping[str, tuple[int, str]] = {
    "401": (401, "invalid_access_token"), "expired": (401, "expired_access_token"), "scope": (401, "missing_scope"),
    "403": (403, "invalid_account_type/endpoint"), "409": (409, "path/not_found"),
    "restricted": (409, "path/restricted_content"), "locked": (409, "path/locked"), "reset": (409, "reset")}
_OAUTH: Mapping[str, str] = {
    "grant": "invalid_grant", "client": "invalid_client: Invalid client_id or client_secret"}
_PLAIN = frozenset({"400", "404", "405", "500", "503"})

TOKEN_KINDS = frozenset({"ok", "broken", "400", "429", "busy", "500", "503", *_OAUTH})
KINDS = frozenset({"ok", *_PLAIN, *_ENDPOINT, "429", "busy", "silence", "slow", "hangup", "broken", "page",
                   "unreadable", "corrupt", "short", "long", "whole", "shifted", "stranger"})
"""Every act that may be asked for."""


class Refused(Exception):
    """An answer that is none of what was asked for."""

    def __init__(self, status: int, text: str = "", *, body: Any = None, headers: Mapping[str, str] | None = None,
                 kind: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind or str(status)
        self.body = text.encode() if body is None else json.dumps(body).encode()
        self.headers = {**(_TEXT if body is None else {"Content-Type": "application/json"}), **(headers or {})}


def refusal(act: Act) -> Refused | None:
    """The refusal that an act is, None for all others."""
    if act.kind in _ENDPOINT:
        return endpoint_error(*_ENDPOINT[act.kind], kind=act.kind)
    if act.kind in _OAUTH:
        return Refused(400, body={"error": _OAUTH[act.kind], "error_description": "said in words"}, kind=act.kind)
    if act.kind in _PLAIN:
        return Refused(int(act.kind), "An error that is told in plain text.")
    if act.kind == "429":
        wait = {} if act.amount is None else {"retry_after": int(act.amount)}
        return Refused(429, body={"error_summary": "too_many_requests/..", "error": {
            "reason": {".tag": "too_many_requests"}, **wait}})
    if act.kind == "busy":
        header = {} if act.amount is None else {"Retry-After": f"{act.amount:g}"}
        return Refused(429, "Too many requests", headers=header, kind="busy")
    return None


def endpoint_error(status: int, tags: str, *, kind: str = "") -> Refused:
    """An error as tags lie in one another: `path/not_found` is `{".tag": "path", "path": {".tag": "not_found"}}`."""
    error: dict[str, Any] = {}
    for tag in reversed(tags.split("/")):
        error = {".tag": tag, **({tag: error} if error else {})}
    return Refused(status, body={"error_summary": f"{tags}/...", "error": error}, kind=kind or tags)


def listed(tree: Tree, path: str, body: bytes) -> Metadata:
    """The page, or cursor, that a listing's body asks for. Raises Refused."""
    asked = _object(body, "request body")
    if path == CONTINUE:
        name = str(asked.get("cursor") or "")
        if name not in tree.cursors:
            raise Refused(400, 'Error in call to API function "files/list_folder/continue": Invalid "cursor" parameter')
        cursor = tree.cursors[name]
        if cursor is None:
            raise endpoint_error(409, "reset", kind="reset")
        return tree.proceed(cursor)
    folder, limit = _folder(tree, asked.get("path")), asked.get("limit", MAX_LIMIT)
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise Refused(400, 'Error in call to API function "files/list_folder": limit out of range')
    method = tree.listing if path == LIST else tree.latest
    return method(folder, recursive=asked.get("recursive") is True, limit=limit)


def looked_up(tree: Tree, argument: str | None) -> Node:
    """The file that the header of a download names. Raises Refused."""
    source = _object((argument or "").encode("latin-1"), "HTTP header").get("path")
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise Refused(400, 'Error in call to API function "files/download": HTTP header "Dropbox-API-Arg": path')
    node = tree.find(source)
    if node is None:
        raise endpoint_error(409, "path/not_found", kind="409")
    if node.content is None:
        raise endpoint_error(409, "path/not_file")
    if not node.downloadable:
        raise endpoint_error(409, "unsupported_file")
    return node


def first_byte(header: str | None) -> int:
    """Of `Range: bytes=5-`; 0 without one."""
    asked = re.fullmatch(r"bytes=(\d+)-", header or "")
    return int(asked[1]) if asked else 0


def pieces(payload: bytes, act: Act) -> Iterator[tuple[bytes, float]]:
    """The body in pieces, each with the pause behind it in seconds."""
    if act.kind == "hangup":
        yield payload[:len(payload) // 2 if act.amount is None else int(act.amount)], 0.0
    elif act.kind == "slow":
        size = max(1, -(-len(payload) // PIECES))
        for start in range(0, len(payload), size):
            yield payload[start:start + size], (act.amount or 0.0) / PIECES
    else:
        yield payload, 0.0


def _folder(tree: Tree, path: Any) -> str:
    """The path of a folder that is there, the root's is empty."""
    if path == "/":
        raise Refused(400, 'path: Specify the root folder as an empty string rather than as "/".')
    if not isinstance(path, str) or not _FOLDER.fullmatch(path):
        raise Refused(400, 'Error in call to API function "files/list_folder": path: did not match pattern')
    if not path:
        return path
    node = tree.find(path)
    if node is None:
        raise endpoint_error(409, "path/not_found", kind="409")
    if node.content is not None:
        raise endpoint_error(409, "path/not_folder")
    return node.path


def _object(body: bytes, where: str) -> Mapping[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Refused(400, f"Error in call to API function: {where}: could not decode input as JSON")
    return asked
