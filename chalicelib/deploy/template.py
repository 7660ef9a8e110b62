"""The template of a stage: `.chalice/resources.yaml`, and what follows from its functions and queues.

The hand-written part is complete by itself; local mode and the tests build from it alone. Log groups, alarms and the
dashboard are derived from `app.py` and `config.json` (`chalicelib.deploy.watch`), so a new function or queue is watched
from its first day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from chalicelib.deploy.facts import PROJECT, function_facts, queue_facts
from chalicelib.errors import DropmillError

DIRECT_BYTES = 51_200
"""Largest template that goes along with the request; a larger one travels by S3 (CloudFormation quotas)."""
MAX_BYTES = 1_000_000
"""Largest template by S3; the quota is 1 MB."""


def load(stage: str, project: Path = PROJECT) -> dict[str, Any]:
    """The whole template of `stage`, with intrinsic functions in their long forms."""
    from chalicelib.deploy.watch import derived

    template = written(project)
    return merged(template, derived(function_facts(stage, project), queue_facts(template)))


def written(project: Path = PROJECT) -> dict[str, Any]:
    """The hand-written part."""
    return parse((project / ".chalice" / "resources.yaml").read_text(encoding="utf-8"))


def merged(template: Mapping[str, Any], more: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`template` with the sections of `more` added. Raises `DropmillError` where both name the same thing."""
    result = {**template}
    for section, entries in more.items():
        present = template.get(section, {})
        if twice := sorted(set(present) & set(entries)):
            raise DropmillError(f"the template has {', '.join(twice)} already ({section})")
        result[section] = {**present, **entries}
    return result


def parameters(
    template: Mapping[str, Any], given: Mapping[str, str], previous: Collection[str] = ()
) -> list[dict[str, Any]]:
    """`given` as CloudFormation takes it, checked against ranges and patterns before anything is touched.

    `previous` names the parameters that the stack has: those that are not given keep their values, because a default
    would silently undo what an operator chose. Raises `DropmillError` for an unknown name or a value out of range.
    """
    declared = template["Parameters"]
    if unknown := sorted(set(given) - set(declared)):
        raise DropmillError(f"no parameter is called {', '.join(unknown)}; there are {', '.join(declared)}")
    for name, value in given.items():
        _check(name, value, declared[name])
    kept = [name for name in declared if name in previous and name not in given]
    return [*({"ParameterKey": name, "ParameterValue": value} for name, value in given.items()),
            *({"ParameterKey": name, "UsePreviousValue": True} for name in kept)]


def rendered(template: Mapping[str, Any]) -> str:
    """The template as JSON without spaces. Raises `DropmillError` above CloudFormation's limit.

    A body of up to `DIRECT_BYTES` can go along with the request, a larger one must lie in S3.
    """
    body = json.dumps(template, separators=(",", ":"))
    if len(body.encode()) > MAX_BYTES:
        raise DropmillError("the template is larger than CloudFormation takes", bytes=len(body.encode()))
    return body


def parse(text: str) -> dict[str, Any]:
    """A template in YAML; short intrinsic functions (`!Ref`) become their long forms."""
    document: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader's child
    return document


def _check(name: str, value: str, spec: Mapping[str, Any]) -> None:
    """As CloudFormation checks it: of a list, every entry."""
    for entry in value.split(",") if spec["Type"] == "CommaDelimitedList" else [value]:
        if complaint := _complaint(entry, spec):
            raise DropmillError(f"parameter {name} {complaint}, not {entry!r}")


def _complaint(value: str, spec: Mapping[str, Any]) -> str:
    allowed = [str(each) for each in spec.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"is one of {', '.join(allowed)}"
    if not re.fullmatch(spec.get("AllowedPattern", ".*"), value):
        return f"looks like {spec['AllowedPattern']}"
    if spec["Type"] == "Number" and not allowed:
        least, most = spec["MinValue"], spec["MaxValue"]
        if not value.isdecimal() or not least <= int(value) <= most:
            return f"is a number from {least} to {most}"
    return ""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML is untyped
    """YAML with CloudFormation's short forms, which become their long forms."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
