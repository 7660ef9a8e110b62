"""Cursors that nobody can forge: a position, signed for one owner and one query.

A cursor of another owner, another sort order or other filters is refused like one that was tampered with. The key is
the token secret, so a cursor lives as long as that secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from chalicelib.errors import RequestProblem, RequestRefused

MAC_BYTES = 16
MAX_CHARS = 4096


def seal(secret: SecretStr, scope: Mapping[str, Any], position: str) -> str:
    """The text to hand out for `position` in the query that `scope` describes."""
    body = position.encode()
    return base64.urlsafe_b64encode(_mac(secret, scope, body) + body).decode().rstrip("=")


def unseal(secret: SecretStr, scope: Mapping[str, Any], cursor: str) -> str:
    """The position in `cursor`. Raises `RequestRefused(BAD_CURSOR)` for one that `seal` did not make for this scope."""
    try:
        raw = base64.b64decode(cursor[:MAX_CHARS] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefused(RequestProblem.BAD_CURSOR) from error
    mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, scope, body)):
        raise RequestRefused(RequestProblem.BAD_CURSOR)
    return body.decode()


def _mac(secret: SecretStr, scope: Mapping[str, Any], body: bytes) -> bytes:
    told = json.dumps(scope, sort_keys=True, separators=(",", ":")).encode()
    message = b"cursor\0" + len(told).to_bytes(8, "big") + told + body
    return hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).digest()[:MAC_BYTES]
