"""Examines a live stage: is everything there, right, safe and watched, and if not, what is to be done.

It reads and changes nothing. Each check looks at one kind of thing and yields a finding for each; a thing that is
absent is told once, by the check of its existence, and left alone by the others.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from chalicelib.deploy import template as templates
from chalicelib.deploy.doctor import access, functions, queues, storage, watching
from chalicelib.deploy.doctor.findings import Finding, Severity
from chalicelib.deploy.doctor.stage import Document, Stage
from chalicelib.deploy.facts import FunctionFacts, function_facts
from chalicelib.deploy.target import DeployFailed, Target

__all__ = ["Finding", "Severity", "examine", "local_target", "main"]

Check = Callable[[Stage], Iterator[Finding]]

LOCAL: Sequence[Check] = (queues.existing, queues.settings, storage.bucket, storage.tables)
"""What local mode has as AWS has it; `chalicelib/local/template.py` says what it leaves out."""
IN_AWS: Sequence[Check] = (
    functions.existing, functions.drift, queues.protection, queues.sources, storage.bucket_protection,
    storage.arrivals, storage.recovery, access.secrets, access.roles, functions.schedules, watching.logs,
    watching.alarms, watching.listeners, functions.api)
LOCAL_STAGE = "local"
_WORDS = {Severity.OK: "ok  ", Severity.WARN: "WARN", Severity.FAIL: "FAIL", Severity.SKIP: "skip"}


def fetched(url: str) -> Document:
    """The JSON at an address. Raises OSError or ValueError."""
    with urllib.request.urlopen(url, timeout=40) as answer:  # noqa: S310 - the stage's own address
        body: dict[str, Any] = json.load(answer)
    return body


def examine(
    target: Target, *, facts: Sequence[FunctionFacts] | None = None, template: Document | None = None,
    fetch: Callable[[str], Document] = fetched,
) -> list[Finding]:
    """All findings on a stage, the good ones too. What should be there is what the sources say, unless it is given."""
    stage = Stage(target, function_facts(target.stage) if facts is None else facts,
                  templates.load(target.stage) if template is None else template, fetch)
    checks = LOCAL if target.stage == LOCAL_STAGE else (*LOCAL, *IN_AWS)
    findings = [finding for check in checks for finding in _guarded(check, stage)]
    if target.stage == LOCAL_STAGE:
        findings += [Finding(_name(check), Severity.SKIP, "local mode", f"not there locally: {_purpose(check)}",
                             "examine a deployed stage") for check in IN_AWS]
    return findings


def main(target: Target, *, as_json: bool = False, out: TextIO | None = None, **given: Any) -> int:
    """Examine and tell; 1 where anything fails. Good findings are counted, the others told one by one.

    `given` goes to `examine`.
    """
    out = out or sys.stdout
    findings = examine(target, **given)
    if as_json:
        out.write(json.dumps({"stage": target.stage, "findings": [each.as_json() for each in findings]}) + "\n")
    else:
        out.write("\n".join(_lines(target, findings)) + "\n")
    return int(any(each.severity is Severity.FAIL for each in findings))


def local_target(app: str, home: Path) -> Target:
    """The local stack that runs with its data in `home`. Raises `DeployFailed` where none has run."""
    import boto3

    try:
        told: Mapping[str, str] = json.loads((home / "local.json").read_text(encoding="utf-8"))
        session = boto3.Session(aws_access_key_id=told["accessKeyId"], region_name=told["region"],
                                aws_secret_access_key=told["secretAccessKey"])
        return Target(app, LOCAL_STAGE, told["region"], told["accessKeyId"], session, told["s3Endpoint"])
    except (OSError, ValueError, KeyError) as error:
        raise DeployFailed("no local stack has run here; start it with `make run`") from error


def _guarded(check: Check, stage: Stage) -> Iterator[Finding]:
    """What a check finds; where AWS does not let us look, that is a finding as well."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from check(stage)
    except ClientError as error:
        code = f"{error.operation_name}: {error.response.get('Error', {}).get('Code', '')}"
        yield Finding(_name(check), Severity.FAIL, stage.target.stage, f"cannot be examined: {code}",
                      "examine with a role that may read this stage's resources")
    except BotoCoreError as error:
        yield Finding(_name(check), Severity.FAIL, stage.target.stage, f"cannot be examined: {error}",
                      "look at the network, then try again")


def _lines(target: Target, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"{target.app} {target.stage} in {target.region}, account {target.account}"
    for each in findings:
        if each.severity is not Severity.OK:
            yield f"{_WORDS[each.severity]}  {each.id:<20} {each.subject}: {each.wrong}"
            yield f"      {each.remedy}"
    counts = {severity: sum(each.severity is severity for each in findings) for severity in Severity}
    yield ", ".join(f"{count} {severity.value}" for severity, count in counts.items() if count)


def _name(check: Check) -> str:
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


def _purpose(check: Check) -> str:
    text = (check.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return text[:1].lower() + text[1:]
