"""What the template lets every function do, and whether that is what the function does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from chalicelib.local.access import Access
from chalicelib.local.template import read
from tests.architecture.sources import ROOT
from tests.functional.calls import Call

STAGE = "test"
ROLES = "dropmill-test-"
NOWHERE = Access(endpoint="http://127.0.0.1:1")

UNSEEN: Mapping[str, str] = {
    "logs:CreateLogStream": "Lambda writes the function's log with its role",
    "logs:PutLogEvents": "likewise",
    "sqs:ReceiveMessage": "Lambda's poller reads the queue with the function's role",
    "sqs:DeleteMessage": "likewise, after a success",
    "sqs:GetQueueAttributes": "likewise, before the first read",
    "ssm:GetParameters": "in most tests secrets are plain values",
    "secretsmanager:GetSecretValue": "likewise",
    "sns:Publish": "the topic is told only where a stage has one",
}
"""Actions that a role may allow although the functional suite makes no such call, and why."""


class Grant(NamedTuple):
    """One action on one resource (`*` and `?` stand for any letters) that a function's role allows."""

    function: str
    action: str
    resource: str


def grants() -> frozenset[Grant]:
    """All that the template allows to functions, in the account that calls are heard in."""
    roles = read(ROOT / ".chalice" / "resources.yaml", STAGE, NOWHERE, also={"AWS::IAM::Role"})
    return frozenset(grant for role in roles if role.type == "AWS::IAM::Role"
                     for grant in _granted(role.properties))


def problems(granted: Collection[Grant], heard: Iterable[Call]) -> list[str]:
    """What is missing or unused, each as a sentence that says what to change in the template."""
    calls = sorted(set(heard))
    missing = [f"{call.function} calls {call.action} on {call.resource}, which its role does not allow"
               for call in calls if not any(_covers(grant, call) for grant in granted)]
    unused = [f"{grant.function} never calls {grant.action} on {grant.resource}, which its role allows"
              for grant in sorted(granted)
              if grant.action not in UNSEEN and not any(_covers(grant, call) for call in calls)]
    return missing + unused


def statements(policy: Mapping[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """Actions and resources of every statement of a policy document."""
    for statement in policy["Statement"]:
        yield listed(statement["Action"]), listed(statement["Resource"])


def listed(value: Any) -> list[Any]:
    """What IAM takes alone or as a list."""
    return value if isinstance(value, list) else [value]


def _granted(role: Mapping[str, Any]) -> Iterator[Grant]:
    function = role["RoleName"].removeprefix(ROLES)
    for policy in role["Policies"]:
        for actions, resources in statements(policy["PolicyDocument"]):
            yield from (Grant(function, action, resource) for action in actions for resource in resources)


def _covers(grant: Grant, call: Call) -> bool:
    return grant.function == call.function and grant.action == call.action \
        and fnmatchcase(call.resource, grant.resource)
