"""What every request passes on its way in and out: limits, the token, one error body, headers, one log line.

`serve` is the body of the app's HTTP middleware.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from chalice.app import Request, Response

from chalicelib.adapters.api_keys import ApiKeys
from chalicelib.adapters.records import Records
from chalicelib.api import idempotency, request_limits
from chalicelib.api.admission import admitted
from chalicelib.api.auth import Caller, TokenRules, needs_token
from chalicelib.api.models import ErrorBody, ErrorDetail
from chalicelib.api.requests import CALLER, REQUEST_ID, header
from chalicelib.api.views import CORRELATION, CORS, Surfaced
from chalicelib.errors import CodedError, RequestProblem, RequestRefused, Transient, Unavailable, Waiting
from chalicelib.logs import bound, log
from chalicelib.masking import masked, masked_values
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import Settings

RETRY_SECONDS = 2

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
HSTS: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}
"""Not for a machine's own address: its browser would refuse every other program that speaks http there."""

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_PROBLEMS = {problem.status_code: problem for problem in (
    RequestProblem.BAD_REQUEST, RequestProblem.UNAUTHORIZED, RequestProblem.FORBIDDEN, RequestProblem.NOT_FOUND,
    RequestProblem.METHOD_NOT_ALLOWED, RequestProblem.UNSUPPORTED_TYPE, RequestProblem.RATE_LIMITED)}

GetResponse = Callable[[Request], Response]


def serve(
    request: Request, get_response: GetResponse, *, token_rules: TokenRules, api_keys: ApiKeys, records: Records,
    metrics: Metrics, settings: Settings, clock: Callable[[], datetime],
) -> Response:
    """Answer one request; nothing that happens below gets past as an exception.

    Every line that is logged below, and every job and message that comes of it, carries the request's id.
    """
    began = clock()
    request.context[REQUEST_ID] = _request_id(request)
    with metrics.invocation(), bound(request_id=request.context[REQUEST_ID], correlation_id=_correlation_id(request)):
        try:
            response = _guarded(request, get_response, records, clock,
                                admit=lambda: admitted(request, token_rules, api_keys, began))
        except Exception as error:  # the one place where every failure becomes an answer
            response = _refusal(error, request, began)
        response = _in_one_shape(response, request, began)
        _add_headers(response, request, encrypted=not settings.local)
        _log_access(request, response, (clock() - began).total_seconds())
        metrics.count(Metric.REQUESTS)
        metrics.count(Metric.REQUEST_ERRORS, int(response.status_code >= 500))
    return response


def _guarded(
    request: Request, get_response: GetResponse, records: Records, clock: Callable[[], datetime], *,
    admit: Callable[[], Caller],
) -> Response:
    request_limits.check(request)
    if needs_token(request.method, request.path):
        request.context[CALLER] = admit()
        if idempotency.applies(request):
            return idempotency.answered_once(
                request, lambda again: _unwrapped(get_response, again), records=records, clock=clock)
    return _unwrapped(get_response, request)


def _unwrapped(get_response: GetResponse, request: Request) -> Response:
    try:
        return get_response(request)
    except Surfaced as carrier:
        raise carrier.__cause__ or carrier from None


def _refusal(error: Exception, request: Request, now: datetime) -> Response:
    """The answer to an exception: our own by their code, the rest as INTERNAL with the trace in the log only."""
    if isinstance(error, CodedError):
        retry_after = error.retry_after if isinstance(error, RequestRefused) else None
        return _error(request, now, error.code.value, error.status_code, error.message, error.details, retry_after)
    if isinstance(error, Transient | Unavailable | Waiting):
        log.warning("request could not be served now", extra=_facts(request, error=type(error).__name__))
        seconds = max(1, round(error.seconds)) if isinstance(error, Waiting) else RETRY_SECONDS
        return _problem(request, now, RequestProblem.UNAVAILABLE, retry_after=seconds)
    log.error("request failed", extra=_facts(request, error=type(error).__name__), exc_info=error)
    return _problem(request, now, RequestProblem.INTERNAL)


def _in_one_shape(response: Response, request: Request, now: datetime) -> Response:
    """Chalice's own refusals (bad JSON, wrong method, wrong type) get our body, without its words: they quote."""
    if response.status_code < 400 or (isinstance(response.body, dict) and "error" in response.body):
        return response
    problem = _PROBLEMS.get(response.status_code, RequestProblem.INTERNAL)
    ours = _error(request, now, problem.value, response.status_code, problem.sentence, {}, None)
    ours.headers.update(response.headers)
    return ours


def _problem(
    request: Request, now: datetime, problem: RequestProblem, *, retry_after: int | None = None
) -> Response:
    return _error(request, now, problem.value, problem.status_code, problem.sentence, {}, retry_after)


def _error(
    request: Request, now: datetime, code: str, status: int, message: str, details: Mapping[str, Any],
    retry_after: int | None,
) -> Response:
    detail = ErrorDetail(code=code, message=masked(message), details=masked_values(details),
                         request_id=request.context[REQUEST_ID],
                         timestamp=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    headers: dict[str, str | list[str]] = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 411:
        headers["Connection"] = "close"  # the unread chunks would be taken for the next request
    return Response(body=ErrorBody(error=detail).as_json(), headers=headers, status_code=status)


def _add_headers(response: Response, request: Request, *, encrypted: bool) -> None:
    given = {name.lower() for name in response.headers}
    request_id = request.context[REQUEST_ID]
    wanted = {"Content-Type": "application/json", **SECURITY_HEADERS, **CORS.get_access_control_headers(),
              "X-Request-Id": request_id, CORRELATION: _correlation_id(request) or request_id,
              **(HSTS if encrypted else {})}
    response.headers.update({name: value for name, value in wanted.items() if name.lower() not in given})


def _log_access(request: Request, response: Response, seconds: float) -> None:
    log.info("request", extra=_facts(request, status=response.status_code, milliseconds=round(seconds * 1000)))


def _facts(request: Request, **more: Any) -> dict[str, Any]:
    """The route, not the path or the query: those can hold personal data."""
    return {"method": request.method, "route": request.path, **more}


def _request_id(request: Request) -> str:
    gateway = request.context.get("requestId")
    return str(gateway or getattr(request.lambda_context, "aws_request_id", "") or uuid4())


def _correlation_id(request: Request) -> str:
    sent = header(request, CORRELATION)
    return sent if _CORRELATION_ID.fullmatch(sent) else ""
