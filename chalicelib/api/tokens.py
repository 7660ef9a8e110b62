"""Signed tokens in the compact form (JWT, RFC 7519 and 7515): taken apart, and their signature checked, by PyJWT.

Of the header only `alg` and `kid` are read; a token that brings its own key or says where one lies (`jwk`, `jku`,
`x5u`, `x5c`) is checked with ours like any other. What a token claims is for `auth`, with our clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_KID_CHARS = 200

_UNREAD = {f"verify_{claim}": False for claim in ("aud", "exp", "iat", "iss", "jti", "nbf", "sub")}


class Algorithm(StrEnum):
    """Those that can be pinned. One secret that all share, or the key of a set that its issuer publishes."""

    HS256 = "HS256"
    RS256 = "RS256"
    ES256 = "ES256"


class BadToken(Exception):
    """Not a token, or not signed as it says."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it came; nothing in it is true before its signature was checked."""

    text: str
    algorithm: Algorithm
    kid: str
    """Names the key of a set; empty where the token names none."""
    claims: Mapping[str, Any]

    def signed_with(self, secret: str) -> bool:
        """Whether this is an HS256 token of whoever knows `secret`."""
        return self.algorithm is Algorithm.HS256 and self._verified(secret)

    def signed_by(self, key: Any) -> bool:
        """Whether this is a token of the owner of a public key, by exactly the algorithm that the token names."""
        # A public key is no secret: as HS256 anybody could sign with it.
        return self.algorithm is not Algorithm.HS256 and self._verified(key)

    def _verified(self, key: Any) -> bool:
        import jwt

        try:
            jwt.decode(self.text, key, algorithms=[self.algorithm.value], options=_UNREAD)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError):
            return False
        return True


def taken_apart(text: str) -> Token:
    """The parts of a token. Raises BadToken for what is none, or of an algorithm that nobody can pin."""
    import jwt

    try:
        found = jwt.decode_complete(text, options={"verify_signature": False, **_UNREAD})  # type: ignore[arg-type]
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken("no token") from None
    header = found["header"]
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in set(Algorithm) or "crit" in header:
        raise BadToken("the header asks for what we do not do")
    if not isinstance(kid, str) or len(kid) > MAX_KID_CHARS:
        raise BadToken("kid is a short text")
    return Token(text, Algorithm(algorithm), kid, found["payload"])
