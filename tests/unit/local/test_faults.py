from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.local.access import Access
from chalicelib.local.faults import Faults, parse
from chalicelib.local.processes import bare_environment
from chalicelib.local.pump import Mischief


def test_faults_are_read_with_their_probabilities() -> None:
    faults = parse("ai:429@0.1, crash:after_write@0.05,duplicate,keepa:500:2@0.2,dropbox:409@0.1")

    assert faults.of("crash:after_write") == 0.05
    assert faults.of("duplicate") == 1.0
    assert faults.of("conflict") == 0.0
    assert faults.provider("ai") == {"429": 0.1}
    assert faults.provider("keepa") == {"500:2": 0.2}
    assert faults.provider("dropbox") == {"409": 0.1}
    assert faults.provider("convex") == {}


@pytest.mark.parametrize("text", [
    "crash@0.1", "duplicate@often", "duplicate@2", "ai:@0.1", "conflict@-1", "mailbox:409@0.1"])
def test_unreadable_faults_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="FAULTS: "):
        parse(text)


CALL = """
import json, os, sys
from chalicelib.local import faults
faults.install(faults.parse(sys.argv[1]), sys.argv[2])
import boto3
from botocore.config import Config
client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": int(sys.argv[3])}))
try:
    eval(sys.argv[4])
except Exception as error:
    print(json.dumps([type(error).__name__, getattr(error, "response", {})]))
else:
    print(json.dumps(["fine", {}]))
"""
PUT = "client.put_item(TableName='things', Item={'pk': {'S': 'one'}})"
ADD = ("client.update_item(TableName='things', Key={'pk': {'S': 'one'}}, UpdateExpression='ADD n :one', "
       "ExpressionAttributeValues={':one': {'N': '1'}})")
TRANSACTION = ("client.transact_write_items(TransactItems=[{'Put': {'TableName': 'things', 'Item': {'pk': {'S': k}}}} "
               "for k in ('one', 'two')])")


@pytest.fixture
def table(account: Access) -> Access:
    account.client("dynamodb").create_table(
        TableName="things", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    return account


def test_crash_before_a_write_leaves_nothing(table: Access) -> None:
    assert call(table, "crash:before_write", PUT).returncode == -9
    assert stored(table) == {}


def test_crash_after_a_write_leaves_what_was_written(table: Access) -> None:
    assert call(table, "crash:after_write", PUT).returncode == -9
    assert stored(table) == {"pk": {"S": "one"}}


def test_conflict_refuses_a_transaction_as_dynamodb_would(table: Access) -> None:
    name, response = json.loads(call(table, "conflict", TRANSACTION).stdout)

    assert name == "TransactionCanceledException"
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["TransactionConflict", "None"]
    assert stored(table) == {}


def test_conflict_refuses_a_single_write_under_its_own_name(table: Access) -> None:
    name, _ = json.loads(call(table, "conflict", PUT).stdout)

    assert name == "TransactionConflictException"


def test_lost_answer_was_applied_although_the_caller_saw_a_time_out(table: Access) -> None:
    name, _ = json.loads(call(table, "lost_answer", PUT, attempts=1, seed="3").stdout)

    assert name == "ReadTimeoutError"
    assert stored(table) == {"pk": {"S": "one"}}


def test_lost_answer_that_botocore_retries_is_applied_again(table: Access) -> None:
    for seed in range(12):
        call(table, "lost_answer", ADD, attempts=2, seed=str(seed))

    assert int(stored(table)["n"]["N"]) > 12


def test_reads_are_left_alone(table: Access) -> None:
    read = "client.get_item(TableName='things', Key={'pk': {'S': 'one'}})"

    assert json.loads(call(table, "crash:before_write,conflict,lost_answer", read).stdout)[0] == "fine"


def test_same_seed_delivers_in_the_same_way() -> None:
    import random

    def deliveries(seed: str) -> list[list[float]]:
        mischief = Mischief(Faults({"duplicate": 0.5, "reorder": 0.3}), random.Random(seed))
        return [mischief.deliveries() for _ in range(50)]

    assert deliveries("a") == deliveries("a")
    assert deliveries("a") != deliveries("b")
    assert max(len(each) for each in deliveries("a")) <= 5


def test_without_faults_every_message_comes_once_and_at_once() -> None:
    import random

    mischief = Mischief(Faults(), random.Random(1))

    assert all(mischief.deliveries() == [0.0] for _ in range(100))


def call(access: Access, faults: str, expression: str, *, attempts: int = 1,
         seed: str = "1") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALL, faults, seed, str(attempts), expression], text=True, capture_output=True,
        env=bare_environment(**access.environment), cwd=Path(__file__).parents[3], check=False)


def stored(access: Access) -> dict[str, dict[str, str]]:
    answer = access.client("dynamodb").get_item(TableName="things", Key={"pk": {"S": "one"}})
    return dict(answer.get("Item", {}))
