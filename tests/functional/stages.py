"""A deployed stage as it should be, made in the emulator piece by piece, for tests that then spoil a piece of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from chalicelib.deploy import gateway
from chalicelib.deploy import template as templates
from chalicelib.deploy.facts import API_HANDLER, FunctionFacts, function_facts
from chalicelib.deploy.target import API_STAGE, Target
from tests.conftest import Aws
from tests.functional.engine import session_of

TOPIC = "alarms"
SECRET = "a secret of at least thirty-two bytes, for tests"
ALARMS = ("leads-dlq", "leads_worker-errors", "ledger-throttled")


@cache
def facts() -> tuple[FunctionFacts, ...]:
    return function_facts("test")


@cache
def template() -> Mapping[str, Any]:
    """The hand-written template with two alarms of our own."""
    alarms = {f"Alarm{place}": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "AlarmName": {"Fn::Sub": f"${{App}}-${{Stage}}-{name}"}}} for place, name in enumerate(ALARMS)}
    kept = {name: each for name, each in templates.written()["Resources"].items() if "CloudWatch" not in each["Type"]}
    return {**templates.written(), "Resources": {**kept, **alarms}}


class Deployed:
    """Stage `test` of an account, deployed."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.target = Target("dropmill", "test", aws.access.region, aws.account, session_of(aws.env), aws.endpoint)
        self._clients: dict[str, Any] = {}
        self.bucket = self.target.data_bucket
        self.topic = str(self("sns").create_topic(Name=self.target.name(TOPIC))["TopicArn"])
        for step in (self._protect, self._functions, self._sources, self._schedules, self._secrets, self._watch,
                     self._api):
            step()

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def queue_url(self, name: str) -> str:
        return self.aws.queue_url(self.target.name(name))

    def mapping(self, function: str) -> dict[str, Any]:
        found: Sequence[dict[str, Any]] = self("lambda").list_event_source_mappings(
            FunctionName=self.target.function(function))["EventSourceMappings"]
        return found[0]

    def variables(self, **changes: str) -> None:
        """Change the environment of all functions."""
        for each in facts():
            self("lambda").update_function_configuration(
                FunctionName=self.target.function(each.name),
                Environment={"Variables": {**self._environment(), **changes}})

    def api_id(self) -> str:
        return str(self("apigateway").get_rest_apis()["items"][0]["id"])

    def _environment(self) -> dict[str, str]:
        return {"STAGE": "test", "PARTIAL_BATCH": "1", "JWT_SECRET": f"ssm:{self.target.parameter('JWT_SECRET')}"}

    def _protect(self) -> None:
        for name in ("split", "leads", "products", "prices", "images", "tasks"):
            for queue in (name, f"{name}-dlq"):
                arn = self.target.queue_arn(queue)
                self("sqs").set_queue_attributes(QueueUrl=self.queue_url(queue), Attributes={
                    "Policy": only_tls("sqs:*", arn), "SqsManagedSseEnabled": "true"})
        s3, arn = self("s3"), f"arn:aws:s3:::{self.bucket}"
        s3.put_bucket_policy(Bucket=self.bucket, Policy=only_tls("s3:*", arn))
        s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True))
        s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
        s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": [
            {"ID": rule["Id"], "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 9}}
            for rule in template()["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]]})
        for table in (*map(self.target.name, ("ledger", "leads", "products", "prices", "images", "limits", "cache")),
                      "test-enrichment-status"):
            self("dynamodb").update_continuous_backups(
                TableName=table,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})

    def _functions(self) -> None:
        trust = policy(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")
        for each in facts():
            role = self.target.name(each.name)
            self("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
            self.allow(each.name, Action=["s3:GetObject"], Resource=f"arn:aws:s3:::{self.bucket}/*")
            self("lambda").create_function(
                FunctionName=self.target.function(each.name), Runtime="python3.11", Handler="app.app",
                Role=self.target.role_arn(each.name), Code={"ZipFile": _code()}, Timeout=each.timeout,
                MemorySize=each.memory, Environment={"Variables": self._environment()})

    def allow(self, function: str, **statement: Any) -> None:
        self("iam").put_role_policy(RoleName=self.target.name(function), PolicyName="own",
                                    PolicyDocument=policy(**statement))

    def _sources(self) -> None:
        client = self("lambda")
        for each in facts():
            if each.queue:
                scaling = {"ScalingConfig": {"MaximumConcurrency": each.concurrency}} if each.concurrency else {}
                client.create_event_source_mapping(
                    FunctionName=self.target.function(each.name), EventSourceArn=self.target.queue_arn(each.queue),
                    BatchSize=each.batch_size, MaximumBatchingWindowInSeconds=each.window,
                    FunctionResponseTypes=["ReportBatchItemFailures"], **scaling)
            if each.prefix is not None:
                client.add_permission(
                    FunctionName=self.target.function(each.name), StatementId="bucket", Action="lambda:InvokeFunction",
                    Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{self.bucket}")
                self.notify(prefix=each.prefix)

    def notify(self, function: str = "object_created", prefix: str = "uploads/", event: str = "s3:ObjectCreated:*"
               ) -> None:
        self("s3").put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={
            "LambdaFunctionConfigurations": [{
                "LambdaFunctionArn": self.target.function_arn(function), "Events": [event],
                "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": prefix}]}}}]})

    def _schedules(self) -> None:
        for each in facts():
            if each.schedule:
                name = self.rule(each.name)
                self("events").put_rule(Name=name, ScheduleExpression=each.schedule)
                self("events").put_targets(Rule=name, Targets=[{
                    "Id": "1", "Arn": self.target.function_arn(each.name)}])

    def rule(self, function: str) -> str:
        return self.target.name(f"{function}-event")

    def _secrets(self) -> None:
        self("ssm").put_parameter(Name=self.target.parameter("JWT_SECRET"), Type="SecureString", Value=SECRET)

    def _watch(self) -> None:
        for each in facts():
            self("logs").create_log_group(logGroupName=self.log_group(each.name))
            self("logs").put_retention_policy(logGroupName=self.log_group(each.name), retentionInDays=30)
        for name in ALARMS:
            self.alarm(name, [self.topic])
        self("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.target.queue_arn("tasks"))

    def log_group(self, function: str) -> str:
        return f"/aws/lambda/{self.target.function(function)}"

    def alarm(self, name: str, actions: Sequence[str]) -> None:
        self("cloudwatch").put_metric_alarm(
            AlarmName=self.target.name(name), Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=1,
            EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=list(actions))

    def _api(self) -> None:
        client = self("apigateway")
        api = client.create_rest_api(name="dropmill")["id"]
        root = client.get_resources(restApiId=api)["items"][0]["id"]
        client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        arn = self.target.function_arn(API_HANDLER)
        client.put_integration(
            restApiId=api, resourceId=root, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations")
        for kind, each in gateway.responses().items():
            client.put_gateway_response(restApiId=api, responseType=kind, **each)
        client.create_deployment(restApiId=api, stageName=API_STAGE)


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def only_tls(action: str, arn: str) -> str:
    return policy(Effect="Deny", Principal="*", Action=action, Resource=arn,
                  Condition={"Bool": {"aws:SecureTransport": "false"}})


@cache
def _code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def app(event, context): return {}")
    return packed.getvalue()
