"""The ledger's items: values to DynamoDB's words and back. Layout is in the template (`LedgerTable`)."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.dynamodb import to_item
from chalicelib.jobs.model import (
    BatchDetail,
    BatchEntry,
    BatchState,
    Bucket,
    Duplicate,
    Job,
    Origin,
    Outcome,
    Reject,
    Status,
    Undo,
)
from chalicelib.jobs.pipeline import Write
from chalicelib.jobs.transitions import Change

BATCHES_A_PARTITION = 500
OPEN_SHARDS = 8
UNMOVED = "u_"
"""Begins the attributes of a batch that hold what attempts used without settling; top level, for ADD."""
TALLY = "t_"
"""Begins the attributes of a job that hold the pipeline's own counts; top level, for ADD."""
_JOB_FIELDS = {entry.name for entry in dataclasses.fields(Job)} - {"tallies"}


def job_key(job_id: str) -> dict[str, str]:
    """Where a job lies."""
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def chance_key(job_id: str, number: int) -> dict[str, str]:
    """Where the last chance of a batch lies: beside its job, so that the sweeper finds all of a job at once."""
    return {"pk": f"JOB#{job_id}", "sk": f"CHANCE#{number:08d}"}


def batch_key(job_id: str, number: int) -> dict[str, str]:
    """Where a batch lies: so many to a partition, so that none grows without bound."""
    return {"pk": f"BATCH#{job_id}#{(number - 1) // BATCHES_A_PARTITION}", "sk": f"{number:08d}"}


def created_key(job: Job) -> str:
    """A job's place among its owner's jobs, by time."""
    return f"{job.created_at}#{job.job_id}"


def day_shard(day: str, shard: int) -> str:
    """Where a share of the jobs of a UTC day (`2026-11-22`) lies; a day has `OPEN_SHARDS` of them."""
    return f"DAY#{day}#{shard}"


def _open_shard(job_id: str) -> str:
    return f"OPEN#{_shard(job_id)}"


def _shard(job_id: str) -> int:
    return zlib.crc32(job_id.encode()) % OPEN_SHARDS


def job_item(job: Job) -> dict[str, Any]:
    """A job as an item, with the keys of all indexes."""
    fields = {name: value for name, value in dataclasses.asdict(job).items() if name in _JOB_FIELDS}
    tallies = {f"{TALLY}{name}": count for name, count in job.tallies.items()}
    return {**fields, **tallies, **job_key(job.job_id), "owner_pk": job.owner,
            "created_key": created_key(job), "open_pk": None if job.status.terminal else _open_shard(job.job_id),
            "day_pk": day_shard(job.created_at[:10], _shard(job.job_id))}


def job_from(item: Mapping[str, Any]) -> Job:
    """The job of an item; attributes that a newer version added are passed over."""
    values = {name: value for name, value in item.items() if name in _JOB_FIELDS}
    tallies = {name.removeprefix(TALLY): int(count) for name, count in item.items() if name.startswith(TALLY)}
    return Job(**{**values, "tallies": tallies, "status": Status(values["status"]),
                  "unsettled": Bucket(values["unsettled"]),
                  "undo": Undo(values["undo"]) if values.get("undo") else None,
                  "corrected_by": tuple(values.get("corrected_by", ()))})


def job_update(table: str, job: Job, change: Change) -> dict[str, Any]:
    """A change as the arguments of UpdateItem, which are also those of an Update action."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}

    def name(attribute: str) -> str:
        names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(content: Any) -> str:
        values[f":v{len(values)}"] = content
        return f":v{len(values) - 1}"

    assigned = {**change.assign, **_openness(job, change)}
    sets = [f"{name(key)} = {value(content)}" for key, content in assigned.items() if content is not None]
    removes = [name(key) for key, content in assigned.items() if content is None]
    for source, target in change.pour.items():
        sets += [f"{name(target)} = {name(target)} + {name(source)}", f"{name(source)} = {value(0)}"]
    counts = {**change.add, **{f"{TALLY}{key}": amount for key, amount in change.tally.items() if amount}}
    adds = [f"{name(key)} {value(amount)}" for key, amount in counts.items()]
    conditions = ["attribute_exists(pk)"]
    for key, wanted in change.require.items():
        options = wanted if isinstance(wanted, tuple) else (wanted,)
        conditions.append(f"{name(key)} IN ({', '.join(value(option) for option in options)})")
    conditions += [f"{name(key)} >= {value(least)}" for key, least in change.at_least.items()]
    clauses = [("SET", sets), ("REMOVE", removes), ("ADD", adds)]
    return {"TableName": table, "Key": to_item(job_key(job.job_id)),
            "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts),
            "ConditionExpression": " AND ".join(conditions), "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item(values)}


def _openness(job: Job, change: Change) -> dict[str, Any]:
    """The sweeper's sparse index follows the status."""
    if "status" not in change.assign:
        return {}
    return {"open_pk": None if Status(change.assign["status"]).terminal else _open_shard(job.job_id)}


def action_of(write: Write) -> dict[str, Any]:
    """A write as an action of a transaction."""
    return {"Update": _add(write)} if write.add else {"Put": _put(write)}


def _add(write: Write) -> dict[str, Any]:
    names = {f"#a{place}": name for place, name in enumerate(write.add)}
    amounts = {f":a{place}": amount for place, amount in enumerate(write.add.values())}
    adds = ", ".join(f"#a{place} :a{place}" for place in range(len(write.add)))
    return {"TableName": write.table, "Key": to_item(write.key), "UpdateExpression": f"ADD {adds}",
            "ConditionExpression": write.condition, "ExpressionAttributeNames": {**names, **write.names},
            "ExpressionAttributeValues": to_item({**amounts, **write.values})}


def _put(write: Write) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": write.table, "Item": to_item({**write.item, **write.key})}
    if write.condition:
        put["ConditionExpression"] = write.condition
    if write.names:
        put["ExpressionAttributeNames"] = dict(write.names)
    if write.values:
        put["ExpressionAttributeValues"] = to_item(write.values)
    return put


def count_name(sheet: int, outcome: Outcome) -> str:
    """The attribute that counts a sheet's rows of one outcome; top level, since ADD reaches no deeper."""
    return f"c_{sheet}_{outcome.value}"


def detail_body(entry: BatchEntry) -> bytes:
    """Rejects, duplicates, marks and warnings of a batch, packed into one attribute."""
    return packed({"rejects": [dataclasses.asdict(reject) for reject in entry.rejects],
                    "duplicates": [dataclasses.asdict(duplicate) for duplicate in entry.duplicates],
                    "marks": entry.marks, "corrects": entry.corrects,
                    "warnings": {row: list(texts) for row, texts in entry.warnings.items()}})


def detail_from(item: Mapping[str, Any]) -> BatchDetail:
    """The batch entry of an item."""
    body = unpacked(item["detail"]) if item.get("detail") else {}
    sheets: dict[int, dict[Outcome, int]] = {}
    for name, count in item.items():
        if name.startswith("c_") and count:
            _, sheet, outcome = name.split("_")
            sheets.setdefault(int(sheet), {})[Outcome(outcome)] = int(count)
    entry = BatchEntry(
        number=int(item["number"]), state=BatchState(item["state"]), rows=int(item["rows"]), sheets=sheets,
        settled_at=str(item.get("settled_at", "")), cause=str(item.get("cause", "")),
        rejects=tuple(Reject(**reject) for reject in body.get("rejects", [])),
        duplicates=tuple(Duplicate(**duplicate) for duplicate in body.get("duplicates", [])),
        marks=tuple(body.get("marks", ())), corrects=tuple(Origin(*origin) for origin in body.get("corrects", ())),
        warnings=body.get("warnings", {}), usage=item.get("usage", {}), settled_by=str(item.get("settled_by", "")))
    unmoved = {name.removeprefix(UNMOVED): int(amount) for name, amount in item.items() if name.startswith(UNMOVED)}
    return BatchDetail(entry, int(item["run"]), int(item.get("attempts", 0)), unmoved, int(item.get("notes", 0)))


def packed(value: Any) -> bytes:
    """JSON, deflated: a batch's rejects with their cells stay below the 400 KB of an item."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)


def unpacked(body: bytes) -> Any:
    """What `packed` packed."""
    return json.loads(zlib.decompress(body))
