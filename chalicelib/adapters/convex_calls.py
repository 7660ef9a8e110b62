"""One mutation at Convex over its HTTP API: what an item becomes on the wire, and what each answer means.

Read in the backend's source (get-convex/convex-backend: public_api.rs, http/extract.rs, limits.mdx) and seen of it:

    200 or 560, status error               the function refused this item; 560 is what older servers answered
    200, "Could not find ... function"     the name is wrong or nothing was deployed: only a person can help
    401 403 404 405, redirects             likewise: key, access, address
    400                                    likewise, when its code speaks of key or path; else this item's request
    413                                    this item is too large
    429 503                                too busy (TooManyConcurrentRequests, TooManyWrites, ExpiredInQueue,
                                           OptimisticConcurrencyControlFailure, WorkerOverloaded): hold off
    no answer, 409, 5xx, no JSON           maybe applied: done again, for mutations here are upserts

Neither the key nor what an item holds is ever logged.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from io import BytesIO
from math import isfinite
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chalicelib.adapters.http import Reply, send
from chalicelib.errors import ContentRefused, Transient, Unavailable
from chalicelib.settings import ConvexSettings

MAX_BYTES = 1024 * 1024
"""Of a document, and so of an item."""
MAX_FIELDS, MAX_ENTRIES, MAX_NAME, MAX_DEPTH = 1024, 8192, 1024, 16
EXACT = 2 ** 53
REASON_LENGTH = 300

_BUSY = frozenset({429, 503})
_PERSON = {401: "key", 403: "access", 404: "address", 405: "address"}
_PERSON_400 = {"InvalidAdminKey": "key", "InvalidHeaderFailure": "key", "BadAdminKey": "key", "BadDeployKey": "key",
               "BadConvexFunctionIdentifier": "function", "BadFormat": "function", "MissingIdentifier": "function"}
_NO_FUNCTION = re.compile(r"Could not find (public )?function for|Trying to execute .+ as \w+, but it is defined as")


class Busy(Transient):
    """Too many calls or writes: nobody should call for `retry_after` seconds, or for a growing while."""

    def __init__(self, message: str, retry_after: float | None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class ConvexCalls:
    """The deployment at `settings.url`. Threads may share one when the session's pool is large enough."""

    def __init__(self, settings: ConvexSettings, session: requests.Session, *,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._session = session
        self._monotonic = monotonic

    def mutate(self, path: str, args: Mapping[str, Any], *, deadline: float,
               sent: Callable[[], None] = lambda: None) -> str:
        """Run the mutation `path` (module:function) within `deadline` seconds.

        `sent` is called when the whole request is on the wire, connecting included; never, when it does not get there.
        Answers "" when it was applied, else why the function refused these arguments.
        Raises Busy, Transient (maybe applied), Unavailable (with `reason`: key, access, address or function).
        """
        body = json.dumps({"path": path, "args": args, "format": "json"}, ensure_ascii=False, separators=(",", ":"))
        reply = send(
            self._session, "POST", f"{self._settings.url.rstrip('/')}/api/mutation", deadline=deadline,
            headers={"Authorization": f"Convex {self._settings.key.get_secret_value()}",
                     "Content-Type": "application/json"},
            data=_Told(body.encode(), sent), monotonic=self._monotonic)
        return _verdict(reply)


class _Told(BytesIO):
    """A body that tells when its last byte was taken. The library takes a file for bytes, and asks it once more."""

    def __init__(self, body: bytes, sent: Callable[[], None]) -> None:
        super().__init__(body)
        self._sent = sent

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            self._sent()
        return block


def pooled_session(in_flight: int) -> requests.Session:
    """A session that keeps as many connections as calls may be in flight."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=in_flight, max_retries=0))
    return session


def args_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """What Convex takes for `item`: JSON of float64 numbers, without undefined fields, under legal field names.

    Numbers become what `v.number()` takes, whole ones and decimals alike; one that is none (NaN) counts as undefined.
    None is left out of objects, as `v.optional` wants it, and stays null in lists. Dates become ISO 8601. A name that
    Convex does not take is percent-encoded where it must be (`_id` is `%5Fid`, `Größe` is `Gr%C3%B6%C3%9Fe`), so that
    no two become one. Raises ContentRefused for what is over a limit of Convex (limits.mdx) or no value of its.
    """
    args = _object(item, MAX_DEPTH)
    if len(json.dumps(args, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_BYTES:
        raise ContentRefused("the item is larger than a Convex document")
    return args


def _object(fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
    present = {_named(str(name)): value for name, value in fields.items() if not _undefined(value)}
    if len(present) > MAX_FIELDS:
        raise ContentRefused(f"the item has more than {MAX_FIELDS} fields in one object")
    return {name: _value(value, depth - 1) for name, value in present.items()}


def _list(entries: Sequence[Any], depth: int) -> list[Any]:
    if len(entries) > MAX_ENTRIES:
        raise ContentRefused(f"the item has more than {MAX_ENTRIES} entries in one list")
    return [None if _undefined(entry) else _value(entry, depth - 1) for entry in entries]


def _value(value: Any, depth: int) -> Any:
    if depth < 0:
        raise ContentRefused(f"the item is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _object(value, depth)
    if isinstance(value, list | tuple):
        return _list(value, depth)
    raise ContentRefused(f"the item holds a {type(value).__name__}, which Convex has no value for")


def _number(value: float | Decimal) -> float:
    if isinstance(value, int) and abs(value) <= EXACT:
        return value
    try:
        return float(value)
    except OverflowError as error:
        raise ContentRefused("the item holds a number beyond float64") from error


def _undefined(value: Any) -> bool:
    if isinstance(value, Decimal):
        return not value.is_finite()
    return value is None or (isinstance(value, float) and not isfinite(value))


def _named(name: str) -> str:
    """The name as it is when it is printable ASCII without `%`, not empty, and does not begin with `_` or `$`."""
    legal = "".join(_encoded(char) if char == "%" or not " " <= char <= "~" else char for char in name)
    if not legal:
        return "%20"
    legal = _encoded(legal[0]) + legal[1:] if legal[0] in "_$" else legal
    if len(legal) > MAX_NAME:
        raise ContentRefused("a field's name is longer than Convex allows")
    return legal


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="replace"))


def _verdict(reply: Reply) -> str:
    status = reply.status
    if status in (200, 560):
        return _told(_body(reply))
    if status in _BUSY:
        raise Busy("convex is too busy", reply.retry_after, status=status)
    if status in _PERSON or 300 <= status < 400:
        raise _for_a_person(_PERSON.get(status, "address"), status)
    if status in (400, 413, 422):
        return _objection(reply)
    raise Transient(f"convex failed with {status}", status=status)


def _told(body: Mapping[str, Any]) -> str:
    """What an answer of a function says: "" for success, else its error."""
    if body.get("status") == "success":
        return ""
    if body.get("status") != "error":
        raise Transient("convex's answer has no status")
    message = str(body.get("errorMessage") or "")
    if _NO_FUNCTION.search(message):
        raise _for_a_person("function", 200)
    return _reason(body.get("errorData"), message)


def _objection(reply: Reply) -> str:
    """A request that the server took apart before any function saw it."""
    body = _body(reply)
    code = str(body.get("code") or f"HTTP {reply.status}")
    if reply.status == 400 and code in _PERSON_400:
        raise _for_a_person(_PERSON_400[code], reply.status)
    return _reason(None, f"{code}: {body.get('message') or 'refused'}")


def _reason(data: Any, message: str) -> str:
    """Words for a person; in production only the data of a ConvexError says more than "Server Error"."""
    if isinstance(data, Mapping):
        data = data.get("message") or json.dumps(data, ensure_ascii=False)
    told = " ".join((data if isinstance(data, str) and data.strip() else message).split())
    return told[:REASON_LENGTH] or "Server Error"


def _body(reply: Reply) -> Mapping[str, Any]:
    try:
        body = reply.json()
    except Transient:
        if reply.status in (400, 413, 422):
            return {}
        raise
    return body if isinstance(body, Mapping) else {}


def _for_a_person(reason: str, status: int) -> Unavailable:
    return Unavailable(f"convex refuses until a person acts: {reason}", status=status, reason=reason)
