"""The doctor against a stage as it should be, and against the same stage with one thing spoilt at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.deploy import doctor
from chalicelib.deploy.doctor import Finding, Severity, examine
from chalicelib.deploy.target import DeployFailed
from chalicelib.local.resources import build
from chalicelib.local.template import read
from tests.conftest import TEMPLATE, Aws
from tests.functional.stages import ALARMS, Deployed, facts, only_tls, policy, template


@pytest.fixture
def stage(aws: Aws) -> Deployed:
    return Deployed(aws)


def healthy(url: str) -> Mapping[str, Any]:
    return {"status": "ok", "stage": "test"}


def findings(stage: Deployed, fetch: Callable[[str], Mapping[str, Any]] = healthy) -> list[Finding]:
    return examine(stage.target, facts=facts(), template=template(), fetch=fetch)


def wrong(stage: Deployed, **how: Any) -> dict[str, str]:
    """The checks that found something, each with how bad it is."""
    found = [each for each in findings(stage, **how) if each.severity is not Severity.OK]
    return {each.id: each.severity.value for each in found}


def test_a_stage_that_is_right_has_nothing_but_good_findings(stage):
    found = findings(stage)
    assert [each for each in found if each.severity is not Severity.OK] == []
    assert {each.id for each in found} == {check for check, _, _ in FAULTS.values()} - {"secret.reference"} | UNSPOILT


UNSPOILT = {"bucket.encryption"}
"""The emulator, like AWS, encrypts a bucket that says nothing: this check cannot be made to fail here."""

Fault = Callable[[Deployed], object]


def queue(name: str, **attributes: str) -> Fault:
    return lambda stage: stage("sqs").set_queue_attributes(QueueUrl=stage.queue_url(name), Attributes=attributes)


def configuration(function: str, **changes: Any) -> Fault:
    return lambda stage: stage("lambda").update_function_configuration(
        FunctionName=stage.target.function(function), **changes)


def mapping(function: str, **changes: Any) -> Fault:
    return lambda stage: stage("lambda").update_event_source_mapping(UUID=stage.mapping(function)["UUID"], **changes)


def second_mapping(stage: Deployed) -> None:
    stage("lambda").create_event_source_mapping(FunctionName=stage.target.function("split"), BatchSize=1,
                                                EventSourceArn=stage.target.queue_arn("leads"))


def s3(call: str, **arguments: Any) -> Fault:
    return lambda stage: getattr(stage("s3"), call)(Bucket=stage.bucket, **arguments)


def no_index(stage: Deployed) -> None:
    stage("dynamodb").update_table(TableName=stage.target.name("ledger"), GlobalSecondaryIndexUpdates=[
        {"Delete": {"IndexName": "by_day"}}])


def no_expiry(stage: Deployed) -> None:
    stage("dynamodb").update_time_to_live(TableName=stage.target.name("cache"), TimeToLiveSpecification={
        "Enabled": False, "AttributeName": "expires_at"})


def no_recovery(stage: Deployed) -> None:
    stage("dynamodb").update_continuous_backups(TableName=stage.target.name("leads"), PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": False})


def secret(value: str, kind: str = "SecureString") -> Fault:
    def plant(stage: Deployed) -> None:
        name = stage.target.parameter("JWT_SECRET")
        stage("ssm").delete_parameter(Name=name)
        if value:
            stage("ssm").put_parameter(Name=name, Type=kind, Value=value)

    return plant


def attached(stage: Deployed) -> None:
    arn = stage("iam").create_policy(PolicyName="wide", PolicyDocument=policy(Action="sqs:*", Resource="arn:aws:x"))
    stage("iam").attach_role_policy(RoleName=stage.target.name("split"), PolicyArn=arn["Policy"]["Arn"])


def other_trust(stage: Deployed) -> None:
    stage("iam").update_assume_role_policy(RoleName=stage.target.name("split"), PolicyDocument=policy(
        Principal={"Service": "lambda.amazonaws.com", "AWS": "*"}, Action="sts:AssumeRole"))


def two_rules(stage: Deployed) -> None:
    stage("events").put_rule(Name="again", ScheduleExpression="rate(5 minutes)")
    stage("events").put_targets(Rule="again", Targets=[{"Id": "1", "Arn": stage.target.function_arn("sweep")}])


def no_subscriber(stage: Deployed) -> None:
    for each in stage("sns").list_subscriptions_by_topic(TopicArn=stage.topic)["Subscriptions"]:
        stage("sns").unsubscribe(SubscriptionArn=each["SubscriptionArn"])


def bare_answer(stage: Deployed) -> None:
    stage("apigateway").delete_gateway_response(restApiId=stage.api_id(), responseType="THROTTLED")


def no_bucket(stage: Deployed) -> None:
    stage("s3").delete_bucket(Bucket=stage.bucket)


FAULTS: Mapping[str, tuple[str, str, Fault]] = {
    "a queue is gone": ("queue.exists", "fail", lambda stage: stage("sqs").delete_queue(
        QueueUrl=stage.queue_url("split-dlq"))),
    "visible too early": ("queue.visibility", "fail", queue("leads", VisibilityTimeout="4")),
    "no dead letters": ("queue.dead_letters", "fail", queue("leads", RedrivePolicy="")),
    "too few receives": ("queue.dead_letters", "fail", lambda stage: queue("leads", RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": stage.target.queue_arn("leads-dlq"), "maxReceiveCount": 1}))(stage)),
    "dead letters of another queue": ("queue.dead_letters", "fail", lambda stage: queue("leads", RedrivePolicy=(
        json.dumps({"deadLetterTargetArn": stage.target.queue_arn("split-dlq"), "maxReceiveCount": 3})))(stage)),
    "dead letters forgotten early": ("queue.retention", "fail", queue("leads-dlq", MessageRetentionPeriod="86400")),
    "short polls": ("queue.polling", "warn", queue("tasks", ReceiveMessageWaitTimeSeconds="0")),
    "dead letters wait": ("queue.dead", "warn", lambda stage: stage("sqs").send_message(
        QueueUrl=stage.queue_url("leads-dlq"), MessageBody="x")),
    "unencrypted queue": ("queue.encryption", "fail", queue("leads-dlq", SqsManagedSseEnabled="false")),
    "queue without TLS": ("queue.transport", "fail", lambda stage: queue("leads", Policy=only_tls(
        "sqs:SendMessage", "*"))(stage)),
    "a second mapping": ("mapping.single", "fail", second_mapping),
    "a mapping switched off": ("mapping.single", "fail", mapping("leads_worker", Enabled=False)),
    "a mapping gone": ("mapping.single", "fail", lambda stage: stage("lambda").delete_event_source_mapping(
        UUID=stage.mapping("split")["UUID"])),
    "no partial responses": ("mapping.partial", "fail", mapping("leads_worker", FunctionResponseTypes=[])),
    "partial responses not used": ("mapping.switch", "warn", lambda stage: stage.variables(PARTIAL_BATCH="0")),
    "another batch size": ("mapping.batch", "warn", mapping("leads_worker", BatchSize=5)),
    "another concurrency": ("mapping.concurrency", "fail", mapping(
        "leads_worker", ScalingConfig={"MaximumConcurrency": 50})),
    "reserved below the mapping": ("mapping.reserved", "fail", lambda stage: stage(
        "lambda").put_function_concurrency(FunctionName="dropmill-test-leads_worker", ReservedConcurrentExecutions=4)),
    "no bucket": ("bucket.exists", "fail", no_bucket),
    "no versions": ("bucket.versioning", "fail", s3("put_bucket_versioning", VersioningConfiguration={
        "Status": "Suspended"})),
    "bucket without TLS": ("bucket.transport", "fail", s3("delete_bucket_policy")),
    "public bucket": ("bucket.public", "fail", s3("delete_public_access_block")),
    "half public bucket": ("bucket.public", "fail", s3("put_public_access_block", PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": False})),
    "nothing ages": ("bucket.lifecycle", "warn", s3("delete_bucket_lifecycle")),
    "nobody is told": ("bucket.notification", "fail", s3(
        "put_bucket_notification_configuration", NotificationConfiguration={})),
    "told of all keys": ("bucket.notification", "fail", lambda stage: stage.notify(prefix="")),
    "told of copies only": ("bucket.notification", "fail", lambda stage: stage.notify(event="s3:ObjectCreated:Copy")),
    "another function is told": ("bucket.notification", "fail", lambda stage: stage.notify(function="split")),
    "the bucket may not call": ("bucket.permission", "fail", lambda stage: stage("lambda").remove_permission(
        FunctionName="dropmill-test-object_created", StatementId="bucket")),
    "no table": ("table.exists", "fail", lambda stage: stage("dynamodb").delete_table(
        TableName="dropmill-test-limits")),
    "no index": ("table.indexes", "fail", no_index),
    "nothing expires": ("table.expiry", "fail", no_expiry),
    "not to be restored": ("table.recovery", "fail", no_recovery),
    "no function": ("function.exists", "fail", lambda stage: stage("lambda").delete_function(
        FunctionName="dropmill-test-daily_report")),
    "another timeout": ("function.drift", "fail", configuration("sweep", Timeout=3)),
    "another memory": ("function.drift", "fail", configuration("sweep", MemorySize=1024)),
    "another stage": ("function.drift", "fail", lambda stage: stage.variables(STAGE="prod")),
    "a schedule switched off": ("schedule.enabled", "fail", lambda stage: stage("events").disable_rule(
        Name=stage.rule("sweep"))),
    "a schedule changed": ("schedule.enabled", "fail", lambda stage: stage("events").put_rule(
        Name=stage.rule("sweep"), ScheduleExpression="rate(1 day)")),
    "woken twice": ("schedule.enabled", "fail", two_rules),
    "no secret": ("secret.present", "fail", secret("")),
    "secret not set": ("secret.present", "fail", lambda stage: stage.variables(JWT_SECRET="")),
    "short secret": ("secret.length", "fail", secret("short")),
    "secret in plain parameter": ("secret.encrypted", "warn", secret("x" * 40, "String")),
    "secret in the environment": ("secret.reference", "warn", lambda stage: stage.variables(JWT_SECRET="x" * 40)),
    "shared role": ("role.own", "fail", configuration(
        "object_created", Role="arn:aws:iam::000000000000:role/dropmill-test-sweep")),
    "allowed everywhere": ("role.wildcard", "fail", lambda stage: stage.allow(
        "split", Action="s3:GetObject", Resource=["arn:aws:s3:::x", "*"])),
    "allowed everything": ("role.wildcard", "fail", attached),
    "taken by others": ("role.trust", "fail", other_trust),
    "logs for ever": ("log.retention", "warn", lambda stage: stage("logs").delete_retention_policy(
        logGroupName=stage.log_group("sweep"))),
    "no log group": ("log.retention", "warn", lambda stage: stage("logs").delete_log_group(
        logGroupName=stage.log_group("sweep"))),
    "an alarm is gone": ("alarm.exists", "fail", lambda stage: stage("cloudwatch").delete_alarms(
        AlarmNames=[stage.target.name(ALARMS[1])])),
    "a mute alarm": ("alarm.actions", "fail", lambda stage: stage.alarm(ALARMS[0], [])),
    "a disabled alarm": ("alarm.actions", "fail", lambda stage: stage("cloudwatch").disable_alarm_actions(
        AlarmNames=[stage.target.name(ALARMS[0])])),
    "nobody listens": ("alarm.heard", "warn", no_subscriber),
    "an answer of AWS's own": ("api.gateway", "warn", bare_answer),
    "no API": ("api.health", "fail", lambda stage: stage("apigateway").delete_rest_api(restApiId=stage.api_id())),
}


ALONE = ("a queue is gone", "a second mapping", "a mapping switched off", "a mapping gone", "no bucket", "no table",
         "no function", "partial responses not used", "another stage", "no secret", "secret not set",
         "secret in plain parameter", "secret in the environment", "no API")
"""Faults that hide others, or that change what all functions share."""


def rounds() -> list[list[str]]:
    """The faults, many at once where they are of different things: of each check one."""
    found: list[list[str]] = [[name] for name in ALONE]
    together: list[list[str]] = []
    for name, (check, _, _) in FAULTS.items():
        if name not in ALONE:
            free = [each for each in together if check not in {FAULTS[other][0] for other in each}]
            (free[0] if free else together.append([]) or together[-1]).append(name)  # type: ignore[func-returns-value]
    return together + found


@pytest.mark.parametrize("faults", rounds(), ids=lambda faults: faults[0])
def test_each_fault_is_seen_by_its_check_and_by_no_other(stage, faults):
    for fault in faults:
        FAULTS[fault][2](stage)
    assert wrong(stage) == {FAULTS[fault][0]: FAULTS[fault][1] for fault in faults}


def test_an_api_that_does_not_answer_or_answers_for_another_stage_fails(stage):
    def silent(url: str) -> Mapping[str, Any]:
        raise OSError("connection refused")

    assert wrong(stage, fetch=silent) == {"api.health": "fail"}
    assert wrong(stage, fetch=lambda url: {"stage": "prod"}) == {"api.health": "fail"}


def test_a_finding_says_what_is_wrong_and_what_to_do(stage):
    queue("leads", VisibilityTimeout="4")(stage)
    found = next(each for each in findings(stage) if each.severity is Severity.FAIL)
    assert found.subject == "dropmill-test-leads"
    assert "after 4 s while its function may run 5 s" in found.wrong
    assert "make deploy STAGE=test REGION=us-east-1" in found.remedy


def test_what_we_may_not_look_at_is_a_finding_and_the_other_checks_go_on(stage):
    class Denied:
        """Everything but IAM."""

        def __init__(self, target: Any) -> None:
            self._target = target

        def __getattr__(self, name: str) -> Any:
            return getattr(self._target, name)

        def client(self, service: str) -> Any:
            client = self._target.client(service)
            if service == "iam":
                client.meta.events.register("before-call", refuse)
            return client

    def refuse(model: Any, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, model.name)

    found = examine(Denied(stage.target), facts=facts(), template=template(), fetch=healthy)  # type: ignore[arg-type]
    bad = [each for each in found if each.severity is not Severity.OK]
    assert [each.id for each in bad] == ["access.roles"]
    assert bad[0].wrong == "cannot be examined: GetRole: AccessDenied"
    assert any(each.id == "api.health" for each in found)


def test_a_role_in_a_vpc_may_have_network_interfaces_and_nothing_else_everywhere(stage):
    stage.allow("split", Action=["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces"], Resource="*")
    assert wrong(stage) == {}
    stage.allow("split", Action=["ec2:CreateNetworkInterface", "ec2:RunInstances"], Resource="*")
    assert wrong(stage) == {"role.wildcard": "fail"}


def test_neither_report_shows_a_secret(stage, monkeypatch):
    stage.variables(JWT_SECRET="short and plain")
    out = io.StringIO()
    assert doctor.main(stage.target, out=out, facts=facts(), template=template(), fetch=healthy) == 1
    assert doctor.main(stage.target, as_json=True, out=out, facts=facts(), template=template(), fetch=healthy) == 1
    assert "short and plain" not in out.getvalue()


def test_the_exit_code_is_1_for_a_failure_and_0_for_warnings(stage):
    out = io.StringIO()
    queue("tasks", ReceiveMessageWaitTimeSeconds="0")(stage)
    assert doctor.main(stage.target, out=out, facts=facts(), template=template(), fetch=healthy) == 0
    assert "WARN  queue.polling" in out.getvalue()
    assert out.getvalue().splitlines()[-1].endswith("ok, 1 warn")
    queue("leads", VisibilityTimeout="4")(stage)
    out = io.StringIO()
    assert doctor.main(stage.target, as_json=True, out=out, facts=facts(), template=template(), fetch=healthy) == 1
    told = [each for each in json.loads(out.getvalue())["findings"] if each["severity"] != "ok"]
    assert {each["id"] for each in told} == {"queue.polling", "queue.visibility"}
    assert all(each["wrong"] and each["remedy"] for each in told)


def test_local_mode_is_examined_as_far_as_it_goes_and_says_what_it_lacks(account, tmp_path):
    build(read(TEMPLATE, "local", account), account)
    (tmp_path / "local.json").write_text(json.dumps({
        "accessKeyId": account.account, "secretAccessKey": "local", "region": account.region,
        "s3Endpoint": account.endpoint, "url": "http://127.0.0.1:1"}))
    target = doctor.local_target("dropmill", tmp_path)
    found = examine(target)
    assert {each.severity for each in found} == {Severity.OK, Severity.SKIP}
    assert any("each function has its own role" in each.wrong for each in found)
    account.client("sqs").delete_queue(
        QueueUrl=account.client("sqs").get_queue_url(QueueName="dropmill-local-leads")["QueueUrl"])
    assert [each.id for each in examine(target) if each.severity is Severity.FAIL] == ["queue.exists"]


def test_without_a_local_stack_there_is_nothing_to_examine(tmp_path: Path):
    with pytest.raises(DeployFailed, match="make run"):
        doctor.local_target("dropmill", tmp_path)
