"""Reads `.chalice/resources.yaml` for one stage, with every intrinsic function resolved.

Only what the template uses is known; anything else is an error, because a construct that is silently ignored locally
would be a bug that only a deployment shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.deploy.template import parse
from chalicelib.local.access import Access

NOT_LOCAL = frozenset({
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Role",
    "AWS::IAM::ManagedPolicy",
    "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
})
"""Types that watch or guard the others; an emulator has nobody to watch or to guard against."""


class TemplateError(Exception):
    """The template says something that local mode cannot build."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource with every intrinsic function resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]


def read(path: Path, stage: str, access: Access, *, also: Collection[str] = ()) -> tuple[Resource, ...]:
    """The resources of the template at `path` for `stage`, of the types in `NOT_LOCAL` only those named in `also`.

    Raises `TemplateError` on what it does not know.
    """
    return _Resolver(_parsed(path.read_text(encoding="utf-8")), stage, access).resources(NOT_LOCAL - set(also))


_parsed = lru_cache(maxsize=2)(parse)
"""Parsing takes longer than making everything that the template says; the resolver changes nothing of it."""


_NOTHING = object()
_SECTIONS = frozenset({"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions",
                       "Resources", "Outputs"})


class _Resolver:
    """Intrinsic functions, as far as the template uses them."""

    def __init__(self, document: Mapping[str, Any], stage: str, access: Access) -> None:
        strange = set(document) - _SECTIONS
        if strange:
            raise TemplateError(f"unknown sections: {', '.join(sorted(strange))}")
        self._document = document
        self._access = access
        self._values: dict[str, Any] = {
            "AWS::AccountId": access.account, "AWS::Region": access.region, "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": f"local-{stage}", "AWS::NoValue": _NOTHING,
            **{name: self._parameter(name, spec, stage) for name, spec in document.get("Parameters", {}).items()}}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref, "Fn::GetAtt": self._get_att, "Fn::Sub": self._sub, "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if, "Fn::Equals": self._equals, "Fn::Not": self._not, "Fn::And": self._and,
            "Fn::Or": self._or, "Fn::Join": self._join, "Condition": self._condition}

    def resources(self, without: Collection[str]) -> tuple[Resource, ...]:
        return tuple(Resource(name, spec["Type"], self._resolve(spec.get("Properties", {})))
                     for name, spec in self._document["Resources"].items()
                     if spec["Type"] not in without and self._wanted(spec))

    @staticmethod
    def _parameter(name: str, spec: Mapping[str, Any], stage: str) -> Any:
        value = stage if name == "Stage" else spec.get("Default")
        if value is None:
            raise TemplateError(f"parameter {name} has no default")
        if "AllowedValues" in spec and value not in spec["AllowedValues"]:
            raise TemplateError(f"parameter {name} does not allow {value!r}")
        if spec["Type"] == "CommaDelimitedList":
            return str(value).split(",")
        return int(value) if spec["Type"] == "Number" else str(value)

    def _wanted(self, spec: Mapping[str, Any]) -> bool:
        return "Condition" not in spec or self._condition(spec["Condition"])

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolve, value) if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        name = next(iter(value), "")
        if len(value) == 1 and (name.startswith("Fn::") or name in ("Ref", "Condition")):
            if name not in self._functions:
                raise TemplateError(f"local mode does not know {name}")
            return self._functions[name](value[name])
        resolved = {key: self._resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind, physical = self._physical(name)
        if kind == "AWS::SQS::Queue":
            return f"{self._access.endpoint}/{self._access.account}/{physical}"
        if kind == "AWS::SNS::Topic":
            return f"arn:aws:sns:{self._access.region}:{self._access.account}:{physical}"
        return physical

    def _get_att(self, argument: Sequence[str]) -> str:
        name, attribute = argument
        kind, physical = self._physical(name)
        where = f"{self._access.region}:{self._access.account}"
        known = {
            ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{where}:{physical}",
            ("AWS::SQS::Queue", "QueueName"): physical,
            ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{where}:table/{physical}",
            ("AWS::S3::Bucket", "Arn"): f"arn:aws:s3:::{physical}"}
        if (kind, attribute) not in known:
            raise TemplateError(f"local mode does not know {attribute} of {name} ({kind})")
        return known[kind, attribute]

    def _physical(self, logical_id: str) -> tuple[str, str]:
        spec = self._document["Resources"].get(logical_id)
        if spec is None:
            raise TemplateError(f"{logical_id} is neither a parameter nor a resource")
        key = _NAME_PROPERTIES.get(spec["Type"])
        if key is None or key not in spec.get("Properties", {}):
            raise TemplateError(f"{logical_id} has no name of its own that could be referred to")
        return spec["Type"], str(self._resolve(spec["Properties"][key]))

    def _sub(self, argument: Any) -> str:
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in extra:
                return str(self._resolve(extra[name]))
            return str(self._get_att(name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _find_in_map(self, argument: Sequence[Any]) -> Any:
        table, first, second = (self._resolve(each) for each in argument)
        try:
            return self._document["Mappings"][table][first][second]
        except KeyError as error:
            raise TemplateError(f"the mapping {table} has no {first}/{second}") from error

    def _if(self, argument: Sequence[Any]) -> Any:
        condition, yes, no = argument
        return self._resolve(yes if self._condition(condition) else no)

    def _condition(self, name: str) -> bool:
        try:
            return bool(self._resolve(self._document["Conditions"][name]))
        except KeyError as error:
            raise TemplateError(f"there is no condition {name}") from error

    def _equals(self, argument: Sequence[Any]) -> bool:
        first, second = (self._resolve(each) for each in argument)
        return bool(str(first) == str(second))

    def _not(self, argument: Sequence[Any]) -> bool:
        return not self._resolve(argument[0])

    def _and(self, argument: Sequence[Any]) -> bool:
        return all(self._resolve(each) for each in argument)

    def _or(self, argument: Sequence[Any]) -> bool:
        return any(self._resolve(each) for each in argument)

    def _join(self, argument: Sequence[Any]) -> str:
        separator, parts = argument
        return str(separator).join(str(each) for each in self._resolve(parts))


_NAME_PROPERTIES = {"AWS::S3::Bucket": "BucketName", "AWS::SQS::Queue": "QueueName",
                    "AWS::DynamoDB::Table": "TableName", "AWS::SNS::Topic": "TopicName"}
