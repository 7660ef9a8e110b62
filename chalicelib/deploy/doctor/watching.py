"""What tells people when something is wrong: log groups that keep and forget, alarms that reach somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.deploy.doctor.findings import Finding, Severity, judged
from chalicelib.deploy.doctor.stage import Document, Stage

ALARM = "AWS::CloudWatch::Alarm"


def logs(stage: Stage) -> Iterator[Finding]:
    """Each function's log group is there and has an end."""
    for function in stage.functions:
        name = f"/aws/lambda/{stage.target.function(function.name)}"
        pages = stage.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        found = [each for page in pages for each in page["logGroups"] if each["logGroupName"] == name]
        wrong = "the log group is not there: nothing is kept, or Lambda makes one without an end"
        if found:
            wrong = "lines are kept, and paid for, for ever"
        yield judged("log.retention", name, bool(found and found[0].get("retentionInDays")), wrong,
                     f"make it with its retention: {stage.deploy}", severity=Severity.WARN)


def alarms(stage: Stage) -> Iterator[Finding]:
    """Every alarm of the template is there and does something when it goes off."""
    live = _live(stage)
    for spec in stage.of_type(ALARM).values():
        name = stage.named(spec["AlarmName"])
        found = live.get(name)
        yield judged("alarm.exists", name, found is not None, "the alarm is not there", f"make it: {stage.deploy}")
        if found is not None:
            good = bool(found.get("ActionsEnabled") and found.get("AlarmActions"))
            yield judged("alarm.actions", name, good, "it goes off and nothing happens",
                         f"aws cloudwatch enable-alarm-actions --alarm-names {name}, or {stage.deploy}")


def listeners(stage: Stage) -> Iterator[Finding]:
    """Somebody hears the alarms."""
    topics = sorted({topic for each in _live(stage).values() for topic in each.get("AlarmActions", [])
                     if ":sns:" in topic})
    for topic in topics:
        pages = stage.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        heard = [each for page in pages for each in page["Subscriptions"]
                 if each["SubscriptionArn"] not in ("PendingConfirmation", "Deleted")]
        yield judged("alarm.heard", topic.rpartition(":")[2], bool(heard), "nobody has subscribed, or confirmed it",
                     f"{stage.deploy} PARAMETERS='--parameter AlarmEmail=you@example.com', then confirm by the mail",
                     severity=Severity.WARN)


def _live(stage: Stage) -> Mapping[str, Document]:
    def ask() -> dict[str, Any]:
        pages = stage.client("cloudwatch").get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{stage.target.app}-{stage.target.stage}-", AlarmTypes=["MetricAlarm"])
        return {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}

    found: Mapping[str, Document] = stage.once(("alarms",), ask)
    return found
