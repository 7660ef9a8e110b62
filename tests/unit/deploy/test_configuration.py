"""Tests for what a stage is configured to be."""

from __future__ import annotations

import boto3
import pytest

from chalicelib.deploy import configuration
from chalicelib.deploy.facts import PROJECT, FunctionFacts, function_facts
from chalicelib.deploy.target import DeployFailed, Target
from chalicelib.deploy.template import written
from chalicelib.deploy.up import visibility

CONFIG = {"app_name": "dropmill", "environment_variables": {"MAX_ROWS": 10}, "lambda_functions": {
    "split": {"lambda_timeout": 300, "ephemeral_storage": 2048}}, "stages": {
        "dev": {"environment_variables": {"BATCH_SIZE": "20"}, "tags": {"team": "data"}}, "prod": {}}}
GOOD = {"APP_NAME": "dropmill", "STAGE": "dev"}


def target(stage: str = "dev") -> Target:
    return Target("dropmill", stage, "eu-west-1", "123456789012", boto3.Session(region_name="eu-west-1"))


def variables(**more):
    return configuration.environment(target(), CONFIG, **{"secrets": [], "partial_batch": False, "trigger": "chalice",
                                                          "commit": "abc", "more": {}, **more})


def rendered():
    return configuration.chalice_config(target(), CONFIG, variables={"STAGE": "dev"}, layers=["arn:layer"],
                                        functions=["api_handler", "split"], subnets=[], groups=[])


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_what_the_repository_says_is_right_for_every_stage_in_aws(stage):
    facts, seconds = function_facts(stage), visibility(written(PROJECT), stage)
    configuration.check(facts, {**GOOD, "STAGE": stage}, seconds)


@pytest.mark.parametrize(("facts", "words"), [
    (FunctionFacts("split", 901, 512), "timeout 901 is not within 1 and 900"),
    (FunctionFacts("split", 300, 64), "memory 64 is not within 128 and 10240"),
    (FunctionFacts("leads_worker", 30, 512), "timeout 30 is not within 60 and 900"),
    (FunctionFacts("leads_worker", 300, 4096), "memory 4096 is not within 512 and 3008"),
    (FunctionFacts("split", 300, 512, queue="split", window=61), "shows a message again after 360 s"),
    (FunctionFacts("split", 300, 512, queue="spilt"), "makes no queue spilt")])
def test_a_function_out_of_range_is_refused_before_anything_is_touched(facts, words):
    with pytest.raises(DeployFailed, match=words):
        configuration.check([facts], GOOD, {"split": 360})


@pytest.mark.parametrize(("name", "value"), [("BATCH_SIZE", "many"), ("LEADS_MAX_CONCURRENCY", "1"),
                                             ("SWEEP_MINUTES", "0"), ("DEFAULT_REGION", "Germany")])
def test_a_variable_that_the_functions_would_not_start_with_is_refused(name, value):
    with pytest.raises(DeployFailed, match=name):
        configuration.check([], {**GOOD, name: value}, {})


def test_a_variable_of_this_machine_covers_no_mistake(monkeypatch):
    monkeypatch.setenv("SWEEP_MINUTES", "5")
    with pytest.raises(DeployFailed, match="SWEEP_MINUTES"):
        configuration.check([], {**GOOD, "SWEEP_MINUTES": "99"}, {})


def test_all_mistakes_are_told_at_once():
    with pytest.raises(DeployFailed) as caught:
        configuration.check([FunctionFacts("split", 901, 64)], {**GOOD, "MAX_ROWS": "0"}, {})
    assert str(caught.value).count("\n") == 3


def test_secrets_are_references_and_never_values():
    assert variables(secrets=["JWT_SECRET"])["JWT_SECRET"] == "ssm:/dropmill/dev/JWT_SECRET"


def test_every_secret_setting_but_the_emulators_may_lie_in_the_parameter_store():
    assert {"JWT_SECRET", "DEEPSEEK_API_KEY"} <= set(configuration.secret_names())
    assert "AWS_SECRET_ACCESS_KEY" not in configuration.secret_names()


def test_what_people_choose_wins_over_what_was_found():
    assert variables(more={"BATCH_SIZE": "1"})["BATCH_SIZE"] == "20"


def test_variables_are_texts_as_lambda_takes_them():
    assert all(isinstance(value, str) for value in variables().values())
    assert variables()["MAX_ROWS"] == "10"


def test_every_function_gets_its_own_role():
    blocks = rendered()["stages"]["dev"]["lambda_functions"]
    assert {name: block["iam_role_arn"] for name, block in blocks.items()} == {
        name: f"arn:aws:iam::123456789012:role/dropmill-dev-{name}" for name in ("api_handler", "split")}


def test_chalice_makes_no_policy_and_sees_no_key_of_ours():
    config = rendered()
    assert (config["manage_iam_role"], config["autogen_policy"]) == (False, False)
    assert "ephemeral_storage" not in str(config)


def test_the_rendered_configuration_has_one_stage():
    assert list(rendered()["stages"]) == ["dev"]
    assert rendered()["stages"]["dev"]["tags"] == {"team": "data"}


def test_storage_is_the_functions_own_or_lambdas_default():
    assert [configuration.storage(target(), CONFIG, name) for name in ("split", "sweep")] == [2048, 512]


def test_storage_out_of_range_is_refused():
    config = {**CONFIG, "lambda_functions": {"split": {"ephemeral_storage": 20_000}}}
    with pytest.raises(DeployFailed, match="20000 MB"):
        configuration.storage(target(), config, "split")


def test_an_unknown_stage_is_named_with_those_that_there_are():
    with pytest.raises(DeployFailed, match=r"no stage qa .* dev, prod"):
        configuration.storage(target("qa"), CONFIG, "split")


def test_the_apis_function_is_called_as_chalice_calls_it():
    assert target().function("api_handler") == "dropmill-dev"
    assert target().function("split") == "dropmill-dev-split"
