"""What Chalice cannot say, set after it ran: partial batch responses, one mapping a queue, `/tmp`, and their switch.

A worker may name single failed messages only where the mapping honours it, else Lambda deletes them all. So the
functions are told (`PARTIAL_BATCH=1`) only after every mapping reports it; until then they settle such
batches themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.deploy.facts import FunctionFacts
from chalicelib.deploy.record import mappings
from chalicelib.deploy.target import DeployFailed, Target

REPORT = "ReportBatchItemFailures"
_MOVING = frozenset({"Creating", "Updating", "Enabling", "Disabling"})


def all_report(target: Target, facts: Iterable[FunctionFacts]) -> bool:
    """Whether each queue has exactly one mapping to its function, and that one honours partial responses."""
    client = target.client("lambda")
    return all(_reports(target, client, each) for each in facts if each.queue is not None)


def settle_sources(target: Target, facts: Iterable[FunctionFacts], sleep: Callable[[float], None] = time.sleep) -> int:
    """Leave one right mapping per queue; answers how many were changed or removed."""
    client = target.client("lambda")
    return sum(_settle(target, client, each, sleep) for each in facts if each.queue is not None)


def settle_functions(target: Target, facts: Iterable[FunctionFacts], *, storage: Mapping[str, int]) -> int:
    """Give each function its `/tmp`, and tell workers that partial responses are honoured; answers how many changed."""
    client = target.client("lambda")
    return sum(_settle_function(client, target.function(each.name), storage[each.name], worker=each.queue is not None)
               for each in facts)


def _reports(target: Target, client: Any, fact: FunctionFacts) -> bool:
    from botocore.exceptions import ClientError

    assert fact.queue is not None
    try:
        live = mappings(client, target.function(fact.name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return ([each["EventSourceArn"] for each in live] == [target.queue_arn(fact.queue)]
            and REPORT in live[0].get("FunctionResponseTypes", []))


def _settle(target: Target, client: Any, fact: FunctionFacts, sleep: Callable[[float], None]) -> int:
    assert fact.queue is not None
    arn = target.queue_arn(fact.queue)
    live = mappings(client, target.function(fact.name))
    ours = sorted((each for each in live if each["EventSourceArn"] == arn), key=lambda each: str(each["UUID"]))
    if not ours:
        raise DeployFailed(f"{target.function(fact.name)} listens to no {target.name(fact.queue)}; deploy again")
    surplus = [each for each in live if each is not ours[0]]
    for each in surplus:
        client.delete_event_source_mapping(UUID=each["UUID"])
    wanted = {"FunctionResponseTypes": [REPORT], "BatchSize": fact.batch_size,
              "MaximumBatchingWindowInSeconds": fact.window,
              "ScalingConfig": {"MaximumConcurrency": fact.concurrency} if fact.concurrency else {}}
    kept = ours[0]
    right = (kept.get("State", "Enabled") == "Enabled"
             and all((kept.get(name) or type(value)()) == value for name, value in wanted.items()))
    if not right:
        _when_still(client, kept["UUID"], sleep)
        client.update_event_source_mapping(UUID=kept["UUID"], Enabled=True, **wanted)
        _when_still(client, kept["UUID"], sleep)
    return len(surplus) + (not right)


def _when_still(client: Any, uuid: str, sleep: Callable[[float], None]) -> None:
    """AWS refuses to touch a mapping that is changing; a change takes up to a minute."""
    for _ in range(120):
        if client.get_event_source_mapping(UUID=uuid).get("State") not in _MOVING:
            return
        sleep(1.0)
    raise DeployFailed(f"event source mapping {uuid} still changes after two minutes; deploy again")


def _settle_function(client: Any, name: str, storage: int, *, worker: bool) -> int:
    live = client.get_function_configuration(FunctionName=name)
    variables = live.get("Environment", {}).get("Variables", {})
    change: dict[str, Any] = {}
    if worker and variables.get("PARTIAL_BATCH") != "1":
        change["Environment"] = {"Variables": {**variables, "PARTIAL_BATCH": "1"}}
    if live.get("EphemeralStorage", {}).get("Size", 512) != storage:
        change["EphemeralStorage"] = {"Size": storage}
    if change:
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
        client.update_function_configuration(FunctionName=name, **change)
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
    return int(bool(change))
