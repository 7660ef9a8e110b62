"""The meter of request units follows AWS's rules: sizes, transactions, indexes."""

from __future__ import annotations

import boto3
import botocore.session
import pytest
from moto import mock_aws

from benchmarks.capacity import Meter, size

KEYS = {"TableName": "things", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "tag")],
        "GlobalSecondaryIndexes": [{"IndexName": "by_tag", "Projection": {"ProjectionType": "KEYS_ONLY"},
                                    "KeySchema": [{"AttributeName": "tag", "KeyType": "HASH"}]}]}
PLAIN = {"pk": {"S": "a"}}
TAGGED = {"pk": {"S": "a"}, "tag": {"S": "red"}}


@pytest.fixture
def metered():
    with mock_aws():
        core = botocore.session.Session()
        where = {"region_name": "us-east-1", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        plain = boto3.client("dynamodb", **where)
        plain.create_table(**KEYS)
        meter = Meter(plain)
        meter.watch(core)
        yield meter, boto3.Session(botocore_session=core, **where).client("dynamodb")


def test_item_is_as_large_as_its_names_and_values():
    assert size({"pk": {"S": "é"}, "n": {"N": "1234"}, "l": {"L": [{"S": "ab"}]}, "t": {"BOOL": True}}) == (
        2 + 2) + (1 + 3) + (1 + 3 + 1 + 2) + (1 + 1)


def test_small_item_without_index_entry_is_one_unit(metered):
    meter, client = metered
    client.put_item(TableName="things", Item=PLAIN)
    assert meter.write_units == 1


def test_larger_item_is_a_unit_a_started_kilobyte(metered):
    meter, client = metered
    client.put_item(TableName="things", Item={**PLAIN, "text": {"S": "x" * 2000}})
    assert meter.write_units == 2


def test_write_that_shrinks_an_item_costs_what_the_old_one_did(metered):
    meter, client = metered
    client.put_item(TableName="things", Item={**PLAIN, "text": {"S": "x" * 2000}})
    client.put_item(TableName="things", Item=PLAIN)
    assert meter.write_units == 2 + 2


def test_index_entry_adds_a_unit_and_a_changed_key_two(metered):
    meter, client = metered
    client.put_item(TableName="things", Item=TAGGED)
    assert meter.write_units == 1 + 1
    client.put_item(TableName="things", Item={**TAGGED, "tag": {"S": "blue"}})
    assert meter.write_units == 2 + 1 + 2


def test_index_that_holds_only_keys_costs_nothing_when_others_change(metered):
    meter, client = metered
    client.put_item(TableName="things", Item=TAGGED)
    client.put_item(TableName="things", Item={**TAGGED, "text": {"S": "new"}})
    assert meter.write_units == 2 + 1


def test_transaction_doubles_the_table_and_not_the_index(metered):
    meter, client = metered
    client.transact_write_items(TransactItems=[{"Put": {"TableName": "things", "Item": TAGGED}}])
    assert meter.write_units == 2 + 1
    assert meter.requests == {"dynamodb TransactWriteItems": 1}


def test_eventual_read_is_half_a_unit_and_a_missing_item_is_read_too(metered):
    meter, client = metered
    client.get_item(TableName="things", Key=PLAIN)
    assert meter.read_units == 0.5
    client.batch_get_item(RequestItems={"things": {"Keys": [PLAIN, {"pk": {"S": "b"}}], "ConsistentRead": True}})
    assert meter.read_units == 0.5 + 2
