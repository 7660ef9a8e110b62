"""Dropbox's answers, read: what lies in a folder, what has changed since, and what each refusal means.

By the API's specification (github.com/dropbox/dropbox-api-spec: files.stone, auth.stone) and, where it is silent, by
Dropbox's own SDK:

    401 expired or invalid token         a fresh one is asked for once; refused too, only a person can help
    401 else (scope, suspended)          only a person can help: the circuit opens
    403 404 405 and redirects            likewise: access, address
    429, both forms                      too many calls, or two listings of one folder at once: all hold off
    409 reset, 400 to a cursor           the cursor is worth nothing any more: CursorReset, list anew
    409 path/not_found                   Gone: the file (or folder) was deleted or moved; final
    409 path/restricted_content and      ContentRefused with that word as `reason`: held back for legal reasons; not a
        unsupported_file, not_file, ...  file of bytes (a document of Dropbox's own); a folder; no path. Final
    409 path/locked, other               may pass: tried again, for good Transient
    400                                  ContentRefused, `reason` request: what was asked is no path or id
    no answer, 5xx, no JSON              tried again, for good Transient

`server_modified` and `rev` change with each revision; `id` stays over edits, renames and moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from chalicelib.errors import ContentRefused, DropmillError, Transient, Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.adapters.http import Reply

DEFAULT_WAIT = 1.0
"""Seconds, of a JSON 429 that does not say how long (auth.stone, RateLimitError)."""

_GOOD = frozenset({200, 206})
_PERSON = {403: "access", 404: "address", 405: "address"}
_STALE = frozenset({"expired_access_token", "invalid_access_token"})
_FINAL = frozenset({"restricted_content", "unsupported_content_type", "unsupported_file", "not_file", "not_folder",
                    "malformed_path"})
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class File:
    """A file as it stands. Paths are absolute; `path_lower` identifies it, since Dropbox ignores case.

    `content_hash` may be empty. A file that is not `is_downloadable` is no file of bytes.
    """

    id: str
    rev: str
    name: str
    path_lower: str
    path_display: str
    size: int
    content_hash: str
    server_modified: datetime
    is_downloadable: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it stands; what was there under its path and is no folder has gone."""

    id: str
    name: str
    path_lower: str
    path_display: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """Nothing is there any more, nor beneath it: a deleted folder's files come without entries of their own."""

    name: str
    path_lower: str
    path_display: str


Entry: TypeAlias = File | Folder | Deleted


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the order in which they are to be applied, and the cursor that continues behind them.

    `has_more` says that more is waiting already. `dropped` counts entries that were unreadable or are not mounted.
    """

    entries: tuple[Entry, ...]
    cursor: str
    has_more: bool
    dropped: int = 0


class CursorReset(DropmillError):
    """Dropbox honours the cursor no longer: list the folder anew and compare."""


class Gone(ContentRefused):
    """There is no such file any more, or another revision took its place: nothing to do, now or later."""


class Busy(Transient):
    """Too many calls: nobody should call for `retry_after` seconds, or for a growing while."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__("dropbox is too busy", status=429)
        self.retry_after = retry_after


class Stale(Unavailable):
    """The access token is accepted no longer; a fresh one may be."""


class _Entry(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    tag: str = Field(alias=".tag")
    id: str = ""
    rev: str = ""
    name: str
    path_lower: str
    path_display: str | None = None
    size: int = Field(default=0, ge=0)
    content_hash: str | None = None
    server_modified: AwareDatetime | None = None
    is_downloadable: bool = True


class _Page(BaseModel):
    entries: list[Any]
    cursor: str = Field(min_length=1)
    has_more: bool


class _Cursor(BaseModel):
    cursor: str = Field(min_length=1)


def page_of(reply: Reply) -> Page:
    """The page in a good answer. Raises Transient for what is none."""
    try:
        page = _Page.model_validate(reply.json())
    except ValidationError as error:
        raise Transient("dropbox's answer is no page of entries") from error
    entries = tuple(entry for entry in map(_entry, page.entries) if entry)
    return Page(entries, page.cursor, page.has_more, len(page.entries) - len(entries))


def cursor_of(reply: Reply) -> str:
    """The cursor in a good answer. Raises Transient for what is none."""
    try:
        return _Cursor.model_validate(reply.json()).cursor
    except ValidationError as error:
        raise Transient("dropbox's answer has no cursor") from error


def refuse(reply: Reply, *, of_cursor: bool = False) -> None:
    """Raise what the status means; 200 and 206 pass. `of_cursor`: nothing but a cursor was asked."""
    status = reply.status
    if status in _GOOD:
        return
    if status == 429:
        raise Busy(_wait(reply))
    if status in (401, *_PERSON) or 300 <= status < 400:
        raise _for_a_person(reply)
    if status == 409:
        raise _objection(_tags(reply))
    if status == 400 and of_cursor:
        raise CursorReset("dropbox does not know the cursor", status=status)
    if 400 <= status < 500:
        raise ContentRefused("dropbox refuses the request", status=status, reason="request", suspected=False)
    raise Transient(f"dropbox failed with {status}", status=status)


def _entry(raw: Any) -> Entry | None:
    try:
        told = _Entry.model_validate(raw)
    except ValidationError:
        return None
    display = told.path_display or told.path_lower
    if told.tag == "deleted":
        return Deleted(told.name, told.path_lower, display)
    if told.tag == "folder":
        return Folder(told.id, told.name, told.path_lower, display)
    if told.tag == "file" and told.id and told.rev and told.server_modified:
        return File(told.id, told.rev, told.name, told.path_lower, display, told.size, told.content_hash or "",
                    told.server_modified, told.is_downloadable)
    return None


def _for_a_person(reply: Reply) -> Unavailable:
    tag = _tags(reply) if reply.status == 401 else ""
    if tag in _STALE:
        return Stale("dropbox refuses the access token", status=401, reason="token")
    reason = _PERSON.get(reply.status, "address") if reply.status != 401 else tag or "token"
    return Unavailable(f"dropbox refuses until a person acts: {reason}", status=reply.status, reason=reason)


def _objection(tags: str) -> DropmillError:
    """What an endpoint's own error means."""
    last = tags.rpartition("/")[2]
    if last == "reset":
        return CursorReset("dropbox has reset the cursor", status=409)
    if last == "not_found":
        return Gone("dropbox has nothing there any more", status=409, reason=last, suspected=False)
    if last in _FINAL:
        return ContentRefused(f"dropbox refuses the file: {last}", status=409, reason=last, suspected=False)
    return Transient("dropbox cannot do that now", status=409, reason=last)


def _wait(reply: Reply) -> float | None:
    """Seconds that a 429 asks for: in its JSON, or in a header beside plain text."""
    error = _error(reply)
    asked = error.get("retry_after")
    if isinstance(asked, int | float) and isfinite(asked) and asked >= 0:
        return float(asked)
    return reply.retry_after if reply.retry_after is not None or not error else DEFAULT_WAIT


def _tags(reply: Reply) -> str:
    """`path/not_found` out of the tags of an error, which lie one in another; empty where there are none."""
    tags: list[str] = []
    inner: Any = _error(reply)
    while isinstance(inner, Mapping) and isinstance(tag := inner.get(".tag"), str) and len(tags) < _DEEPEST:
        tags.append(tag)
        inner = inner.get(tag)
    return "/".join(tags)


def _error(reply: Reply) -> Mapping[str, Any]:
    try:
        body = reply.json()
    except Transient:
        return {}
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else {}
