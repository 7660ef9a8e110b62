"""The ledger: durable truth about jobs and batches, and the only place where progress is counted.

`transitions` decides what to write and on what condition; this module says it in DynamoDB. Item layout is in the
template (`LedgerTable`). A batch settles in one TransactWriteItems: the pipeline's own writes, the counters of batches
whose rows were displaced, the batch entry, the job's counters. Nothing else ever moves a counter.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, query, to_item, translated
from chalicelib.adapters.ledger_items import (
    BATCHES_A_PARTITION,
    OPEN_SHARDS,
    UNMOVED,
    action_of,
    batch_key,
    chance_key,
    count_name,
    created_key,
    detail_body,
    detail_from,
    job_from,
    job_item,
    job_key,
    job_update,
    packed,
    unpacked,
)
from chalicelib.costs import total
from chalicelib.errors import Conflict, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.model import BatchDetail, BatchEntry, BatchState, Job, Outcome, SheetCount, stamp
from chalicelib.jobs.pipeline import Displaced, Write
from chalicelib.jobs.transitions import Change
from chalicelib.logs import request_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_ACTIONS = 100
CHANGE_TRIES = 50
_NOTHING_USED: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job, for people: `kind` is one word, `detail` plain facts without personal data."""

    at: str
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chance:
    """A batch on its last receive, in that run of its job; its worker may live until then, not longer."""

    number: int
    run: int
    until: str


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
        item = {**job_item(job), "expires_at": self._expiry()}
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
            item = self._client.get_item(TableName=self.table, Key=to_item(job_key(job_id)),
                                         ConsistentRead=True).get("Item")
        return job_from(from_item(item)) if item else None

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
        update = job_update(self.table, job, change)
        with translated("the job is no longer as it was read"):
            answer = self._client.update_item(ReturnValues="ALL_NEW", **update)
        return job_from(from_item(answer["Attributes"]))

    def jobs(self, owner: str, *, limit: int, cursor: str = "", pipeline: str = "", status: str = "") -> JobPage:
        """An owner's jobs, newest first. `cursor` is the created key of the last one seen."""
        found: list[Job] = []
        last = cursor
        while len(found) <= limit:
            keys, more = self._job_keys(owner, last, limit + 1)
            by_id = {item["job_id"]: job_from(item) for item in batch_get(self._client, self.table, keys)}
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
        return JobPage(page, created_key(page[-1]) if len(found) > limit else "")

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
            {"Update": job_update(self.table, job, change)},
            {"Put": {"TableName": self.table, "Item": to_item(
                {"pk": f"JOB#{job.job_id}", "sk": "SHEETS", "body": packed([dataclasses.asdict(s) for s in sheets]),
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
        sheets = unpacked(from_item(item)["body"]) if item else ()
        return tuple(SheetCount(**{**sheet, "headers": tuple(sheet.get("headers", ()))}) for sheet in sheets)

    # --- batches

    def batch(self, job_id: str, number: int) -> BatchDetail | None:
        with translated("get batch"):
            item = self._client.get_item(TableName=self.table, Key=to_item(batch_key(job_id, number)),
                                         ConsistentRead=True).get("Item")
        return detail_from(from_item(item)) if item else None

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
                yield detail_from(item)

    def settle(
        self, job: Job, known: BatchDetail | None, change: Change, entry: BatchEntry,
        writes: Sequence[Write] = (), displaced: Sequence[Displaced] = (),
    ) -> None:
        """The one transaction of a batch. Raises Conflict when job, batch or any lead is no longer as it was read."""
        actions = [action_of(write) for write in writes]
        actions += [{"Update": update} for update in self._displacing(job.job_id, displaced)]
        actions.append({"Update": self._batch_update(job, known, entry)})
        actions.append({"Update": job_update(self.table, job, change)})
        self._transact(actions, "job, batch or a record is no longer as it was read")

    def register_batch(self, job: Job, change: Change, number: int, rows: int) -> None:
        """A batch from outside joins the job, once. Raises Conflict when it has already or the job moved."""
        self._transact([
            {"Put": {"TableName": self.table, "ConditionExpression": "attribute_not_exists(pk)", "Item": to_item(
                {**batch_key(job.job_id, number), "state": "pending", "run": job.run, "rows": rows, "attempts": 0,
                 "number": number, "expires_at": self._expiry()})}},
            {"Update": job_update(self.table, job, change)}], "the batch is registered or the job moved")

    def note_attempt(
        self, job: Job, number: int, rows: int, cause: str = "", usage: Mapping[str, int] = _NOTHING_USED
    ) -> BatchState:
        """Count a failed attempt of a batch, for people, and keep what it used; answers what the batch is now.

        Without a `cause` the attempt has not failed (it was handed back, or a twin was faster) and only used something.
        """
        spent = {f"{UNMOVED}{name}": amount for name, amount in usage.items() if amount}
        adds = {"attempts": 1 if cause else 0, "notes": 1, **spent}
        values = {":pending": "pending", ":run": job.run, ":rows": rows, ":number": number,
                  ":expires": self._expiry(), **({":cause": cause} if cause else {}),
                  **{f":a{place}": amount for place, amount in enumerate(adds.values())}}
        with translated("note attempt"):
            item = self._client.update_item(
                TableName=self.table, Key=to_item(batch_key(job.job_id, number)), ReturnValues="ALL_NEW",
                UpdateExpression="SET #state = if_not_exists(#state, :pending), #run = if_not_exists(#run, :run), "
                                 "#rows = if_not_exists(#rows, :rows), #number = :number, expires_at = :expires"
                                 + (", cause = :cause" if cause else "")
                                 + " ADD " + ", ".join(f"{name} :a{place}" for place, name in enumerate(adds)),
                ExpressionAttributeNames={"#state": "state", "#run": "run", "#rows": "rows", "#number": "number"},
                ExpressionAttributeValues=to_item(values))["Attributes"]
        return BatchState(str(from_item(item)["state"]))

    def move_usage(self, job: Job, known: BatchDetail) -> None:
        """Move what a settled batch's attempts used into the job. Raises Conflict when the batch moved meanwhile."""
        moved = transitions.spending(Change(), known.unmoved)
        removed = ", ".join(f"{UNMOVED}{name}" for name in known.unmoved)
        self._transact([
            {"Update": {"TableName": self.table, "Key": to_item(batch_key(job.job_id, known.entry.number)),
                        "UpdateExpression": f"SET #usage = :usage REMOVE {removed} ADD notes :one",
                        "ConditionExpression": "notes = :notes AND #state = :state",
                        "ExpressionAttributeNames": {"#usage": "usage", "#state": "state"},
                        "ExpressionAttributeValues": to_item({
                            ":usage": total(known.entry.usage, known.unmoved), ":one": 1, ":notes": known.notes,
                            ":state": known.entry.state.value})}},
            {"Update": job_update(self.table, job, moved)}], "the batch is no longer as it was read")

    def set_chance(self, job: Job, number: int, until: str) -> None:
        """This is the batch's last receive: whoever finds this entry after `until` knows that the worker died."""
        with translated("set last chance"):
            self._client.put_item(TableName=self.table, Item=to_item(
                {**chance_key(job.job_id, number), "until": until, "number": number, "run": job.run,
                 "expires_at": self._expiry()}))

    def clear_chance(self, job_id: str, number: int) -> None:
        with translated("clear last chance"):
            self._client.delete_item(TableName=self.table, Key=to_item(chance_key(job_id, number)))

    def chances(self, job_id: str) -> Iterator[Chance]:
        """The batches on their last receive."""
        for item in query(self._client, TableName=self.table, ConsistentRead=True,
                          KeyConditionExpression="pk = :pk AND begins_with(sk, :chance)",
                          ExpressionAttributeValues=to_item({":pk": f"JOB#{job_id}", ":chance": "CHANCE#"})):
            yield Chance(int(item["number"]), int(item["run"]), str(item["until"]))

    # --- events

    def add_event(self, job_id: str, kind: str, **detail: Any) -> None:
        """Tell what happened, and on whose request where that is known; the order is the clock's."""
        at = stamp(self._clock())
        detail = {**detail, **({"requestId": request_id()} if request_id() else {})}
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
            ":at": entry.settled_at, ":detail": detail_body(entry), ":usage": dict(entry.usage),
            ":cause": entry.cause, ":expires": self._expiry(), ":by": entry.settled_by,
            ":one": int(entry.state is not BatchState.PENDING)}  # who reopens a batch attempts nothing
        sets = ["#state = :state", "#run = :run", "#rows = :rows", "#number = :number", "settled_at = :at",
                "detail = :detail", "#usage = :usage", "cause = :cause", "expires_at = :expires", "settled_by = :by"]
        old = known.entry.sheets if known else {}
        counts = {(sheet, outcome): 0 for sheet, outcomes in old.items() for outcome in outcomes}
        counts |= {(sheet, outcome): count for sheet, outcomes in entry.sheets.items()
                   for outcome, count in outcomes.items()}
        for place, ((sheet, outcome), count) in enumerate(counts.items()):
            sets.append(f"{count_name(sheet, outcome)} = :c{place}")
            values[f":c{place}"] = count
        condition = "attribute_not_exists(pk)"
        if known is not None:
            noted = "notes = :notes" if known.notes else "attribute_not_exists(notes)"
            condition = f"#state = :was AND #run = :was_run AND {noted}"
            values |= {":was": known.entry.state.value, ":was_run": known.run,
                       **({":notes": known.notes} if known.notes else {})}
        moved = ", ".join(f"{UNMOVED}{name}" for name in known.unmoved) if known else ""
        expression = f"SET {', '.join(sets)}" + (f" REMOVE {moved}" if moved else "") + " ADD attempts :one"
        return {"TableName": self.table, "Key": to_item(batch_key(job.job_id, entry.number)),
                "UpdateExpression": expression, "ConditionExpression": condition,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": to_item(values)}

    def _displacing(self, job_id: str, displaced: Sequence[Displaced]) -> Iterator[dict[str, Any]]:
        by_batch: dict[int, dict[str, int]] = {}
        for loss in displaced:
            counts = by_batch.setdefault(loss.batch_number, {})
            for outcome, amount in ((loss.outcome, -1), (Outcome.SUPERSEDED, 1)):
                name = count_name(loss.sheet, outcome)
                counts[name] = counts.get(name, 0) + amount
        for number, counts in by_batch.items():
            adds = ", ".join(f"{name} :a{place}" for place, name in enumerate(counts))
            values = {f":a{place}": amount for place, amount in enumerate(counts.values())}
            yield {"TableName": self.table, "Key": to_item(batch_key(job_id, number)),
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
