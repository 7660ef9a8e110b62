"""What owners taught by hand: for such a row, that item. Read for exactly the rows of a batch.

Ids of items are places in one version of a list, so a lesson remembers what the item says (description, code, unit) and
finds it again in whatever list is asked. All lessons on one text lie in one item, `FIX#<owner>#<shard>` with its hash,
so that one read tells what a text means under its headers, and whether it means the same under all of them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, query, to_item, translated
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.price_lists import Loaded
    from chalicelib.matching.learned import Learned
    from chalicelib.matching.model import PriceItem, Query

SHARDS = 16
MOST_HEADERS = 50
"""Sets of headers that a text is remembered under; the oldest give way."""
TRIES = 20


class PriceFixes:
    """One table, all owners; nothing crosses."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, sleep: Callable[[float], None], rng: random.Random,
    ) -> None:
        self.table = table
        self._client = client
        self._sleep = sleep
        self._rng = rng

    def teach(self, owner: str, query: Query, item: PriceItem, at: str) -> None:
        """A person chose `item` for a row at a time (`stamp`): the latest word counts, in whatever order they come.

        `query` as of `match.query_of(row)`. Raises Conflict when others keep teaching the same text.
        """
        from chalicelib.matching.learned import keys

        under, alone = keys(query)
        lesson = {"item": text_of(item), "at": at}
        for tried in range(TRIES):
            known = self._known(owner, [alone]).get(_key(owner, alone)["sk"], {})
            lessons: dict[str, Any] = dict(known.get("lessons", {}))
            before = lessons.get(_hash(under))
            if before is not None and (before["at"], before["item"]) >= (at, lesson["item"]):
                return
            lessons[_hash(under)] = lesson
            try:
                self._put(owner, alone, _latest(lessons), int(known.get("version", 0)))
            except ConditionFailed:
                self._sleep(self._rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
                continue
            return
        raise Conflict("the text is being taught by others")

    def lessons(self, owner: str, queries: Sequence[Query], loaded: Loaded) -> Learned:
        """What was taught for these rows, as ids of this list; items that it does not hold are left out."""
        from chalicelib.matching.learned import Learned, keys

        wanted = list(dict.fromkeys(map(keys, queries)))
        known = self._known(owner, list(dict.fromkeys(alone for _, alone in wanted)))
        items: dict[str, str] = {}
        for under, alone in wanted:
            lessons: Mapping[str, Any] = known.get(_hash(alone), {}).get("lessons", {})
            meant = {lesson["item"] for lesson in lessons.values()}
            here = lessons.get(_hash(under))
            if here is not None:
                items[under] = loaded.id_of(here["item"])
            items[alone] = loaded.id_of(meant.pop()) if len(meant) == 1 else ""
        return Learned({key: item_id for key, item_id in items.items() if item_id})

    def count(self, owner: str) -> int:
        """Texts that the owner has taught."""
        return sum(1 for shard in range(SHARDS) for _ in query(
            self._client, TableName=self.table, KeyConditionExpression="pk = :pk", ProjectionExpression="sk",
            ExpressionAttributeValues=to_item({":pk": f"FIX#{owner}#{shard}"})))

    def _known(self, owner: str, alone: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = batch_get(self._client, self.table, [_key(owner, text) for text in alone])
        return {str(item["sk"]): item for item in found}

    def _put(self, owner: str, alone: str, lessons: Mapping[str, Any], version: int) -> None:
        condition = "version = :version" if version else "attribute_not_exists(pk)"
        values = {"ExpressionAttributeValues": to_item({":version": version})} if version else {}
        item = {**_key(owner, alone), "lessons": lessons, "version": version + 1}
        with translated("the lessons on the text are as they were read"):
            self._client.put_item(TableName=self.table, Item=to_item(item), ConditionExpression=condition,
                                  **values)  # type: ignore[arg-type]


def text_of(item: PriceItem) -> str:
    """A digest of what an item says, whatever its case and spaces: by this a lesson finds it in another version."""
    said = " | ".join((item.description, item.code, item.unit)).casefold()
    return _hash(" ".join(said.split()))


def _latest(lessons: Mapping[str, Any]) -> dict[str, Any]:
    kept = sorted(lessons.items(), key=lambda each: (each[1]["at"], each[0]))[-MOST_HEADERS:]
    return dict(kept)


def _key(owner: str, alone: str) -> dict[str, str]:
    digest = _hash(alone)
    return {"pk": f"FIX#{owner}#{int(digest[:4], 16) % SHARDS}", "sk": digest}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
