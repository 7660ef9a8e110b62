"""The dashboard of a stage: one row each for jobs, queues, functions, provider, tables and cost.

Everything on it is a metric that AWS or `chalicelib.metrics` writes; the alarms stand on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.deploy.alarms import PROVIDERS, TABLES, Dimensions, of_aws, ours, physical, table_name
from chalicelib.deploy.facts import FunctionFacts, QueueFacts
from chalicelib.metrics import Metric

Line = tuple[str, tuple[str, str, Dimensions, str]]
"""A label, and a metric as `alarms` says it."""

COLUMNS = 24
HEIGHT = 6
CONTROL = ("split", "tasks")
"""Queues that carry no batches."""


def dashboard(functions: Sequence[FunctionFacts], queues: Sequence[QueueFacts]) -> dict[str, Any]:
    """The dashboard resource. Its body is JSON in which CloudFormation fills in app, stage and region."""
    pipelines = [queue.name for queue in queues if queue.name not in CONTROL]
    rows = [_job_graphs(pipelines), _queue_graphs(queues), _function_graphs(functions), _provider_graphs(),
            _table_graphs(), _cost_graphs(pipelines, functions)]
    widgets = [widget for place, row in enumerate(rows) for widget in _row(place, row)]
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": {
        "DashboardName": {"Fn::Sub": "${App}-${Stage}"},
        "DashboardBody": {"Fn::Sub": json.dumps({"widgets": widgets}, separators=(",", ":"))}}}


Graphs = Mapping[str, Sequence[Line]]


def _job_graphs(pipelines: Sequence[str]) -> Graphs:
    rows = (Metric.ROWS_NEW, Metric.ROWS_UPDATED, Metric.ROWS_UNCHANGED, Metric.ROWS_SUPERSEDED)
    bad = (Metric.ROWS_REJECTED, Metric.ROWS_FAILED, Metric.BATCHES_FAILED, Metric.HAND_BACKS)
    return {
        "Jobs": [*_each(pipelines, Metric.JOBS_COMPLETED, Metric.JOBS_ERRORED, Metric.BATCHES_DONE),
                 ("open", ours(Metric.OPEN_JOBS, statistic="Maximum")),
                 ("sweep findings", ours(Metric.SWEEP_FINDINGS))],
        "Rows stored": _each(pipelines, *rows),
        "Rejects and failures": _each(pipelines, *bad),
        "Seconds": [(f"{name} {metric}", ours(metric, name, "Maximum")) for name in pipelines
                    for metric in (Metric.JOB_SECONDS, Metric.SPLIT_SECONDS, Metric.BATCH_SECONDS)]
        + [("oldest open job", ours(Metric.OLDEST_JOB_SECONDS, statistic="Maximum"))]}


def _queue_graphs(queues: Sequence[QueueFacts]) -> Graphs:
    return {
        "Messages waiting": [(each.name, _sqs("ApproximateNumberOfMessagesVisible", each.name)) for each in queues],
        "Messages in work": [(each.name, _sqs("ApproximateNumberOfMessagesNotVisible", each.name)) for each in queues],
        "Oldest message, seconds": [(each.name, _sqs("ApproximateAgeOfOldestMessage", each.name)) for each in queues],
        "Dead letters": [(each.name, _sqs("ApproximateNumberOfMessagesVisible", f"{each.name}-dlq"))
                         for each in queues]}


def _function_graphs(functions: Sequence[FunctionFacts]) -> Graphs:
    fed = [function for function in functions if function.queue]
    return {
        "Invocations": [(each.name, _lambda("Invocations", each)) for each in functions],
        "Errors and failed messages": [
            *((each.name, _lambda("Errors", each)) for each in functions),
            *((f"{each.name} messages", ours(Metric.MESSAGES_FAILED, physical(each.name))) for each in fed)],
        "Duration, milliseconds": [(each.name, _lambda("Duration", each, "Maximum")) for each in functions],
        "Throttles": [(each.name, _lambda("Throttles", each)) for each in functions]}


def _provider_graphs() -> Graphs:
    return {
        "Provider calls": _each(PROVIDERS, Metric.PROVIDER_CALLS),
        "Provider failures": _each(PROVIDERS, Metric.PROVIDER_FAILURES, Metric.PROVIDER_BLOCKED,
                                   Metric.PROVIDER_THROTTLED),
        "Tokens": _each(PROVIDERS, Metric.PROMPT_TOKENS, Metric.COMPLETION_TOKENS),
        "Requests": [("requests", ours(Metric.REQUESTS)), ("failed", ours(Metric.REQUEST_ERRORS))]}


def _table_graphs() -> Graphs:
    def each(name: str) -> list[Line]:
        return [(table, of_aws("DynamoDB", name, "Sum", TableName=table_name(table))) for table in TABLES]
    return {"Write units": each("ConsumedWriteCapacityUnits"), "Read units": each("ConsumedReadCapacityUnits"),
            "Throttled writes": each("WriteThrottleEvents"), "Throttled reads": each("ReadThrottleEvents")}


def _cost_graphs(pipelines: Sequence[str], functions: Sequence[FunctionFacts]) -> Graphs:
    return {"Estimated cost of rows, USD": _each(pipelines, Metric.COST_USD),
            "Concurrent invocations": [(each.name, _lambda("ConcurrentExecutions", each, "Maximum"))
                                       for each in functions if each.queue]}


def _each(names: Sequence[str], *metrics: Metric) -> list[Line]:
    return [(f"{name} {metric}", ours(metric, name)) for name in names for metric in metrics]


def _sqs(metric: str, queue: str) -> tuple[str, str, Dimensions, str]:
    return of_aws("SQS", metric, "Maximum", QueueName=physical(queue))


def _lambda(metric: str, function: FunctionFacts, statistic: str = "Sum") -> tuple[str, str, Dimensions, str]:
    return of_aws("Lambda", metric, statistic, FunctionName=physical(function.name))


def _row(place: int, graphs: Graphs) -> Iterator[dict[str, Any]]:
    width = COLUMNS // len(graphs)
    for column, (title, lines) in enumerate(graphs.items()):
        yield {"type": "metric", "x": column * width, "y": place * HEIGHT, "width": width, "height": HEIGHT,
               "properties": {"title": title, "region": "${AWS::Region}", "period": 300,
                              "metrics": [_line(*line) for line in lines]}}


def _line(label: str, metric: tuple[str, str, Dimensions, str]) -> list[Any]:
    namespace, name, dimensions, statistic = metric
    return [namespace, name, *(part for dimension in dimensions.items() for part in dimension),
            {"label": label, "stat": statistic}]
