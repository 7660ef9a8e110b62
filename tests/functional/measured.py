"""What functions said about themselves: the metric lines and the log lines that they wrote."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.logs import MaskingFormatter, log


@dataclass(frozen=True)
class Point:
    """One value of a metric, as CloudWatch would read it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    value: float
    seconds: float


class Lines:
    """Reads metric lines off the standard output of this process, as CloudWatch reads a function's log."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def read(self) -> list[Point]:
        """What was written since the last time."""
        lines = [json.loads(line) for line in self._capture.readouterr().out.splitlines() if line.startswith("{")]
        return [point for line in lines if "_aws" in line for point in points(line)]

    def sums(self) -> Counter[str]:
        """The sum of each metric since the last time, whatever it is about."""
        totals: Counter[str] = Counter()
        for point in self.read():
            totals[point.name] += point.value  # type: ignore[assignment]
        return totals


def points(line: Mapping) -> Iterator[Point]:
    """The points of one line of the embedded metric format."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in directive["Metrics"]:
                for value in line[metric["Name"]]:
                    yield Point(directive["Namespace"], metric["Name"], dimensions, value,
                                line["_aws"]["Timestamp"] / 1000)


@contextmanager
def records() -> Iterator[list[dict[str, Any]]]:
    """What is logged inside, each line as it is written."""
    written: list[dict[str, Any]] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(MaskingFormatter().format(record)))

    keeper, level = Keeper(), log.log_level
    log.addHandler(keeper)
    log.setLevel("DEBUG")
    try:
        yield written
    finally:
        log.removeHandler(keeper)
        log.setLevel(level)
