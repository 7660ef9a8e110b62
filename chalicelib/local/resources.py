"""Makes the resources of the template in an emulator, for `make run` and for the tests.

CloudFormation of the emulators drops what matters most here (ministack forgets `RedrivePolicy`), so the resources are
made one by one through boto3, idempotently: data of an earlier run stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.local.access import Access
from chalicelib.local.template import NOT_LOCAL, Resource, TemplateError


@dataclass(frozen=True, slots=True)
class Built:
    """Physical names by logical id."""

    buckets: Mapping[str, str]
    queues: Mapping[str, str]
    tables: Mapping[str, str]


def build(resources: Sequence[Resource], access: Access) -> Built:
    """Make what is missing and bring the rest up to date; safe to repeat on data of an earlier run."""
    unknown = sorted({resource.type for resource in resources} - set(_BUILDERS) - NOT_LOCAL)
    if unknown:
        raise TemplateError(f"local mode cannot build {', '.join(unknown)}")
    names: dict[str, dict[str, str]] = {kind: {} for kind in _BUILDERS}
    clients = {kind: access.client(service) for kind, (service, _) in _BUILDERS.items()}
    for resource in sorted(resources, key=lambda each: "RedrivePolicy" in each.properties):
        if resource.type in _BUILDERS:
            builder = _BUILDERS[resource.type][1]
            names[resource.type][resource.logical_id] = builder(clients[resource.type], dict(resource.properties))
    return Built(buckets=names["AWS::S3::Bucket"], queues=names["AWS::SQS::Queue"],
                 tables=names["AWS::DynamoDB::Table"])


_QUEUE_ATTRIBUTES = frozenset({"VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds",
                               "DelaySeconds", "MaximumMessageSize", "SqsManagedSseEnabled", "RedrivePolicy",
                               "RedriveAllowPolicy", "FifoQueue", "ContentBasedDeduplication"})


def _build_queue(client: Any, properties: dict[str, Any]) -> str:
    name = str(properties.pop("QueueName"))
    properties.pop("Tags", None)
    _refuse_unknown("queue", properties, _QUEUE_ATTRIBUTES)
    attributes = {key: _attribute(value) for key, value in properties.items()}
    try:
        # Asked first, and by name: data of an earlier run may know the queue under another port.
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        client.create_queue(QueueName=name, Attributes=attributes)
        return name
    present = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    changed = {key: value for key, value in attributes.items() if present.get(key) != value}
    if changed:
        client.set_queue_attributes(QueueUrl=url, Attributes=changed)
    return name


def _attribute(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


_TABLE_PROPERTIES = frozenset({"TableName", "BillingMode", "AttributeDefinitions", "KeySchema",
                               "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "StreamSpecification"})
_TABLE_EXTRAS = frozenset({"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification",
                           "DeletionProtectionEnabled", "Tags"})


def _build_table(client: Any, properties: dict[str, Any]) -> str:
    name = str(properties["TableName"])
    _refuse_unknown("table", properties, _TABLE_PROPERTIES | _TABLE_EXTRAS)
    arguments = {key: value for key, value in properties.items() if key in _TABLE_PROPERTIES}
    if "StreamSpecification" in arguments:
        arguments["StreamSpecification"] = {"StreamEnabled": True, **arguments["StreamSpecification"]}
    try:
        present = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        client.create_table(**arguments)
    else:
        _update_table(client, name, present, arguments)
    ttl = properties.get("TimeToLiveSpecification")
    if ttl and client.describe_time_to_live(TableName=name)["TimeToLiveDescription"].get(
            "AttributeName") != ttl["AttributeName"]:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    return name


def _update_table(client: Any, name: str, present: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    if present["KeySchema"] != arguments["KeySchema"]:
        raise TemplateError(f"the table {name} of an earlier run has other keys; remove the data folder")
    existing = {index["IndexName"]: index["KeySchema"] for index in present.get("GlobalSecondaryIndexes", [])}
    for index in arguments.get("GlobalSecondaryIndexes", []):
        if index["IndexName"] not in existing:
            client.update_table(TableName=name, AttributeDefinitions=arguments["AttributeDefinitions"],
                                GlobalSecondaryIndexUpdates=[{"Create": index}])
        elif existing[index["IndexName"]] != index["KeySchema"]:
            raise TemplateError(f"the index {index['IndexName']} of {name} has other keys in the data of an earlier "
                                "run; remove the data folder")


_BUCKET_PROPERTIES = frozenset({"BucketName", "VersioningConfiguration", "BucketEncryption",
                                "PublicAccessBlockConfiguration", "OwnershipControls", "LifecycleConfiguration",
                                "CorsConfiguration", "Tags"})


def _build_bucket(client: Any, properties: dict[str, Any]) -> str:
    name = str(properties["BucketName"])
    _refuse_unknown("bucket", properties, _BUCKET_PROPERTIES)
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=name)
    if "VersioningConfiguration" in properties:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "CorsConfiguration" in properties:
        rules = [_cors_rule(rule) for rule in properties["CorsConfiguration"]["CorsRules"]]
        client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    return name


def _cors_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds", "Id": "ID"}
    return {renamed.get(key, key): value for key, value in rule.items()}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation's flat rule as the API's nested one."""
    known = {"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration",
             "AbortIncompleteMultipartUpload"}
    _refuse_unknown("lifecycle rule", rule, known)
    nested: dict[str, Any] = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        nested["Expiration"] = {"Days": rule["ExpirationInDays"]}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            nested[key] = rule[key]
    return nested


def _refuse_unknown(what: str, given: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise TemplateError(f"local mode does not know these properties of a {what}: {', '.join(unknown)}")


_BUILDERS: dict[str, tuple[str, Callable[[Any, dict[str, Any]], str]]] = {
    "AWS::S3::Bucket": ("s3", _build_bucket),
    "AWS::SQS::Queue": ("sqs", _build_queue),
    "AWS::DynamoDB::Table": ("dynamodb", _build_table),
}
