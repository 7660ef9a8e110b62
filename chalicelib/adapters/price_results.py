"""Result rows of price jobs: one item a row of the file, in blocks of 1,000 rows a partition.

A row is a mapping that is JSON as it stands, with seed 000's names (`pipelines.prices.match` says which). Numbers that
people pay by (`originalQuantity`, `matchedRate`, `totalPrice`) are texts in plain decimal notation, exact; `confidence`
and scores are floats from 0 to 1. Beside them `tier` (accepted, review, unmatched), `jobTier` (the tier as jobs set it,
which no person changes), `version` (grows with every write) and `rematchedBy`.

The job's own counts (`job.tallies`: accepted, review, unmatched, and manual for rows that a person edited) move in the
same transaction as the rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.jobs.model import Job, RowId, SheetCount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Some rows in the order of the file; `cursor` is empty at the end."""

    rows: tuple[Row, ...]
    cursor: str


class PriceResults:
    """One table, all owners. Raises Transient where DynamoDB does not answer."""

    def __init__(
        self, client: DynamoDBClient, table: str, ledger_table: str, *, sleep: Callable[[float], None], rng: random.Random,
    ) -> None:
        self.table = table

    def get(self, owner: str, result_id: str) -> Row | None:
        """A row by its id, `<job>-<sheet from 1>-<row>`; None for an unknown one and another owner's."""
        raise NotImplementedError

    def page(self, job: Job, sheets: Sequence[SheetCount], *, limit: int, cursor: str = "", tier: str = "") -> ResultPage:
        """Rows of a job in the order of its file; `sheets` as `ledger.sheets` answers (none for a job from outside).

        With `tier` (accepted, review, unmatched or manual) only those; then a page may hold fewer than `limit` rows, or
        none, and still have a cursor: it reads a bounded number. Raises BAD_CURSOR.
        """
        raise NotImplementedError

    def walk(self, job: Job, sheets: Sequence[SheetCount]) -> Iterator[Row]:
        """All rows of a job in the order of its file, a query's page in memory at a time."""
        raise NotImplementedError

    def edit(self, row: Row, changes: Mapping[str, Any], *, by: str, at: str) -> Row:
        """A person changes a row that was read; answers it as it then is, `isManuallyEdited` unless only notes changed.

        `changes` are stored as they are (see `match.chosen`). Raises Conflict when the row was changed since it was
        read, or its job is gone: read again, decide anew.
        """
        raise NotImplementedError

    def rows(self, job_id: str, wanted: Sequence[RowId]) -> dict[RowId, Row]:
        """These rows as far as they exist, consistent."""
        raise NotImplementedError
