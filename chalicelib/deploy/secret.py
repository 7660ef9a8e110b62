"""The stage's secrets in the Parameter Store: the token key is made once, all others are a person's to put there."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from chalicelib.deploy.target import Target

JWT_SECRET = "JWT_SECRET"  # noqa: S105 - its name
_BYTES = 48


def ensure_token_key(target: Target) -> bool:
    """Make the key that tokens are signed with, if there is none; never change one. False when it was there."""
    client = target.client("ssm")
    try:
        client.put_parameter(Name=target.parameter(JWT_SECRET), Type="SecureString", Overwrite=False,
                             Value=secrets.token_urlsafe(_BYTES), Description="Signs the tokens of this stage")
    except client.exceptions.ParameterAlreadyExists:
        return False
    return True


def present(target: Target, names: Iterable[str]) -> tuple[str, ...]:
    """Which of the secrets the stage has."""
    wanted = {target.parameter(name): name for name in names}
    found = target.client("ssm").get_parameters(Names=list(wanted), WithDecryption=False)["Parameters"]
    return tuple(sorted(wanted[each["Name"]] for each in found))


def token_key(target: Target) -> str:
    """The key that tokens are signed with; for a smoke check."""
    found = target.client("ssm").get_parameter(Name=target.parameter(JWT_SECRET), WithDecryption=True)
    value: str = found["Parameter"]["Value"]
    return value


def remove_all(target: Target) -> int:
    """Delete every secret of the stage."""
    client = target.client("ssm")
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=target.parameter("").rstrip("/"),
                                                                    Recursive=True)
    names = [each["Name"] for page in pages for each in page["Parameters"]]
    for name in names:
        client.delete_parameter(Name=name)
    return len(names)
