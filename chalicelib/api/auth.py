"""Who is asking: a bearer token becomes a `Caller`, or the request is refused before any view runs.

This runs in the app's HTTP middleware and not in a Lambda authorizer: one error body everywhere (a gateway's denial has
its own), CORS headers on refusals, the same behaviour in local mode, and no second cold start per request. Every route
needs a token unless it is named in `PUBLIC`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from chalicelib.errors import DropmillError, RequestProblem, RequestRefused

ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: a key of the size of the hash output or larger."""
LEEWAY_SECONDS = 30
MAX_TOKEN_CHARS = 8192
MAX_NAME_CHARS = 128

PUBLIC = frozenset({("GET", "/health"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/webhooks/dropbox"),
                    ("POST", "/webhooks/dropbox")})
"""Routes that answer without a token, as (method, route)."""


class Role(StrEnum):
    USER = "user"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified subject. `owner` is the tenant that all data belongs to: the `org` claim, else the subject."""

    subject: str
    owner: str
    roles: frozenset[str]

    def require(self, role: Role) -> None:
        """Raise `RequestRefused(FORBIDDEN)` where the token does not carry `role`."""
        if role not in self.roles:
            raise RequestRefused(RequestProblem.FORBIDDEN, role=role.value)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must satisfy. The algorithm is pinned, never taken from the token's header."""

    secret: SecretStr
    issuer: str
    audience: str

    def verify(self, authorization: str | None, now: datetime) -> Caller:
        """Return the caller of an `Authorization` header, or raise `RequestRefused(UNAUTHORIZED)`.

        `now` is checked with 30 seconds of leeway against `exp` (required), `nbf` and `iat` where present.
        """
        claims = _decoded(_bearer(authorization), self)
        _check_times(claims, now.timestamp())
        subject = _name(claims, "sub")
        owner = subject if claims.get("org") is None else _name(claims, "org")
        return Caller(subject=subject, owner=owner, roles=_roles(claims.get("roles", [])))


def needs_token(method: str, route: str) -> bool:
    return (method, route) not in PUBLIC


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > MAX_TOKEN_CHARS:
        raise _unauthorized("Send 'Authorization: Bearer <token>'.")
    return token.strip()


def _decoded(token: str, rules: TokenRules) -> Mapping[str, Any]:
    import jwt

    secret = rules.secret.get_secret_value()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise DropmillError("JWT_SECRET is missing or shorter than 32 bytes; no token can be checked")
    try:
        claims: dict[str, Any] = jwt.decode(
            token, secret, algorithms=[ALGORITHM], issuer=rules.issuer, audience=rules.audience,
            options={"require": ["exp", "sub", "iss", "aud"], "verify_exp": False, "verify_nbf": False,
                     "verify_iat": False})
    except (jwt.InvalidTokenError, ValueError) as error:
        raise _unauthorized() from error
    return claims


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """PyJWT reads the machine's clock; ours is injected, so the three times are compared here."""
    expires = _seconds(claims, "exp")
    begins = max(_seconds(claims, name) for name in ("nbf", "iat"))
    if now > expires + LEEWAY_SECONDS:
        raise _unauthorized("The token has expired.")
    if now < begins - LEEWAY_SECONDS:
        raise _unauthorized("The token is not valid yet.")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _unauthorized()
    return float(value)


def _name(claims: Mapping[str, Any], claim: str) -> str:
    """A subject or tenant: it becomes part of keys, where `#` and `/` separate, so those and blanks are refused."""
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise _unauthorized()
    if not value.isprintable() or any(char in "#/ " for char in value):
        raise _unauthorized(f"The claim {claim} has characters that we do not accept.")
    return value


def _roles(claimed: Any) -> frozenset[str]:
    if not isinstance(claimed, list) or not all(isinstance(role, str) for role in claimed):
        raise _unauthorized()
    return frozenset(role for role in claimed if role in set(Role))


def _unauthorized(message: str | None = None) -> RequestRefused:
    return RequestRefused(RequestProblem.UNAUTHORIZED, message)
