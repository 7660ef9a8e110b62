"""What Dropbox sends us by itself: is it Dropbox, and whose files changed.

By dropbox.com/developers/reference/webhooks. When the address of the webhook is entered in the console, Dropbox asks
`GET ?challenge=X` and wants exactly X back, with 200, `Content-Type: text/plain` and `X-Content-Type-Options: nosniff`
(so that no browser takes X for a page). From then on it posts which accounts have changes, never what changed, signed
with the app's secret over the raw bytes of the body. It wants its answer within ten seconds and repeats what failed.
No time is signed, so a body can be replayed: doing the same again must be harmless, which it is, as all that a
notification causes is a look at what a stored cursor has not seen.

This module is loaded with the API: nothing here may need `requests`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from chalicelib.errors import RequestProblem, RequestRefused

SIGNATURE_HEADER = "X-Dropbox-Signature"
CHALLENGE_HEADERS: Mapping[str, str] = {"Content-Type": "text/plain", "X-Content-Type-Options": "nosniff"}
MAX_CHALLENGE = 1024
MAX_BODY = 256 * 1024
MAX_ACCOUNTS = 1000


class _ListFolder(BaseModel):
    # An account id has 40 characters (users_common.stone); longer ones are taken, as room for what is to come.
    accounts: list[Annotated[str, Field(pattern=r"^dbid:[A-Za-z0-9_-]{1,96}$")]] = Field(
        default_factory=list, max_length=MAX_ACCOUNTS)


class _Notification(BaseModel):
    list_folder: _ListFolder = Field(default_factory=_ListFolder)


def echo(challenge: str | None) -> str:
    """The body that answers a challenge, to be sent with `CHALLENGE_HEADERS`. Raises RequestRefused without one."""
    if not challenge or len(challenge) > MAX_CHALLENGE:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "Dropbox's verification needs a challenge.")
    return challenge


def verify_signature(secret: str, raw_body: bytes, header: str | None) -> bool:
    """Whether `header` is the HMAC-SHA256 of the body as it came, in lower-case hex; compared in constant time.

    False without a secret: everybody can sign with an empty one.
    """
    expected = hmac.new(secret.encode(), raw_body, sha256).hexdigest()
    same = hmac.compare_digest(expected.encode(), (header or "").encode(errors="replace"))
    return same and bool(secret)


def accounts_of(body: bytes) -> tuple[str, ...]:
    """The accounts that a notification names, each once, in its order; none, where it is about something else.

    Raises RequestRefused for what is no notification (400) or too large for one (413).
    """
    if len(body) > MAX_BODY:
        raise RequestRefused(RequestProblem.PAYLOAD_TOO_LARGE, "A notification is not that large.")
    try:
        notification = _Notification.model_validate_json(body)
    except ValidationError as error:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The body is no notification of Dropbox's.") from error
    return tuple(dict.fromkeys(notification.list_folder.accounts))
