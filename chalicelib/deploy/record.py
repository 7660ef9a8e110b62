"""What Chalice made for a stage: the `.chalice/deployed/<stage>.json` that it writes, found again from AWS itself.

Chalice writes that file only when a deployment went through, and without it makes a second API and a second mapping of
each queue (aws/chalice#2146). So the file is rebuilt before every deployment from what really exists, on top of the
copy that the last deployment left; a first half that failed, another machine, or a lost file do no harm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib.deploy.artefacts import Artefacts
from chalicelib.deploy.facts import API_HANDLER, FunctionFacts
from chalicelib.deploy.target import Target

Resources = dict[str, dict[str, str]]
"""Chalice's entries by its resource names."""


def restore(target: Target, artefacts: Artefacts, facts: Iterable[FunctionFacts], folder: Path) -> int:
    """Write the record into the rendered project; answers how many things it knows."""
    entries = list(found(target, facts, saved(target, artefacts)).values())
    file = _file(folder, target)
    if not entries:
        file.unlink(missing_ok=True)
        return 0
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"resources": entries, "schema_version": "2.0", "backend": "api"}, indent=2))
    return len(entries)


def save(target: Target, artefacts: Artefacts, folder: Path) -> None:
    """Keep what Chalice wrote where every machine finds it."""
    artefacts.put(_key(target), _file(folder, target).read_bytes())


def saved(target: Target, artefacts: Artefacts) -> Resources:
    """What the last deployment left; nothing before the first one."""
    body = artefacts.get(_key(target)) if artefacts.exists() else None
    return {each["name"]: each for each in json.loads(body)["resources"]} if body else {}


def found(target: Target, facts: Iterable[FunctionFacts], known: Mapping[str, dict[str, str]]) -> Resources:
    """`known` where it is still true, corrected and completed by what exists.

    Entries of functions that `app.py` no longer has stay: Chalice removes what is recorded and no longer wanted.
    """
    from botocore.exceptions import ClientError

    client = target.client("lambda")
    entries: Resources = dict(known)
    for fact in facts:
        for name in _names(fact):
            entries.pop(name, None)
        try:
            arn = client.get_function(FunctionName=target.function(fact.name))["Configuration"]["FunctionArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            continue
        entries |= {each["name"]: each for each in _entries(target, client, fact, arn)}
    entries.pop("rest_api", None)
    api = find_api(target, known.get("rest_api", {}).get("rest_api_id", ""))
    if api:
        entries["rest_api"] = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": api,
                               "rest_api_url": target.api_url(api) + "/"}
    return entries


def find_api(target: Target, known: str = "") -> str:
    """The id of the stage's REST API: `known` if it is one, else the one that calls our function; empty = none."""
    client = target.client("apigateway")
    pages = client.get_paginator("get_rest_apis").paginate()
    candidates = [each["id"] for page in pages for each in page["items"] if each["name"] == target.app]
    candidates.sort(key=lambda each: each != known)
    return next((each for each in candidates if each == known or _calls_us(client, each, target)), "")


def mappings(client: Any, function: str) -> list[dict[str, Any]]:
    """All event source mappings of a function that are not on their way out."""
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    return [each for page in pages for each in page["EventSourceMappings"] if each.get("State") != "Deleting"]


def _calls_us(client: Any, api: str, target: Target) -> bool:
    ours = f":function:{target.function(API_HANDLER)}/invocations"
    pages = client.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
    resources = [each for page in pages for each in page["items"]]
    return any(ours in (method.get("methodIntegration") or {}).get("uri", "")
               for each in resources for method in each.get("resourceMethods", {}).values())


def _names(fact: FunctionFacts) -> tuple[str, ...]:
    """All names that Chalice may have recorded something of the function under (`deploy/appgraph.py`)."""
    return (fact.name, *(f"{fact.name}{suffix}" for suffix in ("-s3event", "-sqs-event-source", "-event")))


def _entries(target: Target, client: Any, fact: FunctionFacts, arn: str) -> Iterator[dict[str, str]]:
    yield {"name": fact.name, "resource_type": "lambda_function", "lambda_arn": arn}
    if fact.prefix is not None:
        yield {"name": f"{fact.name}-s3event", "resource_type": "s3_event", "bucket": target.data_bucket,
               "lambda_arn": arn}
    if fact.schedule is not None:
        yield {"name": f"{fact.name}-event", "resource_type": "cloudwatch_event",
               "rule_name": target.name(f"{fact.name}-event")}
    if fact.queue is not None:
        queue_arn = target.queue_arn(fact.queue)
        ours = [each for each in mappings(client, arn) if each["EventSourceArn"] == queue_arn]
        if ours:
            yield {"name": f"{fact.name}-sqs-event-source", "resource_type": "sqs_event", "queue_arn": queue_arn,
                   "event_uuid": ours[0]["UUID"], "queue": target.name(fact.queue), "lambda_arn": arn}


def _key(target: Target) -> str:
    return f"deployed/{target.stage}.json"


def _file(folder: Path, target: Target) -> Path:
    return folder / ".chalice" / "deployed" / f"{target.stage}.json"
