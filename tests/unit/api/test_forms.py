"""How long a request may work by itself, and what becomes of a job that it cannot begin."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.api.forms import time_left, worked_off
from chalicelib.errors import FileProblem, FileRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.model import Job, Status
from chalicelib.settings import Settings
from tests.unit.api.fakes import Clock

SETTINGS = Settings(SYNC_SECONDS="25", DEADLINE_MARGIN_SECONDS="3")


@pytest.mark.parametrize(("ago", "left"), [(0, 25), (9, 16), (400, 0), (-3, 25)])
def test_the_time_since_the_gateway_took_the_request_is_gone(ago: float, left: float):
    """A cold start among it; a gateway's clock that is ahead or far behind makes neither more nor less than that."""
    clock = Clock()
    epoch = int((clock.now.timestamp() - ago) * 1000)
    remaining = time_left(asked(requestTimeEpoch=epoch), SETTINGS, clock)
    assert remaining() - SETTINGS.deadline_margin == pytest.approx(left)
    clock.pass_(5)
    assert remaining() - SETTINGS.deadline_margin == pytest.approx(left - 5)


def test_without_a_gateway_it_counts_from_now():
    assert time_left(asked(), SETTINGS, Clock())() == pytest.approx(28)


def asked(**context: Any) -> Any:
    return SimpleNamespace(context=context)


@pytest.mark.parametrize("trouble", [Transient("a hiccup"), Waiting(3, "tokens"), Unavailable("no key")])
def test_a_job_that_cannot_begin_now_is_left_to_the_queue(trouble: Exception):
    job, sent = Job("j", "o", "prices", Status.PENDING, "b.csv", "k", "", ""), []

    def run(_job: Job) -> Job:
        raise trouble

    ledger: Any = SimpleNamespace(job=lambda job_id: replace(job, rows=7))
    engine: Any = SimpleNamespace(run=run, send=sent.append)
    assert worked_off(job, engine, ledger, now=True).rows == 7
    assert sent == [job]


def test_a_file_that_proves_to_be_none_is_refused_and_not_sent():
    def run(_job: Job) -> Job:
        raise FileRefused(FileProblem.NO_ROWS)

    engine: Any = SimpleNamespace(run=run, send=None)
    with pytest.raises(FileRefused):
        worked_off(Job("j", "o", "prices", Status.PENDING, "b.csv", "k", "", ""), engine, SimpleNamespace(), now=True)
