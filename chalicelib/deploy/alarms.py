"""Every alarm of a stage: what it means, what to do first, and its arithmetic.

`ALARMS` is the table that people read (`docs/operating.md` shows it); `alarms` makes the resources of it, one for each
function, queue, table or provider that it is about. Names of our own metrics come from `chalicelib.metrics`, so that no
alarm waits for a metric that nobody writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.deploy.facts import API_HANDLER, FunctionFacts, QueueFacts
from chalicelib.metrics import NAMESPACE, Metric

Dimensions = Mapping[str, str]

PROVIDERS = ("deepseek", "keepa", "convex", "dropbox")
TABLES: Mapping[str, tuple[str, ...]] = {
    "ledger": ("by_owner", "open_jobs", "by_day"),
    "leads": ("by_id", "by_updated", "by_last_name", "by_email", "by_company"), "products": ("by_owner",),
    "prices": ("by_owner",), "images": ("by_owner",), "enrichment-status": ("by_user",), "limits": (), "cache": ()}
"""The template's tables with their indexes; CloudWatch counts an index's throttling apart from its table's."""
DEPTHS = {"images": 500}
USUAL_DEPTH = 100
FIVE_MINUTES = 300


class Severity(StrEnum):
    """Critical wants a person now, warning wants one today."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One line of the table. `about` is what there is one alarm for each of."""

    name: str
    severity: Severity
    about: str
    when: str
    means: str
    first: str
    anchor: str
    """Of the section in `docs/operating.md`."""


ALARMS = (
    AlarmKind("dead-letters", Severity.CRITICAL, "queue", "a dead-letter queue holds a message",
              "A message failed three times; the ledger has its batch as failed, nothing is lost.",
              "Read the job's events, put the cause right, then retry the job.", "dead-letters"),
    AlarmKind("errors", Severity.CRITICAL, "function", "more than 5 % of invocations fail",
              "A function fails again and again: a deploy, a permission, a provider or its memory.",
              "Read the function's last error lines, then run doctor.", "function-errors"),
    AlarmKind("provider-failures", Severity.CRITICAL, "provider", "more than 10 % of calls fail or may not be made",
              "A provider is down or refuses us; batches wait without spending receives.",
              "Check the key, the balance and the provider's status page.", "provider-failures"),
    AlarmKind("api-errors", Severity.CRITICAL, "stage", "more than 5 % of requests end with a status of 500 or above",
              "The API answers with failures of its own; the API's function does not fail by that.",
              "Find a request id in the API's error lines and follow it.", "api-errors"),
    AlarmKind("depth", Severity.WARNING, "queue", "more than 100 messages (images: 500) wait for 10 minutes",
              "Work comes faster than it is done; after a large file that is simply work.",
              "Look whether the depth falls; if not, see the age of the oldest message.", "queue-depth"),
    AlarmKind("age", Severity.WARNING, "queue", "the oldest message has waited for an hour",
              "The queue is served slower than it fills, or not at all.",
              "Look for paused jobs and for throttles; then raise the maximum concurrency.",
              "age-of-the-oldest-message"),
    AlarmKind("duration", Severity.WARNING, "function", "an invocation takes more than 80 % of its timeout",
              "A function comes near its timeout; what it cannot finish it hands on.",
              "Look at the provider's pace and at the batch size.", "duration"),
    AlarmKind("throttles", Severity.WARNING, "function", "Lambda refuses an invocation",
              "The account's concurrency is used up, or a reservation is below what the queue may use.",
              "Compare the account's concurrency with its quota.", "throttles"),
    AlarmKind("table-throttles", Severity.WARNING, "table", "DynamoDB refuses requests in two of three periods",
              "Traffic more than doubled at once, or one partition is hot; refused requests are retried.",
              "Wait ten minutes; if it goes on, lower the maximum concurrency.", "dynamodb-throttling"),
    AlarmKind("processing", Severity.WARNING, "stage", "a job has been running for more than 10 minutes",
              "A job is large, its provider slow, or it does not move.",
              "Look at the oldest open job and its last event.", "processing-time"),
    AlarmKind("sweeper-silent", Severity.WARNING, "stage", "no sweep has ended for 30 minutes",
              "Nobody looks after jobs that do not move.",
              "Look at the errors of the sweep function and whether its schedule is enabled.", "sweeper-silent"),
)
_KINDS = {kind.name: kind for kind in ALARMS}


def alarms(functions: Sequence[FunctionFacts], queues: Sequence[QueueFacts]) -> dict[str, Any]:
    """The alarm resources of a stage by logical id."""
    made = [*_of_queues(queues), *_of_functions(functions), *_of_tables(), *_of_providers(), *_of_the_stage()]
    return {f"Alarm{_camel(kind)}{_camel(thing)}": _resource(_KINDS[kind], thing, rule) for kind, thing, rule in made}


@dataclass(frozen=True, slots=True)
class Rule:
    """An alarm's arithmetic. `metrics` by the name that `expression` calls it; without one there is one metric.

    It alarms when `of` of the last `periods` periods (of `period` seconds) are on the wrong side of `threshold`.
    """

    metrics: Mapping[str, tuple[str, str, Dimensions, str]]
    threshold: float
    expression: str = ""
    period: int = FIVE_MINUTES
    periods: int = 1
    of: int = 1
    comparison: str = "GreaterThanThreshold"
    missing: str = "notBreaching"


Made = tuple[str, str, Rule]


def physical(thing: str) -> str:
    """The name of a queue, table or function as `Fn::Sub` reads it.

    The API's function has no third part: Chalice fixes its name so (`chalice/deploy/appgraph.py`).
    """
    return "${App}-${Stage}" if thing == API_HANDLER else f"${{App}}-${{Stage}}-{thing}"


def ours(metric: Metric, about: str = "", statistic: str = "Sum") -> tuple[str, str, Dimensions, str]:
    """One of our own metrics, as `metrics` writes it."""
    return NAMESPACE, metric.value, {"Stage": "${Stage}", **({metric.about: about} if metric.about else {})}, statistic


def of_aws(service: str, name: str, statistic: str, **dimensions: str) -> tuple[str, str, Dimensions, str]:
    return f"AWS/{service}", name, dimensions, statistic


def _of_queues(queues: Sequence[QueueFacts]) -> Iterator[Made]:
    for queue in queues:
        name = physical(queue.name)
        yield "dead-letters", queue.name, Rule(
            {"m": of_aws("SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=f"{name}-dlq")}, 0,
            period=60)
        yield "depth", queue.name, Rule(
            {"m": of_aws("SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=name)},
            DEPTHS.get(queue.name, USUAL_DEPTH), periods=2, of=2)
        yield "age", queue.name, Rule(
            {"m": of_aws("SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=name)}, 3600)


def _of_functions(functions: Sequence[FunctionFacts]) -> Iterator[Made]:
    for function in functions:
        name = physical(function.name)
        yield "errors", function.name, _errors(function)
        yield "duration", function.name, Rule(
            {"m": of_aws("Lambda", "Duration", "Maximum", FunctionName=name)}, function.timeout * 1000 * 0.8,
            periods=3, of=2)
        yield "throttles", function.name, Rule({"m": of_aws("Lambda", "Throttles", "Sum", FunctionName=name)}, 0)


def _errors(function: FunctionFacts) -> Rule:
    """Failures that a queue's consumer answers are no errors to Lambda: `MessagesFailed` counts those.

    What runs often must fail in two periods of three, so that one bad file, which fails three times at once, does not
    wake anybody; what runs by the clock or by an object must fail once.
    """
    name = physical(function.name)
    metrics = {"errors": of_aws("Lambda", "Errors", "Sum", FunctionName=name),
               "invocations": of_aws("Lambda", "Invocations", "Sum", FunctionName=name)}
    often = bool(function.queue) or function.name == API_HANDLER
    periods, of = (3, 2) if often else (1, 1)
    if not function.queue:
        return Rule(metrics, 5, "100 * errors / invocations", periods=periods, of=of)
    metrics["failed"] = ours(Metric.MESSAGES_FAILED, name)
    return Rule(metrics, 5, "100 * (errors + FILL(failed, 0)) / invocations", periods=periods, of=of)


def table_name(table: str) -> str:
    """The name of a table as `Fn::Sub` reads it; one has seed 001's own name."""
    return "${Stage}-enrichment-status" if table == "enrichment-status" else physical(table)


def _of_tables() -> Iterator[Made]:
    for table, indexes in TABLES.items():
        name = table_name(table)
        metrics = {"reads": of_aws("DynamoDB", "ReadThrottleEvents", "Sum", TableName=name),
                   "writes": of_aws("DynamoDB", "WriteThrottleEvents", "Sum", TableName=name)}
        metrics |= {index: of_aws("DynamoDB", "WriteThrottleEvents", "Sum", TableName=name,
                                  GlobalSecondaryIndexName=index) for index in indexes}
        total = " + ".join(f"FILL({each}, 0)" for each in metrics)
        yield "table-throttles", table, Rule(metrics, 0, total, periods=3, of=2)


def _of_providers() -> Iterator[Made]:
    for provider in PROVIDERS:
        metrics = {"calls": ours(Metric.PROVIDER_CALLS, provider),
                   "failures": ours(Metric.PROVIDER_FAILURES, provider),
                   "blocked": ours(Metric.PROVIDER_BLOCKED, provider)}
        yield "provider-failures", provider, Rule(
            metrics, 10, "100 * (failures + blocked) / (calls + blocked)", periods=3, of=2)


def _of_the_stage() -> Iterator[Made]:
    yield "api-errors", "", Rule(
        {"failed": ours(Metric.REQUEST_ERRORS), "requests": ours(Metric.REQUESTS)}, 5, "100 * failed / requests",
        periods=3, of=2)
    # A gauge that is read by the clock: between two sweeps its last value holds.
    yield "processing", "", Rule({"m": ours(Metric.OLDEST_JOB_SECONDS, statistic="Maximum")}, 600, missing="ignore")
    yield "sweeper-silent", "", Rule({"m": ours(Metric.SWEEPS)}, 1, period=900, periods=2, of=2,
                                     comparison="LessThanThreshold", missing="breaching")


def _resource(kind: AlarmKind, thing: str, rule: Rule) -> dict[str, Any]:
    critical = kind.severity is Severity.CRITICAL
    topic = [{"Ref": "AlarmTopic"}]
    text = f"{kind.severity.upper()}: {kind.means} First: {kind.first} See docs/operating.md#{kind.anchor}"
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "AlarmName": _sub(physical(f"{kind.name}-{thing}" if thing else kind.name)), "AlarmDescription": text,
        "Threshold": rule.threshold, "ComparisonOperator": rule.comparison, "EvaluationPeriods": rule.periods,
        "DatapointsToAlarm": rule.of, "TreatMissingData": rule.missing, "AlarmActions": topic,
        **({"OKActions": topic} if critical else {}), **_what(rule)}}


def _what(rule: Rule) -> dict[str, Any]:
    if not rule.expression:
        namespace, name, dimensions, statistic = rule.metrics["m"]
        return {"Namespace": namespace, "MetricName": name, "Dimensions": _dimensions(dimensions),
                "Statistic": statistic, "Period": rule.period}
    queries = [{"Id": each, "ReturnData": False, "MetricStat": {
        "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": _dimensions(dimensions)},
        "Stat": statistic, "Period": rule.period}} for each, (namespace, name, dimensions, statistic)
        in rule.metrics.items()]
    return {"Metrics": [{"Id": "result", "Expression": rule.expression, "Label": "result", "ReturnData": True},
                        *queries]}


def _dimensions(dimensions: Dimensions) -> list[dict[str, Any]]:
    return [{"Name": name, "Value": _sub(value)} for name, value in dimensions.items()]


def _sub(text: str) -> Any:
    return {"Fn::Sub": text} if "${" in text else text


def _camel(words: str) -> str:
    return "".join(word.capitalize() for word in words.replace("_", "-").split("-"))
