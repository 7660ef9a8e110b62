"""Breaks things on purpose: `FAULTS=ai:429@0.1,crash:after_write@0.05,duplicate@0.2`, drawn by `FAULTS_SEED`.

    crash:before_write   the process is killed (SIGKILL) just before a write leaves it
    crash:after_write    ... just after a write was applied
    conflict             DynamoDB refuses a write with TransactionConflict, which no emulator ever does by itself
    lost_answer          a write is applied, but the caller sees a time-out (half of them botocore retries by itself)
    duplicate, reorder   the pump delivers a message again, also at the same time, or holds it back
    ai:<behaviour>, keepa:..., convex:..., dropbox:...    a fake provider misbehaves, see `fakes/`

Faults at AWS calls enter through botocore's own events, so that no product code knows of them.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_AT_CALLS = ("crash:before_write", "crash:after_write", "conflict", "lost_answer")
_AT_DELIVERY = ("duplicate", "reorder")
PROVIDERS = ("ai", "keepa", "convex", "dropbox")
"""Whom we can fake; `ai` is DeepSeek."""
_WRITES = frozenset({
    "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "PutObject", "DeleteObject",
    "DeleteObjects", "CompleteMultipartUpload", "SendMessage", "SendMessageBatch", "DeleteMessage",
    "DeleteMessageBatch", "ChangeMessageVisibility"})
_CONFLICTING = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities by name of the fault; a fault that is not named never happens."""

    probabilities: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float:
        return self.probabilities.get(name, 0.0)

    def provider(self, name: str) -> dict[str, float]:
        """The behaviours of a fake provider."""
        begin = f"{name}:"
        return {each.removeprefix(begin): p for each, p in self.probabilities.items() if each.startswith(begin)}


def parse(text: str) -> Faults:
    """Read `name@probability,...`. Raises `ValueError` with a sentence for the person who typed it."""
    return Faults(dict(_parse_one(part.strip()) for part in text.split(",") if part.strip()))


def _parse_one(part: str) -> tuple[str, float]:
    name, separator, number = part.partition("@")
    provider, _, behaviour = name.partition(":")
    if name not in (*_AT_CALLS, *_AT_DELIVERY) and not (provider in PROVIDERS and behaviour):
        others = [f"{each}:..." for each in PROVIDERS]
        raise ValueError(f"FAULTS: {name!r} is none of {', '.join((*_AT_CALLS, *_AT_DELIVERY, *others))}")
    try:
        probability = float(number) if separator else 1.0
    except ValueError as error:
        raise ValueError(f"FAULTS: {number!r} after {name}@ is not a number") from error
    if not 0 <= probability <= 1:
        raise ValueError(f"FAULTS: the probability of {name} lies between 0 and 1")
    return name, probability


def install(faults: Faults, seed: str) -> None:
    """Let the AWS calls of this process fail. Call it before any boto3 session exists."""
    if not any(faults.of(name) for name in _AT_CALLS):
        return
    from botocore import handlers

    saboteur = _Saboteur(faults, random.Random(seed))  # noqa: S311 - reproducible on purpose
    # Every botocore session registers these, whoever makes it.
    handlers.BUILTIN_HANDLERS.extend([("before-send", saboteur.before), ("after-call", saboteur.after)])


class _Saboteur:
    def __init__(self, faults: Faults, dice: random.Random) -> None:
        self._faults = faults
        self._dice = dice
        self._session: Any = None

    def before(self, request: Any, event_name: str, **_: Any) -> Any:
        """A response instead of AWS's, or None to let the request go."""
        operation = event_name.rpartition(".")[2]
        if operation not in _WRITES:
            return None
        if self._strikes("crash:before_write"):
            _die()
        if operation in _CONFLICTING and self._strikes("conflict"):
            return _conflict(request, operation)
        if self._strikes("lost_answer", 0.5):
            self._send(request)
            raise _timeout(request.url)  # inside botocore's attempt: it will send the same request again
        return None

    def after(self, http_response: Any, event_name: str, **_: Any) -> None:
        if event_name.rpartition(".")[2] not in _WRITES or http_response.status_code >= 300:
            return
        if self._strikes("crash:after_write"):
            _die()
        if self._strikes("lost_answer", 0.5):
            raise _timeout(http_response.url)  # as if every attempt's answer had been lost

    def _strikes(self, name: str, share: float = 1.0) -> bool:
        return self._dice.random() < self._faults.of(name) * share

    def _send(self, request: Any) -> None:
        from botocore.httpsession import URLLib3Session

        self._session = self._session or URLLib3Session()
        self._session.send(request)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _timeout(url: str) -> Exception:
    from botocore.exceptions import ReadTimeoutError

    return ReadTimeoutError(endpoint_url=url, error="the answer was lost on purpose")


def _conflict(request: Any, operation: str) -> Any:
    """What DynamoDB says when another transaction holds the item (API reference, TransactWriteItems)."""
    if operation == "TransactWriteItems":
        count = len(json.loads(request.body)["TransactItems"])
        reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
                   *[{"Code": "None"}] * (count - 1)]
        codes = ", ".join(reason["Code"] for reason in reasons)
        return _refusal(request.url, "TransactionCanceledException", {
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons "
                       f"[{codes}]", "CancellationReasons": reasons})
    return _refusal(request.url, "TransactionConflictException", {"message": "Transaction is ongoing for the item"})


def _refusal(url: str, name: str, body: Mapping[str, Any]) -> Any:
    from botocore.awsrequest import AWSResponse

    text = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{name}", **body}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "FAULT"}
    return AWSResponse(url, 400, headers, _Raw(text))  # type: ignore[arg-type] # it copies any mapping


class _Raw(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
