from __future__ import annotations

import json

import pytest

from chalicelib.deploy import template
from chalicelib.errors import DropmillError

WRITTEN = template.written()


def test_the_stage_s_template_is_the_written_one_and_what_is_derived():
    whole = template.load("dev")

    assert set(WRITTEN["Resources"]) < set(whole["Resources"])
    assert set(WRITTEN["Outputs"]) <= set(whole["Outputs"])
    assert whole["Parameters"] == WRITTEN["Parameters"]


def test_a_name_that_is_written_and_derived_is_an_error():
    with pytest.raises(DropmillError, match="Bucket"):
        template.merged(WRITTEN, {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})


def test_the_rendered_template_says_the_same_in_few_bytes():
    body = template.rendered(WRITTEN)

    assert json.loads(body) == WRITTEN
    assert len(body) < len(json.dumps(WRITTEN, indent=1)) / 1.3


def test_a_template_that_cloudformation_does_not_take_is_an_error():
    with pytest.raises(DropmillError, match="larger"):
        template.rendered({"Description": "x" * template.MAX_BYTES})


def test_a_parameter_that_is_not_given_keeps_what_the_stack_has():
    chosen = template.parameters(WRITTEN, {"LogDays": "90"}, previous={"LogDays", "AlarmEmail", "Forgotten"})

    assert chosen == [{"ParameterKey": "LogDays", "ParameterValue": "90"},
                      {"ParameterKey": "AlarmEmail", "UsePreviousValue": True}]


@pytest.mark.parametrize(("name", "value"), [
    ("App", "mill"), ("Stage", "prod"), ("KmsKeyArn", ""), ("LogDays", "365"), ("UploadDays", "3650"),
    ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
    ("AlarmEmail", "ops@example.com"), ("TrustedPrincipal", "123456789012"),
    ("TrustedPrincipal", "arn:aws:iam::123456789012:role/path/sender"),
    ("AllowedOrigins", "https://mill.example.com,http://localhost:8000"), ("TransferAcceleration", "true")])
def test_a_good_parameter_is_passed_on(name, value):
    assert template.parameters(WRITTEN, {name: value}) == [{"ParameterKey": name, "ParameterValue": value}]


@pytest.mark.parametrize(("name", "value"), [
    ("App", "Mill"), ("App", "m" * 30), ("Stage", "production"), ("KmsKeyArn", "alias/mine"), ("LogDays", "8"),
    ("UploadDays", "0"), ("UploadDays", "many"), ("SpoolDays", "13"), ("AlarmEmail", "ops"),
    ("TrustedPrincipal", "*"), ("TrustedPrincipal", "arn:aws:iam::123456789012:role/*"), ("InVpc", "yes"),
    ("AllowedOrigins", "https://mill.example.com,example.com/x")])
def test_a_parameter_out_of_range_is_refused_with_its_name(name, value):
    with pytest.raises(DropmillError, match=name):
        template.parameters(WRITTEN, {name: value})


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(DropmillError, match=r"AlarmMail.*AlarmEmail"):
        template.parameters(WRITTEN, {"AlarmMail": "ops@example.com"})
