"""Single calls to Dropbox, each with an access token that is known to be fresh.

The refresh token is for good; access tokens last four hours. One is kept in memory until shortly before it expires, by
the wall clock: a function that slept between two invocations does not count that time on its monotonic one. When
Dropbox refuses it all the same, a new one is asked for, once, by the thread that comes first. `invalid_grant` is the
end: the app was disconnected from the account, and a person must connect it again.

Neither tokens nor paths are ever logged, nor do they stand in errors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlencode

import requests
from pydantic import BaseModel, Field, ValidationError

from chalicelib.adapters.dropbox_answers import Stale, refuse
from chalicelib.adapters.dropbox_download import Fetch
from chalicelib.adapters.http import Reply, post_json, send
from chalicelib.errors import Transient, Unavailable
from chalicelib.settings import DropboxSettings

EARLY_SECONDS = 300.0
"""So long before its end a token is given up, so that no call begins with one that ends under way."""

_REFUSED = frozenset({400, 401})
_REASONS = {"invalid_grant": "grant", "invalid_client": "key", "unauthorized_client": "key"}

T = TypeVar("T")


class DropboxCalls:
    """The account behind `settings.refresh_token`. Threads may share one when the session's pools are large enough."""

    def __init__(
        self, settings: DropboxSettings, session: requests.Session, *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._session = session
        self._monotonic = monotonic
        self._clock = clock
        self._token = ""
        self._fresh_until = datetime.min.replace(tzinfo=UTC)
        self._refreshing = threading.Lock()

    def ask(self, route: str, argument: Mapping[str, Any], *, deadline: float, of_cursor: bool = False,
            sent: Callable[[], None] = lambda: None) -> Reply:
        """The good answer of a route such as `files/list_folder` within `deadline` seconds.

        `sent` is called before each request that is made, those for tokens included. Raises what `refuse` raises,
        Transient, and Unavailable with `reason` grant or key when there is no token to be had.
        """
        ends = self._monotonic() + deadline

        def asked(token: str) -> Reply:
            sent()
            reply = post_json(
                self._session, f"{self._settings.api_url.rstrip('/')}/2/{route}", body=argument,
                headers={"Authorization": f"Bearer {token}"}, deadline=ends - self._monotonic(),
                monotonic=self._monotonic)
            refuse(reply, of_cursor=of_cursor)
            return reply

        return self._with_token(asked, ends, sent)

    def fetch(self, source: str, file: BinaryIO, *, size: int, content_hash: str) -> Fetch:
        """A download that has not begun; see `go_on`."""
        return Fetch(self._session, f"{self._settings.content_url.rstrip('/')}/2/files/download", source, file,
                     size=size, content_hash=content_hash, monotonic=self._monotonic)

    def go_on(self, fetch: Fetch, *, deadline: float, sent: Callable[[], None] = lambda: None) -> None:
        """One request for what is missing of `fetch`; errors as `ask`, and those of `Fetch.go_on`."""
        ends = self._monotonic() + deadline

        def asked(token: str) -> None:
            sent()
            fetch.go_on(token, ends - self._monotonic())

        self._with_token(asked, ends, sent)

    def _with_token(self, call: Callable[[str], T], ends: float, sent: Callable[[], None]) -> T:
        """Call with a token; when Dropbox refuses it, once more with a new one."""
        token = self._fresh("", ends, sent)
        try:
            return call(token)
        except Stale:
            return call(self._fresh(token, ends, sent))

    def _fresh(self, refused: str, ends: float, sent: Callable[[], None]) -> str:
        """The present token, or a new one where that is over or the `refused` one."""
        with self._refreshing:
            if self._token == refused or self._clock() >= self._fresh_until:
                sent()
                self._refresh(ends - self._monotonic())
            return self._token

    def _refresh(self, left: float) -> None:
        asked = self._clock()
        reply = send(
            self._session, "POST", f"{self._settings.api_url.rstrip('/')}/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            data=self._form(), deadline=min(self._settings.call_timeout, left), monotonic=self._monotonic)
        if reply.status in _REFUSED:
            raise _no_grant(reply)
        refuse(reply)
        try:
            granted = _Granted.model_validate(reply.json())
        except ValidationError as error:
            raise Transient("dropbox's answer has no access token") from error
        self._token = granted.access_token
        self._fresh_until = asked + timedelta(seconds=max(granted.expires_in - EARLY_SECONDS, granted.expires_in / 2))

    def _form(self) -> bytes:
        secret, token = self._settings.client_secret, self._settings.refresh_token
        return urlencode({"grant_type": "refresh_token", "refresh_token": token.get_secret_value(),
                          "client_id": self._settings.client_id, "client_secret": secret.get_secret_value()}).encode()


class _Granted(BaseModel):
    access_token: str = Field(min_length=1)
    expires_in: float = Field(default=14_400, gt=0, le=10_000_000)


def _no_grant(reply: Reply) -> Unavailable:
    """RFC 6749, 5.2: the word of `error` says why; Dropbox may add a sentence behind a colon."""
    try:
        body = reply.json()
    except Transient:
        body = None
    error = body.get("error") if isinstance(body, Mapping) else None
    word = error.partition(":")[0].strip() if isinstance(error, str) else ""
    reason = _REASONS.get(word, "token")
    return Unavailable(f"dropbox gives no access token until a person acts: {reason}", status=reply.status,
                       reason=reason)
