"""Tests for the one template of the template road, made from what `chalice package` really writes."""

from __future__ import annotations

import json

import boto3
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from chalicelib.deploy import configuration, template_road
from chalicelib.deploy import template as templates
from chalicelib.deploy.facts import PROJECT, function_facts
from chalicelib.deploy.gateway import Throttle
from chalicelib.deploy.post_deploy import REPORT
from chalicelib.deploy.render import render
from chalicelib.deploy.target import Target
from chalicelib.deploy.up import with_fixed_names

TARGET = Target("dropmill", "dev", "eu-west-1", "123456789012", boto3.Session(region_name="eu-west-1"))
FACTS = function_facts("dev")


@pytest.fixture(scope="module")
def sam(tmp_path_factory):
    config = configuration.load(PROJECT)
    variables = configuration.environment(TARGET, config, secrets=[], partial_batch=True, trigger="template",
                                          commit="", more={})
    rendered = configuration.chalice_config(TARGET, config, variables=variables, layers=[], subnets=[], groups=[],
                                            functions=[each.name for each in FACTS])
    folder = render("dev", rendered, build=tmp_path_factory.mktemp("build"))
    return template_road.packaged(TARGET, folder)[0]


@pytest.fixture(scope="module")
def whole(sam):
    resources = with_fixed_names(templates.load("dev"), TARGET)
    return template_road.one_template(TARGET, resources, sam, FACTS, code="s3://artefacts/code.zip",
                                      storage={each.name: 512 for each in FACTS}, throttle=Throttle(100, 200))


def functions(whole):
    return {each["Properties"]["FunctionName"]: each["Properties"] for each in whole["Resources"].values()
            if each["Type"] == "AWS::Serverless::Function"}


def test_every_function_has_the_name_that_alarms_and_roles_know(whole):
    assert set(functions(whole)) == {TARGET.function(each.name) for each in FACTS}


def test_every_function_waits_for_its_own_role(whole):
    for fact in FACTS:
        (reference,) = functions(whole)[TARGET.function(fact.name)]["Role"].values()
        role = whole["Resources"][reference[0]]["Properties"]["RoleName"]
        assert role == {"Fn::Sub": f"${{App}}-${{Stage}}-{fact.name}"}


def test_every_queue_gets_partial_responses(whole):
    events = [event["Properties"] for each in functions(whole).values() for event in each.get("Events", {}).values()
              if event["Type"] == "SQS"]
    assert len(events) == len([fact for fact in FACTS if fact.queue]) > 0
    assert all(each["FunctionResponseTypes"] == [REPORT] for each in events)


def test_the_bucket_notifies_in_the_template_after_it_may_call(whole):
    bucket = whole["Resources"]["Bucket"]
    (told,) = bucket["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    assert told["Function"] == TARGET.function_arn("object_created")
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "uploads/"}]
    assert [whole["Resources"][name]["Type"] for name in bucket["DependsOn"]] == ["AWS::Lambda::Permission"]


def test_no_role_waits_for_the_bucket_that_waits_for_its_function(whole):
    roles = {name: json.dumps(each) for name, each in whole["Resources"].items() if each["Type"] == "AWS::IAM::Role"}
    assert [name for name, text in roles.items() if '"Bucket"' in text or "${Bucket" in text] == []


def test_what_is_retained_has_names_that_cloudformation_can_import(whole):
    retained = [each["Properties"] for each in whole["Resources"].values() if each.get("DeletionPolicy") == "Retain"]
    names = [each.get("BucketName") or each["TableName"] for each in retained]
    assert "dropmill-dev-data-123456789012" in names
    assert all(isinstance(name, str) for name in names)


def test_the_gateway_answers_in_our_error_body(whole):
    body = whole["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    assert "NOT_FOUND" in str(body["x-amazon-apigateway-gateway-responses"]["MISSING_AUTHENTICATION_TOKEN"])


def test_the_gateway_bounds_every_route(whole):
    (told,) = whole["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    assert told == {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200}


def test_cfn_lint_finds_nothing_wrong(whole):
    found = lint(json.dumps(with_plain_functions(whole)), config=ManualArgs(regions=["eu-west-1"]))
    assert [f"{match.rule.id} {match.message} at {'/'.join(map(str, match.path or []))}" for match in found] == []


def with_plain_functions(whole):
    """Without the transform, which cfn-lint does not expand here: serverless resources as what they become."""
    resources = {name: each if not each["Type"].startswith("AWS::Serverless") else PLAIN[each["Type"]]
                 for name, each in whole["Resources"].items()}
    return {**{name: each for name, each in whole.items() if name != "Transform"}, "Resources": resources}


PLAIN = {
    "AWS::Serverless::Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "any"}},
    "AWS::Serverless::Function": {"Type": "AWS::Lambda::Function", "Properties": {
        "Role": "arn:aws:iam::123456789012:role/any", "Runtime": "python3.12", "Handler": "app.app",
        "Code": {"S3Bucket": "artefacts", "S3Key": "code.zip"}}}}
