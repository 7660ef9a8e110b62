"""What a piece of a function's cold start loads and costs, told from inside the process that does it.

Run by its path, isolated (`-I -S -B`), with an order in JSON on standard input and the answer in JSON on standard
output; imports nothing of ours before the clock runs, and nothing but the standard library at all. Like Lambda: code
can only be read, and only `/tmp` can be written. Unlike it: nothing can be reached over a network.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

API = "api_handler"
Event = dict[str, Any]


class AwsCalled(BaseException):
    """The function has got as far as its first request to AWS. Not an Exception, so that nobody handles it."""


def main() -> None:
    order = json.load(sys.stdin)
    answer = _channel()
    _stand_in_lambda(order)
    cpu, wall = time.process_time(), time.monotonic()
    told = {"imports": _imports, "function": _function, "functions": _functions}[order["what"]](order)
    cost = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall, "peak": _peak_megabytes(), "told": told,
            "modules": {name: getattr(module, "__file__", None) for name, module in [*sys.modules.items()]}}
    with answer:
        json.dump(cost, answer)


def _imports(order: Event) -> dict[str, str]:
    """Runs import statements; answers those that fail, with why."""
    failed = {}
    for statement in order["statements"]:
        try:
            exec(statement, {})  # noqa: S102 - statements of our own sources
        except Exception as error:
            failed[statement] = f"{type(error).__name__}: {error}"
    return failed


def _functions(_order: Event) -> list[str]:
    """Names of all functions that app.py declares, the API's first."""
    app = _app()
    return [API, *(each.name for each in [*app.event_sources, *app.pure_lambda_functions])]


def _function(order: Event) -> str:
    """Handles one event as the function would, up to its first request to AWS; then reads files where some are named,
    as the splitter does once it has them."""
    app = _app()
    services: Any = importlib.import_module("chalicelib.bootstrap").services()
    services._session = _RealClients() if order["clients"] else _NoClients()
    ending = _handled(app, order["name"])
    for file in order["files"]:
        for _ in services.pipelines[order["pipeline"]].read(file, os.path.basename(file), {}):  # noqa: PTH119
            pass
    return ending


def _app() -> Any:
    """The app of the package, which is not the one beside this file."""
    return importlib.import_module("app").app


def _handled(app: Any, name: str) -> str:
    try:
        answer = _handler(app, name)(_event(app, name), _Context())
    except AwsCalled:
        return "called AWS"
    if isinstance(answer, dict) and answer.get("statusCode", 200) >= 500:
        raise RuntimeError(f"{name} answered {answer}")
    return "answered"


def _handler(app: Any, name: str) -> Any:
    return app if name == API else app.handler_map[name]


def _event(app: Any, name: str) -> Event:
    kinds = {each.name: type(each).__name__ for each in app.event_sources}
    return _EVENTS[kinds.get(name, "Api" if name == API else "Plain")]


def _channel() -> Any:
    """The standard output for the answer alone; what the app logs goes to standard error."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answer


def _stand_in_lambda(order: Event) -> None:
    sys.path[:] = [*order["first"], *sys.path, *order["last"]]
    sealed = tuple(f"{folder}/" for folder in order["sealed"])
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            raise RuntimeError(f"connects to {arguments[1]} while it should only import")
        if event == "open" and isinstance(arguments[0], str) and arguments[2] and arguments[2] & writing:
            path = os.path.abspath(arguments[0]) + "/"  # noqa: PTH100 - pathlib is not loaded here, and would count
            if path.startswith(sealed) or not path.startswith(("/tmp/", "/dev/")):  # noqa: S108 - as on Lambda
                raise OSError(30, "Read-only file system", arguments[0])

    sys.addaudithook(watch)


def _peak_megabytes() -> float:
    """`VmHWM`, because `ru_maxrss` is inherited from the parent."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - see above
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


class _NoClients:
    """A session whose clients cost nothing and can do nothing."""

    def client(self, *_: Any, **__: Any) -> Any:
        return _NoClient()


class _NoClient:
    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            raise AwsCalled(name)

        return call


class _RealClients:
    """A session of boto3's whose requests end before they are sent."""

    def __init__(self) -> None:
        import boto3

        self._session = boto3.Session()
        self._session.events.register("before-send", self._stop)

    def client(self, *arguments: Any, **options: Any) -> Any:
        return self._session.client(*arguments, **options)

    def _stop(self, **_: Any) -> None:
        raise AwsCalled


class _Context:
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "probed"
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:probed"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


_EVENTS: dict[str, Event] = {
    "Api": {
        "httpMethod": "GET", "path": "/status", "resource": "/status", "body": None, "isBase64Encoded": False,
        "headers": {"Authorization": "Bearer a.b.c"}, "multiValueHeaders": {"Authorization": ["Bearer a.b.c"]},
        "queryStringParameters": None, "multiValueQueryStringParameters": None, "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": "/status", "path": "/api/status", "requestId": "probe",
                           "identity": {"sourceIp": "127.0.0.1"}},
    },
    "S3EventConfig": {"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2020-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": "probed"},
               "object": {"key": "uploads/leads/people.csv", "size": 10, "eTag": "0" * 32, "sequencer": "00",
                          "versionId": "v"}}}]},
    "SQSEventConfig": {"Records": [{
        "messageId": "m", "receiptHandle": "r", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "eventSource": "aws:sqs"}]},
    "ScheduledEventConfig": {"version": "0", "account": "000000000000", "region": "us-east-1", "detail": {},
                             "detail-type": "Scheduled Event", "source": "aws.events", "id": "i", "resources": [],
                             "time": "2020-01-01T00:00:00Z"},
    "Plain": {"jobId": "probed"},
}

if __name__ == "__main__":
    main()
