"""The composition root: builds every adapter lazily, once a container, and injects them by parameter name.

`services().call(function, **explicit)` gives `function` what its parameters are named after. Nobody else builds a
client; tests build `Services` with other settings.
"""

from __future__ import annotations

import importlib
import inspect
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.pipelines.registry import Pipelines
from chalicelib.settings import Settings, settings

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.api_keys import ApiKeys
    from chalicelib.adapters.budget import Budget
    from chalicelib.adapters.cache import Cache
    from chalicelib.adapters.catalogues import Catalogues, EnrichmentStatuses
    from chalicelib.adapters.convex import ConvexBatchProcessor
    from chalicelib.adapters.corrections import Corrections
    from chalicelib.adapters.days import Days
    from chalicelib.adapters.deepseek import DeepSeek
    from chalicelib.adapters.dropbox import Dropbox
    from chalicelib.adapters.dropbox_cursors import DropboxCursors
    from chalicelib.adapters.erasing import Erasing
    from chalicelib.adapters.images import Images
    from chalicelib.adapters.keepa import Keepa
    from chalicelib.adapters.lead_listing import LeadListing
    from chalicelib.adapters.lead_undo import LeadUndo
    from chalicelib.adapters.leads import Leads
    from chalicelib.adapters.leases import Leases
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.limiter import Limiter
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.notices import Notices
    from chalicelib.adapters.price_fixes import PriceFixes
    from chalicelib.adapters.price_lists import PriceLists
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.adapters.product_store import ProductStore
    from chalicelib.adapters.records import Records
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues
    from chalicelib.adapters.undo_notes import UndoNotes
    from chalicelib.api.auth import TokenRules
    from chalicelib.api.tasks import TaskWorker
    from chalicelib.jobs.at_once import AtOnce
    from chalicelib.jobs.reporting import DayReporter
    from chalicelib.jobs.settling import Settler
    from chalicelib.jobs.splitter import Splitter
    from chalicelib.jobs.sweeper import Sweeper
    from chalicelib.jobs.worker import Worker
    from chalicelib.metrics import Metrics

T = TypeVar("T")

class Services:
    """What the handlers need, each built on first use. Threads may share one; building is locked."""

    def __init__(
        self, chosen: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep, rng: random.Random | None = None,
        session: boto3.Session | None = None,
    ) -> None:
        from chalicelib.adapters.secrets import Secrets

        self.clock = clock
        self.sleep = sleep
        self.rng = rng or random.SystemRandom()
        self._lock = threading.RLock()
        self._session = session
        self.settings = chosen
        secrets = Secrets(lru_cache(lambda service: self._client(service)), seconds=chosen.secrets_seconds)
        self.settings = secrets.bring_to_life(chosen)

    def call(self, function: Callable[..., T], **explicit: Any) -> T:
        """Call `function` with `explicit` and, for its other parameters, the services of those names."""
        given = (*vars(self), *vars(type(self)))
        needed = [name for name in inspect.signature(function).parameters if name not in explicit and name in given]
        return function(**{name: self.get(name) for name in needed}, **explicit)

    def get(self, name: str) -> Any:
        with self._lock:
            return getattr(self, name)

    # --- event handlers' entry points

    def splitter(self, context: Any) -> Splitter:
        from chalicelib.jobs.splitter import Splitter

        return self.call(Splitter, remaining=_remaining(context))

    def worker(self, pipeline: str, context: Any) -> Worker:
        from chalicelib.jobs.worker import Worker

        return self.call(Worker, pipeline=self.pipelines[pipeline], remaining=_remaining(context))

    def at_once(self, pipeline: str, remaining: Callable[[], float]) -> AtOnce:
        """Splitter and worker of a small job inside a request that has `remaining` seconds left."""
        from chalicelib.jobs.at_once import AtOnce
        from chalicelib.jobs.splitter import Splitter
        from chalicelib.jobs.worker import Worker

        return self.call(AtOnce, splitter=self.call(Splitter, remaining=remaining), worker=self.call(
            Worker, pipeline=self.pipelines[pipeline], remaining=remaining))

    def task_worker(self, context: Any) -> TaskWorker:
        from chalicelib.api.tasks import TaskWorker

        return self.call(TaskWorker, call=self.call, remaining=_remaining(context))

    def sweeper(self) -> Sweeper:
        from chalicelib.jobs.sweeper import Sweeper

        return self.call(Sweeper)

    def day_reporter(self, context: Any) -> DayReporter:
        from chalicelib.jobs.reporting import DayReporter

        return self.call(DayReporter, remaining=_remaining(context))

    # --- what can be injected

    @cached_property
    def pipelines(self) -> Pipelines:
        return Pipelines(lambda module: self.call(importlib.import_module(module).build))

    @cached_property
    def ledger(self) -> Ledger:
        from chalicelib.adapters.ledger import Ledger

        return Ledger(self._dynamodb, self.settings.ledger_table, clock=self.clock, days=self.settings.ledger_days,
                      sleep=self.sleep, rng=self.rng)

    @cached_property
    def days(self) -> Days:
        from chalicelib.adapters.days import Days

        return Days(self._dynamodb, self.settings.ledger_table)

    @cached_property
    def erasing(self) -> Erasing:
        from chalicelib.adapters.erasing import Erasing

        return Erasing(self._dynamodb, leads=self.settings.leads_table, ledger=self.settings.ledger_table,
                       cache=self.settings.cache_table)

    @cached_property
    def notices(self) -> Notices:
        from chalicelib.adapters.notices import Notices

        return Notices(lru_cache(maxsize=1)(lambda: self._client("sns")), self.settings.report_topic)

    @cached_property
    def leads(self) -> Leads:
        from chalicelib.adapters.leads import Leads

        return Leads(self._dynamodb, self.settings.leads_table)

    @cached_property
    def listing(self) -> LeadListing:
        from chalicelib.adapters.lead_listing import LeadListing

        return LeadListing(self._dynamodb, self.settings.leads_table)

    @cached_property
    def lead_undo(self) -> LeadUndo:
        from chalicelib.adapters.lead_undo import LeadUndo

        return LeadUndo(self._dynamodb, self.settings.leads_table, clock=self.clock, sleep=self.sleep, rng=self.rng)

    @cached_property
    def product_store(self) -> ProductStore:
        if len(self.settings.mongodb_uri):  # asks nobody for its value
            from chalicelib.adapters.products_mongodb import MongoProducts

            return MongoProducts(self.settings.mongodb, clock=self.clock, sleep=self.sleep, rng=self.rng)
        from chalicelib.adapters.products_dynamodb import DynamoProducts

        return DynamoProducts(self._dynamodb, self.settings.products_table, clock=self.clock, sleep=self.sleep,
                              rng=self.rng)

    @cached_property
    def catalogues(self) -> Catalogues:
        from chalicelib.adapters.catalogues import Catalogues

        return Catalogues(self._dynamodb, self.settings.products_table)

    @cached_property
    def enrichment_statuses(self) -> EnrichmentStatuses:
        from chalicelib.adapters.catalogues import EnrichmentStatuses

        return EnrichmentStatuses(self._dynamodb, self.settings.enrichment_status_table)

    @cached_property
    def budget(self) -> Budget:
        from chalicelib.adapters.budget import Budget

        return Budget(self._dynamodb, self.settings.ledger_table, clock=self.clock, sleep=self.sleep)

    @cached_property
    def corrections(self) -> Corrections:
        from chalicelib.adapters.corrections import Corrections

        return Corrections(self._dynamodb, self.settings.ledger_table, clock=self.clock, days=self.settings.ledger_days)

    @cached_property
    def undo_notes(self) -> UndoNotes:
        from chalicelib.adapters.undo_notes import UndoNotes

        return UndoNotes(self._dynamodb, self.settings.ledger_table, clock=self.clock, days=self.settings.ledger_days)

    @cached_property
    def mappings(self) -> Mappings:
        from chalicelib.adapters.mappings import Mappings

        return Mappings(self._dynamodb, self.settings.ledger_table, self.clock)

    @cached_property
    def records(self) -> Records:
        from chalicelib.adapters.records import Records

        return Records(self._dynamodb, self.settings.ledger_table, self.clock)

    @cached_property
    def token_rules(self) -> TokenRules:
        from chalicelib.api.admission import token_rules

        return token_rules(self.settings)

    @cached_property
    def api_keys(self) -> ApiKeys:
        from chalicelib.adapters.api_keys import ApiKeys

        return ApiKeys(self._dynamodb, self.settings.ledger_table)

    @cached_property
    def blobs(self) -> Blobs:
        from chalicelib.adapters.s3 import Blobs

        # Only people are far away: the functions stand beside the bucket.
        signer = self._client("s3", accelerated=True) if self.settings.transfer_acceleration else None
        return Blobs(self._client("s3"), self.settings.bucket, signer)

    @cached_property
    def queues(self) -> Queues:
        from chalicelib.adapters.sqs import Queues

        return Queues(self._client("sqs"))

    @cached_property
    def metrics(self) -> Metrics:
        from chalicelib.metrics import Metrics, emf

        chosen = self.settings
        if not chosen.writes_metrics:
            return Metrics()
        return Metrics(chosen.stage, emf(FunctionName=chosen.function, Region=chosen.region))

    @cached_property
    def settler(self) -> Settler:
        from chalicelib.jobs.settling import Settler

        return self.call(Settler)

    @cached_property
    def limiter(self) -> Limiter:
        from chalicelib.adapters.limiter import DynamoStates, Limiter

        return Limiter(DynamoStates(self._dynamodb, self.settings.limits_table))

    @cached_property
    def deepseek(self) -> Callable[[], DeepSeek]:
        return lru_cache(maxsize=1)(self._deepseek)

    @cached_property
    def leases(self) -> Leases:
        from chalicelib.adapters.leases import Leases

        return Leases(self._dynamodb, self.settings.limits_table, clock=self.clock)

    @cached_property
    def dropbox_cursors(self) -> DropboxCursors:
        from chalicelib.adapters.dropbox_cursors import DropboxCursors

        return DropboxCursors(self._dynamodb, self.settings.images_table)

    @cached_property
    def keepa(self) -> Callable[[], Keepa]:
        return lru_cache(maxsize=1)(self._keepa)

    @cached_property
    def cache(self) -> Callable[[], Cache]:
        return lru_cache(maxsize=1)(self._cache)

    @cached_property
    def price_lists(self) -> PriceLists:
        from chalicelib.adapters.price_lists import PriceLists

        return PriceLists(self._dynamodb, self.settings.prices_table, blobs=self.blobs, ledger=self.ledger)

    @cached_property
    def price_results(self) -> PriceResults:
        from chalicelib.adapters.price_results import PriceResults

        return PriceResults(self._dynamodb, self.settings.prices_table, self.settings.ledger_table,
                            sleep=self.sleep, rng=self.rng)

    @cached_property
    def price_fixes(self) -> PriceFixes:
        from chalicelib.adapters.price_fixes import PriceFixes

        return PriceFixes(self._dynamodb, self.settings.prices_table, sleep=self.sleep, rng=self.rng)

    @cached_property
    def convex(self) -> Callable[[], ConvexBatchProcessor | None]:
        """Answers None where no deployment is set."""
        return lru_cache(maxsize=1)(self._convex)

    @cached_property
    def images_store(self) -> Images:
        from chalicelib.adapters.images import Images

        return Images(self._dynamodb, self.settings.images_table, clock=self.clock)

    @cached_property
    def dropbox(self) -> Callable[[], Dropbox | None]:
        """Answers None where no app is set."""
        return lru_cache(maxsize=1)(self._dropbox)

    # --- inside

    def _dropbox(self) -> Dropbox | None:
        if not self.settings.dropbox_client_id:
            return None
        from chalicelib.adapters.convex_calls import pooled_session
        from chalicelib.adapters.dropbox import Dropbox

        return Dropbox(self.settings.dropbox, self.limiter, pooled_session(10), clock=self.clock, sleep=self.sleep,
                       metrics=self.metrics)

    def _convex(self) -> ConvexBatchProcessor | None:
        if not self.settings.convex_url:
            return None
        from chalicelib.adapters.convex import ConvexBatchProcessor
        from chalicelib.adapters.convex_calls import pooled_session

        chosen = self.settings.convex
        return ConvexBatchProcessor(chosen, self.limiter, pooled_session(chosen.max_in_flight), metrics=self.metrics)

    def _deepseek(self) -> DeepSeek:
        import requests

        from chalicelib.adapters.deepseek import DeepSeek

        return DeepSeek(self.settings.deepseek, self.limiter, requests.Session(), metrics=self.metrics)

    def _keepa(self) -> Keepa:
        import requests

        from chalicelib.adapters.keepa import Keepa

        return Keepa(self.settings.keepa, self.limiter, requests.Session(), sleep=self.sleep, metrics=self.metrics)

    def _cache(self) -> Cache:
        from chalicelib.adapters.cache import Cache

        return Cache(self._dynamodb, self.settings.cache_table)

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def _client(self) -> Callable[..., Any]:
        from chalicelib.adapters.aws import Aws

        return Aws(self.settings, self._session).client


@lru_cache(maxsize=1)
def services() -> Services:
    """This container's services, built from the environment once."""
    return Services(settings())


def _remaining(context: Any) -> Callable[[], float]:
    """Seconds left of this invocation, from Lambda's context."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000
