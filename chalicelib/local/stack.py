"""Emulator, resources, functions and pump of one stage, as one thing to start and stop: `make run` without the people.

Tests use it as a library: `with Stack("test", endpoint=..., account=..., faults="crash:after_write@0.05") as stack`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.local import events, faults
from chalicelib.local.access import LOCAL_ACCOUNT, Access
from chalicelib.local.clockwork import Clockwork
from chalicelib.local.emulator import Emulator
from chalicelib.local.functions import FunctionPool, Result, Zygote, read_functions
from chalicelib.local.processes import PROJECT, Say, Stream
from chalicelib.local.pump import S3_ATTEMPTS, Pump
from chalicelib.local.resources import Built, build
from chalicelib.local.sources import BucketSource, QueueSource, ScheduleSource, read_sources
from chalicelib.local.template import Resource, read


class Stack:
    """A running stage.

    `data` keeps the emulator's state between runs; with `endpoint` a running emulator serves instead, and `account`
    (twelve digits) tells the users of one apart. `environment` is added to what every function sees. `schedules`
    False fires none; `every` overrides their periods in seconds. `zygote` may be shared between stacks, which then
    start in a fraction of a second.
    """

    def __init__(self, stage: str, *, data: Path | None = None, endpoint: str = "", account: str = LOCAL_ACCOUNT,
                 environment: Mapping[str, str] | None = None, project: Path = PROJECT, module: str = "app",
                 fault: str = "", seed: str = "0", schedules: bool = True, every: Mapping[str, float] | None = None,
                 zygote: Zygote | None = None, port: int = 0, say: Say | None = None) -> None:
        self._stage = stage
        self._project = project
        self._module = module
        self._account = account
        self._environment = dict(environment or {})
        self._faults = faults.parse(fault)
        self._fault_text = fault
        self._seed = seed
        self._schedules = schedules
        self._every = every
        self._say = say or Stream()
        self._endpoint = endpoint
        self._emulator = None if endpoint else Emulator(data, port=port, say=self._say)
        self._own_zygote = zygote is None
        self._zygote = zygote
        self._pool: FunctionPool | None = None
        self._pump: Pump | None = None
        self._clockwork: Clockwork | None = None
        self.access: Access
        self.built: Built

    def start(self) -> Stack:
        """Start everything; on any failure, end what was started."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, grace: float = 3.0) -> None:
        """End everything; batches that run get `grace` seconds to end by themselves."""
        if self._clockwork:
            self._clockwork.stop()
        if self._pump:
            self._pump.stop(grace)
        if self._pool:
            self._pool.close()
        if self._zygote and self._own_zygote:
            self._zygote.stop()
        if self._emulator:
            self._emulator.stop()

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What the functions see beside their own variables; good for a process that wants to speak with the stack."""
        found = {**self._environment, **self.access.environment, "STAGE": self._stage}
        return found | ({"FAULTS": self._fault_text, "FAULTS_SEED": self._seed} if self._fault_text else {})

    def function_environment(self, function: str) -> dict[str, str]:
        """All variables of one function, as Lambda would set them."""
        assert self._pool, "the stack is not running"
        return self._pool.environment(function)

    @property
    def alive(self) -> bool:
        """Whether the emulator and the parent of the functions still run."""
        return (self._emulator is None or self._emulator.alive) and (self._zygote is None or self._zygote.alive)

    def invoke(self, function: str, event: Any = None) -> Result:
        """Call a function directly; without an event, as its schedule would."""
        assert self._pool, "the stack is not running"
        if event is None:
            event = events.scheduled_event(function, self._account, self.access.region, datetime.now(UTC))
        return self._pool.invoke(function, event)

    def backlog(self) -> int:
        """Messages that are waiting, delayed, held back or being worked on; dead letters do not count."""
        assert self._pump, "the stack is not running"
        busy = self._pump.busy
        sqs = self.access.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            if not url.endswith("-dlq"):
                attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
                busy += sum(int(value) for name, value in attributes.items()
                            if name.startswith("ApproximateNumberOfMessages"))
        return busy

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is left to do. False when `timeout` seconds were not enough."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.backlog():
                return True
            time.sleep(0.05)
        return False

    def _start(self) -> None:
        if self._emulator:
            self._endpoint = self._emulator.start().endpoint
        self.access = Access(self._endpoint, self._account)
        self._zygote = self._zygote or Zygote(self._say)
        self.built = build(read(self._project / ".chalice" / "resources.yaml", self._stage, self.access), self.access)
        self._pool = FunctionPool(self._zygote, read_functions(self._project, self._stage), self.environment,
                                  self._say, project=self._project, module=self._module)
        sources = read_sources(self._pool.event_sources())
        buckets = [each for each in sources if isinstance(each, BucketSource)]
        self._connect_buckets(buckets)
        self._announce_lost_objects(buckets)
        self._pump = Pump(self._pool, self.access,
                          [each for each in sources if isinstance(each, (QueueSource, BucketSource))], self._say,
                          faults=self._faults, seed=self._seed)
        clocks = [each for each in sources if isinstance(each, ScheduleSource)] if self._schedules else []
        self._clockwork = Clockwork(clocks, self.invoke, self._every)
        self._pump.start()
        self._clockwork.start()

    def _connect_buckets(self, sources: list[BucketSource]) -> None:
        """Buckets notify internal queues; the pump empties them into the functions."""
        assert self._pool
        for source in sources:
            timeout = self._pool.spec(source.function).timeout
            build(_internal_queue(source.queue, timeout + 10, self.access), self.access)
        for bucket in {each.bucket for each in sources}:
            configurations = [_notification(each, self.access) for each in sources if each.bucket == bucket]
            self.access.client("s3").put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations})

    def _announce_lost_objects(self, sources: list[BucketSource]) -> None:
        """After a crash there may be objects newer than the rest of the state: their events were lost, send them."""
        since = self._emulator.restored_until if self._emulator else None
        if since is None:
            return
        s3, sqs = self.access.client("s3"), self.access.client("sqs")
        for source in sources:
            url = sqs.get_queue_url(QueueName=source.queue)["QueueUrl"]
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=source.bucket, Prefix=source.prefix)
            for found in (each for page in pages for each in page.get("Versions", [])):
                if found["IsLatest"] and found["LastModified"] >= since and found["Key"].endswith(source.suffix):
                    event = events.s3_event(source.bucket, found, self.access.region)
                    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))


def _internal_queue(name: str, visibility: int, access: Access) -> list[Resource]:
    arn = f"arn:aws:sqs:{access.region}:{access.account}:{name}-dlq"
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": S3_ATTEMPTS}
    return [Resource("DeadLetters", "AWS::SQS::Queue", {"QueueName": f"{name}-dlq"}),
            Resource("Queue", "AWS::SQS::Queue",
                     {"QueueName": name, "VisibilityTimeout": visibility, "RedrivePolicy": redrive})]


def _notification(source: BucketSource, access: Access) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": source.prefix}, {"Name": "suffix", "Value": source.suffix}]
    return {"Id": source.function, "Events": list(source.events),
            "QueueArn": f"arn:aws:sqs:{access.region}:{access.account}:{source.queue}",
            "Filter": {"Key": {"FilterRules": [rule for rule in rules if rule["Value"]]}}}
