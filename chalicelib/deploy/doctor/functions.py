"""The functions: what runs, with which time, memory, role and secrets; who wakes them; and whether the API answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chalicelib.deploy import gateway, record
from chalicelib.deploy.doctor.findings import Finding, Severity, judged
from chalicelib.deploy.doctor.stage import Stage
from chalicelib.deploy.facts import FunctionFacts


def existing(stage: Stage) -> Iterator[Finding]:
    """Every function of app.py is there, and its last change went through."""
    for function in stage.functions:
        live, name = stage.function(function.name), stage.target.function(function.name)
        failed = live is not None and "Failed" in (live.get("State"), live.get("LastUpdateStatus"))
        yield judged("function.exists", name, live is not None and not failed,
                     f"its last change failed: {live.get('LastUpdateStatusReason') or live.get('StateReason')}"
                     if live is not None else "the function is not there", f"deploy it: {stage.deploy}")


def drift(stage: Stage) -> Iterator[Finding]:
    """Time, memory and stage are what config.json says."""
    for function in stage.functions:
        live = stage.function(function.name)
        if live is None:
            continue
        told = live.get("Environment", {}).get("Variables", {}).get("STAGE", "")
        pairs = {"timeout": (live["Timeout"], function.timeout), "memory": (live["MemorySize"], function.memory),
                 "STAGE": (told, stage.target.stage)}
        wrong = [f"{word} is {has!r}, config.json says {wants!r}" for word, (has, wants) in pairs.items()
                 if has != wants]
        yield judged("function.drift", stage.target.function(function.name), not wrong, "; ".join(wrong),
                     f"change .chalice/config.json, or undo by {stage.deploy}")


def schedules(stage: Stage) -> Iterator[Finding]:
    """Each scheduled function is woken by one enabled rule at the time that app.py says."""
    for function in stage.functions:
        if function.schedule is None or stage.function(function.name) is None:
            continue
        rules = _rules(stage, function)
        enabled = [expression for expression, state in rules if state == "ENABLED"]
        yield judged("schedule.enabled", stage.target.function(function.name), enabled == [function.schedule],
                     f"enabled rules that wake it: {', '.join(enabled) or 'none'}; app.py says {function.schedule}",
                     f"put the rule back: {stage.deploy}")


def api(stage: Stage) -> Iterator[Finding]:
    """The API answers for this stage, and the gateway's own answers have our error body."""
    found = record.find_api(stage.target)
    name = stage.target.name("api")
    if not found:
        yield judged("api.health", name, False, "there is no API that calls our function", f"make it: {stage.deploy}")
        return
    yield _health(stage, stage.target.api_url(found))
    live = {each["responseType"]: each for each in stage.client("apigateway").get_gateway_responses(
        restApiId=found, limit=500)["items"]}
    wrong = sorted(kind for kind, each in gateway.responses().items()
                   if any(live.get(kind, {}).get(key) != value for key, value in each.items()))
    yield judged("api.gateway", found, not wrong, f"answers of the gateway lack our error body: {', '.join(wrong)}",
                 f"set them: {stage.deploy}", severity=Severity.WARN)


def _health(stage: Stage, url: str) -> Finding:
    try:
        told: Mapping[str, object] = stage.fetch(f"{url}/health")
        wrong = "" if told.get("stage") == stage.target.stage else f"it answers for stage {told.get('stage')!r}"
    except (OSError, ValueError) as error:
        wrong = f"it does not answer: {error}"
    return judged("api.health", url, not wrong, wrong,
                  f"read the log group /aws/lambda/{stage.target.function('api_handler')}, then {stage.deploy}")


def _rules(stage: Stage, function: FunctionFacts) -> list[tuple[str, str]]:
    events = stage.client("events")
    names = events.list_rule_names_by_target(TargetArn=stage.target.function_arn(function.name))["RuleNames"]
    rules = [events.describe_rule(Name=name) for name in names]
    return [(str(each.get("ScheduleExpression", "")), str(each.get("State", ""))) for each in rules]
