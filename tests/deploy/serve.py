"""ministack as a process of the rehearsal's own environment: `python serve.py FD`, until its standard input closes.

It must import nothing of ours, because the functions that it runs see what it sees. It adds what ministack 1.5.33 lacks
or takes for something else than AWS does:
- the import of an API's routes (ImportRestApi, PutRestApi), by ministack's own importer of CloudFormation templates;
- alarms of metric math, kept as alarms of their first metric (their arithmetic has tests of its own);
- the resource that ssm:GetParameters is about, which it takes for `*`;
- batches of SQS: AWS knows no action sqs:SendMessageBatch, it asks for sqs:SendMessage;
- one unpacked copy of an archive for all workers, which have one each there (120 MB);
- the look of TLS, which the policies of bucket and queues ask for and a loopback port has not.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import apigateway_v1 as gateway
from ministack.services.cloudformation import provisioners

PARTS = (gateway._resources, gateway._authorizers_v1, gateway._models)


_alarm_record = provisioners._cw_metric_alarm_record


def _alarm_of_first_metric(name: str, properties: Any) -> Any:
    first = next((each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each), {})
    return _alarm_record(name, {**properties, **first, "Metrics": None})


_resource_arn = iam_actions.extract_resource_arn


def _resource_of_parameters(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> Any:
    names = json.loads(body).get("Names") if service == "ssm" and body else None
    one = json.dumps({"Name": names[0]}).encode() if names else body  # ours all lie below the same path
    return _resource_arn(service, method, path, headers, one, *more)


_iam_action = iam_actions.extract_iam_action


def _action_of_batch(service: str, *more: Any) -> Any:
    action = _iam_action(service, *more)
    return action.removesuffix("Batch") if service == "sqs" and action else action


_pin_origin = iam_evaluator.pin_request_origin


def _pin_as_if_encrypted(address: str, secure_transport: bool) -> None:
    _pin_origin(address, True)


ministack.pin_request_origin = _pin_as_if_encrypted
class UnpackedOnce(zipfile.ZipFile):
    """An archive that is unpacked the first time and linked to afterwards."""

    def extractall(self, path: Any = None, *_: Any) -> None:
        held = hashlib.sha256(repr([(each.filename, each.CRC) for each in self.infolist()]).encode()).hexdigest()
        shared = Path(tempfile.gettempdir()) / f"unpacked-{held}"
        with _UNPACKING:
            if not shared.exists():
                super().extractall(f"{shared}.part")
                Path(f"{shared}.part").rename(shared)
        Path(path).rmdir()
        Path(path).symlink_to(shared)


_UNPACKING = threading.Lock()
lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": UnpackedOnce})
provisioners._cw_metric_alarm_record = _alarm_of_first_metric
iam_actions.extract_iam_action = _action_of_batch
iam_actions.extract_resource_arn = _resource_of_parameters


async def application(scope: Any, receive: Any, send: Any) -> None:
    """ministack's application behind the two routes that it lacks."""
    if scope["type"] == "http" and (answer := _added(scope)):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, told = answer(json.loads(body))
        await send({"type": "http.response.start", "status": status,
                    "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})
        return
    await ministack.app(scope, receive, send)


def _added(scope: Any) -> Any:
    query = parse_qs(scope["query_string"].decode())
    parts = scope["path"].strip("/").split("/")
    if scope["method"] == "POST" and parts == ["restapis"] and query.get("mode") == ["import"]:
        return lambda spec: (201, _view(gateway._import_rest_api(spec)))
    if scope["method"] == "PUT" and len(parts) == 2 and parts[0] == "restapis":
        return lambda spec: (200, _overwrite(parts[1], spec))
    return None


def _overwrite(api: str, spec: Any) -> Any:
    """As AWS does with mode=overwrite: everything anew, also the gateway's own answers; only the id stays."""
    new = gateway._import_rest_api(spec)
    for part in PARTS:
        part[api] = part[new]
    gateway._gateway_responses[api] = {}
    gateway._delete_rest_api(new)
    return _view(api)


def _view(api: str) -> Any:
    return gateway._rest_api_view(gateway._rest_apis[api])


async def main() -> None:
    config = Config()
    config.bind = [f"fd://{sys.argv[1]}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.3
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_parent() -> None:
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_parent, daemon=True).start()
    await serve(application, config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    asyncio.run(main())
