"""One logger for all: JSON lines for machines in AWS, readable lines for people in local mode.

Messages are constant text, facts are fields. Fields that could hold personal data are masked by name. What a piece of
work is about (request, job, batch) is bound once and stands on every line below it, whoever writes it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.masking import masked_values

_STANDARD = {"level", "message", "timestamp", "service", "location", "stack_trace", "exception_name"}
_OURS = frozenset({"level", "timestamp", "service", "location"})
"""Fields that the logger itself fills, without anything from outside."""
_NOTHING: Mapping[str, Any] = {}
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=_NOTHING)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put `fields` on every line that is logged inside, beside those bound further out; empty ones are left out."""
    token = _bound.set({**_bound.get(), **{name: value for name, value in fields.items() if value != ""}})
    try:
        yield
    finally:
        _bound.reset(token)


def request_id() -> str:
    """The request that the present work goes back to; nothing where nobody bound one."""
    return str(_bound.get().get("request_id", ""))


class MaskingFormatter(LambdaPowertoolsFormatter):
    """JSON lines in which e-mail addresses and phone numbers are masked, wherever they turn up."""

    def serialize(self, log: Any) -> str:
        return super().serialize(_without_personal(log))


class TextFormatter(MaskingFormatter):
    """The same facts as one line a person can read."""

    def serialize(self, log: Any) -> str:
        told = _without_personal(log)
        fields = " ".join(f"{name}={value}" for name, value in told.items() if name not in _STANDARD and value)
        text = told.get("message")
        line = text if isinstance(text, str) else json.dumps(text, default=str)
        return f"{told.get('level', ''):<7} {line}  {fields}".rstrip()


def _without_personal(log: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name in _OURS else masked_values(value) for name, value in log.items()}


def _add_bound(record: logging.LogRecord) -> bool:
    for name, value in _bound.get().items():
        record.__dict__.setdefault(name, value)
    return True


def _logger() -> Logger:
    text = os.environ.get("LOG_FORMAT") == "text"
    made = Logger(service="dropmill", level=os.environ.get("LOG_LEVEL", "INFO"), stream=sys.stdout,
                  logger_formatter=TextFormatter() if text else MaskingFormatter())
    made.addFilter(_add_bound)
    if not text and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        made.append_keys(function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    return made


log = _logger()
logging.getLogger("botocore").setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote addresses, and some providers' hold a key
