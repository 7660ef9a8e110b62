"""What a stage consists of, as `app.py`, `.chalice/config.json` and `.chalice/resources.yaml` say it.

Alarms, dashboards, roles and checks derive from these facts, so that no list of functions or queues is kept twice.
`app.py` is asked in a process of its own, because its decorators read the settings of the stage when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
API_HANDLER = "api_handler"
"""The one function behind all routes; Chalice's own name for it."""


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """One function of a stage; its physical name is `{app}-{stage}-{name}`, or `{app}-{stage}` for the API's."""

    name: str
    timeout: int
    """Seconds."""
    memory: int
    """MB."""
    concurrency: int | None = None
    """Most invocations that its event source makes at the same time; None = no bound there."""
    queue: str | None = None
    """What it listens to, without app and stage: `leads`; the name of a `QueueFacts`."""
    window: int = 0
    """Seconds for which its event source gathers messages."""
    batch_size: int = 0
    schedule: str | None = None
    """A schedule expression of EventBridge: `rate(5 minutes)`."""
    prefix: str | None = None
    """Keys of the bucket whose creation triggers it begin so."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """One queue of the template with its dead letters; physical names are `{app}-{stage}-{name}` and `...-dlq`."""

    name: str
    """Without app and stage: `leads`."""
    logical_id: str
    """In the template: `LeadsQueue`; `Fn::GetAtt` of it gives `QueueName` and `Arn`."""
    dlq: str
    """The logical id of its dead-letter queue: `LeadsDeadLetters`."""


def function_facts(stage: str, project: Path = PROJECT) -> tuple[FunctionFacts, ...]:
    """Every function of `stage`, the API's first. Raises `RuntimeError` when `app.py` cannot be imported for it."""
    config = json.loads((project / ".chalice" / "config.json").read_text(encoding="utf-8"))
    declared = declared_functions(stage, project)
    return tuple(_function(each, _block(config, stage, each["name"])) for each in declared)


def declared_functions(stage: str, project: Path = PROJECT) -> Sequence[Mapping[str, Any]]:
    """What the decorators of `app.py` say when it is imported with the stage's environment, and with no other."""
    config = json.loads((project / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables = {**config.get("environment_variables", {}),
                 **config["stages"].get(stage, {}).get("environment_variables", {})}
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=project, capture_output=True, text=True, check=False,
        env={**kept, "PYTHONPATH": str(project), "DROPMILL_HOME": os.devnull, **variables, "STAGE": stage})
    if done.returncode:
        raise RuntimeError(f"app.py cannot be imported for stage {stage}:\n{done.stderr}")
    answer: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def queue_facts(template: Mapping[str, Any]) -> tuple[QueueFacts, ...]:
    """Every queue of the template that has dead letters, by the name that `${App}-${Stage}-` precedes."""
    queues = {logical_id: spec["Properties"] for logical_id, spec in template["Resources"].items()
              if spec["Type"] == "AWS::SQS::Queue"}
    return tuple(QueueFacts(_thing(queue["QueueName"]), logical_id, dlq=_target(queue["RedrivePolicy"]))
                 for logical_id, queue in queues.items() if "RedrivePolicy" in queue)


def _function(declared: Mapping[str, Any], block: Mapping[str, Any]) -> FunctionFacts:
    return FunctionFacts(**declared, timeout=block["lambda_timeout"], memory=block["lambda_memory_size"])


def _block(config: Mapping[str, Any], stage: str, function: str) -> dict[str, Any]:
    """A function's settings as Chalice merges them; where nobody speaks, Chalice's silent 60 s and 128 MB."""
    chosen: dict[str, Any] = {"lambda_timeout": 60, "lambda_memory_size": 128}
    own = config["stages"].get(stage, {})
    for level in (config, own, config.get("lambda_functions", {}).get(function, {}),
                  own.get("lambda_functions", {}).get(function, {})):
        chosen |= {name: level[name] for name in chosen if name in level}
    return chosen


def _thing(name: Any) -> str:
    text: str = name["Fn::Sub"]
    return text.removeprefix("${App}-${Stage}-")


def _target(redrive: Mapping[str, Any]) -> str:
    logical_id: str = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]
    return logical_id


_PROGRAM = f"""
import json
from chalice.app import S3EventConfig, ScheduledEventConfig, SQSEventConfig
from chalicelib.settings import settings
from app import app

def facts(each):
    if isinstance(each, SQSEventConfig):
        queue = each.queue or each.queue_arn.rpartition(":")[2]
        return {{"queue": queue.removeprefix(settings().name("")), "window": each.maximum_batching_window_in_seconds,
                "batch_size": each.batch_size, "concurrency": each.maximum_concurrency}}
    if isinstance(each, ScheduledEventConfig):
        expression = each.schedule_expression
        return {{"schedule": expression if isinstance(expression, str) else expression.to_string()}}
    if isinstance(each, S3EventConfig):
        return {{"prefix": each.prefix or ""}}
    raise TypeError(type(each).__name__ + " is a kind of event source that the deployment does not know")

print(json.dumps([{{"name": "{API_HANDLER}"}}, *({{"name": each.name, **facts(each)}} for each in app.event_sources),
                  *({{"name": each.name}} for each in app.pure_lambda_functions)]))
"""
