"""API keys in the ledger table: who made one, what it may do, and a digest of its secret; never the secret.

A key's secret is 256 random bits, so a plain SHA-256 keeps it: slow hashes protect what people can think of, and here
nobody can try enough of them. Nothing is cached, so a revoked key is refused from the next request on. `by_owner` is
eventually consistent: a key made a moment ago may not be listed yet.

Items of the ledger table: `APIKEY#<id>` with `APIKEY`. A key is deleted when it is revoked, and by DynamoDB some time
after it has expired.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, query, to_item, translated
from chalicelib.errors import Conflict, RequestProblem, RequestRefused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. `used_day` is the last UTC day on which it was used, empty before the first."""

    key_id: str
    owner: str
    subject: str
    name: str
    roles: tuple[str, ...]
    digest: str
    created_at: str
    expires_at: int
    """Seconds since 1970."""
    used_day: str = ""


class ApiKeys:
    """The ledger table's keys. Methods raise Transient where DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, key: ApiKey) -> None:
        """Keep a new key. Raises Conflict where its id is taken; a lost answer finds its own key and is none."""
        try:
            with translated("no key has this id"):
                self._client.put_item(TableName=self._table, Item=to_item(_item(key)),
                                      ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailed as error:
            if self.get(key.key_id) != key:
                raise Conflict("the id of the new key is taken") from error

    def get(self, key_id: str) -> ApiKey | None:
        """The key as of now, also one that has expired; None for one that was revoked or never made."""
        with translated("read a key"):
            answer = self._client.get_item(TableName=self._table, Key=to_item(_key(key_id)), ConsistentRead=True)
        return _api_key(from_item(answer["Item"])) if "Item" in answer else None

    def of_owner(self, owner: str, now: float) -> tuple[ApiKey, ...]:
        """The owner's keys that have not expired, newest first."""
        listed = query(self._client, TableName=self._table, IndexName="by_owner",
                       KeyConditionExpression="owner_pk = :owner",
                       ExpressionAttributeValues=to_item({":owner": _owner_pk(owner)}))
        places = [{"pk": str(each["pk"]), "sk": str(each["sk"])} for each in listed]
        found = (_api_key(item) for item in batch_get(self._client, self._table, places))
        living = [key for key in found if key.expires_at > now]
        return tuple(sorted(living, key=lambda key: (key.created_at, key.key_id), reverse=True))

    def revoke(self, owner: str, key_id: str) -> None:
        """Delete a key. Raises NOT_FOUND where the owner has none of that id, any more or ever."""
        try:
            with translated("the key is the owner's"):
                self._client.delete_item(
                    TableName=self._table, Key=to_item(_key(key_id)), ConditionExpression="#owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"}, ExpressionAttributeValues=to_item({":owner": owner}))
        except ConditionFailed:
            raise RequestRefused(RequestProblem.NOT_FOUND) from None

    def note_use(self, key: ApiKey, day: str) -> None:
        """Remember the day, with one write a day and key; does not bring back a key that was revoked meanwhile."""
        if key.used_day >= day:
            return
        with contextlib.suppress(ConditionFailed), translated("the key is there and was not used on a later day"):
            self._client.update_item(
                TableName=self._table, Key=to_item(_key(key.key_id)), UpdateExpression="SET used_day = :day",
                ConditionExpression="attribute_exists(pk) AND used_day < :day",
                ExpressionAttributeValues=to_item({":day": day}))


def _item(key: ApiKey) -> dict[str, Any]:
    return {**_key(key.key_id), **asdict(key), "owner_pk": _owner_pk(key.owner),
            "created_key": f"{key.created_at}#{key.key_id}"}


def _api_key(item: Mapping[str, Any]) -> ApiKey:
    return ApiKey(**{name: item[name] for name in ApiKey.__dataclass_fields__ if name != "roles"},
                  roles=tuple(item["roles"]))


def _key(key_id: str) -> dict[str, str]:
    return {"pk": f"APIKEY#{key_id}", "sk": "APIKEY"}


def _owner_pk(owner: str) -> str:
    """Apart from the owner's jobs in the same index; no owner's name has a `#`."""
    return f"APIKEYS#{owner}"
