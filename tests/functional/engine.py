"""The engine in this process against the emulator on the wire: messages come one by one, in an order a test chooses."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import boto3
import botocore.session
import openpyxl
from botocore.loaders import create_loader

from chalicelib.adapters.dynamodb import from_item
from chalicelib.bootstrap import Services
from chalicelib.jobs import intake
from chalicelib.jobs.model import Job
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.jobs.splitter import Splitter
from chalicelib.jobs.worker import Worker
from chalicelib.settings import Settings

UPLOADED_AT = "2026-11-22T01:00:00.000Z"


class Time:
    """A clock that moves only when told; sleeping moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Context:
    """Lambda's context, as far as a handler looks at it."""

    def __init__(self, seconds: float = 60) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Engine:
    """One account of the emulator with all its services."""

    aws: Any
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.time = Time()
        chosen = {"PARTIAL_BATCH": "1", "DEADLINE_MARGIN_SECONDS": "0.3", "BACKOFF_BASE_SECONDS": "0",
                  "SWEEP_IDLE_SECONDS": "1", "LOG_LEVEL": "ERROR", **self.settings}
        self.services = Services(Settings(**{**self.aws.env, **chosen}), clock=self.time,
                                 sleep=lambda _: None, rng=random.Random(1), session=session_of(self.aws.env))
        self.sqs = self.aws.client("sqs")

    @property
    def leads(self) -> Pipeline:
        return self.services.pipelines["leads"]

    def drop(self, body: bytes, key: str = "uploads/leads/people.xlsx", at: str = UPLOADED_AT) -> Job:
        """Put an object and tell of it as S3 does; answers its job."""
        job = self.deliver(self.put(body, key, at))
        assert job is not None
        return job

    def announce(self, key: str, at: str = UPLOADED_AT) -> Job:
        """Tell of an object that is there."""
        job = self.deliver(self.event(key, at))
        assert job is not None
        return job

    def put(self, body: bytes, key: str = "uploads/leads/people.xlsx", at: str = UPLOADED_AT) -> dict[str, Any]:
        """Put an object; answers the event that S3 will send of it, some time, perhaps more than once."""
        self.services.blobs.put(key, body)
        return self.event(key, at)

    def event(self, key: str, at: str = UPLOADED_AT) -> dict[str, Any]:
        """The record of S3's event for the newest version of an object; the key is encoded as S3 does it."""
        head = self.services.blobs.head(key)
        assert head is not None
        return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": at, "s3": {
            "bucket": {"name": self.services.blobs.bucket}, "object": {
                "key": quote_plus(key, safe="/"), "size": head.size, "versionId": head.version_id, "eTag": "e",
                "sequencer": "1"}}}

    def deliver(self, record: Mapping[str, Any]) -> Job | None:
        """S3's event arrives; answers its job, if the object is an upload."""
        return self.services.call(intake.object_created, record=record)

    def split(self, context: Context | None = None, most: int = 100) -> int:
        """Serve the split queue until it is empty; answers how many messages came."""
        return self.serve("split", lambda records: self.services.splitter(context or Context()).work(records), most)

    def splitter(self, context: Context | None = None, **parts: Any) -> Splitter:
        """A splitter of its own, with `parts` (ledger, blobs, queues) in place of the real ones."""
        seconds = context or Context()
        return self.services.call(Splitter, remaining=lambda: seconds.get_remaining_time_in_millis() / 1000, **parts)

    def sweep(self) -> dict[str, int]:
        return self.services.sweeper().sweep()

    def work(self, pipeline: Pipeline | None = None, most: int = 1000, context: Context | None = None) -> int:
        """Serve the leads queue until it is empty (or `most` messages came)."""
        return self.serve("leads", lambda records: self.worker(pipeline, context).work(records), most)

    def worker(self, pipeline: Pipeline | None = None, context: Context | None = None) -> Worker:
        seconds = context or Context()
        return self.services.call(Worker, pipeline=pipeline or self.leads,
                                  remaining=lambda: seconds.get_remaining_time_in_millis() / 1000)

    def serve(self, queue: str, handle: Callable[[Sequence[Mapping[str, Any]]], Any], most: int) -> int:
        served = 0
        while served < most and (record := self.receive(queue)):
            answer = handle([record])
            failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
            if record["messageId"] not in failed:
                self.services.queues.delete(self.name(queue), record["receiptHandle"])
            served += 1
        return served

    def receive(self, queue: str) -> dict[str, Any] | None:
        """The next message as an SQS event's record; None when none is visible."""
        found = self.sqs.receive_message(QueueUrl=self.services.queues.url(self.name(queue)), MaxNumberOfMessages=1,
                                         WaitTimeSeconds=0, MessageSystemAttributeNames=["All"]).get("Messages")
        if not found:
            return None
        message = found[0]
        return {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message["Attributes"], "messageAttributes": {}, "eventSource": "aws:sqs"}

    def bodies(self, queue: str) -> list[str]:
        """Take all messages out of a queue."""
        bodies: list[str] = []
        url = self.services.queues.url(self.name(queue))
        while found := self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
            bodies += [message["Body"] for message in found]
            self.sqs.delete_message_batch(QueueUrl=url, Entries=[
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]} for place, message in enumerate(found)])
        return bodies

    def send(self, queue: str, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.services.queues.send_text(self.name(queue), text)

    def depth(self, queue: str) -> int:
        return self.services.queues.depth(self.name(queue)).total

    def name(self, queue: str) -> str:
        return self.services.settings.name(queue)

    def job(self, job_id: str) -> Job:
        job = self.services.ledger.job(job_id)
        assert job is not None
        return job

    def batches(self) -> dict[int, list[tuple[int, int]]]:
        """Take the batches out of the leads queue: the sheet and row of each item; a batch sent twice counts once."""
        return {message["batch_number"]: [(item["_sheet"], item["_row"]) for item in message["leads"]]
                for message in map(json.loads, self.bodies("leads"))}

    def spool(self, job: Job) -> list[str]:
        """What lies under the job's `work/`."""
        return list(self.services.blobs.keys(f"work/{job.job_id}/"))

    def kinds(self, job: Job) -> list[str]:
        """What happened to a job, in order."""
        return [event.kind for event in self.services.ledger.events(job.job_id).events]

    def table(self) -> list[dict[str, Any]]:
        """Every item of the leads table, in a fixed order."""
        pages = self.services.leads.client.get_paginator("scan").paginate(TableName=self.services.leads.table)
        return sorted((from_item(item) for page in pages for item in page["Items"]), key=lambda item: item["pk"])

    def stored(self) -> list[dict[str, Any]]:
        """The leads that a person sees."""
        return [item for item in self.table() if item["sk"] == "LEAD" and not item.get("gone")]

    def rejects(self, job: Job) -> list[tuple[str, int, str]]:
        return [(reject.worksheet, reject.row, reject.code)
                for detail in self.services.ledger.batches(job.job_id, job.batches_total)
                for reject in detail.entry.rejects]


class Killed(BaseException):
    """The process is gone: nothing that catches errors sees this."""


@dataclass
class Until:
    """Counts writes; the process dies just before write number `fatal`."""

    fatal: int
    seen: int = 0

    def write(self) -> None:
        self.seen += 1
        if self.seen == self.fatal:
            raise Killed


class Mortal:
    """An adapter whose writes are counted: everything else goes straight to the real one."""

    WRITES = frozenset({"create", "write", "finish_plan", "settle", "register_batch", "note_attempt", "set_chance",
                        "clear_chance", "add_event", "put", "delete_prefix", "send", "send_text", "send_many"})

    def __init__(self, real: Any, until: Until) -> None:
        self._real = real
        self._until = until

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self.WRITES:
            return found
        return partial(self._written, found)

    def _written(self, call: Callable[..., Any], *values: Any, **named: Any) -> Any:
        self._until.write()
        return call(*values, **named)

    def change(self, job_id: str, decide: Callable[[Job], Any]) -> Job:
        """The ledger's, whose one write is inside."""
        self._until.write()
        return self._real.change(job_id, decide)

    def send_many(self, queue: str, bodies: Sequence[str], *, group: str = "") -> None:
        """The queues', which are many calls: here two."""
        middle = len(bodies) // 2
        for half in (bodies[:middle], bodies[middle:]):
            self._until.write()
            self._real.send_many(queue, half, group=group)


def mortal(engine: Engine, fatal: int) -> dict[str, Any]:
    """Ledger, blobs and queues of a process that dies just before its write number `fatal`."""
    until = Until(fatal)
    real = engine.services
    return {"ledger": Mortal(real.ledger, until), "blobs": Mortal(real.blobs, until),
            "queues": Mortal(real.queues, until)}


_MODELS = create_loader()
"""boto3's models, read once for all tests: reading them costs more than a test does."""


def session_of(environment: Mapping[str, str]) -> boto3.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", _MODELS)
    return boto3.Session(
        botocore_session=core, region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])


def book(**sheets: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of these sheets, row by row."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    body = io.BytesIO()
    made.save(body)
    return body.getvalue()


def people(count: int, *, emails: int | None = None) -> list[list[str]]:
    """A header and `count` rows of good leads; `emails` different addresses among them."""
    header = ["First Name", "Last Name", "Email", "Phone", "Company"]
    return [header] + [["Ada", f"Byron{row}", f"p{row % (emails or count)}@example.com", "0412345678", f"Co {row}"]
                       for row in range(count)]
