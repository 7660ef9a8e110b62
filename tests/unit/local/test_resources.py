from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.access import Access
from chalicelib.local.resources import build
from chalicelib.local.template import TemplateError, read

TEMPLATE = Path(__file__).parents[3] / ".chalice" / "resources.yaml"
NOWHERE = Access("http://127.0.0.1:1")


@pytest.mark.parametrize("stage", ["local", "test", "dev", "staging", "prod"])
def test_every_stage_of_the_template_can_be_read(stage: str) -> None:
    named = {each.logical_id: each for each in read(TEMPLATE, stage, NOWHERE)}

    assert named["LeadsQueue"].properties["QueueName"] == f"dropmill-{stage}-leads"


def test_template_functions_are_resolved(tmp_path: Path) -> None:
    resources = read_text(tmp_path, """
Parameters: {Stage: {Type: String}, App: {Type: String, Default: mill}}
Mappings: {Seconds: {local: {long: 9}, prod: {long: 900}}}
Conditions: {Prod: !Equals [!Ref Stage, prod], NotProd: !Not [!Condition Prod]}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ["${App}-${kind}-${AWS::AccountId}", {kind: !Join ["", [a, b]]}]
      VisibilityTimeout: !FindInMap [Seconds, !Ref Stage, long]
      DelaySeconds: !If [Prod, 5, !Ref "AWS::NoValue"]
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  Only: {Type: AWS::SQS::Queue, Condition: Prod, Properties: {QueueName: only}}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: !Sub "${Nobody}"}}
""")

    assert [each.logical_id for each in resources] == ["Queue", "Dead"]
    assert resources[0].properties == {
        "QueueName": "mill-ab-000000000000", "VisibilityTimeout": 9,
        "RedrivePolicy": {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 3}}


@pytest.mark.parametrize(("properties", "complaint"), [
    ("{QueueName: !ImportValue x}", "Fn::ImportValue"),
    ("{QueueName: !Ref Nobody}", "Nobody"),
    ("{QueueName: q, VisibilityTimeout: !FindInMap [Missing, such, thing]}", "Missing"),
    ("{QueueName: q, RedrivePolicy: !GetAtt Queue.Colour}", "Colour"),
])
def test_unknown_construct_is_an_error(tmp_path: Path, properties: str, complaint: str) -> None:
    resource = f"{{Type: AWS::SQS::Queue, Properties: {properties}}}"

    with pytest.raises(TemplateError, match=complaint):
        read_text(tmp_path, f"Mappings: {{}}\nResources: {{Queue: {resource}}}")


def test_unknown_type_is_an_error(tmp_path: Path) -> None:
    resources = read_text(tmp_path, "Resources: {Topic: {Type: AWS::Kinesis::Stream, Properties: {Name: x}}}")

    with pytest.raises(TemplateError, match="Kinesis"):
        build(resources, NOWHERE)


def test_unknown_property_is_an_error(tmp_path: Path, account: Access) -> None:
    resources = read_text(tmp_path, "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q, Colour: red}}}")

    with pytest.raises(TemplateError, match="Colour"):
        build(resources, account)


def test_redrive_policy_points_to_the_dead_letter_queue(aws: Any) -> None:
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=aws.queue_url("dropmill-test-leads"), AttributeNames=["All"])["Attributes"]

    policy = json.loads(attributes["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(":dropmill-test-leads-dlq")
    assert policy["maxReceiveCount"] == 3
    assert attributes["MessageRetentionPeriod"] == "1209600"


def test_tables_have_their_indexes_and_expiry(aws: Any) -> None:
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName="dropmill-test-ledger")["Table"]
    expiry = dynamodb.describe_time_to_live(TableName="dropmill-test-ledger")["TimeToLiveDescription"]

    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by_owner", "open_jobs", "by_day"}
    assert expiry["AttributeName"] == "expires_at"


def test_bucket_is_versioned_and_cleans_up(aws: Any) -> None:
    s3 = aws.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=aws.bucket)["Rules"]

    assert s3.get_bucket_versioning(Bucket=aws.bucket)["Status"] == "Enabled"
    assert {rule["ID"]: rule.get("Expiration", {}).get("Days") for rule in rules}["spool"] == 14


def test_building_again_keeps_the_data_and_takes_over_changes(aws: Any) -> None:
    url = aws.queue_url("dropmill-test-leads")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="still here")
    before = visibility(aws, url)
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "99"})

    build(read(TEMPLATE, "test", aws.access), aws.access)

    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert visibility(aws, url) == before != "99"


def visibility(aws: Any, url: str) -> str:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(answer["Attributes"]["VisibilityTimeout"])


def test_index_that_an_older_table_lacks_is_added(tmp_path: Path, account: Access) -> None:
    table = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: by, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
"""
    index = """
      GlobalSecondaryIndexes:
        - {IndexName: by_by, KeySchema: [{AttributeName: by, KeyType: HASH}], Projection: {ProjectionType: ALL}}
"""
    build(read_text(tmp_path, table.replace(", {AttributeName: by, AttributeType: S}", "")), account)

    build(read_text(tmp_path, table + index), account)

    described = account.client("dynamodb").describe_table(TableName="things")["Table"]
    assert [each["IndexName"] for each in described["GlobalSecondaryIndexes"]] == ["by_by"]


def read_text(folder: Path, text: str) -> Any:
    path = folder / "resources.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path, "local", NOWHERE)
