"""What watches a stage follows from its functions and queues, and says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters import convex, deepseek, dropbox, keepa
from chalicelib.deploy import template
from chalicelib.deploy.alarms import ALARMS, PROVIDERS, TABLES, Severity
from chalicelib.deploy.facts import FunctionFacts, QueueFacts, function_facts, queue_facts
from chalicelib.deploy.watch import derived
from chalicelib.metrics import NAMESPACE, Metric
from tests.docs import tables

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
WRITTEN = template.written()
FUNCTIONS = function_facts("dev")
QUEUES = queue_facts(WRITTEN)
RESOURCES: Mapping[str, Any] = derived(FUNCTIONS, QUEUES)["Resources"]


def of_type(kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in RESOURCES.values() if each["Type"] == kind]


def alarm_names(resources: Mapping[str, Any] = RESOURCES) -> set[str]:
    return {each["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${App}-${Stage}-")
            for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm"}


def test_a_new_function_and_a_new_queue_are_watched_at_once():
    more = derived([*FUNCTIONS, FunctionFacts("letters_worker", 900, 3008, 100, "letters")],
                   [*QUEUES, QueueFacts("letters", "LettersQueue", "LettersDeadLetters")])["Resources"]
    assert alarm_names(more) - alarm_names() == {
        "errors-letters_worker", "duration-letters_worker", "throttles-letters_worker", "dead-letters-letters",
        "depth-letters", "age-letters"}
    assert "LettersWorkerLogGroup" in more
    assert (more["AlarmDepthLetters"]["Properties"]["Threshold"], more["AlarmDepthImages"]["Properties"]["Threshold"]) \
        == (100, 500)
    assert "letters" in json.dumps(more["Dashboard"])


def test_log_lines_are_kept_as_long_as_the_operator_says_and_under_his_key():
    groups = of_type("AWS::Logs::LogGroup")
    assert len(groups) == len(FUNCTIONS)
    for group in groups:
        assert group["LogGroupName"]["Fn::Sub"].startswith("/aws/lambda/${App}-${Stage}")
        assert group["RetentionInDays"] == {"Ref": "LogDays"}
        assert group["KmsKeyId"]["Fn::If"][0] == "HasKey"


def test_names_are_unique():
    assert len(alarm_names()) == len(of_type("AWS::CloudWatch::Alarm"))


def test_every_alarm_tells_the_topic_and_critical_ones_also_when_it_is_over():
    for alarm in of_type("AWS::CloudWatch::Alarm"):
        critical = alarm["AlarmDescription"].startswith("CRITICAL")
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert ("OKActions" in alarm) is critical


def test_every_alarm_says_what_to_do_first_and_where_more_stands():
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^### (.+)$", GUIDE, re.MULTILINE)}
    assert {kind.anchor for kind in ALARMS} - headings == set()
    for kind in ALARMS:
        alarm = next(each for each in of_type("AWS::CloudWatch::Alarm")
                     if f"#{kind.anchor}" in each["AlarmDescription"])
        assert kind.first in alarm["AlarmDescription"]
        assert len(alarm["AlarmDescription"]) <= 1024, "CloudWatch's limit"


def test_the_guide_has_the_table_of_alarms_as_the_code_does():
    assert tables.with_fresh_tables(GUIDE) == GUIDE, "run `.venv/bin/python -m tests.docs.tables --write`"


@pytest.mark.parametrize("kind", ["dead-letters", "errors", "provider-failures"])
def test_what_the_specification_calls_critical_is(kind):
    assert next(each for each in ALARMS if each.name == kind).severity is Severity.CRITICAL


def test_every_table_and_every_index_of_the_template_is_watched():
    tables = [each["Properties"] for each in WRITTEN["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table"]
    declared = {each["TableName"]["Fn::Sub"].removeprefix("${App}-").removeprefix("${Stage}-"):
                tuple(index["IndexName"] for index in each.get("GlobalSecondaryIndexes", ())) for each in tables}
    assert declared == dict(TABLES)


def test_an_alarm_looks_at_no_more_metrics_than_cloudwatch_takes():
    assert max(len(alarm.get("Metrics", ())) for alarm in of_type("AWS::CloudWatch::Alarm")) <= 11, \
        "ten metrics and the expression"


def test_providers_are_called_as_they_call_themselves():
    assert {deepseek.PROVIDER, keepa.PROVIDER, convex.PROVIDER, dropbox.PROVIDER} == set(PROVIDERS)


def test_the_dashboard_is_json_whose_graphs_lie_side_by_side():
    board, = of_type("AWS::CloudWatch::Dashboard")
    widgets = json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"]
    cells = [(x, y) for each in widgets for x in range(each["x"], each["x"] + each["width"])
             for y in range(each["y"], each["y"] + each["height"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_the_dashboard_shows_every_metric_of_ours():
    """A metric that nobody looks at is money for nothing."""
    board, = of_type("AWS::CloudWatch::Dashboard")
    shown = {line[1] for each in json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"]
             for line in each["properties"]["metrics"] if line[0] == NAMESPACE}
    assert shown == {metric.value for metric in Metric} - {Metric.SWEEPS.value}, "sweeps are an alarm's only"
