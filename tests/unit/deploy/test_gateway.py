"""Tests for the answers that API Gateway gives without us."""

from __future__ import annotations

import json

import pytest

from chalicelib.api.models import ErrorBody
from chalicelib.api.views import CORS
from chalicelib.deploy import gateway

BODIES = {kind: each["responseTemplates"]["application/json"] for kind, each in gateway.responses().items()}


@pytest.mark.parametrize("kind", sorted(gateway.ANSWERS))
def test_the_body_is_the_one_error_body(kind):
    ErrorBody.model_validate_json(BODIES[kind])
    assert set(json.loads(BODIES[kind])["error"]) == {"code", "message", "details", "requestId", "timestamp"}


def test_the_headers_for_web_pages_are_those_of_the_api():
    ours = {name: f"'{value}'" for name, value in CORS.get_access_control_headers().items()
            if name != "Access-Control-Max-Age"}
    assert {name: sorted(value.strip("'").split(",")) for name, value in gateway.CORS.items()} == {
        name: sorted(value.strip("'").split(",")) for name, value in ours.items()}


def test_an_unknown_path_is_not_called_a_missing_token():
    answer = gateway.responses()["MISSING_AUTHENTICATION_TOKEN"]
    assert answer["statusCode"] == "404"
    assert json.loads(answer["responseTemplates"]["application/json"])["error"]["code"] == "NOT_FOUND"


def test_defaults_keep_the_status_that_the_gateway_chose():
    assert "statusCode" not in gateway.responses()["DEFAULT_4XX"]


def test_who_must_wait_is_told_so():
    for kind in ("THROTTLED", "INTEGRATION_TIMEOUT"):
        assert gateway.responses()[kind]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'2'"
