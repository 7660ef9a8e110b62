"""The whole local stack enriches a catalogue while its worker processes are killed at any write: nothing shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.api import enrichment
from chalicelib.api.catalogue_models import EnrichQuery
from chalicelib.bootstrap import Services
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Job, Status
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.local.functions import Zygote
from chalicelib.local.stack import Stack
from chalicelib.settings import Settings
from tests.fixtures.products import CODES, ROWS, workbook
from tests.functional.products import ADA, counters, neutral

FAULTS = "crash:after_write@0.05,crash:before_write@0.03,duplicate@0.2"
LONG = 60.0
BOOK = workbook()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote(lambda *_: None)
    yield made
    made.stop()


def ended(services: Services, job_id: Callable[[], str]) -> Job:
    """Wait for a job as a person would: look, and retry what failed."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        job = services.ledger.job(job_id()) if job_id() else None
        if job is not None:
            assert transitions.balanced(job)
            if job.status is Status.COMPLETED and not job.failed:
                return job
            if job.status.terminal:
                services.call(control.retry, job_id=job.job_id, by="a person")
        time.sleep(0.05)
    raise AssertionError(f"stuck: {job}")


def run(endpoint: str, account: str, zygote: Zygote, fault: str) -> tuple[Any, int, int]:
    """How it ended, how many requests Keepa saw, how many processes were killed."""
    killed: list[str] = []

    def say(_source: str, line: str) -> None:
        if "crash" in line or "killed" in line:
            killed.append(line)

    with FakeKeepa(rate=5000) as keepa:
        environment = {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "KEEPA_TOKENS_PER_MINUTE": "5000",
                       "KEEPA_TIMEOUT_SECONDS": "1", "PRODUCTS_MAX_CONCURRENCY": "3", "SWEEP_IDLE_SECONDS": "1",
                       "LOG_LEVEL": "ERROR"}
        with Stack("test", endpoint=endpoint, account=account, zygote=zygote, fault=fault, seed="7",
                   environment=environment, every={"sweep": 1.0}, say=say) as stack:
            services = Services(Settings(**{**stack.environment, **environment, "LOG_FORMAT": "text"}))
            services.blobs.put("uploads/products/offer.xlsx", BOOK)
            imported = ended(services, lambda: next((job.job_id for job in services.ledger.jobs(
                "default", limit=1).jobs), ""))
            answer = services.call(enrichment.start, caller=ADA, catalog_id=imported.job_id, query=EnrichQuery())
            last = ended(services, lambda: str(answer.body["tracking_id"]))
            catalogue = services.catalogues.get("default", imported.job_id)
            assert catalogue is not None
            page = services.product_store.page("default", catalogue, limit=ROWS)
            found = [neutral(product, imported, last) for product in page.products]
            end = (found, counters(imported), counters(last), catalogue.products)
        return end, sum(1 for seen in keepa.seen if seen.path == "/product"), len(killed)


def test_killed_workers_change_nothing_in_the_result(emulator: str, zygote: Zygote) -> None:
    calm, requests, _ = run(emulator, "600000000001", zygote, "")
    assert (len(calm[0]), requests) == (ROWS, -(-CODES // 100))
    disturbed, _, kills = run(emulator, "600000000002", zygote, FAULTS)
    assert kills >= 3
    assert disturbed == calm
