"""`Idempotency-Key`: a POST that is sent again is answered again, not done again.

The first request with a key leaves a record, keyed by owner and key and holding a digest of the whole request; its
successful answer is added. A repetition gets that answer with `Idempotency-Replayed: true`. Refusals and errors are
forgotten, so that the same key may try again. A first request that died is taken over after `ABANDONED_SECONDS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalice.app import Request, Response

from chalicelib.adapters.records import MAX_BODY_BYTES, Record, RecordKey, Records
from chalicelib.api.requests import REQUEST_ID, caller_of, header
from chalicelib.errors import RequestProblem, RequestRefused

HEADER = "Idempotency-Key"
MAX_KEY_CHARS = 255
KEPT_SECONDS = 24 * 3600
ABANDONED_SECONDS = 60
RETRY_SECONDS = 2
SHOWN_ONCE = {"/api-keys": "key"}
"""Route -> the field of its answer that no record may hold: replayed, it is null, and the rest says what was made."""
READING = frozenset({"/chat"})
"""POSTs that change nothing: answered anew each time, and nothing of their answers, which show people, is kept."""
REPLAYED = {"Idempotency-Replayed": "true"}

Proceed = Callable[[Request], Response]


def answered_once(request: Request, proceed: Proceed, *, records: Records, clock: Callable[[], datetime]) -> Response:
    """Answer `request` through `proceed`, or with what its key was answered before.

    Raises `IDEMPOTENCY_MISMATCH` where the key was used for another request, or where the first is still running (with
    a Retry-After). Answers that a record cannot hold, or that are cheap and full of people's data, are not kept.
    """
    now = int(clock().timestamp())
    key = _record_key(request)
    begun = {"digest": _digest(request), "at": now, "nonce": request.context[REQUEST_ID]}
    record = records.create(key, begun, expires_at=now + KEPT_SECONDS)
    if record is None:
        found = records.get(key)
        if found is not None and "answer" in found.body:
            _demand_same(found.body, begun)
            return _replayed(found.body["answer"])
        record = _taken_over(records, found, begun, now)
    return _kept(records, record, begun, proceed, request)


def applies(request: Request) -> bool:
    return request.method == "POST" and bool(header(request, HEADER)) and request.path not in READING


def _taken_over(records: Records, found: Record | None, begun: Mapping[str, Any], now: int) -> Record:
    if found is not None:
        _demand_same(found.body, begun)
        if now - int(found.body["at"]) > ABANDONED_SECONDS:
            mine = records.replace(found, begun, expires_at=now + KEPT_SECONDS)
            if mine is not None:
                return mine
    raise RequestRefused(RequestProblem.IDEMPOTENCY_MISMATCH,
                         "The first request with this Idempotency-Key is still running.", retry_after=RETRY_SECONDS)


def _kept(records: Records, record: Record, begun: Mapping[str, Any], proceed: Proceed, request: Request) -> Response:
    try:
        response = proceed(request)
    except BaseException:
        records.delete(record)
        raise
    answer = {"status": response.status_code, "body": _without_secret(request.path, response.body),
              "headers": dict(response.headers)}
    if not _worth_keeping(response, answer):
        records.delete(record)
    else:
        records.replace(record, {**begun, "answer": answer}, expires_at=record.expires_at)
    return response


def _without_secret(route: str, body: Any) -> Any:
    field = SHOWN_ONCE.get(route)
    return {**body, field: None} if field and isinstance(body, dict) and field in body else body


def _worth_keeping(response: Response, answer: Mapping[str, Any]) -> bool:
    if not 200 <= response.status_code < 300 or str(response.headers.get("Content-Type", "")).startswith("text/"):
        return False
    inline = isinstance(response.body, dict) and response.body.get("content") is not None
    return not inline and len(json.dumps(answer)) < MAX_BODY_BYTES - 1024


def _replayed(answer: Mapping[str, Any]) -> Response:
    return Response(body=answer["body"], headers={**answer["headers"], **REPLAYED}, status_code=int(answer["status"]))


def _demand_same(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    if kept["digest"] != asked["digest"]:
        raise RequestRefused(RequestProblem.IDEMPOTENCY_MISMATCH)


def _record_key(request: Request) -> RecordKey:
    key = header(request, HEADER)
    if len(key) > MAX_KEY_CHARS or not key.isprintable():
        raise RequestRefused(RequestProblem.BAD_REQUEST, f"{HEADER} has at most {MAX_KEY_CHARS} printable characters.")
    return RecordKey(f"IDEMPOTENCY#{caller_of(request).owner}#{key}", "KEY")


def _digest(request: Request) -> str:
    """Of method, route, path parts, query and body: what makes two requests the same."""
    told = json.dumps([request.method, request.path, request.uri_params, dict(request.query_params or {})],
                      sort_keys=True).encode()
    raw = request.raw_body
    return hashlib.sha256(told + b"\0" + (raw if isinstance(raw, bytes) else raw.encode())).hexdigest()

