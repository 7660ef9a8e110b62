"""Metrics leave as CloudWatch's embedded metric format, once, also from an invocation that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.bootstrap import Services
from chalicelib.metrics import NAMESPACE, Metric, Metrics, emf
from chalicelib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def written(capture: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


def test_a_line_is_what_cloudwatch_reads(capsys):
    metrics = Metrics("dev", emf(FunctionName="f"))
    metrics.count(Metric.BATCH_SECONDS, 1.5, "leads")
    metrics.count(Metric.BATCH_SECONDS, 2.5, "leads")
    metrics.flush()
    line, = written(capsys)
    directive, = line["_aws"]["CloudWatchMetrics"]
    assert directive == {"Namespace": NAMESPACE, "Dimensions": [["Stage", "Pipeline"]],
                         "Metrics": [{"Name": "BatchSeconds", "Unit": "Seconds"}]}
    assert (line["Stage"], line["Pipeline"], line["BatchSeconds"]) == ("dev", "leads", [1.5, 2.5])
    assert line["FunctionName"] == "f"
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_each_thing_has_its_own_line(capsys):
    metrics = Metrics("dev", emf())
    for about in ("leads", "products"):
        metrics.count(Metric.ROWS_NEW, 1, about)
    metrics.count(Metric.PROVIDER_CALLS, 1, "deepseek")
    metrics.count(Metric.SWEEPS)
    metrics.flush()
    dimensions = [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0] for line in written(capsys)]
    assert dimensions == [["Stage", "Pipeline"], ["Stage", "Pipeline"], ["Stage", "Provider"], ["Stage"]]


def test_an_invocation_that_fails_still_says_what_it_did(capsys):
    metrics = Metrics("dev", emf())

    def fail() -> None:
        with metrics.invocation():
            metrics.count(Metric.BATCHES_DONE, 1, "leads")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [line["BatchesDone"] for line in written(capsys)] == [[1.0]]


def test_nothing_is_written_twice(capsys):
    metrics = Metrics("dev", emf())
    metrics.count(Metric.SWEEPS)
    metrics.flush()
    metrics.flush()
    assert len(written(capsys)) == 1


def test_more_values_than_a_line_holds_become_two_lines(capsys):
    metrics = Metrics("dev", emf())
    for _ in range(130):
        metrics.count(Metric.REQUESTS)
    metrics.flush()
    assert [len(line["Requests"]) for line in written(capsys)] == [100, 30]


@pytest.mark.parametrize(("metric", "about"), [(Metric.SWEEPS, "leads"), (Metric.ROWS_NEW, "")])
def test_a_metric_that_is_about_something_else_is_a_mistake(metric, about):
    with pytest.raises(ValueError):
        Metrics("dev", emf()).count(metric, 1, about)


def test_no_dimension_comes_from_the_environment(capsys, monkeypatch):
    """Powertools would add its service name to every metric, and AWS would bill each of them."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "dropmill")
    metrics = Metrics("dev", emf())
    metrics.count(Metric.SWEEPS)
    metrics.flush()
    assert written(capsys)[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stage"]]


@pytest.mark.parametrize(("chosen", "lines"), [
    ({}, 0), ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, 1), ({"AWS_LAMBDA_FUNCTION_NAME": "f", "LOG_FORMAT": "text"}, 0),
    ({"METRICS": "emf", "LOG_FORMAT": "text"}, 1), ({"AWS_LAMBDA_FUNCTION_NAME": "f", "METRICS": "off"}, 0)])
def test_lines_are_written_where_a_function_runs_and_nobody_reads_along(chosen, lines, capsys):
    metrics = Services(Settings(**chosen)).metrics
    metrics.count(Metric.SWEEPS)
    metrics.flush()
    assert len(written(capsys)) == lines


def test_measuring_costs_no_import_before_something_is_measured():
    statement = "import sys, chalicelib.metrics; print('aws_lambda_powertools' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", statement], cwd=ROOT, capture_output=True, text=True, check=True,
                          env={"PATH": os.environ["PATH"]})
    assert done.stdout.strip() == "False"
