"""Answers that API Gateway gives without us, in our one error body and readable for web pages of other origins.

Unknown paths, bodies over 10 MB, throttling and timeouts never reach the function; AWS's own answers have another shape
and no CORS headers, so that a browser shows its user nothing but a network error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.deploy.target import API_STAGE, Target
from chalicelib.errors import RequestProblem
from chalicelib.settings import Settings

CORS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "'*'",
    "Access-Control-Allow-Headers": "'Authorization,Content-Type,Idempotency-Key,If-Match,If-None-Match,X-Amz-Date,"
                                    "X-Amz-Security-Token,X-Api-Key,X-Correlation-Id'",
    "Access-Control-Expose-Headers": "'Content-Disposition,ETag,Idempotency-Replayed,Location,Retry-After,"
                                     "X-Correlation-Id,X-Request-Id'"}
"""What the API itself sends (`chalicelib/api/views.py`); a test compares."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the gateway's answers: our code for it, and its status where AWS's own does not fit it."""

    problem: RequestProblem
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """What the gateway lets through to each route of a stage, all callers together; the rest gets RATE_LIMITED.

    It counts before anything of ours runs, so that a flood costs no function and no write.
    """

    rate: int
    """Requests a second."""
    burst: int

    @classmethod
    def chosen(cls, variables: Mapping[str, str]) -> Throttle:
        """As the functions' variables say it; they need not know it themselves."""
        chosen = Settings.model_validate({name: variables[name] for name in ("API_RATE", "API_BURST")
                                          if name in variables})
        return cls(chosen.api_rate, chosen.api_burst)

    def method_settings(self) -> list[dict[str, Any]]:
        """For all routes, as a template has it."""
        return [{"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": self.rate,
                 "ThrottlingBurstLimit": self.burst}]


ANSWERS: Mapping[str, Answer] = {
    "DEFAULT_4XX": Answer(RequestProblem.BAD_REQUEST),
    "DEFAULT_5XX": Answer(RequestProblem.INTERNAL),
    "UNAUTHORIZED": Answer(RequestProblem.UNAUTHORIZED),
    "ACCESS_DENIED": Answer(RequestProblem.FORBIDDEN),
    "EXPIRED_TOKEN": Answer(RequestProblem.UNAUTHORIZED, 401),
    "INVALID_SIGNATURE": Answer(RequestProblem.UNAUTHORIZED, 401),
    "INVALID_API_KEY": Answer(RequestProblem.FORBIDDEN),
    "WAF_FILTERED": Answer(RequestProblem.FORBIDDEN),
    # The gateway says so of every path and method that it does not know.
    "MISSING_AUTHENTICATION_TOKEN": Answer(RequestProblem.NOT_FOUND, 404),
    "RESOURCE_NOT_FOUND": Answer(RequestProblem.NOT_FOUND),
    "BAD_REQUEST_BODY": Answer(RequestProblem.BAD_REQUEST),
    "BAD_REQUEST_PARAMETERS": Answer(RequestProblem.BAD_REQUEST),
    "REQUEST_TOO_LARGE": Answer(RequestProblem.PAYLOAD_TOO_LARGE),
    "UNSUPPORTED_MEDIA_TYPE": Answer(RequestProblem.UNSUPPORTED_TYPE),
    "THROTTLED": Answer(RequestProblem.RATE_LIMITED),
    "QUOTA_EXCEEDED": Answer(RequestProblem.RATE_LIMITED),
    "INTEGRATION_TIMEOUT": Answer(RequestProblem.UNAVAILABLE, 503),
    "INTEGRATION_FAILURE": Answer(RequestProblem.UNAVAILABLE, 503),
    "API_CONFIGURATION_ERROR": Answer(RequestProblem.INTERNAL),
    "AUTHORIZER_CONFIGURATION_ERROR": Answer(RequestProblem.INTERNAL),
    "AUTHORIZER_FAILURE": Answer(RequestProblem.INTERNAL),
}


def responses() -> dict[str, dict[str, Any]]:
    """All answers by type, as API Gateway takes them."""
    return {kind: _response(answer) for kind, answer in ANSWERS.items()}


def extension() -> dict[str, dict[str, Any]]:
    """The same as `x-amazon-apigateway-gateway-responses` of an OpenAPI document has it."""
    return {kind: {name: value for name, value in (("statusCode", each.get("statusCode")),
                                                   ("responseParameters", each["responseParameters"]),
                                                   ("responseTemplates", each["responseTemplates"])) if value}
            for kind, each in responses().items()}


def settle(target: Target, api: str) -> int:
    """Set what differs and put it into service; answers how many differed.

    Chalice's deployment overwrites the whole API, these answers included, so this runs after each.
    """
    client = target.client("apigateway")
    live = {each["responseType"]: each for each in client.get_gateway_responses(restApiId=api, limit=500)["items"]
            if not each.get("defaultResponse")}
    wrong = {kind: each for kind, each in responses().items() if not _same(live.get(kind, {}), each)}
    for kind, each in wrong.items():
        client.put_gateway_response(restApiId=api, responseType=kind, **each)
    if wrong:
        client.create_deployment(restApiId=api, stageName=API_STAGE, description="gateway responses")
    return len(wrong)


def settle_throttle(target: Target, api: str, throttle: Throttle) -> bool:
    """Set the stage's limits where they differ; Chalice can say none. Answers whether they did."""
    client = target.client("apigateway")
    live = client.get_stage(restApiId=api, stageName=API_STAGE).get("methodSettings", {}).get("*/*", {})
    if (live.get("throttlingRateLimit"), live.get("throttlingBurstLimit")) == (throttle.rate, throttle.burst):
        return False
    client.update_stage(restApiId=api, stageName=API_STAGE, patchOperations=[
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": str(throttle.rate)},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": str(throttle.burst)}])
    return True


def _response(answer: Answer) -> dict[str, Any]:
    headers = dict(CORS)
    status = answer.status or (answer.problem.status_code if answer.problem is RequestProblem.RATE_LIMITED else None)
    if answer.problem is RequestProblem.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "'Bearer'"
    if status in (429, 503):
        headers["Retry-After"] = "'2'"
    parameters = {f"gatewayresponse.header.{name}": value for name, value in headers.items()}
    wanted: dict[str, Any] = {"responseParameters": parameters,
                              "responseTemplates": {"application/json": _body(answer.problem)}}
    return {**wanted, "statusCode": str(status)} if status else wanted


def _body(problem: RequestProblem) -> str:
    """The gateway fills in variables, nothing more: its time is that of its access logs, not ISO 8601."""
    return json.dumps({"error": {
        "code": problem.value, "message": problem.sentence, "details": {}, "requestId": "$context.requestId",
        "timestamp": "$context.requestTime"}})


def _same(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(live.get(name) == value for name, value in wanted.items())
