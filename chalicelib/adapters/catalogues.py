"""Which catalogues there are, wherever their products live, and seed 001's own table of enrichment batches.

A catalogue becomes known once, by whoever comes first, and is only ever completed after that: an import that runs again
changes nothing, the sheets are filled in when the file is planned. Its products are counted in the transactions that
store them.

`by_owner` is eventually consistent: a catalogue made a moment ago may not be listed yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, from_item, query, to_item, translated
from chalicelib.adapters.product_store import Catalogue, SheetExtent, Source, key_of
from chalicelib.errors import Conflict, RequestProblem, RequestRefused
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 10
_COMPLETED = ("name", "description", "file_name", "file_key", "bucket", "version_id", "sha256")
"""Texts that a later caller may know where an earlier one did not."""


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """Catalogues, newest first; `cursor` continues behind them and is "" at the end."""

    catalogues: tuple[Catalogue, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class _Read:
    catalogue: Catalogue
    rev: int


class Catalogues:
    """Catalogues of the products table. Every method takes the owner; nothing crosses."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def ensure(self, catalogue: Catalogue) -> Catalogue:
        """Make the catalogue known, or complete what is known of it; answers it as it stands.

        Sheets and batches from outside only grow, texts are filled in where there were none. `products` and
        `enrich_job` have ways of their own and are passed over.
        """
        new = replace(catalogue, products=0, enrich_job="")
        for _ in range(TRIES):
            known = self._read(catalogue.owner, catalogue.catalog_id)
            if known is None:
                if self._create(new):
                    return new
                continue
            completed = _completed(known.catalogue, catalogue)
            if completed == known.catalogue or self._change(known, completed):
                return completed
        raise Conflict("the catalogue is being written by others")

    def get(self, owner: str, catalog_id: str) -> Catalogue | None:
        known = self._read(owner, catalog_id)
        return known.catalogue if known else None

    def list(self, owner: str, *, limit: int, cursor: str = "") -> CataloguePage:
        """An owner's catalogues, newest first."""
        values = {":owner": _owner_pk(owner), **({":before": cursor} if cursor else {})}
        with translated("list catalogues"):
            answer = self._client.query(
                TableName=self._table, IndexName="by_owner", ScanIndexForward=False, Limit=limit + 1,
                KeyConditionExpression="owner_pk = :owner" + (" AND created_key < :before" if cursor else ""),
                ExpressionAttributeValues=to_item(values))
        found = [from_item(item) for item in answer["Items"]]
        more = str(found[limit - 1]["created_key"]) if len(found) > limit else ""
        return CataloguePage(tuple(_catalogue(item) for item in found[:limit]), more)

    def rename(
        self, owner: str, catalog_id: str, *, name: str | None = None, description: str | None = None
    ) -> Catalogue:
        """Give it another name or description. Raises NOT_FOUND."""
        def renamed(now: Catalogue) -> Catalogue:
            return replace(now, name=now.name if name is None else name,
                           description=now.description if description is None else description)

        return self._changed(owner, catalog_id, renamed)

    def begin_enrich(
        self, owner: str, catalog_id: str, *, job_id: str, unless_running: Callable[[str], bool]
    ) -> str:
        """Make the job the catalogue's enrichment, unless `unless_running` says that the recorded one still runs.

        Answers the id of the job that it is now: another one's where that runs. Raises NOT_FOUND, and Conflict for the
        loser of a race.
        """
        looked_at: str | None = None
        for _ in range(TRIES):
            known = self._known(owner, catalog_id)
            recorded = known.catalogue.enrich_job
            if looked_at not in (None, recorded):
                break
            if recorded == job_id or (recorded and unless_running(recorded)):
                return recorded
            if self._change(known, replace(known.catalogue, enrich_job=job_id)):
                return job_id
            looked_at = recorded
        raise Conflict("another enrichment began at the same time", catalog_id=catalog_id)

    def count_write(self, owner: str, catalog_id: str, products: int) -> Write:
        """Count so many more products, in the transaction that stores them."""
        return Write(self._table, _key(owner, catalog_id), {}, add={"products": products},
                     condition="attribute_exists(pk)", meaning="the catalogue is there")

    # --- inside

    def _changed(self, owner: str, catalog_id: str, change: Callable[[Catalogue], Catalogue]) -> Catalogue:
        for _ in range(TRIES):
            known = self._known(owner, catalog_id)
            changed = change(known.catalogue)
            if changed == known.catalogue or self._change(known, changed):
                return changed
        raise Conflict("the catalogue is being written by others")

    def _known(self, owner: str, catalog_id: str) -> _Read:
        known = self._read(owner, catalog_id)
        if known is None:
            raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such catalogue.")
        return known

    def _read(self, owner: str, catalog_id: str) -> _Read | None:
        with translated("get catalogue"):
            item = self._client.get_item(TableName=self._table, Key=to_item(_key(owner, catalog_id)),
                                         ConsistentRead=True).get("Item")
        plain = from_item(item) if item else None
        return _Read(_catalogue(plain), int(plain["rev"])) if plain else None

    def _create(self, catalogue: Catalogue) -> bool:
        item = {**_key(catalogue.owner, catalogue.catalog_id), **_values(catalogue), "products": 0, "rev": 1,
                "owner_pk": _owner_pk(catalogue.owner),
                "created_key": f"{catalogue.created_at}#{catalogue.catalog_id}"}
        try:
            with translated("nobody has made the catalogue known"):
                self._client.put_item(TableName=self._table, Item=to_item(item),
                                      ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailed:
            return False
        return True

    def _change(self, known: _Read, new: Catalogue) -> bool:
        """Write what differs, on condition that nobody else did; products are counted without asking."""
        old, values = _values(known.catalogue), _values(new)
        changed = {name: value for name, value in values.items() if value != old[name]} | {"rev": known.rev + 1}
        names = {f"#n{place}": name for place, name in enumerate(changed)}
        sets = ", ".join(f"#n{place} = :v{place}" for place in range(len(changed)))
        told = {f":v{place}": value for place, value in enumerate(changed.values())} | {":known": known.rev}
        try:
            with translated("the catalogue is as it was read"):
                self._client.update_item(
                    TableName=self._table, Key=to_item(_key(new.owner, new.catalog_id)),
                    UpdateExpression=f"SET {sets}", ConditionExpression="rev = :known",
                    ExpressionAttributeNames=names, ExpressionAttributeValues=to_item(told))
        except ConditionFailed:
            return False
        return True


class EnrichmentStatuses:
    """Seed 001's table, under its name and with its keys, so that the seed's own query finds every batch."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def write(
        self, *, owner: str, catalog_id: str, batch_id: str, user_id: str, job_id: str, created_at: str,
        updated_at: str, status: str, products: int, sources: Mapping[Source, int], expires_at: int = 0,
    ) -> Write:
        """How a batch ended, for the transaction that settles it; `sources` counts its products by source.

        `batch_id` must be the batch's alone, over all owners.
        """
        counts = {f"{source.value}_count": sources.get(source, 0) for source in Source if source}
        return Write(self._table, {"catalog_id": catalog_id, "batch_id": batch_id}, {
            "owner": owner, "user_id": user_id, "job_id": job_id, "created_at": created_at, "updated_at": updated_at,
            "status": status, "products_count": products, **counts, "expires_at": expires_at or None})

    def of_job(self, owner: str, catalog_id: str, job_id: str, *, limit: int) -> list[dict[str, Any]]:
        """The first `limit` batches of one enrichment, by batch id."""
        with translated("list batches of an enrichment"):
            answer = self._client.query(
                TableName=self._table, ConsistentRead=True, Limit=limit,
                KeyConditionExpression="catalog_id = :catalogue AND begins_with(batch_id, :job)",
                ExpressionAttributeValues=to_item({":catalogue": catalog_id, ":job": f"{job_id}-"}))
        return [item for item in map(from_item, answer["Items"]) if item.get("owner") == owner]

    def of_catalogue(self, owner: str, catalog_id: str) -> list[dict[str, Any]]:
        """The owner's batches of a catalogue as they are stored, by batch id."""
        found = query(self._client, TableName=self._table, ConsistentRead=True,
                      KeyConditionExpression="catalog_id = :catalogue",
                      ExpressionAttributeValues=to_item({":catalogue": catalog_id}))
        return [item for item in found if item.get("owner") == owner]


def _completed(old: Catalogue, new: Catalogue) -> Catalogue:
    texts = {name: getattr(old, name) or getattr(new, name) for name in _COMPLETED}
    sheets = {extent.sheet: extent for extent in new.sheets}
    for extent in old.sheets:
        further = sheets.get(extent.sheet, extent)
        sheets[extent.sheet] = extent._replace(last_row=max(extent.last_row, further.last_row))
    return replace(old, **texts, sheets=tuple(sheets[number] for number in sorted(sheets)),
                   batches_outside=max(old.batches_outside, new.batches_outside))


def _values(catalogue: Catalogue) -> dict[str, Any]:
    """What is stored of a catalogue, its count of products aside."""
    values = {each.name: getattr(catalogue, each.name) for each in dataclasses.fields(Catalogue)}
    del values["products"]
    return {**values, "sheets": [list(extent) for extent in catalogue.sheets]}


def _catalogue(item: Mapping[str, Any]) -> Catalogue:
    known = {each.name: item[each.name] for each in dataclasses.fields(Catalogue) if each.name in item}
    sheets = tuple(SheetExtent(int(sheet), str(name), int(last)) for sheet, name, last in item.get("sheets", ()))
    return Catalogue(**{**known, "sheets": sheets})


def _key(owner: str, catalog_id: str) -> dict[str, str]:
    return {"pk": f"CATALOGUE#{key_of(owner, catalog_id)}", "sk": "CATALOGUE"}


def _owner_pk(owner: str) -> str:
    return f"CATALOGUES#{key_of(owner)}"
