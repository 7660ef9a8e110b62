"""What an undo had to leave alone, kept in the ledger table for people to read: which records, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import query, to_item, translated
from chalicelib.adapters.ledger_items import packed, unpacked
from chalicelib.jobs.pipeline import PutBack, Undone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCHES_A_PARTITION = 10_000


class UndoNotes:
    """One note a checkpoint of an undo. Writing one again writes the same."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], days: int) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._days = days

    def put(self, job_id: str, upto: int, kept: Sequence[Undone]) -> None:
        """Keep what was left alone in the batches that end with number `upto`."""
        item = {"pk": _key(job_id, (upto - 1) // BATCHES_A_PARTITION), "sk": f"{upto:08d}",
                "body": packed([dataclasses.asdict(one) for one in kept]),
                "expires_at": int((self._clock() + timedelta(days=self._days)).timestamp())}
        with translated("note what an undo kept"):
            self._client.put_item(TableName=self._table, Item=to_item(item))

    def kept(self, job_id: str, batches: int, *, after: int = 0) -> Iterator[tuple[int, Undone]]:
        """All that was left alone, in the order of batches, each with the number of its checkpoint's last batch."""
        for partition in range(after // BATCHES_A_PARTITION, (batches - 1) // BATCHES_A_PARTITION + 1):
            for item in query(self._client, TableName=self._table, ConsistentRead=True,
                              KeyConditionExpression="pk = :pk AND sk > :after",
                              ExpressionAttributeValues=to_item(
                                  {":pk": _key(job_id, partition), ":after": f"{after:08d}"})):
                for one in unpacked(item["body"]):
                    yield int(item["sk"]), Undone(**{**one, "became": PutBack(one["became"])})


def _key(job_id: str, partition: int) -> str:
    return f"UNDO#{job_id}#{partition}"
