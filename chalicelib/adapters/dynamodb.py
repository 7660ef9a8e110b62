"""What every DynamoDB adapter shares: plain values in and out, and the library's errors in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Conflict, DropmillError, Transient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_GET_KEYS = 100
BATCH_WRITE_ITEMS = 25

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


class ConditionFailed(Conflict):
    """A named condition did not hold; `old` is the item as it stood, where DynamoDB told."""

    def __init__(self, meaning: str, old: Mapping[str, Any] | None = None) -> None:
        super().__init__(meaning)
        self.old = old


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values to DynamoDB's typed JSON. Floats become decimals; None values are left out.

    Nearly all values are texts, and those need no serializer: that halves what an item costs.
    """
    return {name: {"S": value} if type(value) is str else _serializer.serialize(_storable(value))
            for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed JSON to plain values: whole numbers are ints, others floats, binaries bytes."""
    return {name: value["S"] if "S" in value else _plain(_deserializer.deserialize(value))
            for name, value in item.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {str(key): _storable(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_storable(entry) for entry in value]
    return str(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value)  # type: ignore[call-overload]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value


@contextmanager
def translated(meaning: str) -> Iterator[None]:
    """Run one DynamoDB call. Raises ConditionFailed (with `meaning`), Conflict or Transient in place of the library's.

    A lost answer (time-out after the request was applied) is Transient too: the caller reads again.
    """
    try:
        yield
    except ClientError as error:
        raise _in_our_words(error, meaning) from error
    except BotoCoreError as error:
        raise Transient(f"dynamodb did not answer: {type(error).__name__}") from error


def _in_our_words(error: ClientError, meaning: str) -> DropmillError | ClientError:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        old: Any = error.response.get("Item")
        return ConditionFailed(meaning, from_item(old) if old else None)
    if code == "TransactionCanceledException":
        return _cancelled(error, meaning)
    if code in ("TransactionConflictException", "TransactionInProgressException"):
        return Conflict("another transaction holds the item")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    throttled = code in ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
                         "LimitExceededException")
    if throttled or status >= 500:
        return Transient(f"dynamodb is busy: {code}")
    return error


def _cancelled(error: ClientError, meaning: str) -> DropmillError | ClientError:
    reasons: Any = error.response.get("CancellationReasons") or []
    codes = [reason.get("Code", "None") for reason in reasons]
    if "ValidationError" in codes or "ItemCollectionSizeLimitExceeded" in codes:
        return error
    if "ConditionalCheckFailed" in codes:
        failed = [str(place) for place, code in enumerate(codes) if code == "ConditionalCheckFailed"]
        return ConditionFailed(f"{meaning} (actions {', '.join(failed)})")
    return Conflict(f"transaction cancelled: {', '.join(sorted(set(codes) - {'None'}))}")


def batch_get(
    client: DynamoDBClient, table: str, keys: Sequence[Mapping[str, str]], *, consistent: bool = True
) -> Iterator[dict[str, Any]]:
    """The items that exist among `keys`, in any order; keys that DynamoDB left over are asked for again."""
    for start in range(0, len(keys), BATCH_GET_KEYS):
        wanted: list[dict[str, Any]] = [to_item(key) for key in keys[start:start + BATCH_GET_KEYS]]
        while wanted:
            with translated("batch get"):
                answer = client.batch_get_item(
                    RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}})
            yield from map(from_item, answer.get("Responses", {}).get(table, []))
            left: Any = answer.get("UnprocessedKeys", {})
            wanted = list(left.get(table, {}).get("Keys", []))


def query(client: DynamoDBClient, **request: Any) -> Iterator[dict[str, Any]]:
    """All items of a query, page by page."""
    start: dict[str, Any] = {}
    while True:
        with translated("query"):
            answer = client.query(**request, **start)
        yield from map(from_item, answer.get("Items", []))
        if not answer.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def chunks(things: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """`things` in slices of at most `size`."""
    return (things[start:start + size] for start in range(0, len(things), size))
