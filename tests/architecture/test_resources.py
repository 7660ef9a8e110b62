"""The template is one that CloudFormation takes, and guards what it holds: encryption, connections, recovery."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from chalicelib.deploy import template
from tests.architecture.test_functions import CONFIG

STAGES = sorted(set(CONFIG["stages"]) - {"local", "test"})
WRITTEN = template.written()
WITHOUT_EXPIRY: dict[str, str] = {}
RETAINED = {"AWS::S3::Bucket", "AWS::DynamoDB::Table"}
KEY = {"Ref": "KmsKeyArn"}
NOTHING = {"Ref": "AWS::NoValue"}


def properties(type_: str) -> dict[str, Any]:
    return {logical_id: spec["Properties"] for logical_id, spec in WRITTEN["Resources"].items()
            if spec["Type"] == type_}


@cache
def whole(stage: str) -> dict[str, Any]:
    return template.load(stage)


def test_cfn_lint_finds_nothing():
    """One stage stands for all: they differ in thresholds, and linting is slow."""
    found = lint(json.dumps(whole("prod")), config=ManualArgs(regions=["eu-west-1", "us-east-1"]))
    assert [f"{match.rule.id} {match.message} at {'/'.join(map(str, match.path or []))}" for match in found] == []


def test_cfn_lint_would_find_something():
    broken = {**WRITTEN, "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}}}
    assert {match.rule.id for match in lint(json.dumps(broken))} >= {"E3002"}


@pytest.mark.parametrize("stage", STAGES)
def test_the_whole_template_is_one_that_cloudformation_takes(stage: str):
    assert len(template.rendered(whole(stage))) < template.MAX_BYTES
    assert len(whole(stage)["Resources"]) < 500
    assert max(len(whole(stage)["Parameters"]), len(whole(stage)["Outputs"])) < 200


@pytest.mark.parametrize("type_", ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"])
def test_every_policed_thing_refuses_connections_without_encryption(type_: str):
    holders = {"AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
               "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
               "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics")}
    policy_type, names = holders[type_]
    guarded = set()
    for policy in properties(policy_type).values():
        if any(is_denial(each) for each in policy["PolicyDocument"]["Statement"]):
            held = policy[names] if isinstance(policy[names], list) else [policy[names]]
            guarded |= {each["Ref"] for each in held}
    assert guarded == set(properties(type_))


def is_denial(statement: dict[str, Any]) -> bool:
    return statement.get("Effect") == "Deny" and statement["Principal"] == "*" \
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_everything_that_keeps_data_follows_the_key():
    for queue in properties("AWS::SQS::Queue").values():
        assert queue["KmsMasterKeyId"] == {"Fn::If": ["HasKey", KEY, NOTHING]}
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", NOTHING, True]}
    for table in properties("AWS::DynamoDB::Table").values():
        assert table["SSESpecification"] == {
            "SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Fn::If": ["HasKey", KEY, NOTHING]}}
    for topic in properties("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"] == {"Fn::If": ["HasKey", KEY, NOTHING]}
    for bucket in properties("AWS::S3::Bucket").values():
        rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        assert rule == {"SSEAlgorithm": {"Fn::If": ["HasKey", "aws:kms", "AES256"]},
                        "KMSMasterKeyID": {"Fn::If": ["HasKey", KEY, NOTHING]}}


def test_data_outlives_the_stack():
    kept = {logical_id for logical_id, spec in WRITTEN["Resources"].items()
            if (spec.get("DeletionPolicy"), spec.get("UpdateReplacePolicy")) == ("Retain", "Retain")}
    assert kept == {logical_id for type_ in RETAINED for logical_id in properties(type_)}


def test_every_table_can_be_recovered_and_forgets():
    tables = properties("AWS::DynamoDB::Table")
    assert {name for name, table in tables.items()
            if table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}} == set(tables)
    assert {name for name, table in tables.items()
            if "TimeToLiveSpecification" not in table} == set(WITHOUT_EXPIRY)


def test_the_bucket_is_closed_versioned_and_cleans_up():
    [bucket] = properties("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    days = {rule["Id"]: rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert days == {"uploads": {"Ref": "UploadDays"}, "received": {"Ref": "UploadDays"}, "spool": {"Ref": "SpoolDays"},
                    "exports": {"Ref": "ExportDays"}, "dry": 1, "multipart": None, "versions": None}


def test_the_notification_has_one_owner_on_each_road():
    """On the deploy road Chalice sets it; a NotificationConfiguration here would take it away at every update."""
    assert [bucket for bucket in properties("AWS::S3::Bucket").values() if "NotificationConfiguration" in bucket] == []
