"""Which AWS calls every function makes, overheard while the functional suite runs, in the words of IAM.

Each botocore session of the process tells us of its calls through its event hooks. Whose call it is stands on the
stack: the place where a handler of app.py enters our code. A thread of a pool has no such frame; its call belongs to
the function that waits for the pool. Calls of the tests themselves belong to nobody.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import botocore

ENTRIES: Mapping[str, str] = {
    "chalicelib.api.edge.serve": "api_handler",
    "chalicelib.jobs.intake.objects_created": "object_created",
    "chalicelib.jobs.intake.object_created": "object_created",
    "chalicelib.jobs.splitter.Splitter.work": "split",
    "chalicelib.jobs.worker.Worker.work": "{self.pipeline.name}_worker",
    "chalicelib.jobs.worker.Worker._handled": "{self.pipeline.name}_worker",  # where its threads begin
    "chalicelib.jobs.control.process": "process_job",
    "chalicelib.api.tasks.TaskWorker.work": "run_task",
    "chalicelib.jobs.sweeper.Sweeper.sweep": "sweep",
    "chalicelib.jobs.reporting.DayReporter.report": "daily_report",
}
"""Where a handler enters our code -> its function in app.py, formatted with what that frame knows."""


class Call(NamedTuple):
    """What a function did, as its role must allow it. Of a key only the first part is kept, of an account nothing."""

    function: str
    action: str
    resource: str


_TESTS = str(Path(__file__).parents[1])

HEARD: set[Call] = set()
"""All calls of this process."""


def listen() -> None:
    """From now on every botocore session of this process tells of its calls."""
    botocore.register_initializer(_tap)


def _tap(session: Any) -> None:
    session.register("before-parameter-build", _called)
    session.register("before-sign.s3.PutObject", _form_made)
    session.register("after-call.s3", _answered)


def _called(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    """Also heard when a link is made, which is worth what its maker may do."""
    context["said"] = params
    if function := _running():
        service = model.service_model.service_name
        for action, resource in _needs(service, model.name, params):
            _note(function, f"{service}:{action}", resource)


def _form_made(request: Any, **_: Any) -> None:
    """A form for an upload calls nothing, but S3 lets it do what its maker may do."""
    fields = request.context.get("s3-presign-post-fields")
    if fields and (function := _running()):
        bucket = request.url.rstrip("/").rpartition("/")[2]
        _note(function, "s3:PutObject", _object(bucket, fields["key"]))


def _answered(http_response: Any, context: Mapping[str, Any], **_: Any) -> None:
    """Without `s3:ListBucket`, S3 answers 403 for an object that is not there, and we would not know it is absent."""
    if http_response.status_code == 404 and (function := _running()):
        _note(function, "s3:ListBucket", _bucket(context["said"]["Bucket"]))


ABSENT = "no-such-"
"""Begins the name of what a test makes a function ask for in vain; no role can be expected to allow it."""


def _note(function: str, action: str, resource: str) -> None:
    if ABSENT in resource:
        return
    HEARD.add(Call(function, action, re.sub(r"\d{12}", "0" * 12, resource)))


def _running() -> str:
    """The function on whose behalf this thread acts; nothing for a test itself."""
    here: FrameType | None = sys._getframe()
    while here and here.f_code.co_filename == __file__:
        here = here.f_back
    mine = _owner(here)
    if mine is not None:
        return mine
    gc.disable()  # a collection inside `_current_frames` may wait for a thread that waits for it
    try:
        others = {owner for frame in sys._current_frames().values() if (owner := _owner(frame))}
    finally:
        gc.enable()
    return others.pop() if len(others) == 1 else ""


def _owner(frame: FrameType | None) -> str | None:
    """The outermost entry below the test that plays Lambda, since a handler may pass another's entry.

    Nothing where a test comes first, None where nobody does: that is a thread of a pool.
    """
    found = None
    while frame:
        if frame.f_code.co_filename.startswith(_TESTS):
            return found or ""
        entry = ENTRIES.get(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
        found = entry.format(**frame.f_locals) if entry else found
        frame = frame.f_back
    return found


# --- operations in the words of IAM (Service Authorization Reference)

_UPLOADING = {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}
_LISTING = {"ListObjectsV2": "ListBucket", "HeadBucket": "ListBucket", "ListObjectVersions": "ListBucketVersions"}
_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
               "Get": "GetItem"}


def _needs(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    needs = {"dynamodb": _dynamodb, "s3": _s3, "sqs": _sqs, "ssm": _ssm, "secretsmanager": _secret, "sns": _sns}
    if service not in needs:
        yield operation, "unknown to tests/functional/calls.py"
        return
    yield from needs[service](operation, params)


def _dynamodb(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation.startswith("Transact"):
        for entry in params["TransactItems"]:
            for kind, action in entry.items():
                yield _TRANSACTED[kind], _table(action["TableName"])
    elif operation.startswith("Batch"):
        for table in params["RequestItems"]:
            yield operation, _table(table)
    else:
        yield operation, _table(params["TableName"], params.get("IndexName"))


def _s3(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bucket = params["Bucket"]
    if operation == "CreateBucket":
        return  # never called: botocore takes its shape for the address of a form
    if operation == "DeleteObjects":
        for entry in params["Delete"]["Objects"]:
            yield "DeleteObject" + ("Version" if "VersionId" in entry else ""), _object(bucket, entry["Key"])
    elif operation == "CopyObject":
        source, _, version = str(params["CopySource"]).partition("?versionId=")  # botocore has made it a header
        yield "GetObject" + ("Version" if version else ""), _object(*source.split("/", 1))
        yield "PutObject", _object(bucket, params["Key"])
    elif operation in _LISTING:
        yield _LISTING[operation], _bucket(bucket)
    elif "Key" not in params:
        yield operation, _bucket(bucket)
    else:
        action = {"HeadObject": "GetObject", **dict.fromkeys(_UPLOADING, "PutObject")}.get(operation, operation)
        yield action + ("Version" if params.get("VersionId") else ""), _object(bucket, params["Key"])


def _sqs(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who uses a queue's URL has asked for it; here perhaps another function did, in the same process."""
    name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
    for action in {"GetQueueUrl", operation.removesuffix("Batch")}:
        yield action, f"arn:aws:sqs:us-east-1:{0:012}:{name}"


def _ssm(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in params.get("Names") or [params["Name"]]:
        yield operation, f"arn:aws:ssm:us-east-1:{0:012}:parameter/{name.lstrip('/')}"


def _secret(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield operation, f"arn:aws:secretsmanager:us-east-1:{0:012}:secret:{params['SecretId']}-abcdef"


def _sns(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield operation, params["TopicArn"]


def _table(name: str, index: str | None = None) -> str:
    return f"arn:aws:dynamodb:us-east-1:{0:012}:table/{name}" + (f"/index/{index}" if index else "")


def _bucket(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _object(bucket: str, key: str) -> str:
    first, slash, _ = key.partition("/")
    return f"{_bucket(bucket)}/{first}{slash}" + ("..." if slash else "")
