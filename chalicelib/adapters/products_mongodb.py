"""Products in MongoDB: one document each, stored before their batch is settled, and to the same effect however often.

A batch is one read and one unordered bulk of upserts. Each replaces its document only as it was read: `_id` and `rev`
are in its filter, so whoever was slower would insert a second document of that `_id`, is refused (11000) and reads
again. Whatever may or may not have been applied (no answer, no majority yet) is read again too: a row that won finds
what it was told then in the document (`product_records`), and comes to the same outcome. Only what failed is sent
again, after a pause that grows.

Reads ask for what a majority has, from the primary: what a caller was told is never rolled back.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from chalicelib.adapters import product_records as records
from chalicelib.adapters.product_records import Record, Verdict
from chalicelib.adapters.product_store import Catalogue, Page, Product, Proposal, catalogue_of
from chalicelib.errors import DropmillError, Transient, Unavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.pipeline import Effects, Undone

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.collection import Collection
    from pymongo.errors import PyMongoError

    from chalicelib.settings import MongoSettings

COLLECTION = "products"
TRIES = 8
POOL = 4
IDLE_SECONDS = 60
"""A connection that a frozen function has not used for so long is dropped rather than found dead."""
TOGETHER = 50
"""Products that are put back in one bulk."""

_LOST_RACE = 11000
_PASSING = frozenset({
    6, 7, 24, 50, 64, 89, 91, 112, 134, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436, 16500})
"""Codes after which trying again can help: network, elections, time-outs, conflicts, throttling (its error_codes)."""
_REFUSED = frozenset({8000, 13, 18})
"""Codes that a person has to see to: the server does not know us, or grants us too little."""

Result = TypeVar("Result")


class _Step(NamedTuple, Generic[Result]):
    """What to store of a product, if anything, and what to say once it is stored."""

    record: Record | None
    result: Result


class MongoProducts:
    """A `ProductStore` on one database. Nothing is connected before the first call."""

    def __init__(
        self, settings: MongoSettings, *, clock: Callable[[], datetime], sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._lock = threading.Lock()
        self._client: MongoClient[dict[str, Any]] | None = None
        self._indexed = False

    def effects(self, job: Job, batch_number: int, proposals: Sequence[Proposal]) -> Effects:
        rows = records.folded(proposals)

        def judge(product_id: str, record: Record) -> _Step[Verdict]:
            verdict = records.judged(record, job, batch_number, rows[product_id][-1])
            return _Step(verdict.record, verdict)

        effects = records.gathered(rows, self._stored(job.owner, catalogue_of(job), list(rows), judge))
        return replace(effects, elsewhere=True)

    def get(self, owner: str, catalog_id: str, product_id: str) -> Product | None:
        return self._read(owner, catalog_id, [product_id])[product_id].product

    def page(self, owner: str, catalogue: Catalogue, *, limit: int, cursor: str = "", source: str = "") -> Page:
        wanted = {"owner": owner, "catalog_id": catalogue.catalog_id, "place": {"$gt": cursor},
                  **({"source": source} if source else {})}
        with _translated():
            found = list(self._products().find(wanted, {"links": 0}).sort("place", 1).limit(limit + 1))
        products = tuple(records.product_from(document) for document in found[:limit])
        return Page(products, products[-1].place if len(found) > limit else "")

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        def undo(product_id: str, record: Record) -> _Step[Undone]:
            return _Step(*records.undone(record, job, product_id))

        done: dict[str, Undone] = {}
        wanted = list(dict.fromkeys(marks))
        for start in range(0, len(wanted), TOGETHER):
            done |= self._stored(job.owner, catalogue_of(job), wanted[start:start + TOGETHER], undo)
        return [done[mark] for mark in wanted]

    def close(self) -> None:
        """Let the connections go; the next call makes new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- storing

    def _stored(
        self, owner: str, catalog_id: str, product_ids: Sequence[str],
        decide: Callable[[str, Record], _Step[Result]],
    ) -> dict[str, Result]:
        """Read, decide, store; those again that were not stored. Raises Transient when it was so too often."""
        results: dict[str, Result] = {}
        for tried in range(TRIES):
            left = [product_id for product_id in product_ids if product_id not in results]
            try:
                found = self._read(owner, catalog_id, left)
                steps = {product_id: decide(product_id, found[product_id]) for product_id in left}
                changed = {product_id: step.record for product_id, step in steps.items() if step.record}
                refused = self._replace(owner, catalog_id, changed)
            except _Unanswered:
                self._pause(tried)
                continue
            results |= {product_id: step.result for product_id, step in steps.items() if product_id not in refused}
            if not refused:
                return {product_id: results[product_id] for product_id in product_ids}
            self._pause(tried)
        raise Transient("mongodb did not take all products", left=len(product_ids) - len(results))

    def _replace(self, owner: str, catalog_id: str, changed: Mapping[str, Record]) -> set[str]:
        """Store records where they are as they were read; answers those that are not known to be stored."""
        from pymongo import ReplaceOne
        from pymongo.errors import BulkWriteError

        if not changed:
            return set()
        requests = []
        for product_id, record in changed.items():
            key = _key(owner, catalog_id, product_id)
            requests.append(ReplaceOne({"_id": key, "rev": record.rev - 1}, self._document(key, record), upsert=True))
        with _translated():
            try:
                self._products().bulk_write(requests, ordered=False)
            except BulkWriteError as error:
                return _left(list(changed), error.details or {})
        return set()

    def _document(self, key: str, record: Record) -> dict[str, Any]:
        """A record as a document; one without a product is found by its key alone, and goes after a while."""
        kept = {"_id": key, "rev": record.rev, "links": records.links_packed(record.links)}
        if record.product is None:
            return {**kept, "expires_at": records.gone_until(self._clock())}
        return {**kept, **records.product_values(record.product), "place": record.product.place}

    def _pause(self, tried: int) -> None:
        """Full jitter, up to 3 s."""
        self._sleep(self._rng.uniform(0, min(3.0, 0.05 * 2 ** tried)))

    # --- reading

    def _read(self, owner: str, catalog_id: str, product_ids: Sequence[str]) -> dict[str, Record]:
        keys = {_key(owner, catalog_id, product_id): product_id for product_id in product_ids}
        with _translated():
            documents = list(self._products().find({"_id": {"$in": list(keys)}}))
        found = {keys[document["_id"]]: _record(document) for document in documents}
        return {product_id: found.get(product_id, Record()) for product_id in product_ids}

    def _products(self) -> Collection[dict[str, Any]]:
        """The collection, its indexes made sure of once in the life of this process."""
        from pymongo.read_concern import ReadConcern

        with self._lock:
            if self._client is None:
                self._client = _connected(self._settings)
            products = self._client[self._settings.database].get_collection(
                COLLECTION, read_concern=ReadConcern("majority"))
            if not self._indexed:
                products.create_index([("owner", 1), ("catalog_id", 1), ("place", 1)], name="by_place")
                products.create_index([("owner", 1), ("catalog_id", 1), ("source", 1), ("place", 1)], name="by_source")
                products.create_index("expires_at", name="expiry", expireAfterSeconds=0)
                self._indexed = True
        return products


def _connected(settings: MongoSettings) -> MongoClient[dict[str, Any]]:
    """A client that connects when it is used. Never says the URI, which has a password in it."""
    from pymongo import MongoClient
    from pymongo.errors import ConfigurationError

    milliseconds = int(settings.timeout * 1000)
    try:
        return MongoClient(
            settings.uri.get_secret_value(), connect=False, appname="dropmill", tz_aware=True, w="majority",
            readPreference="primary", retryWrites=True, retryReads=True, maxPoolSize=POOL,
            maxIdleTimeMS=IDLE_SECONDS * 1000, wTimeoutMS=milliseconds, serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds, socketTimeoutMS=milliseconds, waitQueueTimeoutMS=milliseconds)
    except (ConfigurationError, ValueError) as error:
        raise Unavailable("MONGODB_URI does not lead to a database", why=type(error).__name__) from None


def _key(owner: str, catalog_id: str, product_id: str) -> str:
    """One product's alone, whatever the parts hold, and still legible."""
    return json.dumps([owner, catalog_id, product_id])


def _left(product_ids: Sequence[str], details: Mapping[str, Any]) -> set[str]:
    """Products of a bulk that are not known to be stored: refused for now, or not yet by a majority."""
    failed = {product_ids[error["index"]]: int(error["code"]) for error in details.get("writeErrors", ())}
    if final := sorted(set(failed.values()) - _PASSING - {_LOST_RACE}):
        raise DropmillError("mongodb refuses a product", codes=final) from None
    return set(product_ids) if details.get("writeConcernErrors") else set(failed)


def _record(document: Mapping[str, Any]) -> Record:
    product = records.product_from(document) if "place" in document else None
    return Record(product, records.links_from(document["links"]), int(document["rev"]))


# --- the library's errors in our words


class _Unanswered(Transient):
    """Something may have been stored or not: read again."""


@contextmanager
def _translated() -> Iterator[None]:
    from bson.errors import BSONError
    from pymongo.errors import PyMongoError

    try:
        yield
    except PyMongoError as error:
        raise _in_our_words(error) from error
    except (BSONError, OverflowError, UnicodeError) as error:  # DocumentTooLarge is one, and no PyMongoError
        raise DropmillError("mongodb cannot hold a product", why=type(error).__name__) from error


def _in_our_words(error: PyMongoError) -> DropmillError:
    from pymongo import errors

    name = type(error).__name__
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return Transient("mongodb is not there")
    if isinstance(error, errors.ConnectionFailure | errors.WriteConcernError | errors.WTimeoutError):
        return _Unanswered(f"mongodb did not answer: {name}")
    code = getattr(error, "code", None)
    if code in _PASSING or error.has_error_label("RetryableWriteError"):
        return _Unanswered("mongodb is busy", code=code)
    if code in _REFUSED or isinstance(error, errors.ConfigurationError):
        return Unavailable("mongodb refuses us", code=code)
    return DropmillError("mongodb refuses", code=code, why=name)
