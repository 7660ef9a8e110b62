"""Named leases over all workers: who holds one does the work, who does not looks for its result.

One item a lease in the limits table, taken by a conditional put. It is given back when the work is done, and expires by
itself when its holder is killed. Expiry is judged by clocks, so a holder has to end its work well before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from chalicelib.adapters.dynamodb import ConditionFailed, to_item, translated
from chalicelib.errors import Transient
from chalicelib.logs import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORGOTTEN_SECONDS = 3600
"""After its end an item of a lease that nobody gave back is of no use; the table forgets it then."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held, or by `holder` "" the word that somebody else has it until `until` (unix seconds)."""

    name: str
    holder: str
    until: float

    @property
    def mine(self) -> bool:
        return bool(self.holder)


class Leases:
    """Leases as items `LEASE#<name>` of the limits table. Raises Transient where DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def take(self, name: str, seconds: float) -> Lease:
        """The lease, held for `seconds`, if it is free or has expired; else who asks learns until when it is taken."""
        now, holder = self._clock().timestamp(), uuid4().hex
        until = now + seconds
        item = {**_key(name), "holder": holder, "until": until, "expires_at": int(until + FORGOTTEN_SECONDS)}
        try:
            with translated("the lease is free"):
                self._client.put_item(
                    TableName=self._table, Item=to_item(item), ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    ConditionExpression="attribute_not_exists(pk) OR #until <= :now",
                    ExpressionAttributeNames={"#until": "until"}, ExpressionAttributeValues=to_item({":now": now}))
        except ConditionFailed as refused:
            return Lease(name, "", float((refused.old or {}).get("until", now)))
        return Lease(name, holder, until)

    def give_back(self, lease: Lease) -> None:
        """Let others have it. Never raises: a lease that cannot be given back, or is another's by now, expires."""
        try:
            with translated("the lease is still mine"):
                self._client.delete_item(
                    TableName=self._table, Key=to_item(_key(lease.name)), ConditionExpression="holder = :holder",
                    ExpressionAttributeValues=to_item({":holder": lease.holder}))
        except ConditionFailed:
            log.info("lease was another's by the time it was given back", extra={"lease": lease.name})
        except Transient as error:
            log.warning("lease left to expire", extra={"lease": lease.name, "cause": error.message})


def _key(name: str) -> dict[str, str]:
    return {"pk": f"LEASE#{name}"}
