"""A tiny Chalice app with one function for every habit that the pump must cope with."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import boto3
from chalice import Chalice, Rate

app = Chalice(app_name="sample")
BUCKET = os.environ["SAMPLE_BUCKET"]


def say(what: str, **facts: Any) -> None:
    """Leave a trace that the test can read: one object a call, never overwritten."""
    key = f"trace/{what}/{time.time_ns()}-{os.getpid()}.json"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(facts).encode())


@app.on_sqs_message(queue="sample-work", batch_size=4, maximum_concurrency=3)
def work(event: Any) -> Any:
    """Does what each body says and answers with the failures that it says."""
    records = event.to_dict()["Records"]
    say("work", bodies=[each["body"] for each in records], record=records[0], pid=os.getpid(),
        remaining=event.context.get_remaining_time_in_millis(), began=time.time())
    commands = [json.loads(each["body"]) for each in records]
    for command in commands:
        obey(command)
    say("done", bodies=[each["body"] for each in records], ended=time.time())
    if any("answer" in command for command in commands):
        return next(command["answer"] for command in commands if "answer" in command)
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]}
                                  for each, command in zip(records, commands, strict=True) if command.get("fail")]}


def obey(command: dict[str, Any]) -> None:
    time.sleep(command.get("sleep", 0))
    if command.get("raise"):
        raise RuntimeError("told to")
    if command.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if "eat" in command:
        hoard = bytearray(command["eat"] * 1024 * 1024)
        time.sleep(10)
        say("ate", size=len(hoard))


@app.on_sqs_message(queue="sample-windowed", batch_size=10, maximum_batching_window_in_seconds=1)
def windowed(event: Any) -> None:
    say("windowed", bodies=[each["body"] for each in event.to_dict()["Records"]])


@app.on_s3_event(bucket=BUCKET, events=["s3:ObjectCreated:*"], prefix="uploads/")
def created(event: Any) -> None:
    say("created", key=event.key, record=event.to_dict()["Records"][0])
    if "bad" in event.key:
        raise RuntimeError("told to")


@app.schedule(Rate(5, unit=Rate.MINUTES))
def tick(event: Any) -> None:
    say("tick", event=event.to_dict())
