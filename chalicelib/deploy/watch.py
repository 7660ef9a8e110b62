"""What watches a stage, derived from its functions and queues: log groups, alarms, the dashboard.

A new function or queue is watched from its first deploy, and what is gone is no longer waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.deploy.alarms import alarms, physical
from chalicelib.deploy.dashboard import dashboard
from chalicelib.deploy.facts import FunctionFacts, QueueFacts


def derived(functions: Sequence[FunctionFacts], queues: Sequence[QueueFacts]) -> dict[str, dict[str, Any]]:
    """Sections to add to the template: `Resources` and `Outputs`.

    They refer to the template's parameters App, Stage, LogDays and KmsKeyArn, its condition HasKey and its AlarmTopic.
    """
    groups = {logical_id(function): _log_group(function) for function in functions}
    return {"Resources": {**groups, **alarms(functions, queues), "Dashboard": dashboard(functions, queues)},
            "Outputs": {"DashboardName": {"Value": {"Ref": "Dashboard"}}}}


def logical_id(function: FunctionFacts) -> str:
    """Of a function's log group."""
    return "".join(word.capitalize() for word in function.name.split("_")) + "LogGroup"


def _log_group(function: FunctionFacts) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/{physical(function.name)}"},
        "RetentionInDays": {"Ref": "LogDays"},
        "KmsKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}}}
