"""CloudWatch's arithmetic of alarms, as far as our alarms use it: statistics, expressions, periods, missing data.

The emulator has neither AWS's own metrics nor metric math, so alarms are worked out here, on what functions really
wrote and what queues really hold.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.deploy import template
from tests.functional.measured import Point

STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max}
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
COMPARISONS = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}
MISSING = {"notBreaching": False, "breaching": True}

Periods = Sequence[Sequence[Point]]
"""What was measured in each period, the latest last."""


def alarms(stage: str, app: str = "dropmill") -> dict[str, dict[str, Any]]:
    """The properties of every alarm of the stage by name, as CloudFormation would have filled them in."""
    values = {"App": app, "Stage": stage}
    resources = template.load(stage)["Resources"].values()
    found = [_filled(each["Properties"], values) for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    return {each["AlarmName"]: each for each in found}


def rings(alarm: Mapping[str, Any], periods: Periods) -> bool:
    """Whether the alarm is in state ALARM after these periods."""
    wrong: list[bool] = []
    for points in periods:
        value = _value(alarm, points)
        if value is not None:
            wrong.append(COMPARISONS[alarm["ComparisonOperator"]](value, alarm["Threshold"]))
        elif alarm["TreatMissingData"] != "ignore":
            wrong.append(MISSING[alarm["TreatMissingData"]])
    return sum(wrong[-alarm["EvaluationPeriods"]:]) >= alarm["DatapointsToAlarm"]


def metrics_of(alarm: Mapping[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric that the alarm looks at."""
    stats = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query] or [alarm]
    return [(each["Namespace"], each["MetricName"], _dimensions(each)) for each in stats]


def _value(alarm: Mapping[str, Any], points: Sequence[Point]) -> float | None:
    if "Metrics" not in alarm:
        return _statistic(alarm, alarm["Statistic"], points)
    expression, = (query["Expression"] for query in alarm["Metrics"] if query["ReturnData"])
    known = {query["Id"]: _statistic(query["MetricStat"]["Metric"], query["MetricStat"]["Stat"], points)
             for query in alarm["Metrics"] if "MetricStat" in query}
    return _result(ast.parse(expression, mode="eval").body, known)


def _statistic(metric: Mapping[str, Any], statistic: str, points: Sequence[Point]) -> float | None:
    wanted = (metric["Namespace"], metric["MetricName"], _dimensions(metric))
    values = [point.value for point in points if (point.namespace, point.name, dict(point.dimensions)) == wanted]
    return STATISTICS[statistic](values) if values else None


def _result(node: ast.expr, known: Mapping[str, float | None]) -> float | None:
    """None is no data: it spreads, but for FILL; so does a division by zero."""
    match node:
        case ast.Constant():
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name():
            return known[node.id]
        case ast.Call(func=ast.Name(id="FILL"), args=[metric, instead]):
            value = _result(metric, known)
            return _result(instead, known) if value is None else value
        case ast.BinOp():
            left, right = _result(node.left, known), _result(node.right, known)
            if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
                return None
            return float(OPERATORS[type(node.op)](left, right))
    raise AssertionError(f"an alarm uses arithmetic that is not known here: {ast.unparse(node)}")


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], value["Fn::Sub"])
        return {name: _filled(each, values) for name, each in value.items()}
    return value
