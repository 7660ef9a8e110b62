"""What a request brings to say who sends it, a token or an API key, becomes its `Caller`.

A key is `dm_<id>_<secret>`, as `X-Api-Key` or in the place of the token: programs that know bearer tokens only can use
one. A request that brings two different things is refused, because nobody could say who is meant.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from chalice.app import Request

from chalicelib.api.auth import Caller, KeySet, Names, Signers, TokenRules, bearer, unauthorized
from chalicelib.api.requests import header
from chalicelib.api.tokens import Algorithm
from chalicelib.errors import Transient
from chalicelib.logs import log

if TYPE_CHECKING:
    from chalicelib.adapters.api_keys import ApiKey, ApiKeys
    from chalicelib.settings import Settings

KEY_HEADER = "X-Api-Key"
PREFIX = "dm_"
_KEY = re.compile(r"dm_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
"""Id, and 32 random bytes in base64url."""


def admitted(request: Request, token_rules: TokenRules, api_keys: ApiKeys, now: datetime) -> Caller:
    """Who sends the request. Raises UNAUTHORIZED, and FORBIDDEN for somebody without any role."""
    authorization, key = header(request, "Authorization"), header(request, KEY_HEADER)
    if authorization and key:
        raise unauthorized(f"Send Authorization or {KEY_HEADER}, not both.")
    if authorization and bearer(authorization).startswith(PREFIX):
        key = bearer(authorization)
    caller = _bearer_of(key, api_keys, now) if key else token_rules.verify(authorization, now)
    caller.require_any_role()
    return caller


def digest_of(secret: str) -> str:
    """What is kept of a key's secret part."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_rules(settings: Settings) -> TokenRules:
    """How the settings say that tokens are checked; keys of a set are fetched when the first token needs one."""
    algorithms = frozenset(map(Algorithm, settings.jwt_algorithms.split(",")))
    return TokenRules(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience, settings.jwt_secret_previous,
                      algorithms, _signers(settings) if settings.jwt_jwks_url else None)


def _bearer_of(text: str, api_keys: ApiKeys, now: datetime) -> Caller:
    parts = _KEY.fullmatch(text)
    key = api_keys.get(parts[1]) if parts else None
    if parts is None or key is None or not hmac.compare_digest(key.digest, digest_of(parts[2])):
        raise unauthorized()
    if now.timestamp() >= key.expires_at:
        raise unauthorized("The API key has expired.")
    _note_use(key, api_keys, now)
    return Caller(key.subject, key.owner, frozenset(key.roles), key.key_id)


def _note_use(key: ApiKey, api_keys: ApiKeys, now: datetime) -> None:
    """Only a note: a request is not refused because it could not be made."""
    try:
        api_keys.note_use(key, now.date().isoformat())
    except Transient as error:
        log.warning("a key's use could not be noted", extra={"key_id": key.key_id, "cause": error.message})


def _signers(settings: Settings) -> Signers:
    """Their client is made for the first token that needs it; the others need no `requests`."""
    names = Names(settings.jwt_jwks_issuer, settings.jwt_jwks_audience, settings.jwt_audience_claim,
                  settings.jwt_roles_claim, settings.jwt_owner_claim)
    return Signers(lru_cache(maxsize=1)(lambda: _key_set(settings)), names)


def _key_set(settings: Settings) -> KeySet:
    from chalicelib.adapters.jwks import key_set

    return key_set(settings)
