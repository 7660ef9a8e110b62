"""The public keys of an identity service (JWKS, RFC 7517), fetched from one fixed address and kept for a while.

Whoever sends a token chooses its key's name, so names that we do not know must not make us hammer the issuer: it is
asked at most once in `refetch` seconds, whatever comes, and by one thread at a time. While it does not answer, keys
that were known go on serving for `stale` seconds; after that nobody can be told from anybody, which is our trouble and
not the caller's: Waiting, so that the answer is 503 and no client throws its token away.

A container has its own keys, so that a new key is known everywhere at its first use, or `refetch` seconds later; a
withdrawn one is gone everywhere within the lifetime.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.http import send
from chalicelib.errors import Transient, Waiting
from chalicelib.logs import log

if TYPE_CHECKING:
    import requests

    from chalicelib.settings import Settings

DEADLINE_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 100
RSA_BITS = (2048, 8192)
"""Shorter ones are not safe (RFC 7518 section 3.3), longer ones cost a stranger nothing and us much."""
_KINDS: Mapping[str, tuple[str, ...]] = {"RS256": ("kty", "n", "e"), "ES256": ("kty", "crv", "x", "y")}
"""Algorithm -> the members of its public key; what else there is, a private part above all, is left alone."""

Key = tuple[str, str]
"""Name and algorithm."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds: how long fetched keys count, how much longer if the issuer is silent, the least between two asks."""

    fresh: float
    stale: float
    refetch: float


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Mapping[Key, Any]
    at: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """The last time that the issuer was asked."""

    at: float
    answered: bool


def key_set(settings: Settings) -> JwksKeys:
    """The keys that the settings name."""
    import requests

    return JwksKeys(settings.jwt_jwks_url, requests.Session(), Lifetimes(
        settings.jwt_jwks_seconds, settings.jwt_jwks_stale_seconds, settings.jwt_jwks_refetch_seconds))


class JwksKeys:
    """The keys at `url`. Threads may share one."""

    def __init__(
        self, url: str, session: requests.Session, lifetimes: Lifetimes, *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._session = session
        self._lifetimes = lifetimes
        self._monotonic = monotonic
        self._known = _Known({}, -math.inf)
        self._asked = _Asked(-math.inf, answered=True)
        self._lock = threading.Lock()

    def key(self, kid: str, algorithm: str) -> Any | None:
        """The public key called `kid` for `algorithm`, None where the issuer has none.

        Raises Waiting while that cannot be said: the issuer does not answer and what we know is too old, or did not
        answer when it was asked for this name.
        """
        known = self._known
        if not self._fresh(known) or (kid, algorithm) not in known.keys:
            with self._lock:
                known = self._renewed((kid, algorithm))
        found = known.keys.get((kid, algorithm))
        if self._too_old(known) or (found is None and not self._asked.answered):
            raise Waiting(max(1.0, self._pause()), "keys")
        return found

    def _renewed(self, wanted: Key) -> _Known:
        """What is known, after the issuer was asked if that is due. Who waited for the lock finds it done."""
        due = not self._fresh(self._known) or wanted not in self._known.keys
        if due and self._pause() <= 0:
            try:
                keys = self._fetched()
            except Transient as error:
                self._asked = _Asked(self._monotonic(), answered=False)
                log.warning("the issuer's keys could not be read", extra={"cause": error.message})
            else:
                self._asked = _Asked(self._monotonic(), answered=True)
                self._known = _Known(keys, self._asked.at)
        return self._known

    def _fetched(self) -> Mapping[Key, Any]:
        reply = send(self._session, "GET", self._url, headers={"Accept": "application/json"}, deadline=DEADLINE_SECONDS,
                     monotonic=self._monotonic, max_bytes=MAX_BYTES)
        if reply.status != 200:
            raise Transient(f"the issuer answered {reply.status}")
        return dict(reversed(list(_usable(_listed(reply.body)))))  # of two keys of one name the first counts

    def _fresh(self, known: _Known) -> bool:
        return self._monotonic() - known.at < self._lifetimes.fresh

    def _too_old(self, known: _Known) -> bool:
        return self._monotonic() - known.at >= self._lifetimes.fresh + self._lifetimes.stale

    def _pause(self) -> float:
        """Seconds until the issuer may be asked again."""
        return self._lifetimes.refetch - (self._monotonic() - self._asked.at)


def _listed(body: bytes) -> list[Any]:
    """The members of a set. An empty one is a set: the issuer may withdraw all its keys."""
    try:
        keys = json.loads(body)["keys"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Transient("the issuer's answer is no set of keys") from None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise Transient("the issuer's answer is no set of keys, or one of too many")
    return keys


def _usable(listed: list[Any]) -> Iterator[tuple[Key, Any]]:
    """The keys that can check signatures for us; others (encryption, other curves, secrets) may stand among them."""
    for told in listed:
        for algorithm in _KINDS:
            if isinstance(told, dict) and _is_for(told, algorithm) and (key := _public(told, algorithm)) is not None:
                yield (told["kid"], algorithm), key


def _is_for(told: Mapping[str, Any], algorithm: str) -> bool:
    named = isinstance(told.get("kid"), str) and told["kid"]
    return bool(named) and told.get("alg", algorithm) == algorithm and told.get("use", "sig") == "sig"


def _public(told: Mapping[str, Any], algorithm: str) -> Any | None:
    """The key, None for one that is of another kind, broken, or too weak."""
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm
    from jwt.exceptions import InvalidKeyError

    members = {name: told.get(name) for name in _KINDS[algorithm]}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    made: Any
    try:
        made = (RSAAlgorithm if algorithm == "RS256" else ECAlgorithm).from_jwk(json.dumps(members))
    except (InvalidKeyError, ValueError):
        return None
    if algorithm == "RS256":
        return made if RSA_BITS[0] <= made.key_size <= RSA_BITS[1] else None
    return made if members["crv"] == "P-256" else None
