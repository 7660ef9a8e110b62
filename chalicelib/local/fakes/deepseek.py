"""A DeepSeek that standardises rows by simple rules, over the true protocol, and fails in all the ways it is known to.

Rows with candidates get the number of the one that shares most of its words with them, 0 where none shares half.

Acts (in `--script`, `--chances` and `POST /_fake/behaviour`; an amount follows a colon):

    ok                                     a good answer
    400 401 402 403 404 422 429 500 503    that status; an amount is its Retry-After
    keepalive:s                            blank lines for s seconds, then a good answer
    silence:s                              nothing at all for s seconds, then a good answer
    hangup                                 the connection breaks in the middle of the body
    blank  length  insufficient_system_resource  content_filter    what HTTP calls 200 and is none
    broken  fenced                         half a JSON text; JSON in a code fence
    missing  extra  repeated  swapped  empty  invented_email  invented_phone    wrong rows in good JSON
    none  last  outside                    as the choice of every row: 0, its last candidate, one after its last
    tool_text  tool_other                  words where a tool should be called; another tool than there is
    tool_broken  tool_list  tool_field  tool_operator  tool_limit  tool_more    arguments that are wrong in that way

A request with tools gets the call of the first one (`deepseek_tools`); `arguments` are what it then says, whatever the
question. `received` keeps the last bodies that came.

`poison` maps a text to a status: a request with that text in it always gets that status. `capacity` is the number of
requests served at a time; above it, 429 (0: always).
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from chalicelib.local.fakes import deepseek_tools
from chalicelib.local.fakes.server import Act, Behaviour, FakeHandler, FakeServer

MODELS = ("deepseek-flash", "deepseek-v4-flash", "deepseek-v4-pro")
FIELDS = ("firstName", "lastName", "name", "email", "phone", "company", "title", "industry", "source", "remarks")
MESSAGES = {
    400: "Invalid request body format", 401: "Authentication Fails (no such user)", 402: "Insufficient Balance",
    403: "Forbidden", 404: "Not Found", 422: "Invalid parameters", 429: "Rate limit reached", 500: "Server Error",
    503: "Server overloaded"}

Row = dict[str, Any]


@dataclass(slots=True)
class Seen:
    """One request as the log keeps it: from when to when it was served (monotonic seconds), how, which rows it held.

    It is in the log before its answer is on the wire, so that a client that has the answer finds it there.
    """

    started: float
    act: str
    ids: tuple[str, ...]
    attempt: int
    ended: float | None = None


class FakeDeepSeek(FakeServer):
    """Start it with `with FakeDeepSeek(...) as fake:` and point the client at `fake.url`."""

    def __init__(
        self, *, script: Iterable[str] = (), chances: Mapping[str, float] | None = None, seed: int = 0, port: int = 0,
        key: str = "", latency: float = 0.0, tick: float = 0.5, capacity: int | None = None,
        poison: Mapping[str, int] | None = None,
    ) -> None:
        self.behaviour = Behaviour.of(KINDS, script, chances, seed)
        self.key = key
        self.latency = latency
        self.tick = tick
        self.capacity = capacity
        self.poison = dict(poison or {})
        self.arguments: Any = None
        self.received: deque[Any] = deque(maxlen=100)
        self.seen: list[Seen] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    @property
    def starts(self) -> list[float]:
        """When requests began to be served, in order."""
        return sorted(one.started for one in self.seen)

    def enter(self) -> bool:
        """Take a place; False above the capacity."""
        with self._lock:
            if self.capacity is not None and self.in_flight >= self.capacity:
                return False
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            return True

    def leave(self) -> None:
        with self._lock:
            self.in_flight -= 1

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Behave differently from now on; keys are the constructor's."""
        self.behaviour.change(wanted)
        for name in ("latency", "tick", "capacity", "poison", "key", "arguments"):
            if name in wanted:
                setattr(self, name, wanted[name])


class _Handler(FakeHandler):
    @property
    def fake(self) -> FakeDeepSeek:
        return cast(FakeDeepSeek, self.server)

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/_fake/log":
            self.answer(200, self._log())
        elif not self._authorised():
            self._refuse(401)
        elif self.path.endswith("/models"):
            models = [{"id": name, "object": "model", "owned_by": "deepseek"} for name in MODELS]
            self.answer(200, {"object": "list", "data": models})
        elif self.path.endswith("/user/balance"):
            balance = {"currency": "USD", "total_balance": "10.00", "granted_balance": "0.00",
                       "topped_up_balance": "10.00"}
            self.answer(200, {"is_available": True, "balance_infos": [balance]})
        else:
            self._refuse(404)

    def do_POST(self) -> None:  # noqa: N802
        body = self.read_json()
        if self.path == "/_fake/behaviour":
            self._change(body)
        elif not self.path.endswith("/chat/completions"):
            self._refuse(404)
        else:
            self._serve(body)

    def _change(self, body: Any) -> None:
        try:
            self.fake.change(body)
        except (ValueError, AttributeError) as error:
            self.answer(400, {"error": {"message": str(error)}})
        else:
            self.answer(200, {})

    def _serve(self, body: Any) -> None:
        entered = self.fake.enter()
        act = self._act(body) if entered else Act("429")
        asked = _asked(body)
        seen = Seen(time.monotonic(), act.kind, tuple(row["id"] for row in asked.get("rows", ())),
                    asked.get("attempt", 1))
        self.fake.note(seen)
        self.fake.received.append(body)
        try:
            self._perform(act, body)
        finally:
            seen.ended = time.monotonic()
            if entered:
                self.fake.leave()

    def _act(self, body: Any) -> Act:
        """The provider's own checks come first, then poison, then what the script says."""
        status = 0 if self._authorised() else 401
        status = status or _objection(body)
        text = json.dumps(body, ensure_ascii=False)
        status = status or next((code for marker, code in self.fake.poison.items() if marker in text), 0)
        return Act(str(status)) if status else self.fake.behaviour.next()

    def _perform(self, act: Act, body: Mapping[str, Any]) -> None:
        if act.kind.isdecimal():
            self.fake.stopping.wait(self.fake.latency)
            self._refuse(int(act.kind), act.amount)
            return
        if act.kind == "silence":
            self.fake.stopping.wait(act.amount or 0)
        payload = json.dumps(_completion(body, act.kind, self.fake.arguments)).encode()
        self.begin_chunks()
        self._queue(self.fake.latency + (act.amount or 0 if act.kind == "keepalive" else 0))
        if act.kind == "hangup":
            self.chunk(payload[:len(payload) // 2])
            self.close_connection = True
            return
        self.chunk(payload)
        self.chunk(b"")

    def _queue(self, seconds: float) -> None:
        """What the provider does while it has no machine for us: one blank line after the other."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self.fake.stopping.is_set():
            self.chunk(b"\n")
            self.fake.stopping.wait(min(self.fake.tick, left))

    def _refuse(self, status: int, retry_after: float | None = None) -> None:
        error = {"message": MESSAGES[status], "type": "error", "param": None, "code": str(status)}
        self.answer(status, {"error": error}, {} if retry_after is None else {"Retry-After": f"{retry_after:g}"})

    def _authorised(self) -> bool:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and (key == self.fake.key if self.fake.key else bool(key))

    def _log(self) -> dict[str, Any]:
        return {"requests": len(self.fake.seen), "maxInFlight": self.fake.max_in_flight,
                "acts": [one.act for one in self.fake.seen], "rows": [len(one.ids) for one in self.fake.seen]}


def _objection(body: Any) -> int:
    """The status for a request that DeepSeek would not take, else 0."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        return 400
    if body.get("model") not in MODELS:
        return 400
    prompts = " ".join(str(message.get("content", "")) for message in body["messages"])
    json_mode = body.get("response_format", {}).get("type") == "json_object"
    if json_mode and "json" not in prompts.casefold():
        return 400
    if deepseek_tools.objects(body):
        return 400
    return 0 if 0 <= body.get("temperature", 1) <= 2 and body.get("max_tokens", 1) >= 1 else 422


def _completion(body: Mapping[str, Any], kind: str, arguments: Any = None) -> dict[str, Any]:
    """A chat completion around the answer; thinking, when it is not switched off, eats the budget first."""
    content, reason = _content(body, kind)
    message = {"role": "assistant", "content": content}
    if body.get("tools") and kind not in _NO_CALL:
        message, reason = deepseek_tools.message(body, kind, arguments)
        content = json.dumps(message)
    thought = 0 if body.get("thinking", {}).get("type") == "disabled" else 500
    spent = len(content) // 4 + 1
    if thought + spent > body.get("max_tokens", 4096):
        content, reason = content[:max(0, body["max_tokens"] - thought) * 4], "length"
        message = {"role": "assistant", "content": content}
    asked = sum(len(str(message.get("content"))) for message in body["messages"]) // 4
    return {"id": "fake", "object": "chat.completion", "created": int(time.time()), "model": body["model"],
            "choices": [{"index": 0, "finish_reason": reason, "message": message}],
            "usage": {"prompt_tokens": asked, "completion_tokens": thought + spent, "total_tokens": asked + spent,
                      "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": asked,
                      "completion_tokens_details": {"reasoning_tokens": thought}}}


def _content(body: Mapping[str, Any], kind: str) -> tuple[str, str]:
    rows = [choose(row, kind) if "candidates" in row else standardise(row, _asked(body).get("columns", {}))
            for row in _asked(body).get("rows", ())]
    rows = _MISTAKES[kind](rows) if kind in _MISTAKES and rows else rows
    text = json.dumps({"rows": rows}, ensure_ascii=False)
    if kind == "blank":
        return " " * 40, "stop"
    if kind in ("length", "broken"):
        return text[:len(text) // 2], "length" if kind == "length" else "stop"
    if kind in ("insufficient_system_resource", "content_filter"):
        return "", kind
    return (f"```json\n{text}\n```" if kind == "fenced" else text), "stop"


def _asked(body: Any) -> dict[str, Any]:
    """The rows of the last message, where it holds rows."""
    try:
        asked = json.loads(body["messages"][-1]["content"])
    except (ValueError, TypeError, KeyError, IndexError):
        return {}
    return asked if isinstance(asked, dict) else {}


def choose(row: Mapping[str, Any], kind: str = "ok") -> Row:
    """The candidate of a row, by its number."""
    offered = row["candidates"]
    if kind in _CHOICES:
        return {"id": str(row["id"]), "choice": _CHOICES[kind](offered[-1]["number"])}
    wanted = set(re.findall(r"\w+", row["row"].get("text", "").casefold()))
    shares = [(len(wanted & words) / len(words), -one["number"]) for one in offered
              if (words := set(re.findall(r"\w+", one.get("text", "").casefold())))]
    share, number = max(shares, default=(0.0, 0))
    return {"id": str(row["id"]), "choice": -number if share >= 0.5 else 0}


_CHOICES: Mapping[str, Callable[[int], int]] = {
    "none": lambda _: 0, "last": lambda number: number, "outside": lambda number: number + 1}

_HEADERS = (
    ("email", r"mail"), ("phone", r"phone|tel|mobile|cell|fax"), ("firstName", r"first|given|vorname"),
    ("lastName", r"last|surname|family|nachname"), ("company", r"compan|organi|firm|employer|account"),
    ("title", r"title|position|role|job"), ("industry", r"industry|sector"), ("source", r"source|campaign"),
    ("name", r"name|contact|person"))


def standardise(row: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]) -> Row:
    """A row of the question as an entry of the answer, by its columns' known fields or by the look of its headers."""
    known = columns.get(str(row.get("columns", "")), {})
    answer = {"id": str(row["id"]), **dict.fromkeys(FIELDS, "N/A")}
    rest = []
    for header, text in row["cells"].items():
        field = known.get(header) or next((name for name, look in _HEADERS if re.search(look, header, re.I)), "")
        if field in answer and answer[field] == "N/A":
            answer[field] = " ".join(str(text).split())
        else:
            rest.append(f"{header}: {text}")
    if rest:
        answer["remarks"] = "; ".join([*([] if answer["remarks"] == "N/A" else [answer["remarks"]]), *rest])
    return _named(answer)


def _named(answer: Row) -> Row:
    first, last, name = answer["firstName"], answer["lastName"], answer["name"]
    if name == "N/A" and (first, last) != ("N/A", "N/A"):
        return {**answer, "name": " ".join(part for part in (first, last) if part != "N/A")}
    if name != "N/A" and first == last == "N/A" and " " in name:
        called, family = name.rsplit(" ", 1)
        return {**answer, "firstName": called, "lastName": family}
    return answer


def _swapped(rows: list[Row]) -> list[Row]:
    """The first two rows under each other's ids; a single row has nobody to swap with."""
    if len(rows) < 2:
        return rows
    first, second, *others = rows
    return [{**second, "id": first["id"]}, {**first, "id": second["id"]}, *others]


_MISTAKES: Mapping[str, Callable[[list[Row]], list[Row]]] = {
    "missing": lambda rows: rows[:-1],
    "extra": lambda rows: [*rows, {**rows[0], "id": "r9999"}],
    "repeated": lambda rows: [*rows, {**rows[0], "company": "Twice Ltd"}],
    "swapped": _swapped,
    "empty": lambda rows: [{**rows[0], **dict.fromkeys(FIELDS, "N/A")}, *rows[1:]],
    "invented_email": lambda rows: [{**rows[0], "email": "somebody.else@invented.example"}, *rows[1:]],
    "invented_phone": lambda rows: [{**rows[0], "phone": "+1 202 555 0199"}, *rows[1:]],
}

_NO_CALL = frozenset({"blank", "length", "broken", "insufficient_system_resource", "content_filter"})

KINDS = frozenset({
    "ok", *map(str, MESSAGES), "keepalive", "silence", "hangup", "blank", "length", "insufficient_system_resource",
    "content_filter", "broken", "fenced", *_MISTAKES, *_CHOICES, *deepseek_tools.ACTS})
"""Every act that may be asked for."""


def main() -> None:
    """Run the fake by itself until it is stopped."""
    parser = argparse.ArgumentParser(description="A DeepSeek that misbehaves on demand")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="accepted key; empty: any")
    parser.add_argument("--script", default="", help="acts, one a request: 429:2,ok,blank")
    parser.add_argument("--chances", default="", help="acts with probabilities: 429@0.1,500@0.05")
    parser.add_argument("--poison", default="", help="texts with statuses: BOOM@500")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--tick", type=float, default=0.5, help="seconds between blank lines")
    parser.add_argument("--capacity", type=int, help="requests at a time, above it 429")
    given = parser.parse_args()
    fake = FakeDeepSeek(
        port=given.port, key=given.key, script=filter(None, given.script.split(",")), seed=given.seed,
        chances={act: float(chance) for act, chance in _pairs(given.chances)}, latency=given.latency, tick=given.tick,
        capacity=given.capacity, poison={text: int(status) for text, status in _pairs(given.poison)})
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
