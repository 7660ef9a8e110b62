"""Who is asking: a bearer token becomes a `Caller`, or the request is refused before any view runs.

This runs in the app's HTTP middleware and not in a Lambda authorizer: one error body everywhere (a gateway's denial has
its own), CORS headers on refusals, the same behaviour in local mode, and no second cold start per request. Every route
needs a caller with a role unless it is named in `PUBLIC`.

Two kinds of tokens count: HS256 with the secret that we share with our scripts, and RS256 or ES256 with a key of the
set that the identity service of the people publishes. Which kind a token is says its header; how each kind must be
signed, who issues it and whom it is for say the settings, so that no token can choose how it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import SecretStr

from chalicelib.api.tokens import Algorithm, BadToken, Token, taken_apart
from chalicelib.errors import DropmillError, RequestProblem, RequestRefused, Unavailable
from chalicelib.logs import log

MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: a key of the size of the hash output or larger."""
LEEWAY_SECONDS = 30
NO_SECRET = SecretStr("")
MAX_SECONDS = 2 ** 53
"""What is no time: also infinity, and numbers of more digits than a float takes."""
MAX_TOKEN_CHARS = 8192
MAX_NAME_CHARS = 128

PUBLIC = frozenset({
    ("GET", "/"), ("GET", "/console/{version}/{file}"), ("GET", "/docs"), ("GET", "/health"), ("GET", "/openapi.json"),
    ("GET", "/webhooks/dropbox"), ("POST", "/webhooks/dropbox")})
"""Routes that answer without a token, as (method, route)."""


class Role(StrEnum):
    """What a caller may do: `user` what concerns the own data; `operator` that, and what concerns all owners."""

    USER = "user"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified subject. `owner` is the tenant that all data belongs to: the `org` claim, else the subject."""

    subject: str
    owner: str
    roles: frozenset[str]
    key_id: str = ""
    """The API key that came instead of a token."""

    def require(self, role: Role) -> None:
        """Raise `RequestRefused(FORBIDDEN)` where the token does not carry `role`."""
        if role not in self.roles:
            raise RequestRefused(RequestProblem.FORBIDDEN, role=role.value)

    def require_any_role(self) -> None:
        """Raise `RequestRefused(FORBIDDEN)` for somebody whom the issuer knows and we do not."""
        if not self.roles:
            raise RequestRefused(RequestProblem.FORBIDDEN, role=Role.USER.value)

    def require_token(self) -> None:
        """Raise `RequestRefused(FORBIDDEN)` for a key: who has found one must not be able to make more of them."""
        if self.key_id:
            raise RequestRefused(RequestProblem.FORBIDDEN, "Only a token may do this, not an API key.")


class KeySet(Protocol):
    """Public keys that an issuer publishes (`chalicelib.adapters.jwks`)."""

    def key(self, kid: str, algorithm: Algorithm) -> Any | None:
        """The key of that name for that algorithm, None where there is none."""


@dataclass(frozen=True, slots=True)
class Names:
    """Who issues a kind of tokens and for whom, and which claims say what we need."""

    issuer: str
    audience: str
    audience_claim: str = "aud"
    roles_claim: str = "roles"
    owner_claim: str = "org"


@dataclass(frozen=True, slots=True)
class Signers:
    """Tokens that are signed with the keys of a set."""

    keys: Callable[[], KeySet]
    names: Names


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must satisfy. The algorithms are pinned; a token only chooses among them."""

    secret: SecretStr
    issuer: str
    audience: str
    previous_secret: SecretStr = NO_SECRET
    """Counts beside `secret` while one is rotated."""
    algorithms: frozenset[Algorithm] = frozenset(Algorithm)
    signers: Signers | None = None

    def verify(self, authorization: str | None, now: datetime) -> Caller:
        """Return the caller of an `Authorization` header, or raise `RequestRefused(UNAUTHORIZED)`.

        `now` is checked with 30 seconds of leeway against `exp` (required), `nbf` and `iat` where present. Raises
        Waiting where the keys of a set cannot be had now.
        """
        token = _token(bearer(authorization))
        names = self._names(token)
        if names is None or not self._signed(token):
            raise unauthorized()
        _check_addressee(token.claims, names)
        _check_times(token.claims, now.timestamp())
        subject = _name(token.claims, "sub")
        owner = subject if token.claims.get(names.owner_claim) is None else _name(token.claims, names.owner_claim)
        return Caller(subject=subject, owner=owner, roles=_roles(token.claims.get(names.roles_claim, [])))

    def _names(self, token: Token) -> Names | None:
        if token.algorithm not in self.algorithms:
            return None
        if token.algorithm is Algorithm.HS256:
            return Names(self.issuer, self.audience)
        return self.signers.names if self.signers else None

    def _signed(self, token: Token) -> bool:
        if token.algorithm is Algorithm.HS256:
            return token.signed_with(_long_enough(self.secret)) or self._signed_before(token)
        key = self.signers.keys().key(token.kid, token.algorithm) if self.signers else None
        return key is not None and token.signed_by(key)

    def _signed_before(self, token: Token) -> bool:
        """With the secret before this one. It may be taken away at any time, and then counts no more."""
        if not len(self.previous_secret):  # asks nobody for its value
            return False
        try:
            previous = self.previous_secret.get_secret_value()
        except Unavailable as error:
            log.warning("the previous secret cannot be read", extra={"cause": error.message})
            return False
        return len(previous.encode()) >= MIN_SECRET_BYTES and token.signed_with(previous)


def needs_token(method: str, route: str) -> bool:
    return (method, route) not in PUBLIC


def bearer(authorization: str | None) -> str:
    """What follows `Bearer` in the header. Raises `RequestRefused(UNAUTHORIZED)` for any other header."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > MAX_TOKEN_CHARS:
        raise unauthorized("Send 'Authorization: Bearer <token>'.")
    return token.strip()


def unauthorized(message: str | None = None) -> RequestRefused:
    return RequestRefused(RequestProblem.UNAUTHORIZED, message)


def _token(text: str) -> Token:
    try:
        return taken_apart(text)
    except BadToken:
        raise unauthorized() from None


def _long_enough(secret: SecretStr) -> str:
    value = secret.get_secret_value()
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise DropmillError("JWT_SECRET is missing or shorter than 32 bytes; no token can be checked")
    return value


def _check_addressee(claims: Mapping[str, Any], names: Names) -> None:
    """The audience is one text or a list of them (RFC 7519 section 4.1.3)."""
    told = claims.get(names.audience_claim)
    audience = told if isinstance(told, list) else [told]
    if claims.get("iss") != names.issuer or names.audience not in audience:
        raise unauthorized()


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    if "exp" not in claims:
        raise unauthorized()
    expires = _seconds(claims, "exp")
    begins = max(_seconds(claims, name) for name in ("nbf", "iat"))
    if now > expires + LEEWAY_SECONDS:
        raise unauthorized("The token has expired.")
    if now < begins - LEEWAY_SECONDS:
        raise unauthorized("The token is not valid yet.")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_SECONDS:
        raise unauthorized()
    return float(value)


def _name(claims: Mapping[str, Any], claim: str) -> str:
    """A subject or tenant: it becomes part of keys, where `#` and `/` separate, so those and blanks are refused."""
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise unauthorized()
    if not value.isprintable() or any(char in "#/ " for char in value):
        raise unauthorized(f"The claim {claim} has characters that we do not accept.")
    return value


def _roles(claimed: Any) -> frozenset[str]:
    if not isinstance(claimed, list) or not all(isinstance(role, str) for role in claimed):
        raise unauthorized()
    return frozenset(role for role in claimed if role in set(Role))
