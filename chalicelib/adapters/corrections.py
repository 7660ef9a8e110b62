"""Which rejects have been corrected: one mark a row, so that each counts once however often it comes back.

A mark is set in the transaction that stores the corrected row, together with the counter of the job that had rejected
it, and taken away when the correcting job is undone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import batch_get, chunks, to_item, translated
from chalicelib.adapters.ledger_items import action_of, job_key
from chalicelib.jobs.model import Origin
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROWS_A_PARTITION = 10_000
TOGETHER = 50


class Corrections:
    """The marks, in the ledger table."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], days: int) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._days = days

    def writes(self, child: str, origins: Iterable[Origin]) -> list[Write]:
        """What else to write in the transaction that stores rows which correct these rejects."""
        wanted = dict.fromkeys(origins)
        if not wanted:
            return []
        found = self._found([*map(_key, wanted), *(job_key(job_id) for job_id in {one.job for one in wanted})])
        fresh = [one for one in wanted
                 if _key(one)["pk"] + _key(one)["sk"] not in found and f"JOB#{one.job}JOB" in found]
        expires = int((self._clock() + timedelta(days=self._days)).timestamp())
        marks = [Write(self._table, _key(one), {"by": child, "expires_at": expires},
                       condition="attribute_not_exists(pk)", meaning="nobody has corrected the row yet")
                 for one in fresh]
        return [*marks, *self._counted(fresh, 1)]

    def reopen(self, child: str, origins: Sequence[Origin]) -> None:
        """What this job had corrected is open again. Harmless any number of times; raises Conflict where it raced."""
        for some in chunks(list(dict.fromkeys(origins)), TOGETHER):
            found = self._found([_key(one) for one in some])
            mine = [one for one in some if found.get(_key(one)["pk"] + _key(one)["sk"], {}).get("by") == child]
            actions = [{"Delete": {"TableName": self._table, "Key": to_item(_key(one)),
                                   "ConditionExpression": "#by = :child", "ExpressionAttributeNames": {"#by": "by"},
                                   "ExpressionAttributeValues": to_item({":child": child})}} for one in mine]
            actions += [action_of(write) for write in self._counted(mine, -1)]
            if actions:
                with translated("the corrections are as they were read"):
                    self._client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]

    def _counted(self, origins: Sequence[Origin], sign: int) -> list[Write]:
        return [Write(self._table, job_key(job_id), {}, add={"corrected": sign * count},
                      condition="attribute_exists(pk)", meaning="the job is still there")
                for job_id, count in Counter(one.job for one in origins).items()]

    def _found(self, keys: Sequence[dict[str, str]]) -> dict[str, dict[str, Any]]:
        return {item["pk"] + item["sk"]: item for item in batch_get(self._client, self._table, keys)}


def _key(origin: Origin) -> dict[str, str]:
    return {"pk": f"CORRECTED#{origin.job}#{origin.sheet}#{origin.row // ROWS_A_PARTITION}", "sk": f"{origin.row:08d}"}
