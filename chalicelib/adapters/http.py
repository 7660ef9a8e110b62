"""JSON over HTTPS to a provider, within a total deadline.

A read time-out is not a deadline: it begins anew with every byte, and a provider that queues us sends blank lines for
minutes. So the body is streamed and the clock is looked at between reads. Redirects are not followed: outbound hosts
are fixed by configuration. What can pass by itself is raised as Transient; every status is the caller's to judge.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

import requests
import urllib3.exceptions

from chalicelib.errors import Transient

MAX_BYTES = 32 * 1024 * 1024
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""A connection that says nothing at all for so long is dead."""
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises Transient: a body that is not JSON was cut short or made by a proxy."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Transient("the provider's answer is not JSON", status=self.status) from error

    @property
    def retry_after(self) -> float | None:
        """Seconds from the `Retry-After` header (RFC 9110: a number or a date); None without one that is readable."""
        text = self.headers.get("retry-after", "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def post_json(
    session: requests.Session, url: str, *, headers: Mapping[str, str], body: Any, deadline: float,
    monotonic: Callable[[], float] = time.monotonic, max_bytes: int = MAX_BYTES,
) -> Reply:
    """Send `body` as JSON and read the whole answer within `deadline` seconds.

    Raises Transient on network errors, on an answer above `max_bytes` and when the deadline passes.
    """
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return send(session, "POST", url, headers={"Content-Type": "application/json", **headers}, data=payload,
                deadline=deadline, monotonic=monotonic, max_bytes=max_bytes)


def send(
    session: requests.Session, method: str, url: str, *, headers: Mapping[str, str], data: bytes | BinaryIO = b"",
    deadline: float, monotonic: Callable[[], float] = time.monotonic, max_bytes: int = MAX_BYTES,
) -> Reply:
    """One request of any method; contract as `post_json`."""
    ends = monotonic() + deadline
    if deadline <= 0:
        raise Transient("no time left to ask the provider")
    timeouts = (min(CONNECT_SECONDS, deadline), min(SILENCE_SECONDS, deadline))
    try:
        with session.request(method, url, headers=dict(headers), data=data or None, stream=True, timeout=timeouts,
                             allow_redirects=False, auth=_keep_headers) as response:
            body = _read(response, ends, monotonic, max_bytes)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # The library's message names hosts and sometimes headers: its type is enough.
        why = "within the deadline" if monotonic() >= ends else f"({type(error).__name__})"
        raise Transient(f"the provider did not answer {why}") from error
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _read(response: requests.Response, ends: float, monotonic: Callable[[], float], max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        left = ends - monotonic()
        if left <= 0:
            raise Transient("the provider took longer than the deadline", status=response.status_code)
        _limit_silence(response, left)
        piece = response.raw.read1(PIECE, decode_content=True)
        if not piece and _at_end(response):
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise Transient("the provider's answer is too large", bytes=size)


def _at_end(response: requests.Response) -> bool:
    """A compressed body can give an empty piece in the middle: only a closed one is over."""
    return bool(response.raw.closed)


def _limit_silence(response: requests.Response, seconds: float) -> None:
    """Let the next read not outlast the deadline. A closing connection shows no socket: there the first limit holds."""
    socket = getattr(getattr(response.raw, "connection", None), "sock", None)
    if socket is not None:
        socket.settimeout(max(0.001, min(SILENCE_SECONDS, seconds)))


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stands in for authentication, so that a stray ~/.netrc cannot replace our Authorization header."""
    return request
