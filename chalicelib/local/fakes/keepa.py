"""A Keepa with a token bucket and made-up products, over the true protocol, that fails in all the ways it is known to.

Acts (in `--script`, `--chances` and `POST /_fake/behaviour`; an amount follows a colon):

    ok                                        a good answer
    400 401 402 403 404 405 429 500 503       that status; the amount of 429 is its refillIn in milliseconds
    silence:s                                 nothing at all for s seconds, then a good answer
    hangup                                    the connection breaks in the middle of the body
    broken  page  null                        half a JSON text; a proxy's HTML page; no list of products
    unreadable  stranger                      one more product: without an ASIN; that nobody asked for

What a code gives is computed from it (see `fake_products`). `poison` is a set of codes that Keepa calls malformed. The
bucket fills once a minute with `rate` tokens and may be overdrawn by one request, as at Keepa; `clock` is its time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from chalicelib.local.fakes.keepa_products import (
    DOMAINS,
    asked_well,
    fake_products,
    fake_search,
    fresh_ratings,
    nothing,
    unknown,
)
from chalicelib.local.fakes.server import Act, Behaviour, FakeHandler, FakeServer

TYPES = {400: "REQUEST_REJECTED", 401: "UNAUTHORIZED", 402: "PAYMENT_REQUIRED", 403: "FORBIDDEN", 404: "NOT_FOUND",
         405: "METHOD_NOT_ALLOWED", 429: "NOT_ENOUGH_TOKEN", 500: "INTERNAL_SERVER_ERROR", 503: "UNAVAILABLE"}
MAX_CODES = 100
SEARCH_TOKENS = 10
MINUTE = 60.0
BUCKET_MINUTES = 60

Query = Mapping[str, str]


@dataclass(slots=True)
class Seen:
    """One request as the log keeps it: from when to when it was served (monotonic seconds), how, how much it asked.

    It is in the log before its answer is on the wire, so that a client that has the answer finds it there.
    """

    started: float
    path: str
    act: str
    codes: int
    consumed: int = 0
    ended: float | None = None


class Bucket:
    """Tokens that come once a minute, `rate` at a time, up to an hour's worth."""

    def __init__(self, rate: float, tokens: float | None, clock: Callable[[], float]) -> None:
        self.rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._filled = clock()
        self._tokens = BUCKET_MINUTES * rate if tokens is None else tokens

    def open(self) -> bool:
        """Whether a request may be served: one that starts above zero may end below it."""
        with self._lock:
            self._fill()
            return self._tokens > 0

    def take(self, tokens: float) -> None:
        with self._lock:
            self._fill()
            self._tokens -= tokens

    def set(self, tokens: float) -> None:
        with self._lock:
            self._fill()
            self._tokens = tokens

    def told(self) -> dict[str, Any]:
        """What every answer says of it."""
        with self._lock:
            self._fill()
            return {"tokensLeft": int(self._tokens), "refillRate": int(self.rate), "tokenFlowReduction": 0.0,
                    "refillIn": round((self._filled + MINUTE - self._clock()) * 1000)}

    def _fill(self) -> None:
        minutes = int((self._clock() - self._filled) // MINUTE)
        if minutes > 0:
            self._filled += minutes * MINUTE
            self._tokens = min(BUCKET_MINUTES * self.rate, self._tokens + minutes * self.rate)


class FakeKeepa(FakeServer):
    """Start it with `with FakeKeepa(...) as fake:` and point the client at `fake.url`. `tokens` None: a full bucket."""

    def __init__(
        self, *, script: Iterable[str] = (), chances: Mapping[str, float] | None = None, seed: int = 0, port: int = 0,
        key: str = "", latency: float = 0.0, rate: float = 20.0, tokens: float | None = None,
        poison: Iterable[str] = (), clock: Callable[[], float] = time.time,
    ) -> None:
        self.behaviour = Behaviour.of(KINDS, script, chances, seed)
        self.key = key
        self.latency = latency
        self.poison = frozenset(poison)
        self.clock = clock
        self.bucket = Bucket(rate, tokens, clock)
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Behave differently from now on; keys are the constructor's."""
        self.behaviour.change(wanted)
        if "rate" in wanted:
            self.bucket.rate = float(wanted["rate"])
        if "tokens" in wanted:
            self.bucket.set(float(wanted["tokens"]))
        self.latency = float(wanted.get("latency", self.latency))
        self.poison = frozenset(wanted.get("poison", self.poison))
        self.key = str(wanted.get("key", self.key))


class _Handler(FakeHandler):
    @property
    def fake(self) -> FakeKeepa:
        return cast(FakeKeepa, self.server)

    def do_GET(self) -> None:  # noqa: N802
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        if address.path == "/_fake/log":
            self.answer(200, self._log())
        elif address.path == "/token" and self._authorised(query):
            self._tell(200, {})
        else:
            self._serve(address.path, query)

    def do_POST(self) -> None:  # noqa: N802
        body = self.read_json()
        if self.path != "/_fake/behaviour":
            self._refuse(405)
            return
        try:
            self.fake.change(body)
        except (ValueError, AttributeError, TypeError) as error:
            self.answer(400, {"error": {"message": str(error)}})
        else:
            self.answer(200, {})

    def _serve(self, path: str, query: Query) -> None:
        act = self._act(path, query)
        seen = Seen(time.monotonic(), path, act.kind, len(_codes(query)))
        self.fake.note(seen)
        try:
            self._perform(act, path, query, seen)
        finally:
            seen.ended = time.monotonic()

    def _act(self, path: str, query: Query) -> Act:
        """Keepa's own checks come first, the tokens last of them, then what the script says."""
        if not self._authorised(query):
            return Act("401")
        if path not in ("/product", "/search"):
            return Act("404")
        if not _well_formed(path, query) or self.fake.poison.intersection(_codes(query)):
            return Act("400")
        return self.fake.behaviour.next() if self.fake.bucket.open() else Act("429")

    def _perform(self, act: Act, path: str, query: Query, seen: Seen) -> None:
        self.fake.stopping.wait(self.fake.latency + (act.amount or 0 if act.kind == "silence" else 0))
        if act.kind.isdecimal():
            self._refuse(int(act.kind), act.amount)
            return
        found, seen.consumed = _search(query) if path == "/search" else _look_up(query)
        self.fake.bucket.take(seen.consumed)
        if act.kind == "unreadable":
            found = [{"title": "No ASIN", "upcList": ["x"]}, "no object", *found]
        elif act.kind == "stranger":
            found = [*fake_products("B0STRANGE1"), *found]
        elif act.kind == "page":
            self._send(200, b"<html><body>Gateway</body></html>")
            return
        body = {"products": None if act.kind == "null" else found, "totalResults": len(found)}
        payload = json.dumps(self._told(body, seen.consumed)).encode()
        if act.kind == "hangup":
            self._send(200, payload, cut=True)
        else:
            self._send(200, payload[:len(payload) // 2] if act.kind == "broken" else payload)

    def _refuse(self, status: int, refill_in: float | None = None) -> None:
        error = {"type": TYPES[status], "message": TYPES[status].replace("_", " ").capitalize(), "details": ""}
        told = {} if refill_in is None else {"refillIn": refill_in, "tokensLeft": 0}
        self._tell(status, {"error": error, **told})

    def _tell(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(self._told(body, 0)).encode())

    def _told(self, body: Mapping[str, Any], consumed: int) -> dict[str, Any]:
        return {"timestamp": int(self.fake.clock() * 1000), **self.fake.bucket.told(), "tokensConsumed": consumed,
                "processingTimeInMs": round(self.fake.latency * 1000), **body}

    def _send(self, status: int, payload: bytes, *, cut: bool = False) -> None:
        """Gzip for who takes it; a cut answer ends before the length that it announced."""
        zipped = "gzip" in self.headers.get("Accept-Encoding", "")
        payload = gzip.compress(payload, 1) if zipped else payload
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload[:len(payload) // 2] if cut else payload)
        self.close_connection = self.close_connection or cut

    def _authorised(self, query: Query) -> bool:
        key = query.get("key", "")
        return key == self.fake.key if self.fake.key else bool(key)

    def _log(self) -> dict[str, Any]:
        seen = self.fake.seen
        return {"requests": len(seen), "acts": [one.act for one in seen], "paths": [one.path for one in seen],
                "codes": [one.codes for one in seen], "consumed": sum(one.consumed for one in seen),
                "tokensLeft": self.fake.bucket.told()["tokensLeft"]}


def _codes(query: Query) -> list[str]:
    return [code for name in ("asin", "code") for code in query.get(name, "").split(",") if code]


def _well_formed(path: str, query: Query) -> bool:
    if query.get("domain", "") not in DOMAINS:
        return False
    if path == "/search":
        return query.get("type") == "product" and bool(query.get("term", "").strip())
    codes = _codes(query)
    return (("asin" in query) != ("code" in query) and 1 <= len(codes) <= MAX_CODES
            and all(asked_well(code, asin="asin" in query) for code in codes))


def _look_up(query: Query) -> tuple[list[Any], int]:
    """Products of all codes by ASIN, so never in the order that was asked for, and what they cost."""
    limit = int(query.get("code-limit", "1000"))
    found: dict[str, dict[str, Any]] = {}
    empty: list[dict[str, Any]] = []
    for code in dict.fromkeys(_codes(query)):
        found.update({each["asin"]: each for each in fake_products(code, domain=int(query["domain"]))[:limit]})
        if "asin" in query and unknown(code):
            empty += nothing(code)
    products = [_shown(found[asin], query) for asin in sorted(found)]
    return [*products, *empty], len(found) + _rating_tokens(list(found), query, len(found))


def _search(query: Query) -> tuple[list[Any], int]:
    found = fake_search(query["term"], domain=int(query["domain"]))
    return [_shown(each, query) for each in found], SEARCH_TOKENS + _rating_tokens(
        [each["asin"] for each in found], query, 5)


def _rating_tokens(asins: Iterable[str], query: Query, most: int) -> int:
    """One more for each product whose rating is fresh, when ratings are asked for."""
    return min(most, sum(map(fresh_ratings, asins))) if query.get("rating") == "1" else 0


def _shown(product: Mapping[str, Any], query: Query) -> dict[str, Any]:
    """What of a product was asked for: history, statistics, ratings."""
    rated = query.get("rating") == "1"
    csv = [series if rated or at not in (16, 17) else None for at, series in enumerate(product["csv"])]
    current = [value if rated or at not in (16, 17) else -1 for at, value in enumerate(product["stats"]["current"])]
    return {**product, "csv": None if query.get("history") == "0" else csv,
            "stats": {**product["stats"], "current": current} if "stats" in query else None}


KINDS = frozenset({"ok", *map(str, TYPES), "silence", "hangup", "broken", "page", "null", "unreadable", "stranger"})
"""Every act that may be asked for."""


def main() -> None:
    """Run the fake by itself until it is stopped."""
    parser = argparse.ArgumentParser(description="A Keepa that misbehaves on demand")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="accepted key; empty: any")
    parser.add_argument("--script", default="", help="acts, one a request: 429:2000,ok,broken")
    parser.add_argument("--chances", default="", help="acts with probabilities: 429@0.1,500@0.05")
    parser.add_argument("--poison", default="", help="codes that are malformed: 012345678905,B000000001")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--rate", type=float, default=20.0, help="tokens a minute")
    parser.add_argument("--tokens", type=float, help="tokens at the start; else an hour's worth")
    given = parser.parse_args()
    chances = (part.rpartition("@") for part in given.chances.split(",") if part)
    fake = FakeKeepa(
        port=given.port, key=given.key, script=filter(None, given.script.split(",")), seed=given.seed,
        chances={act: float(chance) for act, _, chance in chances}, latency=given.latency, rate=given.rate,
        tokens=given.tokens, poison=filter(None, given.poison.split(",")))
    print(fake.url, flush=True)
    try:
        fake.serve_forever()
    except KeyboardInterrupt:
        fake.server_close()


if __name__ == "__main__":
    main()
