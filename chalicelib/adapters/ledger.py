"""The ledger: durable truth about jobs and batches, and the only place where progress is counted.

`transitions` decides what to write and on what condition; this module says it in DynamoDB. Item layout is in the
template (`LedgerTable`). A batch settles in one TransactWriteItems: the pipeline's own writes, the counters of batches
whose rows were displaced, the batch entry, the job's counters. Nothing else ever moves a counter.
"""

from __future__ import annotations

import dataclasses
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, query, to_item, translated
from chalicelib.errors import Conflict, Malformed
from chalicelib.jobs.model import (
    BatchDetail,
    BatchEntry,
    BatchState,
    Bucket,
    Duplicate,
    Job,
    Outcome,
    Reject,
    SheetCount,
    Status,
    stamp,
)
from chalicelib.jobs.pipeline import Displaced, Write
from chalicelib.jobs.transitions import Change

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCHES_A_PARTITION = 500
OPEN_SHARDS = 8
MAX_ACTIONS = 100
CHANGE_TRIES = 50
_JOB_FIELDS = {entry.name for entry in dataclasses.fields(Job)}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job, for people: `kind` is one word, `detail` plain facts without personal data."""

    at: str
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: tuple[Job, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[Event, ...]
    cursor: str


class Ledger:
    """One table. Methods raise Conflict where a condition does not hold and Transient where trying again may help."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], days: int,
        sleep: Callable[[float], None], rng: random.Random,
    ) -> None:
        self._client = client
        self.table = table
        self._clock = clock
        self._days = days
        self._sleep = sleep
        self._rng = rng

    # --- jobs

    def create(self, job: Job) -> bool:
        """Register a job once; False when it exists already."""
        item = {**_job_item(job), "expires_at": self._expiry()}
        try:
            with translated("the job exists already"):
                self._client.put_item(TableName=self.table, Item=to_item(item),
                                      ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailed:
            return False
        return True

    def job(self, job_id: str) -> Job | None:
        """The job as it is now (consistent read)."""
        with translated("get job"):
            item = self._client.get_item(TableName=self.table, Key=to_item(_job_key(job_id)),
                                         ConsistentRead=True).get("Item")
        return _job(from_item(item)) if item else None

    def change(self, job_id: str, decide: Callable[[Job], Change | None]) -> Job:
        """Read, decide, write on condition; again when somebody else was faster. Returns the job as it then is.

        `decide` may raise to refuse, or answer None for nothing to do. Raises KeyError for an unknown job.
        """
        for attempt in range(CHANGE_TRIES):
            job = self.job(job_id)
            if job is None:
                raise KeyError(job_id)
            change = decide(job)
            if change is None:
                return job
            try:
                return self.write(job, change)
            except Conflict:
                self._pause(attempt)
        raise Conflict("the job changes faster than we can decide", job_id=job_id)

    def write(self, job: Job, change: Change) -> Job:
        """Apply one change to a job. Raises Conflict when a demand does not hold."""
        update = _job_update(self.table, job, change)
        with translated("the job is no longer as it was read"):
            answer = self._client.update_item(ReturnValues="ALL_NEW", **update)
        return _job(from_item(answer["Attributes"]))

    def jobs(self, owner: str, *, limit: int, cursor: str = "", pipeline: str = "", status: str = "") -> JobPage:
        """An owner's jobs, newest first. `cursor` is the created key of the last one seen."""
        found: list[Job] = []
        last = cursor
        while len(found) <= limit:
            keys, more = self._job_keys(owner, last, limit + 1)
            by_id = {item["job_id"]: _job(item) for item in batch_get(self._client, self.table, keys)}
            for key in keys:
                job = by_id.get(key["pk"].removeprefix("JOB#"))
                if job and (not pipeline or job.pipeline == pipeline) and (not status or job.status == status):
                    found.append(job)
                if len(found) > limit:
                    break
            if not more:
                break
            last = more
        page = tuple(found[:limit])
        return JobPage(page, _created_key(page[-1]) if len(found) > limit else "")

    def open_jobs(self) -> Iterator[Job]:
        """All jobs that have not ended, of all owners, oldest first within a shard; read anew one by one."""
        for shard in range(OPEN_SHARDS):
            for key in query(self._client, TableName=self.table, IndexName="open_jobs",
                             KeyConditionExpression="open_pk = :shard",
                             ExpressionAttributeValues=to_item({":shard": f"OPEN#{shard}"})):
                job = self.job(key["pk"].removeprefix("JOB#"))
                if job is not None and not job.status.terminal:
                    yield job

    # --- planning

    def finish_plan(self, job: Job, change: Change, sheets: Sequence[SheetCount], claim: str, stale: str) -> None:
        """Totals, the sheets and the claim on the file's identity, in one transaction.

        `claim` empty claims nothing; `stale` names a job that lost its right to the claim. Raises Conflict when the
        job moved or somebody else holds the claim.
        """
        actions: list[dict[str, Any]] = [
            {"Update": _job_update(self.table, job, change)},
            {"Put": {"TableName": self.table, "Item": to_item(
                {"pk": f"JOB#{job.job_id}", "sk": "SHEETS", "body": _packed([dataclasses.asdict(s) for s in sheets]),
                 "expires_at": self._expiry()})}}]
        if claim:
            actions.append({"Put": {
                "TableName": self.table,
                "Item": to_item({"pk": f"CLAIM#{claim}", "sk": "CLAIM", "job_id": job.job_id,
                                 "expires_at": self._expiry()}),
                "ConditionExpression": "attribute_not_exists(pk) OR job_id = :mine OR job_id = :stale",
                "ExpressionAttributeValues": to_item({":mine": job.job_id, ":stale": stale or job.job_id})}})
        self._transact(actions, "the job moved or the file's identity is claimed")

    def claim_holder(self, claim: str) -> str:
        """The job that holds a file's identity, or nothing."""
        with translated("get claim"):
            item = self._client.get_item(TableName=self.table, ConsistentRead=True,
                                         Key=to_item({"pk": f"CLAIM#{claim}", "sk": "CLAIM"})).get("Item")
        return str(from_item(item)["job_id"]) if item else ""

    def sheets(self, job_id: str) -> tuple[SheetCount, ...]:
        with translated("get sheets"):
            item = self._client.get_item(TableName=self.table, ConsistentRead=True,
                                         Key=to_item({"pk": f"JOB#{job_id}", "sk": "SHEETS"})).get("Item")
        return tuple(SheetCount(**sheet) for sheet in _unpacked(from_item(item)["body"])) if item else ()

    # --- batches

    def batch(self, job_id: str, number: int) -> BatchDetail | None:
        with translated("get batch"):
            item = self._client.get_item(TableName=self.table, Key=to_item(_batch_key(job_id, number)),
                                         ConsistentRead=True).get("Item")
        return _detail(from_item(item)) if item else None

    def batches(self, job_id: str, total: int, *, first: int = 1) -> Iterator[BatchDetail]:
        """Every batch entry from `first` to `total`, in order. Batches that never settled have none."""
        if total < first:
            return
        for partition in range((first - 1) // BATCHES_A_PARTITION, (total - 1) // BATCHES_A_PARTITION + 1):
            for item in query(
                    self._client, TableName=self.table, ConsistentRead=True,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues=to_item({
                        ":pk": f"BATCH#{job_id}#{partition}", ":first": f"{first:08d}", ":last": f"{total:08d}"})):
                yield _detail(item)

    def settle(
        self, job: Job, known: BatchDetail | None, change: Change, entry: BatchEntry,
        writes: Sequence[Write] = (), displaced: Sequence[Displaced] = (),
    ) -> None:
        """The one transaction of a batch. Raises Conflict when job, batch or any lead is no longer as it was read."""
        actions = [{"Put": _put(write)} for write in writes]
        actions += [{"Update": update} for update in self._displacing(job.job_id, displaced)]
        actions.append({"Update": self._batch_update(job, known, entry)})
        actions.append({"Update": _job_update(self.table, job, change)})
        self._transact(actions, "job, batch or a record is no longer as it was read")

    def register_batch(self, job: Job, change: Change, number: int, rows: int) -> None:
        """A batch from outside joins the job, once. Raises Conflict when it has already or the job moved."""
        self._transact([
            {"Put": {"TableName": self.table, "ConditionExpression": "attribute_not_exists(pk)", "Item": to_item(
                {**_batch_key(job.job_id, number), "state": "pending", "run": job.run, "rows": rows, "attempts": 0,
                 "number": number, "expires_at": self._expiry()})}},
            {"Update": _job_update(self.table, job, change)}], "the batch is registered or the job moved")

    def note_attempt(self, job: Job, number: int, rows: int, cause: str) -> None:
        """Count a failed attempt of a batch, for people; decides nothing."""
        with translated("note attempt"):
            self._client.update_item(
                TableName=self.table, Key=to_item(_batch_key(job.job_id, number)),
                UpdateExpression="SET #state = if_not_exists(#state, :pending), #run = if_not_exists(#run, :run), "
                                 "#rows = if_not_exists(#rows, :rows), #number = :number, cause = :cause, "
                                 "expires_at = :expires ADD attempts :one",
                ExpressionAttributeNames={"#state": "state", "#run": "run", "#rows": "rows", "#number": "number"},
                ExpressionAttributeValues=to_item({":pending": "pending", ":run": job.run, ":rows": rows, ":one": 1,
                                                   ":number": number, ":cause": cause, ":expires": self._expiry()}))

    def set_chance(self, job_id: str, number: int, until: str) -> None:
        """This is the batch's last receive: whoever finds this entry after `until` knows that the worker died."""
        with translated("set last chance"):
            self._client.put_item(TableName=self.table, Item=to_item(
                {**_chance_key(job_id, number), "until": until, "number": number, "expires_at": self._expiry()}))

    def clear_chance(self, job_id: str, number: int) -> None:
        with translated("clear last chance"):
            self._client.delete_item(TableName=self.table, Key=to_item(_chance_key(job_id, number)))

    def chances(self, job_id: str) -> Iterator[tuple[int, str]]:
        """Batch numbers on their last receive, each with the time until which the worker may still live."""
        for item in query(self._client, TableName=self.table, ConsistentRead=True,
                          KeyConditionExpression="pk = :pk AND begins_with(sk, :chance)",
                          ExpressionAttributeValues=to_item({":pk": f"JOB#{job_id}", ":chance": "CHANCE#"})):
            yield int(item["number"]), str(item["until"])

    # --- events and answered requests

    def add_event(self, job_id: str, kind: str, **detail: Any) -> None:
        """Tell what happened; the order is the clock's."""
        at = stamp(self._clock())
        with translated("add event"):
            self._client.put_item(TableName=self.table, Item=to_item(
                {"pk": f"EVENTS#{job_id}", "sk": f"{at}#{uuid4().hex[:8]}", "at": at, "kind": kind, "detail": detail,
                 "expires_at": self._expiry()}))

    def events(self, job_id: str, *, limit: int = 100, cursor: str = "") -> EventPage:
        """Events from the oldest on. `cursor` is the key of the last one seen."""
        values = {":pk": f"EVENTS#{job_id}", ":after": cursor or "0"}
        with translated("query events"):
            answer = self._client.query(TableName=self.table, Limit=limit,
                                        KeyConditionExpression="pk = :pk AND sk > :after",
                                        ExpressionAttributeValues=to_item(values))
        items = [from_item(item) for item in answer.get("Items", [])]
        more = str(items[-1]["sk"]) if items and answer.get("LastEvaluatedKey") else ""
        return EventPage(tuple(Event(item["at"], item["kind"], item["detail"]) for item in items), more)

    def remember(self, pk: str, values: Mapping[str, Any], *, hours: int) -> dict[str, Any] | None:
        """Store `values` under `pk` once; answers what is already there, or None when this call was the first."""
        expires = int((self._clock() + timedelta(hours=hours)).timestamp())
        now = int(self._clock().timestamp())
        try:
            with translated("the key is taken"):
                self._client.put_item(
                    TableName=self.table, Item=to_item({**values, "pk": pk, "sk": "KEY", "expires_at": expires}),
                    ConditionExpression="attribute_not_exists(pk) OR expires_at < :now",
                    ExpressionAttributeValues=to_item({":now": now}), ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ConditionFailed as taken:
            return dict(taken.old or self.recall(pk) or {})
        return None

    def recall(self, pk: str) -> dict[str, Any] | None:
        with translated("recall"):
            item = self._client.get_item(TableName=self.table, Key=to_item({"pk": pk, "sk": "KEY"}),
                                         ConsistentRead=True).get("Item")
        return from_item(item) if item else None

    def overwrite(self, pk: str, values: Mapping[str, Any], *, hours: int) -> None:
        """Store `values` under `pk`, whatever is there."""
        expires = int((self._clock() + timedelta(hours=hours)).timestamp())
        with translated("overwrite"):
            self._client.put_item(TableName=self.table,
                                  Item=to_item({**values, "pk": pk, "sk": "KEY", "expires_at": expires}))

    def forget(self, pk: str) -> None:
        with translated("forget"):
            self._client.delete_item(TableName=self.table, Key=to_item({"pk": pk, "sk": "KEY"}))

    # --- inside

    def _transact(self, actions: list[dict[str, Any]], meaning: str) -> None:
        if len(actions) > MAX_ACTIONS:
            raise Malformed("a batch needs more writes than a transaction holds", actions=len(actions))
        with translated(meaning):
            self._client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]

    def _batch_update(self, job: Job, known: BatchDetail | None, entry: BatchEntry) -> dict[str, Any]:
        names = {"#state": "state", "#run": "run", "#rows": "rows", "#number": "number", "#usage": "usage"}
        values: dict[str, Any] = {
            ":state": entry.state.value, ":run": job.run, ":rows": entry.rows, ":number": entry.number,
            ":at": entry.settled_at, ":detail": _detail_body(entry), ":usage": dict(entry.usage),
            ":cause": entry.cause, ":expires": self._expiry(), ":one": 1}
        sets = ["#state = :state", "#run = :run", "#rows = :rows", "#number = :number", "settled_at = :at",
                "detail = :detail", "#usage = :usage", "cause = :cause", "expires_at = :expires"]
        old = known.entry.sheets if known else {}
        counts = {(sheet, outcome): 0 for sheet, outcomes in old.items() for outcome in outcomes}
        counts |= {(sheet, outcome): count for sheet, outcomes in entry.sheets.items()
                   for outcome, count in outcomes.items()}
        for place, ((sheet, outcome), count) in enumerate(counts.items()):
            sets.append(f"{_count_name(sheet, outcome)} = :c{place}")
            values[f":c{place}"] = count
        condition = "attribute_not_exists(pk)"
        if known is not None:
            condition = "#state = :was AND #run = :was_run"
            values |= {":was": known.entry.state.value, ":was_run": known.run}
        return {"TableName": self.table, "Key": to_item(_batch_key(job.job_id, entry.number)),
                "UpdateExpression": f"SET {', '.join(sets)} ADD attempts :one", "ConditionExpression": condition,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": to_item(values)}

    def _displacing(self, job_id: str, displaced: Sequence[Displaced]) -> Iterator[dict[str, Any]]:
        by_batch: dict[int, dict[str, int]] = {}
        for loss in displaced:
            counts = by_batch.setdefault(loss.batch_number, {})
            for outcome, amount in ((loss.outcome, -1), (Outcome.SUPERSEDED, 1)):
                name = _count_name(loss.sheet, outcome)
                counts[name] = counts.get(name, 0) + amount
        for number, counts in by_batch.items():
            adds = ", ".join(f"{name} :a{place}" for place, name in enumerate(counts))
            values = {f":a{place}": amount for place, amount in enumerate(counts.values())}
            yield {"TableName": self.table, "Key": to_item(_batch_key(job_id, number)),
                   "UpdateExpression": f"ADD {adds}", "ConditionExpression": "#state = :done",
                   "ExpressionAttributeNames": {"#state": "state"},
                   "ExpressionAttributeValues": to_item({**values, ":done": "done"})}

    def _job_keys(self, owner: str, after: str, limit: int) -> tuple[list[dict[str, str]], str]:
        values = {":owner": owner, **({":after": after} if after else {})}
        with translated("query jobs"):
            answer = self._client.query(
                TableName=self.table, IndexName="by_owner", ScanIndexForward=False, Limit=limit,
                KeyConditionExpression="owner_pk = :owner" + (" AND created_key < :after" if after else ""),
                ExpressionAttributeValues=to_item(values))
        items = [from_item(item) for item in answer.get("Items", [])]
        more = str(items[-1]["created_key"]) if items and answer.get("LastEvaluatedKey") else ""
        return [{"pk": str(item["pk"]), "sk": str(item["sk"])} for item in items], more

    def _expiry(self) -> int:
        return int((self._clock() + timedelta(days=self._days)).timestamp())

    def _pause(self, attempt: int) -> None:
        """Full jitter: contenders on one item spread out instead of meeting again."""
        self._sleep(self._rng.uniform(0, min(1.0, 0.01 * 2 ** min(attempt, 7))))


def _job_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def _chance_key(job_id: str, number: int) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": f"CHANCE#{number:08d}"}


def _batch_key(job_id: str, number: int) -> dict[str, str]:
    return {"pk": f"BATCH#{job_id}#{(number - 1) // BATCHES_A_PARTITION}", "sk": f"{number:08d}"}


def _created_key(job: Job) -> str:
    return f"{job.created_at}#{job.job_id}"


def _open_shard(job_id: str) -> str:
    return f"OPEN#{zlib.crc32(job_id.encode()) % OPEN_SHARDS}"


def _job_item(job: Job) -> dict[str, Any]:
    return {**dataclasses.asdict(job), **_job_key(job.job_id), "owner_pk": job.owner,
            "created_key": _created_key(job), "open_pk": None if job.status.terminal else _open_shard(job.job_id)}


def _job(item: Mapping[str, Any]) -> Job:
    values = {name: value for name, value in item.items() if name in _JOB_FIELDS}
    return Job(**{**values, "status": Status(values["status"]), "unsettled": Bucket(values["unsettled"])})


def _job_update(table: str, job: Job, change: Change) -> dict[str, Any]:
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
    adds = [f"{name(key)} {value(amount)}" for key, amount in change.add.items()]
    conditions = ["attribute_exists(pk)"]
    for key, wanted in change.require.items():
        options = wanted if isinstance(wanted, tuple) else (wanted,)
        conditions.append(f"{name(key)} IN ({', '.join(value(option) for option in options)})")
    conditions += [f"{name(key)} >= {value(least)}" for key, least in change.at_least.items()]
    clauses = [("SET", sets), ("REMOVE", removes), ("ADD", adds)]
    return {"TableName": table, "Key": to_item(_job_key(job.job_id)),
            "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts),
            "ConditionExpression": " AND ".join(conditions), "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item(values)}


def _openness(job: Job, change: Change) -> dict[str, Any]:
    """The sweeper's sparse index follows the status."""
    if "status" not in change.assign:
        return {}
    return {"open_pk": None if Status(change.assign["status"]).terminal else _open_shard(job.job_id)}


def _put(write: Write) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": write.table, "Item": to_item({**write.item, **write.key})}
    if write.condition:
        put["ConditionExpression"] = write.condition
    if write.names:
        put["ExpressionAttributeNames"] = dict(write.names)
    if write.values:
        put["ExpressionAttributeValues"] = to_item(write.values)
    return put


def _count_name(sheet: int, outcome: Outcome) -> str:
    return f"c_{sheet}_{outcome.value}"


def _detail_body(entry: BatchEntry) -> bytes:
    return _packed({"rejects": [dataclasses.asdict(reject) for reject in entry.rejects],
                    "duplicates": [dataclasses.asdict(duplicate) for duplicate in entry.duplicates],
                    "warnings": {row: list(texts) for row, texts in entry.warnings.items()}})


def _detail(item: Mapping[str, Any]) -> BatchDetail:
    body = _unpacked(item["detail"]) if item.get("detail") else {}
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
        warnings=body.get("warnings", {}), usage=item.get("usage", {}))
    return BatchDetail(entry, int(item["run"]), int(item.get("attempts", 0)))


def _packed(value: Any) -> bytes:
    """JSON, deflated: a batch's rejects with their cells stay below the 400 KB of an item."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)


def _unpacked(body: bytes) -> Any:
    return json.loads(zlib.decompress(body))
