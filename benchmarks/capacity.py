"""What requests to DynamoDB would be billed, in request units, worked out from what they read and change.

The emulator answers no trustworthy figures, so each written item is read before and after, by a client that is not
counted. The rules are AWS's (developer guide, "Read/write capacity mode" and "Managing global secondary indexes"):

- a write costs one unit per started KB of the larger of old and new item, twice that inside a transaction;
- each index adds one unit per started KB of what it holds: one when the entry is new, changed or removed, two when its
  key changed (the old one goes, the new one comes), none when nothing that it holds changed. Index writes are no part
  of the transaction;
- a read costs one unit per started 4 KB, half of it when eventually consistent, twice in a transaction.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session

Item = Mapping[str, Any]
_KB = 1024
_ACTIONS = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}
_SINGLE = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its key attributes, and whether it holds whole items."""

    keys: tuple[str, ...]
    whole: bool


@dataclass(slots=True)
class Meter:
    """Counts requests by `service operation` and DynamoDB's units, of all clients of one session."""

    plain: Any
    """A DynamoDB client of another session, which is not counted."""
    requests: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: float = 0.0
    cpu: float = 0.0
    """Seconds that counting itself took in this process."""
    _tables: dict[str, tuple[tuple[str, ...], tuple[Index, ...]]] = field(default_factory=dict)

    def watch(self, session: botocore.session.Session) -> None:
        """Count what clients made from `session` from now on send."""
        session.register("provide-client-params.*.*", self._before)
        session.register("after-call.*.*", self._after)

    def _before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if model.service_model.service_name == "dynamodb":
            began = time.process_time()
            written = list(_written(model.name, params))
            context["metered"] = params, [(table, key, twice, self._now(table, key)) for table, key, twice in written]
            self.cpu += time.process_time() - began

    def _after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        self.requests[f"{model.service_model.service_name} {model.name}"] += 1
        if "metered" not in context:
            return
        began = time.process_time()
        params, before = context["metered"]
        for table, key, twice, old in before:
            self._add_write(table, old, self._now(table, key), twice=twice)
        self.read_units += _read_units(model.name, params, parsed)
        self.cpu += time.process_time() - began

    def _add_write(self, table: str, old: Item, new: Item, *, twice: bool) -> None:
        units = max(1, _started(max(size(old), size(new)), _KB))
        self.write_units += units * (2 if twice else 1)
        keys, indexes = self._described(table)
        for index in indexes:
            self.write_units += _index_units(index, keys, old, new)

    def _now(self, table: str, item: Item) -> Item:
        keys, _ = self._described(table)
        found = self.plain.get_item(TableName=table, Key={name: item[name] for name in keys}, ConsistentRead=True)
        return found.get("Item") or {}

    def _described(self, table: str) -> tuple[tuple[str, ...], tuple[Index, ...]]:
        if table not in self._tables:
            about = self.plain.describe_table(TableName=table)["Table"]
            self._tables[table] = (_names(about["KeySchema"]), tuple(
                Index(_names(each["KeySchema"]), each["Projection"]["ProjectionType"] == "ALL")
                for each in about.get("GlobalSecondaryIndexes", ())))
        return self._tables[table]


def size(item: Item) -> int:
    """Bytes of an item as DynamoDB counts them: names and values, three for a container and one an element."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    (kind, content), = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return math.ceil(len(content.strip("-").replace(".", "")) / 2) + 1
    if kind == "B":
        return len(content)
    if kind in ("L", "M"):
        inner = content.values() if kind == "M" else content
        names = sum(len(name.encode()) for name in content) if kind == "M" else 0
        return 3 + names + sum(1 + _value_size(each) for each in inner)
    if kind in ("SS", "NS", "BS"):
        return sum(len(each) for each in content)
    return 1


def _index_units(index: Index, keys: tuple[str, ...], old: Item, new: Item) -> int:
    before, after = (_entry(index, keys, item) for item in (old, new))
    if before == after:
        return 0
    if before and after and any(before[name] != after[name] for name in index.keys):
        return _started(size(before), _KB) + _started(size(after), _KB)
    return max(1, _started(max(size(before), size(after)), _KB))


def _entry(index: Index, keys: tuple[str, ...], item: Item) -> Item:
    if not all(name in item for name in index.keys):
        return {}
    return item if index.whole else {name: item[name] for name in (*keys, *index.keys)}


def _written(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Item, bool]]:
    """Table, key (perhaps with more) and whether in a transaction, of each item that a request writes or checks."""
    if operation == "TransactWriteItems":
        for action in params["TransactItems"]:
            (kind, what), = action.items()
            yield what["TableName"], what[_ACTIONS[kind]], True
    elif operation == "BatchWriteItem":
        for table, requests in params["RequestItems"].items():
            for each in requests:
                yield table, (each.get("PutRequest") or {}).get("Item") or each["DeleteRequest"]["Key"], False
    elif operation in _SINGLE:
        yield params["TableName"], params[_SINGLE[operation]], False


def _read_units(operation: str, params: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    if operation == "GetItem":
        return _units([parsed.get("Item", {})], consistent=params.get("ConsistentRead", False))
    if operation == "BatchGetItem":
        return sum(_units([*found, *[{}] * (len(asked["Keys"]) - len(found))],
                          consistent=asked.get("ConsistentRead", False))
                   for table, asked in params["RequestItems"].items()
                   for found in [parsed.get("Responses", {}).get(table, [])])
    if operation == "TransactGetItems":
        return 2 * _units([each.get("Item", {}) for each in parsed.get("Responses", ())], consistent=True)
    if operation in ("Query", "Scan"):
        total = sum(size(item) for item in parsed.get("Items", ()))
        return max(1, _started(total, 4 * _KB)) * (1.0 if params.get("ConsistentRead") else 0.5)
    return 0.0


def _units(items: Iterable[Item], *, consistent: bool) -> float:
    return sum(max(1, _started(size(item), 4 * _KB)) for item in items) * (1.0 if consistent else 0.5)


def _started(number: int, unit: int) -> int:
    return -(-number // unit)


def _names(schema: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in schema)
