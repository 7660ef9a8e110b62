"""Who may do what: the secrets, and one narrow role for each function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import SecretStr

from chalicelib.bootstrap import Services
from chalicelib.deploy.configuration import secret_names
from chalicelib.deploy.doctor.findings import Finding, Severity, judged
from chalicelib.deploy.doctor.stage import Document, Stage, listed, statements, unless_absent
from chalicelib.deploy.facts import API_HANDLER
from chalicelib.errors import DropmillError
from chalicelib.settings import SecretReference, SecretSource, Settings

NEEDED = {"JWT_SECRET": 32}
"""Secrets that no stage can do without, and their least bytes (RFC 7518, section 3.2)."""
NETWORK = frozenset({"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface",
                     "ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"})
"""What a function in a VPC must be allowed on `*` (AWS Lambda, execution role for a VPC); the one exception."""


def secrets(stage: Stage) -> Iterator[Finding]:
    """The functions' secrets are references, can be read, and are long enough."""
    live = stage.function(API_HANDLER)
    if live is None:
        return
    variables = live.get("Environment", {}).get("Variables", {})
    for name in secret_names():
        value = str(variables.get(name, ""))
        if value or name in NEEDED:
            yield from _secret(stage, name, value)


def roles(stage: Stage) -> Iterator[Finding]:
    """Each function has its own role, which Lambda alone may take, and which names what it may touch."""
    for function in stage.functions:
        live = stage.function(function.name)
        if live is None:
            continue
        name = str(live["Role"]).rpartition("/")[2]
        own = stage.target.name(function.name)
        yield judged("role.own", stage.target.function(function.name), name == own,
                     f"it runs as {name}, not as its own role {own}", f"give it its role: {stage.deploy}")
        yield from _role(stage, name)


def _secret(stage: Stage, name: str, value: str) -> Iterator[Finding]:
    remedy = (f"aws ssm put-parameter --type SecureString --name {stage.target.parameter(name)} --value ..., then "
              f"{stage.deploy}")
    if not value:
        yield judged("secret.present", name, False, "it is not set", remedy)
        return
    reference = SecretReference.of(SecretStr(value))
    if reference is None:
        yield judged("secret.reference", name, False, "its value stands in the functions' environment, readable to "
                     "everybody who may look at a function", remedy, severity=Severity.WARN)
    wrong = ""
    try:
        content = _content(stage, name, value)
    except DropmillError as error:
        content, wrong = "", error.message
    yield judged("secret.present", name, bool(content), wrong or "it is empty", remedy)
    if content:
        least = NEEDED.get(name, 1)
        yield judged("secret.length", name, len(content.encode()) >= least, f"it is shorter than {least} bytes", remedy)
    if content and reference is not None and reference.source is SecretSource.SSM:
        found = stage.client("ssm").get_parameter(Name=reference.name, WithDecryption=False)["Parameter"]
        yield judged("secret.encrypted", name, found["Type"] == "SecureString", "the parameter is not a SecureString",
                     f"{remedy} (with --overwrite)", severity=Severity.WARN)


def _content(stage: Stage, name: str, value: str) -> str:
    """The secret as the functions read it, by the same code."""
    target = stage.target
    chosen = Settings.model_validate({name: value, "AWS_ENDPOINT_URL": target.endpoint, "AWS_REGION": target.region})
    alive = Services(chosen, session=target.session).settings
    field = next(key for key, each in Settings.model_fields.items() if each.alias == name)
    secret: SecretStr = getattr(alive, field)
    return secret.get_secret_value()


def _role(stage: Stage, name: str) -> Iterator[Finding]:
    iam = stage.client("iam")
    live = unless_absent(lambda: iam.get_role(RoleName=name)["Role"])
    if live is None:
        yield judged("role.exists", name, False, "the role is not there", f"make it: {stage.deploy}")
        return
    trusted = [principal for each in statements(live["AssumeRolePolicyDocument"])
               for principal in _principals(each)]
    yield judged("role.trust", name, trusted == ["lambda.amazonaws.com"],
                 f"others than Lambda may take the role: {', '.join(trusted)}", f"set it back: {stage.deploy}")
    wide = sorted({action for each in _granted(iam, name) for action in _too_wide(each)})
    yield judged("role.wildcard", name, not wide, f"allowed on everything: {', '.join(wide)}",
                 f"name the resources in .chalice/resources.yaml, then {stage.deploy}")


def _granted(iam: Any, role: str) -> Iterator[Document]:
    """All statements of a role's policies, its own and those that hang on it."""
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            yield from statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for each in page["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)["PolicyVersion"]
            yield from statements(found["Document"])


def _too_wide(statement: Document) -> Sequence[str]:
    """The actions of a statement that it allows on every resource, or that are themselves every action."""
    if statement.get("Effect") != "Allow":
        return ()
    actions = listed(statement.get("Action"))
    everywhere = "NotResource" in statement or "*" in listed(statement.get("Resource"))
    every = [action for action in actions if action == "*" or action.endswith(":*")]
    if "NotAction" in statement:
        return ("all but some",)
    return [*every, *(action for action in actions if everywhere and action not in NETWORK)]


def _principals(statement: Document) -> Iterator[str]:
    principal = statement.get("Principal", {})
    if isinstance(principal, str):
        yield principal
        return
    for each in principal.values():
        yield from listed(each)
