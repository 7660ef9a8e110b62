"""A Convex deployment over its true HTTP API, with two mutations, a log of when calls came, and many ways to fail.

The mutations are upserts: of results by `externalId`, of progress by `jobId`; how often each was applied is counted.
Acts (in `--script`, `--chances` and `POST /_fake/behaviour`; an amount follows a colon):

    ok                                     done
    400 401 403 404 409 500                that status, with a code of Convex
    429 TooManyConcurrentRequests TooManyWrites    429; an amount is its Retry-After, which Convex itself never sends
    503 OptimisticConcurrencyControlFailure ExpiredInQueue WorkerOverloaded    503, likewise
    error  error_data  560                 the function throws: redacted, as ConvexError, as older servers said it
    lost                                   applied, then the connection breaks without an answer
    slow:s                                 applied at once, answered after s seconds
    silence:s                              answered after s seconds, applied only then
    cut                                    applied, half an answer

`limit` mutations run at a time, above it 429; `lose_every` is n: each n-th applied call is `lost`. `refuse` maps a text
to a message: the function throws it as ConvexError for arguments that hold the text.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from chalicelib.local.fakes.server import Act, Behaviour, FakeHandler, FakeServer

RESULTS, PROGRESS = "priceMatching:upsertResult", "priceMatching:updateJobStatus"
KEYS: Mapping[str, str] = {RESULTS: "externalId", PROGRESS: "jobId"}
"""Function -> the argument that names the document."""
CODES = {
    "400": (400, "BadJsonBody"), "401": (401, "BadAdminKey"), "403": (403, "BadDeployKey"), "404": (404, "NotFound"),
    "409": (409, "OptimisticConcurrencyControlFailure"), "500": (500, "InternalServerError"),
    "429": (429, "TooManyConcurrentRequests"), "503": (503, "OptimisticConcurrencyControlFailure"),
    "TooManyConcurrentRequests": (429, "TooManyConcurrentRequests"), "TooManyWrites": (429, "TooManyWrites"),
    "OptimisticConcurrencyControlFailure": (503, "OptimisticConcurrencyControlFailure"),
    "ExpiredInQueue": (503, "ExpiredInQueue"), "WorkerOverloaded": (503, "WorkerOverloaded"),
    "format": (400, "BadFormat"), "path": (400, "BadConvexFunctionIdentifier"), "key": (400, "InvalidAdminKey")}
KINDS = frozenset({"ok", "error", "error_data", "560", "lost", "slow", "silence", "cut", *CODES})
_PATH = re.compile(r"[A-Za-z0-9_./]+:[A-Za-z][A-Za-z0-9_]*")


@dataclass(slots=True)
class Seen:
    """One mutation as the log keeps it: when it came and when its answer was ready (monotonic seconds), for what."""

    started: float
    path: str
    document: str
    act: str = ""
    ended: float | None = None


@dataclass(slots=True)
class Document:
    """The arguments that were applied last, and how often any were."""

    args: Mapping[str, Any]
    applied: int = 0


class FakeConvex(FakeServer):
    """Start it with `with FakeConvex(...) as fake:` and point the client at `fake.url`."""

    def __init__(
        self, *, script: Iterable[str] = (), chances: Mapping[str, float] | None = None, seed: int = 0, port: int = 0,
        key: str = "", latency: float = 0.0, limit: int = 16, lose_every: int = 0,
        refuse: Mapping[str, str] | None = None,
    ) -> None:
        self.behaviour = Behaviour.of(KINDS, script, chances, seed)
        self.key = key
        self.latency = latency
        self.limit = limit
        self.lose_every = lose_every
        self.refuse = dict(refuse or {})
        self.seen: list[Seen] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self.documents: dict[str, Document] = {}
        self.statuses: dict[str, Document] = {}
        self._applied = 0
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    def of(self, path: str) -> list[Seen]:
        """The calls of one function, in the order in which they came."""
        return sorted((one for one in self.seen if one.path == path), key=lambda one: one.started)

    def enter(self, seen: Seen) -> bool:
        """Take a place; False above the limit."""
        with self._lock:
            self.seen.append(seen)
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            return self.in_flight <= self.limit

    def leave(self) -> None:
        with self._lock:
            self.in_flight -= 1

    def apply(self, path: str, document: str, args: Mapping[str, Any]) -> bool:
        """Do what the function does; whether its answer is to be lost."""
        with self._lock:
            stored = (self.documents if path == RESULTS else self.statuses).setdefault(document, Document(args))
            stored.args = args
            stored.applied += 1
            self._applied += 1
            return bool(self.lose_every) and self._applied % self.lose_every == 0

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Behave differently from now on; keys are the constructor's."""
        self.behaviour.change(wanted)
        for name in ("latency", "limit", "lose_every", "refuse", "key"):
            if name in wanted:
                setattr(self, name, wanted[name])


class _Handler(FakeHandler):
    @property
    def fake(self) -> FakeConvex:
        return cast(FakeConvex, self.server)

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/_fake/log":
            self.answer(200, self._log())
        elif self.path == "/version":
            self.answer(200, "fake")
        else:
            self._refuse("404")

    def do_POST(self) -> None:  # noqa: N802
        came = time.monotonic()
        body = self.read_json()
        if self.path == "/_fake/behaviour":
            self._change(body)
        elif self.path != "/api/mutation":
            self._refuse("404")
        elif objection := self._objection(body):
            self.fake.seen.append(Seen(came, "", "", objection, came))
            self._refuse(objection)
        else:
            self._serve(body["path"], body["args"], came)

    def _change(self, body: Any) -> None:
        try:
            self.fake.change(body)
        except (ValueError, AttributeError) as error:
            self.answer(400, {"code": "BadBehaviour", "message": str(error)})
        else:
            self.answer(200, {})

    def _objection(self, body: Any) -> str:
        """What the server itself refuses, in its order: body, path, key, format."""
        if not isinstance(body, dict) or not isinstance(body.get("path"), str) or "args" not in body:
            return "400"
        if not _PATH.fullmatch(body["path"]):
            return "path"
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Convex":
            return "key"
        if not key or (self.fake.key and key != self.fake.key):
            return "401"
        return "" if body.get("format", "json") == "json" else "format"

    def _serve(self, path: str, args: Any, came: float) -> None:
        """A call is over when its answer is ready: who has the answer must not find it still in flight."""
        fields = args if isinstance(args, dict) else {}
        seen = Seen(came, path, str(fields.get(KEYS.get(path, ""), "")))
        entered = self.fake.enter(seen)
        act = self.fake.behaviour.next() if entered else Act("TooManyConcurrentRequests")
        seen.act = act.kind
        status, answer = self._outcome(act, path, fields, seen)
        seen.ended = time.monotonic()
        self.fake.leave()
        if seen.act == "lost":
            self.close_connection = True
        elif seen.act == "cut":
            self._cut(answer)
        else:
            self.answer(status, answer, {} if act.amount is None or status < 400
                        else {"Retry-After": f"{act.amount:g}"})

    def _outcome(self, act: Act, path: str, args: Mapping[str, Any], seen: Seen) -> tuple[int, Any]:
        self.fake.stopping.wait(self.fake.latency)
        if act.kind in CODES:
            return _error(act.kind)
        if act.kind == "silence":
            self.fake.stopping.wait(act.amount or 0)
        failure = _thrown(act.kind) or _complaint(path, args, self.fake.refuse)
        if failure is not None:
            return (560 if act.kind == "560" else 200), {"status": "error", **failure}
        if self.fake.apply(path, seen.document, args):
            seen.act = "lost"
        if act.kind == "slow":
            self.fake.stopping.wait(act.amount or 0)
        return 200, {"status": "success", "value": None}

    def _cut(self, answer: Any) -> None:
        payload = json.dumps(answer).encode()
        self.begin_chunks()
        self.chunk(payload[:len(payload) // 2])
        self.close_connection = True

    def _refuse(self, kind: str) -> None:
        status, body = _error(kind)
        self.answer(status, body)

    def _log(self) -> dict[str, Any]:
        fake = self.fake
        return {"requests": len(fake.seen), "maxInFlight": fake.max_in_flight,
                "calls": [{"started": one.started, "ended": one.ended, "path": one.path, "document": one.document,
                           "act": one.act} for one in fake.seen],
                "documents": {name: document.applied for name, document in fake.documents.items()},
                "statuses": {name: document.applied for name, document in fake.statuses.items()}}


def _error(kind: str) -> tuple[int, dict[str, str]]:
    status, code = CODES[kind]
    return status, {"code": code, "message": f"the fake answers {code}"}


def _thrown(kind: str) -> dict[str, Any] | None:
    """What a function that throws answers; in production its message is hidden, unless it is a ConvexError."""
    if kind in ("error", "560"):
        return {"errorMessage": "[Request ID: fake] Server Error"}
    if kind == "error_data":
        return {"errorMessage": "[Request ID: fake] Server Error", "errorData": {"message": "no such job"}}
    return None


def _complaint(path: str, args: Mapping[str, Any], refuse: Mapping[str, str]) -> dict[str, Any] | None:
    """What the deployment says to a function that is not there and to arguments that are none."""
    if path not in KEYS:
        return {"errorMessage": f"[Request ID: fake] Server Error\nCould not find public function for '{path}'. "
                                "Did you forget to run `npx convex dev` or `npx convex deploy`?\n"}
    if not isinstance(args.get(KEYS[path]), str) or any(map(_illegal, _names(args))):
        return {"errorMessage": "[Request ID: fake] Server Error\nArgumentValidationError: Value does not match "
                                "validator.\n"}
    text = json.dumps(args, ensure_ascii=False)
    told = next((message for marker, message in refuse.items() if marker in text), None)
    return None if told is None else {"errorMessage": "[Request ID: fake] Server Error", "errorData": told}


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield name
            yield from _names(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _names(entry)


def _illegal(name: str) -> bool:
    return not name or name[0] in "_$" or not all(" " <= char <= "~" for char in name)


def main() -> None:
    """Run the fake by itself until it is stopped."""
    parser = argparse.ArgumentParser(description="A Convex deployment that misbehaves on demand")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="accepted deploy key; empty: any")
    parser.add_argument("--script", default="", help="acts, one a request: TooManyWrites,lost,ok")
    parser.add_argument("--chances", default="", help="acts with probabilities: 500@0.1,lost@0.05")
    parser.add_argument("--refuse", default="", help="texts with messages: BOOM@no such job")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--limit", type=int, default=16, help="mutations at a time, above it 429")
    parser.add_argument("--lose-every", type=int, default=0, help="lose each n-th answer after applying it")
    given = parser.parse_args()
    fake = FakeConvex(
        port=given.port, key=given.key, script=filter(None, given.script.split(",")), seed=given.seed,
        chances={act: float(chance) for act, chance in _pairs(given.chances)}, latency=given.latency,
        limit=given.limit, lose_every=given.lose_every, refuse=dict(_pairs(given.refuse)))
    print(fake.url, flush=True)
    try:
        fake.serve_forever()
    except KeyboardInterrupt:
        fake.server_close()


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, text.split(",")):
        name, _, value = part.rpartition("@")
        yield name, value


if __name__ == "__main__":
    main()
