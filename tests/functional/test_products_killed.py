"""The whole local stack enriches a catalogue while its workers are killed at bad moments: nothing of it shows."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib.api import enrichment
from chalicelib.api.catalogue_models import EnrichQuery
from chalicelib.bootstrap import Services
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Job, Status
from chalicelib.local.fakes.keepa import FakeKeepa, Seen
from chalicelib.local.functions import Zygote
from chalicelib.local.stack import Stack
from chalicelib.settings import Settings
from tests.fixtures.products import CODES, ROWS, workbook
from tests.functional.products import ADA, counters, neutral

LONG = 60.0


class Workers(Zygote):
    """Knows the processes of the products worker, and can kill them as the platform would."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None)
        self.alive_ones: list[int] = []
        self.killed = 0

    def fork(self, setup: Mapping[str, Any], log: int) -> Any:
        pid, channel = super().fork(setup, log)
        if "products_worker" in str(setup):
            self.alive_ones.append(pid)
        return pid, channel

    def kill(self) -> None:
        pids, self.alive_ones = self.alive_ones, []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed += 1


class DeadlyKeepa(FakeKeepa):
    """Once it is deadly, who asks for the first time is killed before he has his answer, and all others with him."""

    def __init__(self, workers: Workers) -> None:
        super().__init__(rate=5000)
        self.workers = workers
        self.deadly = False

    def note(self, seen: Seen) -> None:
        super().note(seen)
        if self.deadly:
            self.deadly = False
            self.workers.kill()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.stop()


def ended(services: Services, job_id: Callable[[], str], between: Callable[[Job], None]) -> Job:
    """Wait for a job as a person would: look, and retry what failed."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        job = services.ledger.job(job_id()) if job_id() else None
        if job is not None:
            assert transitions.balanced(job)
            between(job)
            if job.status is Status.COMPLETED and not job.failed:
                return job
            if job.status.terminal:
                services.call(control.retry, job_id=job.job_id, by="a person")
        time.sleep(0.03)
    raise AssertionError(f"stuck: {job}")


def run(services: Services, key: str, body: bytes, between: Callable[[Job], None]) -> Any:
    """Drop a catalogue and enrich it; answers how it ended, without anything of the run's own."""
    services.blobs.put(key, body)
    imported = ended(services, lambda: next((job.job_id for job in services.ledger.jobs(
        "default", limit=9).jobs if job.file_key == key), ""), between)
    answer = services.call(enrichment.start, caller=ADA, catalog_id=imported.job_id, query=EnrichQuery())
    last = ended(services, lambda: str(answer.body["tracking_id"]), between)
    catalogue = services.catalogues.get("default", imported.job_id)
    assert catalogue is not None
    page = services.product_store.page("default", catalogue, limit=ROWS)
    return ([neutral(product, imported, last) for product in page.products], counters(imported), counters(last),
            catalogue.products)


def test_killed_workers_change_nothing_in_the_result(emulator: str, workers: Workers) -> None:
    """Among them one that was killed while it held the lease of a group of codes."""
    struck: set[str] = set()

    def kill_once_within(job: Job) -> None:
        if job.batches_done >= 2 and not struck:
            struck.add(job.job_id)
            workers.kill()

    with DeadlyKeepa(workers) as keepa:
        environment = {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "KEEPA_TOKENS_PER_MINUTE": "5000",
                       "KEEPA_TIMEOUT_SECONDS": "3", "KEEPA_CACHE_DAYS": "0", "KEEPA_MISSING_DAYS": "0",
                       "PRODUCTS_MAX_CONCURRENCY": "2", "PRODUCTS_BATCH_SIZE": "50", "SWEEP_IDLE_SECONDS": "1",
                       "LOG_LEVEL": "ERROR"}
        with Stack("test", endpoint=emulator, account="600000000001", zygote=workers, environment=environment,
                   every={"sweep": 1.0}, say=lambda *_: None) as stack:
            services = Services(Settings(**{**stack.environment, **environment, "LOG_FORMAT": "text"}))
            calm = run(services, "uploads/products/calm.xlsx", workbook(), lambda _: None)
            requests = len(keepa.seen)
            assert (len(calm[0]), requests) == (ROWS, -(-CODES // 100))
            keepa.deadly = True
            disturbed = run(services, "uploads/products/other.xlsx", workbook(title="Once more"), kill_once_within)
    assert len(keepa.seen) - requests > requests
    assert workers.killed >= 3
    assert disturbed == calm
