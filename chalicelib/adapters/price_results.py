"""Result rows of price jobs: one item a row of the file, in blocks of 1,000 rows a partition.

A row is JSON as it stands: exactly the names in `FIELDS`, those without a value None. Numbers that people pay by
(`originalQuantity`, `matchedRate`, `totalPrice`, rates of candidates) are texts in plain decimal notation, exact;
`confidence` and scores are floats from 0 to 1. `tier` is accepted, review or unmatched; `jobTier` the tier as jobs set
it, which no person changes; `version` grows with every write; `rematchedBy` is the last re-match that wrote the row.
`resultId` is `<jobId>-<sheet from 1>-<rowNumber>`, and what stands behind the job is the row's mark.

The job's own counts (`job.tallies`: accepted, review, unmatched, and manual for rows that a person edited) move in the
transaction that writes the rows. A re-match keeps each row as it found it, as a prior image (`PRIOR#`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, query, to_item, translated
from chalicelib.adapters.ledger_items import TALLY, action_of, job_key
from chalicelib.errors import Conflict, RequestProblem, RequestRefused
from chalicelib.jobs.model import Job, RowId, SheetCount
from chalicelib.jobs.pipeline import Undone, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = Mapping[str, Any]

FIELDS: Mapping[str, Any] = {
    "jobId": "", "resultId": "", "rowNumber": 0, "worksheet": "", "sheet": 0, "batch": 0, "owner": "", "listId": "",
    "originalDescription": "", "originalCode": "", "originalUnit": "", "originalQuantity": None, "originalRowData": {},
    "contextHeaders": [], "matchedItemId": None, "matchedDescription": None, "matchedCode": None, "matchedUnit": None,
    "matchedRate": None, "confidence": 0.0, "matchMethod": "", "tier": "unmatched", "jobTier": "unmatched",
    "unitMismatch": False, "candidates": [], "totalPrice": None, "isManuallyEdited": False, "isLearnedMatch": False,
    "notes": "", "version": 1, "rematchedBy": "", "editedBy": "", "createdAt": "", "updatedAt": "", "expiresAt": 0,
}
"""Name -> value where a row has none. A candidate has itemId, description, code, unit, rate, score and reasons."""

BLOCK_ROWS = 1000
PRIOR_DAYS = 30
MANUAL = "manual"
"""The tally of rows that a person edited; all others are counted under their tier."""
MOST_READ = 2000
MOST_QUERIES = 40
"""Rows and queries that one page costs at most."""
EDIT_TRIES = 10


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Some rows in the order of the file; `cursor` is empty at the end."""

    rows: tuple[Row, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a re-match asks of a row: its tier as jobs set it, and the re-match that did."""

    tier: str
    by: str


class PriceResults:
    """One table, all owners. Raises Transient where DynamoDB does not answer."""

    def __init__(
        self, client: DynamoDBClient, table: str, ledger_table: str, *, sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self.table = table
        self.client = client
        self._ledger_table = ledger_table
        self._sleep = sleep
        self._rng = rng

    # --- reading

    def get(self, owner: str, result_id: str) -> Row | None:
        """A row by its id, `<job>-<sheet from 1>-<row>`; None for an unknown one and another owner's."""
        job_id, _, mark = result_id.rpartition("-")
        job_id, _, sheet = job_id.rpartition("-")
        place = place_of(f"{sheet}-{mark}")
        if not job_id or place is None:
            return None
        found = self.rows(job_id, [place]).get(place)
        return found if found is not None and found["owner"] == owner else None

    def page(
        self, job: Job, sheets: Sequence[SheetCount], *, limit: int, cursor: str = "", tier: str = "",
    ) -> ResultPage:
        """Rows of a job in the order of its file; `sheets` as `ledger.sheets` answers (none for a job from outside).

        With `tier` (accepted, review, unmatched or manual) only those; then a page may hold fewer than `limit` rows, or
        none, and still have a cursor: it reads a bounded number. Raises BAD_CURSOR.
        """
        after = _after(cursor)
        rows: list[Row] = []
        read = queries = 0
        for sheet, block in _blocks(job, sheets, after):
            while True:
                if queries >= MOST_QUERIES or read >= MOST_READ:
                    return ResultPage(tuple(rows), _cursor(after))
                found, more = self._some(job.job_id, sheet, block, after, MOST_READ - read if tier else limit)
                queries += 1
                for row in found:
                    read, after = read + 1, RowId(sheet, int(row["rowNumber"]))
                    if not tier or tally_of(row) == tier:
                        rows.append(row)
                    if len(rows) == limit:
                        return ResultPage(tuple(rows), _cursor(after))
                if not more:
                    break
            after = max(after, RowId(sheet, (block + 1) * BLOCK_ROWS - 1))
        return ResultPage(tuple(rows), "")

    def walk(self, job: Job, sheets: Sequence[SheetCount]) -> Iterator[Row]:
        """All rows of a job in the order of its file, a query's page in memory at a time."""
        for sheet, block in _blocks(job, sheets, RowId(-1, 0)):
            for item in query(self.client, **self._of_block(job.job_id, sheet, block)):
                yield row_from(item)

    def rows(self, job_id: str, wanted: Sequence[RowId]) -> dict[RowId, Row]:
        """These rows as far as they exist, consistent."""
        found = map(row_from, batch_get(self.client, self.table, [row_key(job_id, place) for place in wanted]))
        return {RowId(int(row["sheet"]), int(row["rowNumber"])): row for row in found}

    def standings(self, job_id: str, sheet: int, block: int) -> dict[int, Standing]:
        """Of the rows of a block, by row number, what a re-match asks."""
        request = self._of_block(job_id, sheet, block)
        return {int(item["rowNumber"]): Standing(str(item["jobTier"]), str(item.get("rematchedBy", "")))
                for item in query(self.client, **request, ProjectionExpression="rowNumber, jobTier, rematchedBy")}

    # --- writing

    def put(self, row: Row, *, replaces: Row | None = None) -> Write:
        """Store a row; with `replaces`, only while that is what is stored."""
        condition: dict[str, Any] = {} if replaces is None else {
            "condition": "version = :version", "values": {":version": replaces["version"]},
            "meaning": "the row is as it was read"}
        return Write(self.table, _key_of(row), row_item(row), **condition)

    def keep(self, row: Row, job: Job) -> Write:
        """The row as a re-match found it: its prior image, kept once."""
        since = datetime.fromisoformat(job.created_at.replace("Z", "+00:00"))
        item = {"image": row_item(row), "expires_at": int((since + timedelta(days=PRIOR_DAYS)).timestamp())}
        return Write(self.table, prior_key(job.job_id, RowId(row["sheet"], row["rowNumber"])), item,
                     condition="attribute_not_exists(pk)", meaning="the prior image is kept once")

    def counting(self, job_id: str, moved: Mapping[str, int]) -> tuple[Write, ...]:
        """The write that moves a job's tallies, unless the job is undone; none where nothing moves."""
        adds = {f"{TALLY}{name}": amount for name, amount in sorted(moved.items()) if amount}
        if not adds:
            return ()
        return (Write(self._ledger_table, job_key(job_id), {}, add=adds, names={"#undo": "undo"},
                      condition="attribute_exists(pk) AND attribute_not_exists(#undo)",
                      meaning="the job of the rows is there and not undone"),)

    def edit(self, row: Row, changes: Mapping[str, Any], *, by: str, at: str) -> Row:
        """A person changes a row that was read; answers it as it then is, `isManuallyEdited` unless only notes changed.

        `changes` are stored as they are (see `match.chosen`). Raises Conflict when the row was changed since it was
        read, or its job is gone or undone: read again, decide anew.
        """
        manual = bool(row["isManuallyEdited"]) or not set(changes) <= {"notes"}
        new = {**row, **changes, "isManuallyEdited": manual, "version": int(row["version"]) + 1, "editedBy": by,
               "updatedAt": at}
        writes = [self.put(new, replaces=row), *self.counting(str(row["jobId"]), moved(row, new))]
        self.transact(writes, "the row is as it was read, and its job is there")
        return new

    def delete(self, rows: Sequence[Row]) -> None:
        """Remove up to 100 rows, all or none. Raises Conflict where one is no longer as it was read."""
        if rows:
            self._transact([{"Delete": {
                "TableName": self.table, "Key": to_item(_key_of(row)), "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": to_item({":version": row["version"]})}} for row in rows],
                "the rows are as they were read")

    def priors(self, job_id: str, wanted: Sequence[RowId]) -> dict[RowId, Mapping[str, Any]]:
        """How the re-match `job_id` found these rows (`image`), and what undoing it made of them (`undone`)."""
        keys = {(key["pk"], key["sk"]): place for place in wanted for key in (prior_key(job_id, place),)}
        found = batch_get(self.client, self.table, [prior_key(job_id, place) for place in wanted])
        return {keys[(str(item["pk"]), str(item["sk"]))]: item for item in found}

    def note(self, job_id: str, place: RowId, prior: Mapping[str, Any], result: Undone) -> Write:
        """Write down, once, what undoing the re-match made of a row."""
        noted = {"became": result.became.value, "reason": result.reason, "by_job": result.by_job}
        return Write(self.table, prior_key(job_id, place), {**prior, "undone": noted}, names={"#undone": "undone"},
                     condition="attribute_exists(pk) AND attribute_not_exists(#undone)",
                     meaning="nobody has undone the row yet")

    def transact(self, writes: Sequence[Write], meaning: str) -> None:
        """All of it or nothing. Raises ConditionFailed at once, and Conflict after tries against others' transactions.
        """
        self._transact([action_of(write) for write in writes], meaning)

    # --- inside

    def _transact(self, actions: list[dict[str, Any]], meaning: str) -> None:
        for tried in range(EDIT_TRIES):
            try:
                with translated(meaning):
                    self.client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]
            except ConditionFailed:
                raise
            except Conflict:
                if tried == EDIT_TRIES - 1:
                    raise
                self._sleep(self._rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
                continue
            return

    def _some(self, job_id: str, sheet: int, block: int, after: RowId, most: int) -> tuple[list[Row], bool]:
        """Rows of a block after a row, and whether there may be more."""
        request = self._of_block(job_id, sheet, block, after.row if after.sheet == sheet else 0)
        with translated("query results"):
            answer = self.client.query(**request, Limit=max(1, most))
        return [row_from(from_item(item)) for item in answer.get("Items", [])], bool(answer.get("LastEvaluatedKey"))

    def _of_block(self, job_id: str, sheet: int, block: int, after: int = 0) -> dict[str, Any]:
        values = {":pk": _partition(job_id, sheet, block), ":after": f"{after:08d}"}
        return {"TableName": self.table, "ConsistentRead": True, "KeyConditionExpression": "pk = :pk AND sk > :after",
                "ExpressionAttributeValues": to_item(values)}


def tally_of(row: Row) -> str:
    """Under which of the job's tallies a row counts."""
    return MANUAL if row["isManuallyEdited"] else str(row["tier"])


def moved(old: Row, new: Row) -> dict[str, int]:
    """What replacing one row by another does to the tallies."""
    before, after = tally_of(old), tally_of(new)
    return {} if before == after else {before: -1, after: 1}


def mark_of(place: RowId) -> str:
    """A row's mark: sheet from 1 and row, as in its `resultId`."""
    return f"{place.sheet + 1}-{place.row}"


def place_of(mark: str) -> RowId | None:
    """The row of a mark; None for what is none."""
    sheet, _, row = mark.partition("-")
    if not (sheet.isdecimal() and row.isdecimal() and len(sheet) < 10 and len(row) < 10):
        return None
    return RowId(int(sheet) - 1, int(row))


def row_item(row: Row) -> dict[str, Any]:
    """A row as its item without keys: what says nothing is left out."""
    kept = {name: row[name] for name, default in FIELDS.items()
            if name in row and row[name] != default and name != "expiresAt"}
    kept |= {name: row[name] for name in ("sheet", "rowNumber", "tier", "jobTier", "version") if name in row}
    return {**kept, "expires_at": row.get("expiresAt") or None}


def row_from(item: Mapping[str, Any]) -> Row:
    """The row of an item."""
    row = {name: item.get(name, default) for name, default in FIELDS.items()}
    return {**row, "expiresAt": int(item.get("expires_at", 0)), "confidence": float(row["confidence"]), "candidates": [
        {**each, "score": float(each["score"])} for each in row["candidates"]]}


def row_key(job_id: str, place: RowId) -> dict[str, str]:
    """Where a row lies."""
    return {"pk": _partition(job_id, place.sheet, place.row // BLOCK_ROWS), "sk": f"{place.row:08d}"}


def prior_key(job_id: str, place: RowId) -> dict[str, str]:
    """Where a row lies as the re-match `job_id` found it."""
    return {"pk": f"PRIOR#{job_id}#{place.sheet}#{place.row // BLOCK_ROWS}", "sk": f"{place.row:08d}"}


def _key_of(row: Row) -> dict[str, str]:
    return row_key(str(row["jobId"]), RowId(int(row["sheet"]), int(row["rowNumber"])))


def _partition(job_id: str, sheet: int, block: int) -> str:
    return f"RESULT#{job_id}#{sheet}#{block}"


def _blocks(job: Job, sheets: Sequence[SheetCount], after: RowId) -> Iterator[tuple[int, int]]:
    """The partitions that may hold rows behind `after`. Of a job from outside each batch is a sheet."""
    lengths = {count.index: count.physical for count in sheets if count.rows}
    if not sheets and job.outside:
        lengths = dict.fromkeys(range(1, job.batches_total + 1), BLOCK_ROWS - 1)
    for sheet, length in sorted(lengths.items()):
        if sheet >= after.sheet:
            first = after.row // BLOCK_ROWS if sheet == after.sheet else 0
            yield from ((sheet, block) for block in range(first, length // BLOCK_ROWS + 1))


def _cursor(place: RowId) -> str:
    return f"{place.sheet}.{place.row}"


def _after(cursor: str) -> RowId:
    if not cursor:
        return RowId(-1, 0)
    sheet, _, row = cursor.partition(".")
    if not (sheet.isdecimal() and row.isdecimal() and len(cursor) < 20):
        raise RequestRefused(RequestProblem.BAD_CURSOR)
    return RowId(int(sheet), int(row))
