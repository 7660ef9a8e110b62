"""Takes a stage away, by the names of its things, so that a half-made or half-removed one goes as well.

Outside production nothing stays: no object version, no table, no log line, no secret. Production keeps its bucket, its
tables and its secrets unless their owner says the stage's name; a later deployment takes them up again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.deploy import layer, record, secret
from chalicelib.deploy.artefacts import Artefacts, remove_bucket
from chalicelib.deploy.facts import FunctionFacts
from chalicelib.deploy.stack import Stack
from chalicelib.deploy.target import DeployFailed, Target
from chalicelib.deploy.template import written

PRODUCTION = "prod"
_GONE = frozenset({"ResourceNotFoundException", "NotFoundException", "NoSuchBucket", "404", "NoSuchEntity"})

Say = Callable[[str], None]


def down(target: Target, facts: Iterable[FunctionFacts], *, delete_data: str, say: Say) -> None:
    """Remove the stage; `delete_data` must be `{app}-{stage}` for production's data to go as well."""
    artefacts = Artefacts(target)
    stack = Stack(target, artefacts)
    with_data = _with_data(target, delete_data)
    names = _functions(target, facts, artefacts)
    say(f"api: {'removed' if _remove_api(target, artefacts, stack) else 'there was none'}")
    say(f"bucket notification: {'removed' if _remove_notification(target) else 'there was none'}")
    say(f"functions: {sum(_remove_function(target, stack, each) for each in names)} removed")
    say(f"dependencies: {layer.remove_others(target)} layer versions removed")
    say(f"stack {target.stack}: {_word(stack.delete())}")
    say(f"logs: {sum(_remove_log(target, each) for each in names)} groups removed")
    if with_data:
        say(f"bucket {target.data_bucket}: {_word(remove_bucket(target.client('s3'), target.data_bucket))}")
        say(f"tables: {sum(_remove_table(target, each) for each in tables_of(target))} removed")
        say(f"secrets: {secret.remove_all(target)} removed")
    else:
        say(f"kept: bucket {target.data_bucket}, tables, secrets; --delete-data {_full_name(target)} removes them")
    say(f"bucket {target.artefact_bucket}: {_word(artefacts.remove())}")


def _with_data(target: Target, delete_data: str) -> bool:
    if delete_data and delete_data != _full_name(target):
        raise DeployFailed(f"--delete-data {delete_data} is not this stage; it is called {_full_name(target)}")
    return target.stage != PRODUCTION or bool(delete_data)


def _full_name(target: Target) -> str:
    return f"{target.app}-{target.stage}"


def _functions(target: Target, facts: Iterable[FunctionFacts], artefacts: Artefacts) -> list[str]:
    """Names in Lambda: of today's functions, and of those that an older version left."""
    recorded = [each["lambda_arn"].rsplit(":", 1)[1] for each in record.saved(target, artefacts).values()
                if each["resource_type"] == "lambda_function"]
    return sorted({*(target.function(each.name) for each in facts), *recorded})


def _remove_api(target: Target, artefacts: Artefacts, stack: Stack) -> bool:
    """The API that Chalice made; one of the template road goes with its stack."""
    known = record.saved(target, artefacts).get("rest_api", {}).get("rest_api_id", "")
    api = record.find_api(target, known)
    if not api or api in stack.resources("AWS::ApiGateway::RestApi").values():
        return False
    return _unless_gone(lambda: target.client("apigateway").delete_rest_api(restApiId=api))


def _remove_notification(target: Target) -> bool:
    """So that S3 calls nothing that is on its way out."""
    s3 = target.client("s3")
    return _unless_gone(lambda: s3.put_bucket_notification_configuration(
        Bucket=target.data_bucket, NotificationConfiguration={}))


def _remove_function(target: Target, stack: Stack, name: str) -> bool:
    """A function with all that calls it: mappings and rules outlive it otherwise."""
    if name in stack.resources("AWS::Lambda::Function").values():
        return False
    client, events = target.client("lambda"), target.client("events")
    rule = f"{name}-event"
    if _unless_gone(lambda: events.describe_rule(Name=rule)):
        targets = events.list_targets_by_rule(Rule=rule)["Targets"]
        if targets:
            events.remove_targets(Rule=rule, Ids=[each["Id"] for each in targets])
        events.delete_rule(Name=rule)
    live: list[dict[str, Any]] = []
    _unless_gone(lambda: live.extend(record.mappings(client, name)))
    for each in live:
        client.delete_event_source_mapping(UUID=each["UUID"])
    return _unless_gone(lambda: client.delete_function(FunctionName=name))


def _remove_log(target: Target, function: str) -> bool:
    """The group goes with the stack, but a last invocation may have made it anew."""
    return _unless_gone(lambda: target.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{function}"))


def tables_of(target: Target) -> list[str]:
    """The names of all tables that the template gives a stage."""
    names = [spec["Properties"]["TableName"]["Fn::Sub"] for spec in written()["Resources"].values()
             if spec["Type"] == "AWS::DynamoDB::Table"]
    return [name.replace("${App}", target.app).replace("${Stage}", target.stage) for name in names]


def _remove_table(target: Target, name: str) -> bool:
    client = target.client("dynamodb")

    def remove() -> None:
        if client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.get_waiter("table_exists").wait(TableName=name)
        client.delete_table(TableName=name)
        client.get_waiter("table_not_exists").wait(TableName=name)

    return _unless_gone(remove)


def _unless_gone(call: Callable[[], Any]) -> bool:
    """Whether there was something to act on."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True


def _word(done: object) -> str:
    return "removed" if done else "there was none"
