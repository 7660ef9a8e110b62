"""The process that all function processes are forked from (`python -m chalicelib.local.zygote --control FD`).

It has the slow libraries imported, but not `app.py`: that is imported after the fork, in the environment of the one
function, as Lambda does it. A killed function process is so replaced in tens of milliseconds.

A request is a frame on the control socket, followed by two descriptors (channel, log); the answer is the new pid.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import queue
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from chalicelib.local import frames

_PRELOAD = (
    "aws_lambda_powertools.logging.formatter", "boto3.dynamodb.types", "botocore.session", "chalice", "chalice.local",
    "charset_normalizer", "email_validator", "jwt", "nameparser", "phonenumbers", "pydantic_settings", "s3transfer")


def main() -> None:
    """Fork on request until the parent is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    control = socket.socket(fileno=parser.parse_args().control)
    for name in _PRELOAD:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries our children
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while _parent_speaks(control):
        setup = frames.receive(control)
        _, (channel, log), _, _ = socket.recv_fds(control, 1, 2)
        pid = os.fork()
        if pid == 0:
            control.close()
            _become_function(setup, channel, log)
        os.close(channel)
        os.close(log)
        frames.send(control, pid)


def _parent_speaks(control: socket.socket) -> bool:
    """Wait for a request. False = the lifeline (standard input) or the control socket is closed."""
    ready, _, _ = select.select([0, control.fileno()], [], [])
    return 0 not in ready and bool(control.recv(1, socket.MSG_PEEK))


def _become_function(setup: Mapping[str, Any], channel: int, log: int) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(setup["environment"])
        os.chdir(setup["project"])
        sys.path.insert(0, setup["project"])
        _serve(setup, socket.socket(fileno=channel))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(setup: Mapping[str, Any], channel: socket.socket) -> None:
    """Import the app, say so, then answer one event after the other. Nothing of ours is imported before its app is."""
    events = _listen(channel)
    _install_faults()
    app = importlib.import_module(setup["module"])
    if not setup["function"]:
        frames.send(channel, _event_sources(app.app))
        return
    handler = app.app.handler_map[setup["function"]]
    frames.send(channel, "ready")
    while True:
        frames.send(channel, _answer(handler, setup, *events.get()))


def _listen(channel: socket.socket) -> queue.SimpleQueue[tuple[str, Any]]:
    """Events as they come. A thread of its own notices that the parent is gone even while the handler runs."""
    events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                events.put(frames.receive(channel))
        except EOFError:
            os._exit(0)

    threading.Thread(target=listen, name="channel", daemon=True).start()
    return events


def _answer(handler: Callable[[Any, Any], Any], setup: Mapping[str, Any], request_id: str, event: Any) -> Any:
    from chalice.local import LambdaContext

    context = LambdaContext(setup["function"], setup["memory"], max_runtime_ms=setup["timeout"] * 1000)
    context.aws_request_id = request_id
    try:
        value = handler(event, context)
        json.dumps(value)
    except BaseException as error:
        traceback.print_exc()
        return {"raised": f"{type(error).__name__}: {error}"}
    return {"value": value}


def _install_faults() -> None:
    if os.environ.get("FAULTS"):
        from chalicelib.local import faults

        faults.install(faults.parse(os.environ["FAULTS"]), os.environ.get("FAULTS_SEED", ""))


def _event_sources(app: Any) -> list[dict[str, Any]]:
    """What triggers which function: the decorators of `app.py` are the only source of it."""
    from chalice.app import S3EventConfig, ScheduledEventConfig, SQSEventConfig

    sources = []
    for each in app.event_sources:
        source: dict[str, Any] = {"function": each.name}
        if isinstance(each, SQSEventConfig):
            source |= {"kind": "sqs", "queue": each.queue or str(each.queue_arn).rpartition(":")[2],
                       "batch_size": each.batch_size, "window": each.maximum_batching_window_in_seconds,
                       "concurrency": each.maximum_concurrency or 0}
        elif isinstance(each, S3EventConfig):
            source |= {"kind": "s3", "bucket": each.bucket, "events": each.events, "prefix": each.prefix or "",
                       "suffix": each.suffix or ""}
        elif isinstance(each, ScheduledEventConfig):
            expression = each.schedule_expression
            source |= {"kind": "schedule",
                       "expression": expression if isinstance(expression, str) else expression.to_string()}
        else:
            source |= {"kind": type(each).__name__}
        sources.append(source)
    return sources


if __name__ == "__main__":
    main()
