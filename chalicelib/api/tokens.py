"""Signed tokens in the compact form (JWT, RFC 7519 and 7515): taken apart, and their signature checked.

HS256 is one HMAC, so it is checked here: PyJWT imports cryptography, which would cost every cold start of the API 50 ms
and 15 MB. RS256 and ES256 are PyJWT's. Of the header only `alg` and `kid` are read; a token that brings its own key or
says where one lies (`jwk`, `jku`, `x5u`, `x5c`) is checked with ours like any other. What a token claims is for `auth`.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_KID_CHARS = 200

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


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
    signature: bytes

    def signed_with(self, secret: str) -> bool:
        """Whether this is an HS256 token of whoever knows `secret`."""
        message = self.text.rpartition(".")[0].encode()
        made = hmac.new(secret.encode(), message, hashlib.sha256).digest()
        return self.algorithm is Algorithm.HS256 and hmac.compare_digest(made, self.signature)

    def signed_by(self, key: Any) -> bool:
        """Whether this is a token of the owner of a public key, by exactly the algorithm that the token names."""
        import jwt

        if self.algorithm is Algorithm.HS256:
            return False  # a public key is no secret: anybody could sign with it
        try:
            jwt.decode(self.text, key, algorithms=[self.algorithm.value], options={
                "verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_iss": False,
                "verify_sub": False, "verify_jti": False})
        except (jwt.InvalidTokenError, ValueError):
            return False
        return True


def taken_apart(text: str) -> Token:
    """The parts of a token. Raises BadToken for what is none, or of an algorithm that nobody can pin."""
    segments = text.split(".")
    if len(segments) != 3 or not all(map(_SEGMENT.fullmatch, segments)):
        raise BadToken("three segments of base64url")
    header, claims = (_object(segment) for segment in segments[:2])
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in set(Algorithm) or "crit" in header:
        raise BadToken("the header asks for what we do not do")
    if not isinstance(kid, str) or len(kid) > MAX_KID_CHARS:
        raise BadToken("kid is a short text")
    return Token(text, Algorithm(algorithm), kid, claims, _decoded(segments[2]))


def _object(segment: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_decoded(segment))
    except (ValueError, RecursionError):
        raise BadToken("a segment is no JSON") from None
    if not isinstance(found, dict):
        raise BadToken("a segment is no object")
    return found


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        raise BadToken("a segment is no base64url") from None
