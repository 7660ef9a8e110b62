"""Tests for the answers that API Gateway gives without us."""

from __future__ import annotations

import json

import boto3
import pytest
from pydantic import ValidationError

from chalicelib.api.models import ErrorBody
from chalicelib.api.views import CORS
from chalicelib.deploy import gateway
from chalicelib.deploy.gateway import Throttle
from chalicelib.deploy.target import API_STAGE, Target
from chalicelib.local.access import Access

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


def test_a_flood_is_told_so_by_the_gateway_in_our_words():
    answer = gateway.responses()["THROTTLED"]
    assert answer["statusCode"] == "429"
    assert json.loads(answer["responseTemplates"]["application/json"])["error"]["code"] == "RATE_LIMITED"


@pytest.fixture
def target(account: Access) -> Target:
    session = boto3.Session(account.account, "test", region_name=account.region)
    return Target("dropmill", "dev", account.region, account.account, session, account.endpoint)


def deployed(target: Target) -> str:
    """An API with a stage, as Chalice leaves it."""
    client = target.client("apigateway")
    api: str = client.create_rest_api(name="dropmill")["id"]
    client.create_deployment(restApiId=api, stageName=API_STAGE)
    return api


def test_throttle_is_set_once_and_again_when_it_is_another(target: Target):
    api = deployed(target)
    assert gateway.settle_throttle(target, api, Throttle(50, 80)) is True
    assert gateway.settle_throttle(target, api, Throttle(50, 80)) is False
    assert gateway.settle_throttle(target, api, Throttle(50, 90)) is True
    live = target.client("apigateway").get_stage(restApiId=api, stageName=API_STAGE)["methodSettings"]["*/*"]
    assert (live["throttlingRateLimit"], live["throttlingBurstLimit"]) == (50, 90)


def test_throttle_is_what_the_stage_is_configured_to():
    assert Throttle.chosen({}) == Throttle(100, 200)
    assert Throttle.chosen({"API_RATE": "5", "API_BURST": "7", "STAGE": "dev"}) == Throttle(5, 7)
    with pytest.raises(ValidationError):
        Throttle.chosen({"API_RATE": "0"})
