"""The bucket and the tables: what keeps data, and who may get at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.deploy.doctor.findings import Finding, Severity, judged
from chalicelib.deploy.doctor.stage import Document, Stage, listed, refuses_plain_http, statements, unless_absent

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket(stage: Stage) -> Iterator[Finding]:
    """The bucket is there, and keeps what is overwritten."""
    name = stage.target.data_bucket
    if not _there(stage):
        yield judged("bucket.exists", name, False, "the bucket is not there", f"make it: {stage.deploy}")
        return
    yield judged("bucket.exists", name, True, "", "")
    status = stage.client("s3").get_bucket_versioning(Bucket=name).get("Status")
    yield judged("bucket.versioning", name, status == "Enabled",
                 "overwritten uploads are lost, and a job cannot pin the version it reads",
                 f"switch versioning on: {stage.deploy}")


def bucket_protection(stage: Stage) -> Iterator[Finding]:
    """Nobody gets at the bucket without TLS or without an account; its bytes are encrypted and age away."""
    if not _there(stage):
        return
    name, s3 = stage.target.data_bucket, stage.client("s3")
    policy = unless_absent(lambda: s3.get_bucket_policy(Bucket=name)["Policy"])
    yield judged("bucket.transport", name, refuses_plain_http(policy), "the bucket takes requests without TLS",
                 f"put its policy back: {stage.deploy}")
    block = unless_absent(lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]) or {}
    yield judged("bucket.public", name, all(block.get(each) for each in BLOCKS), "public access is not blocked",
                 f"block it: {stage.deploy}")
    rules = unless_absent(
        lambda: s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]) or []
    yield judged("bucket.encryption", name, bool(rules), "no encryption is set", f"set it: {stage.deploy}")
    ages = unless_absent(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) or []
    wanted = {rule["Id"] for each in stage.of_type("AWS::S3::Bucket").values()
              for rule in each.get("LifecycleConfiguration", {}).get("Rules", [])}
    lacking = sorted(wanted - {rule.get("ID") for rule in ages if rule.get("Status") == "Enabled"})
    yield judged("bucket.lifecycle", name, not lacking, f"nothing removes what is old: {', '.join(lacking)}",
                 f"put the rules back: {stage.deploy}", severity=Severity.WARN)


def arrivals(stage: Stage) -> Iterator[Finding]:
    """The bucket tells its function of every upload, and may."""
    for function in stage.functions:
        if function.prefix is not None and _there(stage) and stage.function(function.name) is not None:
            yield from _arrival(stage, function.name, function.prefix)


def tables(stage: Stage) -> Iterator[Finding]:
    """Every table of the template is there and active with its indexes, can be restored, and forgets in time."""
    for spec in stage.of_type("AWS::DynamoDB::Table").values():
        yield from _table(stage, stage.named(spec["TableName"]), spec)


def _table(stage: Stage, name: str, spec: Document) -> Iterator[Finding]:
    client = stage.client("dynamodb")
    live = unless_absent(lambda: client.describe_table(TableName=name)["Table"])
    yield judged("table.exists", name, live is not None and live["TableStatus"] in ("ACTIVE", "UPDATING"),
                 "the table is not there" if live is None else f"the table is {live['TableStatus']}",
                 f"make it, or restore it from a backup: {stage.deploy}")
    if live is None:
        return
    lacking = _idle_indexes(live, spec)
    yield judged("table.indexes", name, not lacking, f"not active: {', '.join(lacking)}",
                 f"wait while an index is filled, else make it: {stage.deploy}")
    wanted = spec.get("TimeToLiveSpecification")
    if wanted:
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        good = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and \
            ttl.get("AttributeName") == wanted["AttributeName"]
        yield judged("table.expiry", name, good, "nothing removes what has expired", f"set it: {stage.deploy}")


def recovery(stage: Stage) -> Iterator[Finding]:
    """Tables that the template makes restorable are."""
    for spec in stage.of_type("AWS::DynamoDB::Table").values():
        if spec.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield from _recovery(stage, stage.named(spec["TableName"]))


def _arrival(stage: Stage, short: str, prefix: str) -> Iterator[Finding]:
    name, arn, function = stage.target.data_bucket, stage.target.function_arn(short), stage.target.function(short)
    told = stage.client("s3").get_bucket_notification_configuration(Bucket=name)
    good = any(_tells(each, arn, prefix) for each in told.get("LambdaFunctionConfigurations", []))
    yield judged("bucket.notification", name, good,
                 f"the bucket does not tell {function} of what is created under {prefix}",
                 f"put the notification back: {stage.deploy}")
    policy = unless_absent(lambda: stage.client("lambda").get_policy(FunctionName=function)["Policy"])
    yield judged("bucket.permission", function, _may_invoke(policy, name),
                 f"the bucket {name} may not invoke the function", f"give the permission back: {stage.deploy}")


def _recovery(stage: Stage, name: str) -> Iterator[Finding]:
    client = stage.client("dynamodb")
    backups = unless_absent(
        lambda: client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"])
    if backups is None:
        return
    status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    yield judged("table.recovery", name, status == "ENABLED", "the table cannot be restored to a point in time",
                 f"switch it on: {stage.deploy}")


def _there(stage: Stage) -> bool:
    return unless_absent(lambda: stage.client("s3").head_bucket(Bucket=stage.target.data_bucket)) is not None


def _idle_indexes(live: Document, spec: Document) -> list[str]:
    active = {each["IndexName"] for each in live.get("GlobalSecondaryIndexes", [])
              if each.get("IndexStatus", "ACTIVE") == "ACTIVE"}
    return sorted({each["IndexName"] for each in spec.get("GlobalSecondaryIndexes", [])} - active)


def _tells(configuration: Document, arn: str, prefix: str) -> bool:
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    prefixes = [rule["Value"] for rule in rules if rule["Name"].lower() == "prefix"]
    return (configuration["LambdaFunctionArn"] == arn and "s3:ObjectCreated:*" in configuration["Events"]
            and prefixes == [prefix] and len(rules) == 1)


def _may_invoke(policy: Any, bucket_name: str) -> bool:
    return any(each.get("Effect") == "Allow" and each.get("Principal") == {"Service": "s3.amazonaws.com"}
               and "lambda:InvokeFunction" in listed(each.get("Action"))
               and bucket_name in str(each.get("Condition", {})) for each in statements(policy))
