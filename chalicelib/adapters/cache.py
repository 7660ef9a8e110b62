"""Answers of providers by content hash, with an expiry: what was paid for once is not asked again.

A cache, not a store: writes are not conditional, and entries past their expiry are ignored even while DynamoDB has not
deleted them yet (that may take two days).
"""

from __future__ import annotations

import random as _random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import BATCH_WRITE_ITEMS, batch_get, chunks, to_item, translated
from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 6
BACKOFF_SECONDS = 0.05


class Cache:
    """The cache table. Raises Transient when it does not answer; callers may go on without it."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep, random: _random.Random | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep
        self._random = random or _random.SystemRandom()

    def get_many(self, keys: Sequence[str], *, consistent: bool = False) -> dict[str, Mapping[str, Any]]:
        """The entries that are known and not expired, by key; `consistent` also sees those of this very moment."""
        wanted = [{"pk": key} for key in dict.fromkeys(keys)]
        now = self._clock().timestamp()
        found = batch_get(self._client, self._table, wanted, consistent=consistent)
        return {item["pk"]: item["value"] for item in found if item["expires_at"] > now}

    def put_many(self, entries: Mapping[str, Mapping[str, Any]], *, days: int) -> None:
        """Remember `entries` for `days` days."""
        expires_at = int((self._clock() + timedelta(days=days)).timestamp())
        items = [to_item({"pk": key, "value": value, "expires_at": expires_at}) for key, value in entries.items()]
        for some in chunks(items, BATCH_WRITE_ITEMS):
            self._write([{"PutRequest": {"Item": item}} for item in some])

    def _write(self, requests: list[Any]) -> None:
        for attempt in range(TRIES):
            with translated("remember answers"):
                answer = self._client.batch_write_item(RequestItems={self._table: requests})
            requests = list(answer.get("UnprocessedItems", {}).get(self._table, []))
            if not requests:
                return
            self._sleep(self._random.random() * BACKOFF_SECONDS * 2.0 ** attempt)
        raise Transient("the cache left entries unwritten", entries=len(requests))
