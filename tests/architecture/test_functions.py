"""app.py, config.json and the template must agree: what Chalice does not check, and AWS only at deploy time.

A function without a block in config.json silently gets 60 s and 128 MB. A queue that is visible again before its
function's time is up delivers a message to two workers; AWS refuses such a mapping.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from chalicelib.local.access import Access
from chalicelib.local.template import Resource, read
from tests.architecture.sources import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text())
STAGES = sorted(CONFIG["stages"])
TWO_WEEKS = 14 * 24 * 3600

LIST_FUNCTIONS = """
import json, app
sources = [{"function": each.name, "queue": getattr(each, "queue", None),
            "window": getattr(each, "maximum_batching_window_in_seconds", 0),
            "concurrency": getattr(each, "maximum_concurrency", None)} for each in app.app.event_sources]
functions = [each["function"] for each in sources] + [each.name for each in app.app.pure_lambda_functions]
print(json.dumps({"sources": sources, "functions": functions}))
"""


@cache
def app_of(stage: str) -> Mapping[str, Any]:
    """What app.py declares when it is imported for the stage, as `chalice deploy --stage` would."""
    environment = {"STAGE": stage, "PATH": "/usr/bin:/bin", "DROPMILL_HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", LIST_FUNCTIONS], cwd=ROOT, env=environment, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    declared: Mapping[str, Any] = json.loads(done.stdout)
    return declared


def functions(stage: str) -> set[str]:
    return {"api_handler", *app_of(stage)["functions"]}


def block(stage: str, function: str) -> dict[str, Any]:
    """A function's settings as Chalice merges them: the stage's own over those for all stages."""
    own = CONFIG["stages"][stage].get("lambda_functions", {}).get(function, {})
    return {**CONFIG["lambda_functions"].get(function, {}), **own}


def resources(stage: str) -> dict[str, Resource]:
    access = Access(endpoint="http://127.0.0.1:1")
    return {each.logical_id: each for each in read(ROOT / ".chalice" / "resources.yaml", stage, access)}


def queues(stage: str) -> dict[str, Mapping[str, Any]]:
    return {str(each.properties["QueueName"]): each.properties for each in resources(stage).values()
            if each.type == "AWS::SQS::Queue"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_function_has_a_block_with_its_time_and_memory(stage):
    lacking = {function for function in functions(stage)
               if not {"lambda_timeout", "lambda_memory_size"} <= set(block(stage, function))}
    assert lacking == set()


@pytest.mark.parametrize("stage", STAGES)
def test_every_block_belongs_to_a_function(stage):
    blocks = set(CONFIG["lambda_functions"]) | set(CONFIG["stages"][stage].get("lambda_functions", {}))
    assert blocks - functions(stage) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_message_stays_hidden_for_as_long_as_its_function_may_run(stage):
    sources = [each for each in app_of(stage)["sources"] if each["queue"]]
    assert sources, "app.py listens to no queue"
    early = {each["function"]: each["queue"] for each in sources
             if int(queues(stage)[each["queue"]]["VisibilityTimeout"])
             < block(stage, each["function"])["lambda_timeout"] + each["window"]}
    assert early == {}


@pytest.mark.parametrize("stage", STAGES)
def test_every_queue_has_dead_letters_that_keep_what_dies_for_two_weeks(stage):
    all_queues = queues(stage)
    for name, properties in all_queues.items():
        assert int(properties["MessageRetentionPeriod"]) == TWO_WEEKS
        assert properties["SqsManagedSseEnabled"] is True
        assert int(properties["ReceiveMessageWaitTimeSeconds"]) == 20
        if not name.endswith("-dlq"):
            policy = properties["RedrivePolicy"]
            assert policy["deadLetterTargetArn"].endswith(f":{name}-dlq")
            assert f"{name}-dlq" in all_queues
            assert policy["maxReceiveCount"] == 3


@pytest.mark.parametrize("stage", STAGES)
def test_every_queue_is_listened_to(stage):
    heard = {each["queue"] for each in app_of(stage)["sources"]}
    assert {name for name in queues(stage) if not name.endswith("-dlq")} == heard - {None}


@pytest.mark.parametrize("stage", STAGES)
def test_names_in_the_template_are_those_the_settings_derive(stage):
    from chalicelib.settings import Settings

    settings = Settings.model_validate({"stage": stage, "account": "000000000000"})
    built = {str(properties[key]) for resource in resources(stage).values() if (properties := resource.properties)
             for key in ("QueueName", "TableName", "BucketName") if key in properties}
    asked = {settings.bucket, settings.ledger_table, settings.leads_table, settings.limits_table, settings.cache_table,
             settings.products_table, settings.prices_table, settings.images_table, settings.enrichment_status_table,
             settings.split_queue, settings.leads_queue, settings.products_queue, settings.prices_queue,
             settings.images_queue, settings.tasks_queue}
    assert {name for name in built if not name.endswith("-dlq")} == asked


def test_workers_are_bounded_by_the_event_source_and_not_by_reserved_concurrency():
    """Reserved concurrency throttles after the receive, which spends receives and fills the dead letters."""
    unbounded = [each["function"] for each in app_of("dev")["sources"]
                 if each["function"].endswith("_worker") and not each["concurrency"]]
    reserved = [function for stage in STAGES for function in functions(stage)
                if "reserved_concurrency" in block(stage, function)]
    assert (unbounded, reserved) == ([], [])
