"""What owners taught by hand: for such a row, that item. Read for exactly the rows of a batch.

Ids of items are places in one version of a list, so a lesson remembers what the item says (description, code, unit) and
finds it again in whatever list is asked. All lessons on one text lie in one item, `FIX#<owner>#<shard>` with its hash,
so that one read tells what a text means under its headers, and whether it means the same under all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.price_lists import Loaded
    from chalicelib.matching.learned import Learned
    from chalicelib.matching.model import PriceItem, Query


class PriceFixes:
    """One table, all owners; nothing crosses."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, sleep: Callable[[float], None], rng: random.Random,
    ) -> None:
        self.table = table

    def teach(self, owner: str, query: Query, item: PriceItem, at: str) -> None:
        """A person chose `item` for a row at a time (`stamp`): the latest word counts, in whatever order they come.

        `query` as of `match.query_of(row)`. Raises Conflict when others keep teaching the same text.
        """
        raise NotImplementedError

    def lessons(self, owner: str, queries: Sequence[Query], loaded: Loaded) -> Learned:
        """What was taught for these rows, as ids of this list; items that it does not hold are left out."""
        raise NotImplementedError

    def count(self, owner: str) -> int:
        """Texts that the owner has taught."""
        raise NotImplementedError
