"""Queues, their dead letters and their event source mappings: where a wrong value loses messages or doubles work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from chalicelib.deploy.doctor.findings import Finding, Severity, judged
from chalicelib.deploy.doctor.stage import Document, Stage, refuses_plain_http
from chalicelib.deploy.facts import FunctionFacts, QueueFacts
from chalicelib.deploy.post_deploy import REPORT

RECEIVES = 3
LONG_POLL = 20
LEAST_CONCURRENCY = 2
"""Lambda's own least for MaximumConcurrency."""


def existing(stage: Stage) -> Iterator[Finding]:
    """Every queue of the template and its dead letters are there."""
    for queue in stage.queues:
        for name in (queue.name, f"{queue.name}-dlq"):
            yield judged("queue.exists", stage.target.name(name), stage.queue(name) is not None,
                         "the queue is not there", f"make it: {stage.deploy}")


def settings(stage: Stage) -> Iterator[Finding]:
    """Visibility, dead letters, retention and polling of the queues that are there."""
    for queue in stage.queues:
        live, dead = stage.queue(queue.name), stage.queue(f"{queue.name}-dlq")
        if live is None:
            continue
        yield _visibility(stage, queue, live)
        yield _dead_letters(stage, queue, live)
        yield judged("queue.polling", stage.target.name(queue.name),
                     live.get("ReceiveMessageWaitTimeSeconds") == str(LONG_POLL),
                     "receives do not wait for messages, so that empty ones are paid for",
                     f"set it back: {stage.deploy}", severity=Severity.WARN)
        if dead is not None:
            yield _retention(stage, queue, live, dead)
            yield _waiting(stage, queue, dead)


def protection(stage: Stage) -> Iterator[Finding]:
    """Encryption at rest and on the way, of queues and dead letters."""
    for queue in stage.queues:
        for name in (queue.name, f"{queue.name}-dlq"):
            live = stage.queue(name)
            if live is None:
                continue
            encrypted = live.get("SqsManagedSseEnabled") == "true" or bool(live.get("KmsMasterKeyId"))
            yield judged("queue.encryption", stage.target.name(name), encrypted, "messages are not encrypted at rest",
                         f"set it back: {stage.deploy}")
            yield judged("queue.transport", stage.target.name(name), refuses_plain_http(live.get("Policy")),
                         "the queue takes requests without TLS", f"put its policy back: {stage.deploy}")


def sources(stage: Stage) -> Iterator[Finding]:
    """Each queue feeds its one function by one mapping that names single failures."""
    for function in stage.functions:
        if function.queue is None or stage.function(function.name) is None:
            continue
        ours = stage.target.function(function.name)
        enabled = [each for each in stage.mappings(function.queue) if _enabled(each)]
        right = len(enabled) == 1 and str(enabled[0]["FunctionArn"]).split(":function:")[-1].split(":")[0] == ours
        yield judged("mapping.single", ours, right,
                     f"{len(enabled)} enabled mappings feed from {stage.target.name(function.queue)}, not one to us",
                     f"leave one right mapping: {stage.deploy}")
        if right:
            yield from _mapping(stage, function, enabled[0])


def _mapping(stage: Stage, function: FunctionFacts, mapping: Document) -> Iterator[Finding]:
    name = stage.target.function(function.name)
    yield from _partial(stage, function, mapping)
    yield judged("mapping.batch", name, mapping.get("BatchSize") == function.batch_size
                 and mapping.get("MaximumBatchingWindowInSeconds", 0) == function.window,
                 f"the mapping takes {mapping.get('BatchSize')} messages in "
                 f"{mapping.get('MaximumBatchingWindowInSeconds', 0)} s, app.py says {function.batch_size} in "
                 f"{function.window} s", f"set it back: {stage.deploy}", severity=Severity.WARN)
    bound = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
    good = bound == function.concurrency and (bound is None or bound >= LEAST_CONCURRENCY)
    yield judged("mapping.concurrency", name, good,
                 f"the mapping runs {_or_unbounded(bound)} at once, app.py says {_or_unbounded(function.concurrency)}",
                 f"set it back: {stage.deploy}")
    yield _reserved(stage, name, bound)


def _partial(stage: Stage, function: FunctionFacts, mapping: Document) -> Iterator[Finding]:
    """Where functions rely on partial responses that the mapping does not honour, Lambda deletes failed messages."""
    name = stage.target.function(function.name)
    honoured = REPORT in (mapping.get("FunctionResponseTypes") or [])
    variables: Mapping[str, str] = (stage.function(function.name) or {}).get("Environment", {}).get("Variables", {})
    relied_on = variables.get("PARTIAL_BATCH", "0").lower() in ("1", "true", "yes", "on")
    yield judged("mapping.partial", name, honoured, "the mapping does not honour partial batch responses"
                 + (", and the function relies on them: failed messages are deleted" if relied_on else ""),
                 f"set FunctionResponseTypes: {stage.deploy}")
    if honoured:
        yield judged("mapping.switch", name, relied_on, "the mapping honours partial batch responses, PARTIAL_BATCH is "
                     "off: one bad message makes its whole batch come again", f"switch it on: {stage.deploy}",
                     severity=Severity.WARN)


def _reserved(stage: Stage, name: str, bound: int | None) -> Finding:
    found = stage.client("lambda").get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    good = found is None or found >= max(bound or 0, LEAST_CONCURRENCY)
    return judged("mapping.reserved", name, good,
                  f"reserved concurrency {found} is below what the mapping sends ({_or_unbounded(bound)}): throttled "
                  "receives end among the dead letters",
                  f"remove it: aws lambda delete-function-concurrency --function-name {name}")


def _visibility(stage: Stage, queue: QueueFacts, live: Mapping[str, str]) -> Finding:
    function = stage.listener(queue.name)
    configuration = stage.function(function.name) if function else None
    timeout = configuration["Timeout"] if configuration else function.timeout if function else 0
    least = timeout + (function.window if function else 0)
    shown = int(live["VisibilityTimeout"])
    return judged("queue.visibility", stage.target.name(queue.name), shown >= least,
                  f"a message shows again after {shown} s while its function may run {least} s: two workers get it",
                  f"bring timeout and visibility in line: {stage.deploy}")


def _dead_letters(stage: Stage, queue: QueueFacts, live: Mapping[str, str]) -> Finding:
    policy = json.loads(live.get("RedrivePolicy") or "{}")
    good = (policy.get("deadLetterTargetArn") == stage.target.queue_arn(f"{queue.name}-dlq")
            and int(policy.get("maxReceiveCount", 0)) == RECEIVES)
    return judged("queue.dead_letters", stage.target.name(queue.name), good,
                  f"messages do not go to {stage.target.name(queue.name)}-dlq after {RECEIVES} receives",
                  f"put the redrive policy back: {stage.deploy}")


def _retention(stage: Stage, queue: QueueFacts, live: Mapping[str, str], dead: Mapping[str, str]) -> Finding:
    """A message keeps the age it had in its first queue, so dead letters must be kept no shorter."""
    kept, needed = int(dead["MessageRetentionPeriod"]), int(live["MessageRetentionPeriod"])
    return judged("queue.retention", stage.target.name(f"{queue.name}-dlq"), kept >= needed,
                  f"dead letters are kept {kept} s, messages {needed} s: an old one is gone as soon as it dies",
                  f"set it back: {stage.deploy}")


def _waiting(stage: Stage, queue: QueueFacts, dead: Mapping[str, str]) -> Finding:
    count = int(dead.get("ApproximateNumberOfMessages", 0))
    return judged("queue.dead", stage.target.name(f"{queue.name}-dlq"), count == 0, f"{count} dead letters wait",
                  "see docs/operating.md#redrive, or retry the jobs that they belong to", severity=Severity.WARN)


def _enabled(mapping: Document) -> bool:
    return mapping.get("State", "Enabled") in ("Enabled", "Enabling", "Creating", "Updating")


def _or_unbounded(bound: int | None) -> str:
    return "any number" if bound is None else str(bound)
