"""All jobs of a UTC day, of every owner: the ledger's sparse index `by_day`. For figures, never for a caller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import batch_get, from_item, to_item, translated
from chalicelib.adapters.ledger_items import OPEN_SHARDS, created_key, day_shard, job_from
from chalicelib.adapters.records import RecordKey
from chalicelib.jobs.model import Job

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE = 100


class Days:
    """Read only. Raises Transient where trying again may help."""

    shards = OPEN_SHARDS

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def jobs(self, day: date, shard: int, *, after: str = "") -> Iterator[Job]:
        """A shard's jobs (0 to `shards - 1`) in the order of their creation, those behind the place `after`."""
        last = after
        while True:
            keys, more = self._page(day_shard(day.isoformat(), shard), last)
            found = {job.job_id: job for job in map(job_from, batch_get(self._client, self._table, keys))}
            yield from sorted(found.values(), key=created_key)
            if not more:
                return
            last = more

    @staticmethod
    def place(job: Job) -> str:
        """Where a job stands in its shard, for `after`."""
        return created_key(job)

    @staticmethod
    def record_key(day: date) -> RecordKey:
        """Where the making of a day's report is kept track of."""
        return RecordKey(f"REPORT#{day.isoformat()}", "REPORT")

    def _page(self, partition: str, after: str) -> tuple[list[dict[str, str]], str]:
        with translated("query the jobs of a day"):
            answer = self._client.query(
                TableName=self._table, IndexName="by_day", Limit=PAGE,
                KeyConditionExpression="day_pk = :day AND created_key > :after",
                ExpressionAttributeValues=to_item({":day": partition, ":after": after or " "}))
        items = [from_item(item) for item in answer.get("Items", [])]
        more = str(items[-1]["created_key"]) if items and answer.get("LastEvaluatedKey") else ""
        return [{"pk": str(item["pk"]), "sk": str(item["sk"])} for item in items], more
