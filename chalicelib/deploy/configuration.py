"""What a stage is configured to be: Chalice's configuration and the functions' environment, checked before any use.

`.chalice/config.json` in the repository says what people choose; role ARNs, layers, queue addresses and references to
secrets are found out per stage and stand in the rendered copy only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from chalicelib.deploy.facts import FunctionFacts
from chalicelib.deploy.target import API_STAGE, DeployFailed, Target
from chalicelib.settings import Settings

EPHEMERAL = "ephemeral_storage"
"""Our own key in a function's block: MB of `/tmp`, 512 to 10240. Chalice knows no such setting (aws/chalice#1962)."""
TIMEOUT, MEMORY, STORAGE = (1, 900), (128, 10_240), (512, 10_240)
"""What Lambda takes: seconds, MB, MB (AWS Lambda quotas)."""
SEED_RANGES: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {"leads_worker": ((60, 900), (512, 3008))}
"""Narrower ranges of timeout and memory: seed 004's parameters `LambdaTimeout` and `LambdaMemorySize`."""
_OF_THE_EMULATOR = "AWS_SECRET_ACCESS_KEY"


def secret_names() -> tuple[str, ...]:
    """The settings that are secrets, by their environment name; the Parameter Store calls them the same."""
    return tuple(str(field.alias) for field in Settings.model_fields.values()
                 if field.annotation is SecretStr and field.alias != _OF_THE_EMULATOR)


def environment(target: Target, config: Mapping[str, Any], *, secrets: Iterable[str], partial_batch: bool, trigger: str,
                commit: str, more: Mapping[str, str]) -> dict[str, str]:
    """The variables of every function: what config.json says, then the names of what was made for the stage."""
    chosen = {**config.get("environment_variables", {}), **_stage(config, target).get("environment_variables", {})}
    found = {
        "APP_NAME": target.app, "STAGE": target.stage, "AWS_ACCOUNT_ID": target.account, "COMMIT": commit,
        "PARTIAL_BATCH": "1" if partial_batch else "0", "S3_TRIGGER": trigger}
    references = {name: f"ssm:{target.parameter(name)}" for name in secrets}
    return {**found, **references, **more, **{name: str(value) for name, value in chosen.items()}}


def check(facts: Iterable[FunctionFacts], variables: Mapping[str, str], visibility: Mapping[str, int]) -> None:
    """Raise `DeployFailed` with all that is wrong: ranges, unknown values, queues that show a message too early."""
    wrong = [*_wrong_settings(variables), *(line for each in facts for line in _wrong_function(each, visibility))]
    if wrong:
        raise DeployFailed("the configuration is not right:\n  " + "\n  ".join(wrong))


def chalice_config(target: Target, config: Mapping[str, Any], *, variables: Mapping[str, str], layers: list[str],
                   functions: Iterable[str], subnets: list[str], groups: list[str]) -> dict[str, Any]:
    """The rendered configuration: this stage alone, one role per function, nothing left for Chalice to make up."""
    stage = _stage(config, target)
    shared = {name: value for name, value in config.items() if name not in ("stages", "lambda_functions")}
    blocks = {name: _block(target, config, name) for name in functions}
    network = {"subnet_ids": subnets, "security_group_ids": groups} if subnets else {}
    own = {name: value for name, value in stage.items() if name not in ("lambda_functions", "environment_variables")}
    return {**shared, "app_name": target.app, "autogen_policy": False, "manage_iam_role": False, "stages": {
        target.stage: {"api_gateway_stage": API_STAGE, **own, **network, "layers": layers,
                       "environment_variables": dict(variables), "lambda_functions": blocks}}}


def storage(target: Target, config: Mapping[str, Any], function: str) -> int:
    """MB of `/tmp` for a function."""
    levels = (config.get("lambda_functions", {}), _stage(config, target).get("lambda_functions", {}))
    chosen: int = {**levels[0].get(function, {}), **levels[1].get(function, {})}.get(EPHEMERAL, STORAGE[0])
    if not STORAGE[0] <= chosen <= STORAGE[1]:
        raise DeployFailed(f"{function}: {EPHEMERAL} of {chosen} MB is not within {STORAGE[0]} and {STORAGE[1]}")
    return chosen


def load(project: Path) -> dict[str, Any]:
    """`.chalice/config.json` of the repository."""
    config: dict[str, Any] = json.loads((project / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return config


def _stage(config: Mapping[str, Any], target: Target) -> Mapping[str, Any]:
    stages: Mapping[str, Mapping[str, Any]] = config["stages"]
    if target.stage not in stages:
        raise DeployFailed(f"there is no stage {target.stage} in .chalice/config.json; known are {', '.join(stages)}")
    return stages[target.stage]


def _block(target: Target, config: Mapping[str, Any], name: str) -> dict[str, Any]:
    own = _stage(config, target).get("lambda_functions", {}).get(name, {})
    block = {**config.get("lambda_functions", {}).get(name, {}), **own, "iam_role_arn": target.role_arn(name)}
    block.pop(EPHEMERAL, None)
    return block


def _wrong_function(facts: FunctionFacts, visibility: Mapping[str, int]) -> Iterator[str]:
    timeout, memory = SEED_RANGES.get(facts.name, (TIMEOUT, MEMORY))
    for word, value, (least, most) in (("timeout", facts.timeout, timeout), ("memory", facts.memory, memory)):
        if not least <= value <= most:
            yield f"{facts.name}: {word} {value} is not within {least} and {most}"
    if facts.queue is not None:
        shown = visibility.get(facts.queue)
        if shown is None:
            yield f"{facts.name}: the template makes no queue {facts.queue}"
        elif shown < facts.timeout + facts.window:
            yield f"{facts.name}: queue {facts.queue} shows a message again after {shown} s, before the function's " \
                  f"{facts.timeout} s and its window of {facts.window} s are over"


class _Alone(Settings):
    """Settings of given values only: this process's own environment must not cover a mistake."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def _wrong_settings(variables: Mapping[str, str]) -> Iterator[str]:
    try:
        _Alone.model_validate(dict(variables))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            yield f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
