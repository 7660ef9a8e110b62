"""What is added in one place is added in all: a handler brings a role, a log group and alarms with it.

Its block in config.json and its queue's visibility are `test_functions`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from chalicelib.deploy import template
from chalicelib.deploy.alarms import physical
from chalicelib.deploy.facts import FunctionFacts, function_facts, queue_facts
from chalicelib.settings import Settings
from chalicelib.tables.limits import MIB, Limits
from tests.architecture.test_functions import CONFIG, STAGES

DEPLOYED = sorted(set(STAGES) - {"local", "test"})
WRITTEN = template.written()


@cache
def functions(stage: str) -> tuple[FunctionFacts, ...]:
    return function_facts(stage)


@cache
def whole(stage: str) -> Mapping[str, Any]:
    return template.load(stage)


def of_type(stage: str, type_: str) -> dict[str, Any]:
    return {logical_id: spec["Properties"] for logical_id, spec in whole(stage)["Resources"].items()
            if spec["Type"] == type_}


@pytest.mark.parametrize("stage", DEPLOYED)
def test_every_function_has_a_role_whose_arn_the_stack_tells(stage: str):
    roles = {spec["RoleName"]["Fn::Sub"]: logical_id for logical_id, spec in of_type(stage, "AWS::IAM::Role").items()}
    assert set(roles) == {f"${{App}}-${{Stage}}-{function.name}" for function in functions(stage)}
    for logical_id in roles.values():
        assert whole(stage)["Outputs"][f"{logical_id}Arn"]["Value"] == {"Fn::GetAtt": [logical_id, "Arn"]}


@pytest.mark.parametrize("stage", DEPLOYED)
def test_every_function_has_a_log_group_that_forgets(stage: str):
    groups = {group["LogGroupName"]["Fn::Sub"]: group["RetentionInDays"]
              for group in of_type(stage, "AWS::Logs::LogGroup").values()}
    assert groups == {f"/aws/lambda/{physical(function.name)}": {"Ref": "LogDays"} for function in functions(stage)}


@pytest.mark.parametrize("stage", DEPLOYED)
def test_every_function_and_every_dead_letter_queue_has_an_alarm(stage: str):
    alarms = [repr(alarm) for alarm in of_type(stage, "AWS::CloudWatch::Alarm").values()]
    unwatched = [function.name for function in functions(stage)
                 if not any(f"'{physical(function.name)}'" in alarm for alarm in alarms)]
    forgotten = [queue.dlq for queue in queue_facts(WRITTEN) if not any(f"'{queue.dlq}'" in alarm or
                 f"-{queue.name}-dlq'" in alarm for alarm in alarms)]
    assert (unwatched, forgotten) == ([], [])


@pytest.mark.parametrize("stage", STAGES)
def test_every_queue_has_one_listener_and_every_listener_a_queue(stage: str):
    heard = sorted(function.queue for function in functions(stage) if function.queue)
    assert heard == sorted(queue.name for queue in queue_facts(WRITTEN))


def test_dead_letters_are_kept_for_as_long_as_the_queue_keeps_its_messages():
    """A dead letter keeps the age of its message: a shorter life would lose it on arrival."""
    kept = {logical_id: spec["Properties"]["MessageRetentionPeriod"]
            for logical_id, spec in WRITTEN["Resources"].items() if spec["Type"] == "AWS::SQS::Queue"}
    assert [queue.name for queue in queue_facts(WRITTEN) if kept[queue.dlq] < kept[queue.logical_id]] == []


def test_the_spool_outlives_the_messages_that_point_to_it():
    days = WRITTEN["Parameters"]["SpoolDays"]
    longest = max(spec["Properties"]["MessageRetentionPeriod"] for spec in WRITTEN["Resources"].values()
                  if spec["Type"] == "AWS::SQS::Queue")
    assert min(days["MinValue"], days["Default"]) * 24 * 3600 >= longest


def test_stages_of_config_and_template_are_the_same():
    assert set(WRITTEN["Parameters"]["Stage"]["AllowedValues"]) == set(CONFIG["stages"])


@pytest.mark.parametrize("name", ["split", "run_task"])
def test_who_reads_files_has_room_for_the_largest_and_what_it_unpacks_to(name: str):
    room = CONFIG["lambda_functions"][name]["ephemeral_storage"] * MIB
    assert room >= Settings().max_upload_bytes + Limits().max_unpacked_bytes
