"""Price lists: versions of them in the prices table, their items in S3, and the last ones ready in this container.

A version is the job of its import (`list_id` is its job id). Each batch of the import writes its own part before it
settles; once the import has ended, the parts of settled batches become one snapshot. `LIST#<id>` with `LIST` is its
entry in the prices table, in the index `by_owner`; undone, it stays as a tombstone outside the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.jobs.model import Job
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.matching.index import Index
    from chalicelib.matching.model import PriceItem


@dataclass(frozen=True, slots=True)
class PriceList:
    """One version of an owner's list. `created_at` is when its file was uploaded, `items` what is stored of it so far.

    `version` is its ordinal, from 1, among the owner's lists of that name; 0 where it was not asked for (`get`,
    `newest`).
    """

    list_id: str
    owner: str
    name: str
    file_name: str
    created_at: str
    items: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of a list with their index; built once a container, and shared: only read it."""

    list: PriceList
    index: Index

    @property
    def items(self) -> tuple[PriceItem, ...]:
        return self.index.items

    def item(self, item_id: str) -> PriceItem | None:
        """The item of that id (`<sheet from 1>-<row>`), if the list holds it."""
        place = self.index.place_of(item_id)
        return None if place is None else self.index.items[place]


class PriceLists:
    """All owners; every method takes the owner or a job of his, and nothing crosses."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, blobs: Blobs, ledger: Ledger,
    ) -> None:
        self.table = table

    def get(self, owner: str, list_id: str) -> PriceList | None:
        """A version of the owner's; None for an unknown one, another owner's, and one that was undone."""
        raise NotImplementedError

    def listing(self, owner: str, name: str = "") -> tuple[PriceList, ...]:
        """The owner's versions with their ordinals, newest first; of one name, or of all. Undone ones keep theirs."""
        raise NotImplementedError

    def newest(self, owner: str, at: str, name: str = "") -> PriceList | None:
        """The version uploaded last among those whose import had ended, with items, at the time `at`."""
        raise NotImplementedError

    def ended(self, found: PriceList) -> bool:
        """Whether its import has ended, so that it can be loaded."""
        raise NotImplementedError

    def load(self, found: PriceList) -> Loaded:
        """Its items and their index. Raises Waiting while its import runs, Transient, KeyError when it is gone."""
        raise NotImplementedError

    def ensure(self, job: Job) -> None:
        """Register the version that this import makes; harmless any number of times, also after its undoing."""
        raise NotImplementedError

    def counted(self, job: Job, items: int) -> Write:
        """The write that adds a settled batch's items to the version's count."""
        raise NotImplementedError

    def write_part(self, list_id: str, batch: int, items: Sequence[PriceItem]) -> None:
        """Store the items of one batch; again gives the same bytes under the same key."""
        raise NotImplementedError

    def compile(self, list_id: str) -> None:
        """Make the snapshot of an import that has ended. Two at once write the same."""
        raise NotImplementedError

    def remove(self, list_id: str) -> None:
        """The import was undone: nobody finds the version any more. Harmless any number of times."""
        raise NotImplementedError
