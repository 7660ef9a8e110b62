"""Least privilege, as far as the template alone shows it; `tests/policy_watch.py` compares it with real calls."""

from __future__ import annotations

import inspect
import pydoc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.deploy.alarms import physical
from chalicelib.deploy.facts import FunctionFacts, function_facts
from chalicelib.deploy.template import written
from chalicelib.pipelines.registry import PIPELINES
from tests.architecture import policies
from tests.architecture.policies import Grant
from tests.functional.calls import ENTRIES, Call

FUNCTIONS = {facts.name: facts for facts in function_facts(policies.STAGE)}
TEMPLATE = written()
GRANTS = policies.grants()
GUARDED = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy",
           "AWS::SNS::TopicPolicy")
ON_ANYTHING = {"UseVpc": "network interfaces that do not exist yet; Lambda's documentation asks for `*`"}
"""Policies with a statement on `*`, each with the reason why nothing narrower works."""

QUEUE = "arn:aws:sqs:us-east-1:000000000000:dropmill-test-"


def documents() -> Iterator[tuple[str, Any]]:
    """Every policy document of the template with the logical id of its resource."""
    for logical_id, spec in TEMPLATE["Resources"].items():
        if spec["Type"] in GUARDED:
            inline = [policy["PolicyDocument"] for policy in spec["Properties"].get("Policies", [])]
            for document in inline or [spec["Properties"]["PolicyDocument"]]:
                yield logical_id, document


def statements(document: Any) -> Iterator[Any]:
    for statement in document["Statement"]:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def test_every_function_has_a_role_and_every_role_a_function():
    assert {grant.function for grant in GRANTS} == set(FUNCTIONS)


def test_every_function_can_be_overheard():
    """An entry that moved would make its function silent, and every right of it look unused."""
    functions = {entry.format(self=_Working(name)) for entry in ENTRIES.values() for name in PIPELINES}
    assert functions == set(FUNCTIONS)
    for place in ENTRIES:
        found = pydoc.locate(place)
        assert inspect.isfunction(found), place
        assert f"{found.__module__}.{found.__qualname__}" == place


class _Working:
    def __init__(self, name: str) -> None:
        self.pipeline = SimpleNamespace(name=name)


def test_only_lambda_may_take_the_roles():
    for logical_id, spec in TEMPLATE["Resources"].items():
        if spec["Type"] == "AWS::IAM::Role":
            trust = spec["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert trust == [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                              "Action": "sts:AssumeRole"}], logical_id


def test_no_policy_allows_anything_on_everything():
    wide = {logical_id for logical_id, document in documents() for each in statements(document)
            if "*" in policies.listed(each["Resource"])}
    assert wide == set(ON_ANYTHING)


def test_no_policy_allows_every_action_of_a_service():
    wide = {logical_id for logical_id, document in documents() for each in statements(document)
            if each["Effect"] == "Allow" and any("*" in action for action in policies.listed(each["Action"]))}
    assert wide == set()


def test_nobody_outside_is_allowed_anything_but_the_trusted_principal_and_alarms():
    allowed = [each["Principal"] for _, document in documents() for each in statements(document)
               if each["Effect"] == "Allow" and "Principal" in each]
    assert allowed == [{"AWS": {"Ref": "TrustedPrincipal"}}] * 3 + [{"Service": "cloudwatch.amazonaws.com"}]


def test_only_the_listener_of_a_queue_may_receive_from_it():
    receiving = {(grant.function, grant.resource) for grant in GRANTS if grant.action == "sqs:ReceiveMessage"}
    listened = {(facts.name, QUEUE + facts.queue) for facts in FUNCTIONS.values() if facts.queue}
    assert {each for each in receiving if not each[1].endswith("-dlq")} == listened


def test_only_those_that_redrive_may_receive_dead_letters():
    queues = {QUEUE + facts.queue for facts in FUNCTIONS.values() if facts.queue}
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"):
        allowed = {(grant.function, grant.resource) for grant in GRANTS
                   if grant.action == action and grant.resource.endswith("-dlq")}
        assert allowed == {(function, f"{queue}-dlq") for function in ("api_handler", "run_task") for queue in queues}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda facts: facts.name)
def test_a_function_may_do_what_lambda_itself_does_with_its_role(function: FunctionFacts):
    group = physical(function.name).replace("${App}-${Stage}", "dropmill-test")
    log = f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/{group}:*"
    needed = {(action, log) for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    if function.queue:
        needed |= {(action, QUEUE + function.queue)
                   for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")}
    assert needed <= {(grant.action, grant.resource) for grant in GRANTS if grant.function == function.name}


@pytest.mark.parametrize("role", [each for each, spec in TEMPLATE["Resources"].items()
                                  if spec["Type"] == "AWS::IAM::Role"])
def test_every_role_follows_the_key_and_the_vpc(role: str):
    attached = TEMPLATE["Resources"][role]["Properties"]["ManagedPolicyArns"]
    nothing = {"Ref": "AWS::NoValue"}
    assert attached == [{"Fn::If": ["HasKey", {"Ref": "UseKey"}, nothing]},
                        {"Fn::If": ["IsInVpc", {"Ref": "UseVpc"}, nothing]}]


# --- the comparison itself

READS = Grant("split", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/t")
WRITES = Grant("split", "s3:PutObject", "arn:aws:s3:::b/work/*")
HEARD = [Call("split", "dynamodb:GetItem", READS.resource), Call("split", "s3:PutObject", "arn:aws:s3:::b/work/...")]


def test_roles_that_allow_what_is_called_are_right():
    assert policies.problems([READS, WRITES], HEARD) == []


def test_a_call_that_no_role_allows_is_missing():
    assert policies.problems([READS], HEARD) == [
        "split calls s3:PutObject on arn:aws:s3:::b/work/..., which its role does not allow"]


@pytest.mark.parametrize("wrong", [READS._replace(function="sweep"), READS._replace(action="dynamodb:Query"),
                                   READS._replace(resource=f"{READS.resource}/index/i")])
def test_another_function_s_another_action_s_or_another_resource_s_right_does_not_help(wrong: Grant):
    assert policies.problems([wrong, WRITES], HEARD) == [
        f"split calls dynamodb:GetItem on {READS.resource}, which its role does not allow",
        f"{wrong.function} never calls {wrong.action} on {wrong.resource}, which its role allows"]


def test_a_right_that_nobody_uses_is_too_much():
    assert policies.problems([READS, WRITES], HEARD[:1]) == [
        "split never calls s3:PutObject on arn:aws:s3:::b/work/*, which its role allows"]


def test_what_lambda_itself_does_need_not_be_heard():
    assert policies.problems([READS, Grant("split", "sqs:ReceiveMessage", QUEUE + "split")], HEARD[:1]) == []
