"""What the app measures about itself: gathered while a function runs, written when its invocation ends.

Metrics leave as CloudWatch's embedded metric format, one line a set of dimensions, on standard output: no request, no
waiting, and they survive an invocation that fails. Alarms and the dashboard name metrics by the members of `Metric`.

Each name with each value of its dimensions is a metric that AWS bills by the month, so there is one dimension beside
the stage and no more: what the figure is about (pipeline, provider or function). The function that measured is a plain
field of each line, which costs nothing and can be searched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

NAMESPACE = "Dropmill"


class Metric(StrEnum):
    """Every metric, with its unit and the dimension that it has beside the stage."""

    unit: str
    about: str

    def __new__(cls, name: str, unit: str, about: str) -> Metric:
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit = unit
        member.about = about
        return member

    ROWS_NEW = "RowsNew", "Count", "Pipeline"
    ROWS_UPDATED = "RowsUpdated", "Count", "Pipeline"
    ROWS_UNCHANGED = "RowsUnchanged", "Count", "Pipeline"
    ROWS_SUPERSEDED = "RowsSuperseded", "Count", "Pipeline"
    ROWS_REJECTED = "RowsRejected", "Count", "Pipeline"
    ROWS_FAILED = "RowsFailed", "Count", "Pipeline"
    BATCHES_DONE = "BatchesDone", "Count", "Pipeline"
    BATCHES_FAILED = "BatchesFailed", "Count", "Pipeline"
    BATCH_SECONDS = "BatchSeconds", "Seconds", "Pipeline"
    HAND_BACKS = "HandBacks", "Count", "Pipeline"
    SPLIT_SECONDS = "SplitSeconds", "Seconds", "Pipeline"
    JOBS_COMPLETED = "JobsCompleted", "Count", "Pipeline"
    JOBS_ERRORED = "JobsErrored", "Count", "Pipeline"
    JOB_SECONDS = "JobSeconds", "Seconds", "Pipeline"
    COST_USD = "CostUsd", "None", "Pipeline"
    PROVIDER_CALLS = "ProviderCalls", "Count", "Provider"
    PROVIDER_FAILURES = "ProviderFailures", "Count", "Provider"
    PROVIDER_BLOCKED = "ProviderBlocked", "Count", "Provider"
    PROVIDER_THROTTLED = "ProviderThrottled", "Count", "Provider"
    PROMPT_TOKENS = "PromptTokens", "Count", "Provider"
    COMPLETION_TOKENS = "CompletionTokens", "Count", "Provider"
    MESSAGES_FAILED = "MessagesFailed", "Count", "Function"
    SWEEPS = "Sweeps", "Count", ""
    SWEEP_FINDINGS = "SweepFindings", "Count", ""
    OPEN_JOBS = "OpenJobs", "Count", ""
    OLDEST_JOB_SECONDS = "OldestJobSeconds", "Seconds", ""
    REQUESTS = "Requests", "Count", ""
    REQUEST_ERRORS = "RequestErrors", "Count", ""


Values = Mapping[Metric, list[float]]
Write = Callable[[Mapping[str, str], Values], None]


class Metrics:
    """Gathers values until `flush`. Threads may share one. Without `write` nothing is kept and nothing is written."""

    def __init__(self, stage: str = "", write: Write | None = None) -> None:
        self._stage = stage
        self._write = write
        self._lock = threading.Lock()
        self._gathered: dict[tuple[str, str], dict[Metric, list[float]]] = {}

    def count(self, metric: Metric, value: float = 1, about: str = "") -> None:
        """Note one value. `about` names the pipeline, provider or function, whichever the metric is about."""
        if self._write is None:
            return
        if bool(metric.about) != bool(about):
            raise ValueError(f"{metric} is about {metric.about or 'the stage'}")
        with self._lock:
            self._gathered.setdefault((metric.about, about), {}).setdefault(metric, []).append(value)

    def flush(self) -> None:
        """Write what was gathered; nothing is written twice."""
        with self._lock:
            gathered, self._gathered = self._gathered, {}
        if self._write is not None:
            for (dimension, about), values in gathered.items():
                self._write({"Stage": self._stage, **({dimension: about} if dimension else {})}, values)

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Flush at the end, also when the work inside raises."""
        try:
            yield
        finally:
            self.flush()


def emf(**facts: str) -> Write:
    """Writes EMF lines to standard output. `facts` stand in each line beside the dimensions."""
    def write(dimensions: Mapping[str, str], values: Values) -> None:
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        line = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, dimension_set=dict(dimensions),
                                           metadata_set=dict(facts))
        line.service = ""  # else POWERTOOLS_SERVICE_NAME would become one
        for metric, several in values.items():
            for value in several:
                line.add_metric(metric.value, metric.unit, value)
        line.flush_metrics()
    return write
