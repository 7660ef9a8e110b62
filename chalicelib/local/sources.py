"""What triggers which function, as the decorators of `app.py` say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

DEFAULT_CONCURRENCY = 5
"""Batches at the same time where the decorator sets no maximum; Lambda, too, begins with five pollers."""


@dataclass(frozen=True, slots=True)
class QueueSource:
    """`@app.on_sqs_message`; `window` in seconds."""

    function: str
    queue: str
    batch_size: int
    window: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class BucketSource:
    """`@app.on_s3_event`."""

    function: str
    bucket: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    @property
    def queue(self) -> str:
        """The internal queue between bucket and function: durable, as Lambda's own for asynchronous events."""
        return f"local-s3-{self.function}"


@dataclass(frozen=True, slots=True)
class ScheduleSource:
    """`@app.schedule`."""

    function: str
    expression: str


Source: TypeAlias = QueueSource | BucketSource | ScheduleSource


def read_sources(described: Iterable[Mapping[str, Any]]) -> tuple[Source, ...]:
    """Sources from what the app says of itself. Raises `ValueError` for a kind that local mode does not drive."""
    return tuple(_source(each) for each in described)


def _source(each: Mapping[str, Any]) -> Source:
    if each["kind"] == "sqs":
        return QueueSource(each["function"], each["queue"], each["batch_size"], each["window"],
                           each["concurrency"] or DEFAULT_CONCURRENCY)
    if each["kind"] == "s3":
        return BucketSource(each["function"], each["bucket"], tuple(each["events"]), each["prefix"], each["suffix"])
    if each["kind"] == "schedule":
        return ScheduleSource(each["function"], each["expression"])
    raise ValueError(f"local mode does not drive {each['kind']} of {each['function']}")
