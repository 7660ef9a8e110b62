"""Catalogues and seed 001's table, over the emulator on the wire."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.catalogues import Catalogues, EnrichmentStatuses
from chalicelib.adapters.dynamodb import ConditionFailed, translated
from chalicelib.adapters.ledger_items import action_of
from chalicelib.adapters.product_store import Catalogue, SheetExtent, Source
from chalicelib.errors import Conflict, RequestRefused
from chalicelib.jobs.pipeline import Write

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def client(new_aws: Any) -> Any:
    return new_aws().client("dynamodb", max_pool_connections=16)


@pytest.fixture
def catalogues(client: Any) -> Catalogues:
    return Catalogues(client, "dropmill-test-products")


@pytest.fixture
def made() -> Catalogue:
    """A catalogue of an owner whom no other test knows, not yet known."""
    number = next(_NUMBERS)
    return Catalogue(f"c{number}", f"owner{number}", "Spring", "2026-11-22T01:00:00.000Z", file_name="a.xlsx",
                     file_key="uploads/a.xlsx", bucket="b", version_id="v")


def transact(client: Any, *writes: Write) -> None:
    with translated("writes"):
        client.transact_write_items(TransactItems=[action_of(write) for write in writes])


def never(_job_id: str) -> bool:
    return False


def test_a_catalogue_is_made_known_once_and_completed_later(catalogues: Catalogues, made: Catalogue) -> None:
    assert catalogues.get(made.owner, made.catalog_id) is None
    assert catalogues.ensure(made) == catalogues.get(made.owner, made.catalog_id) == made
    planned = replace(made, name="Another", sha256="s", batches_outside=3, sheets=(SheetExtent(0, "People", 8),))
    known = catalogues.ensure(planned)
    assert known == catalogues.get(made.owner, made.catalog_id) == replace(planned, name="Spring")
    longer = catalogues.ensure(replace(made, sheets=(SheetExtent(0, "People", 5), SheetExtent(2, "B", 4))))
    assert longer.sheets == (SheetExtent(0, "People", 8), SheetExtent(2, "B", 4))
    assert (catalogues.ensure(made), longer.batches_outside, longer.sha256) == (longer, 3, "s")


def test_nothing_crosses_owners(catalogues: Catalogues, made: Catalogue, client: Any) -> None:
    thief = replace(made, owner="thief", name="Theirs")
    catalogues.ensure(made)
    assert catalogues.get("thief", made.catalog_id) is None
    with pytest.raises(RequestRefused):
        catalogues.rename("thief", made.catalog_id, name="x")
    with pytest.raises(RequestRefused):
        catalogues.begin_enrich("thief", made.catalog_id, job_id="e", unless_running=never)
    with pytest.raises(ConditionFailed):
        transact(client, catalogues.count_write("thief", made.catalog_id, 1))
    catalogues.ensure(thief)
    assert catalogues.get(made.owner, made.catalog_id) == made
    assert [each.name for each in catalogues.list("thief", limit=5).catalogues] == ["Theirs"]


def test_catalogues_are_listed_page_by_page_the_newest_first(catalogues: Catalogues, made: Catalogue) -> None:
    for number in range(5):
        catalogues.ensure(replace(made, catalog_id=f"{made.catalog_id}-{number}",
                                  created_at=f"2026-11-2{number}T00:00:00.000Z"))
    pages, cursor = [], ""
    while True:
        page = catalogues.list(made.owner, limit=2, cursor=cursor)
        pages.append([each.catalog_id[-1] for each in page.catalogues])
        cursor = page.cursor
        if not cursor:
            break
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_products_are_counted_in_the_transaction_that_stores_them(
    catalogues: Catalogues, made: Catalogue, client: Any
) -> None:
    catalogues.ensure(made)
    for products in (20, 3, 0):
        transact(client, catalogues.count_write(made.owner, made.catalog_id, products))
    catalogues.ensure(replace(made, products=99, description="d"))
    found = catalogues.get(made.owner, made.catalog_id)
    assert found is not None
    assert (found.products, found.description) == (23, "d")


def test_a_catalogue_is_renamed_and_keeps_what_was_not_named(catalogues: Catalogues, made: Catalogue) -> None:
    catalogues.ensure(made)
    catalogues.rename(made.owner, made.catalog_id, description="Shoes")
    assert catalogues.rename(made.owner, made.catalog_id, name="Autumn") == replace(
        made, name="Autumn", description="Shoes")


def test_an_enrichment_begins_unless_another_runs(catalogues: Catalogues, made: Catalogue) -> None:
    catalogues.ensure(made)
    begin = {"owner": made.owner, "catalog_id": made.catalog_id}
    assert catalogues.begin_enrich(**begin, job_id="e1", unless_running=never) == "e1"
    assert catalogues.begin_enrich(**begin, job_id="e2", unless_running=lambda job_id: job_id == "e1") == "e1"
    assert catalogues.begin_enrich(**begin, job_id="e1", unless_running=lambda _: True) == "e1"
    assert catalogues.begin_enrich(**begin, job_id="e2", unless_running=never) == "e2"


def test_of_two_enrichments_that_begin_at_once_one_loses(catalogues: Catalogues, made: Catalogue) -> None:
    catalogues.ensure(made)
    together, told = threading.Barrier(3), []

    def begin(job_id: str) -> None:
        def look(_recorded: str) -> bool:
            together.wait(5)  # all have read before one writes
            return False

        try:
            told.append(catalogues.begin_enrich(made.owner, made.catalog_id, job_id=job_id, unless_running=look))
        except Conflict:
            told.append("lost")

    catalogues.begin_enrich(made.owner, made.catalog_id, job_id="old", unless_running=never)
    threads = [threading.Thread(target=begin, args=(f"e{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = catalogues.get(made.owner, made.catalog_id)
    assert found is not None
    assert sorted(told) == sorted([found.enrich_job, "lost", "lost"])


def test_a_new_name_in_between_does_not_stop_an_enrichment(catalogues: Catalogues, made: Catalogue) -> None:
    catalogues.ensure(made)
    catalogues.begin_enrich(made.owner, made.catalog_id, job_id="old", unless_running=never)
    names = iter(("Autumn", "Autumn"))

    def look(_recorded: str) -> bool:
        catalogues.rename(made.owner, made.catalog_id, name=next(names))
        return False

    assert catalogues.begin_enrich(made.owner, made.catalog_id, job_id="new", unless_running=look) == "new"
    found = catalogues.get(made.owner, made.catalog_id)
    assert found is not None
    assert (found.name, found.enrich_job) == ("Autumn", "new")


def test_the_query_of_the_seed_finds_every_batch(client: Any, made: Catalogue) -> None:
    statuses = EnrichmentStatuses(client, "test-enrichment-status")
    told = {"catalog_id": made.catalog_id, "user_id": "user456", "job_id": "e1", "status": "completed",
            "created_at": "2026-11-22T01:00:00.000Z", "updated_at": "2026-11-22T01:05:00.000Z"}
    for owner, batch in ((made.owner, "e1-2"), (made.owner, "e1-1"), ("thief", "e9-1")):
        for products in (1, 20):  # a batch that settles again says so again
            transact(client, statuses.write(**told, owner=owner, batch_id=batch, products=products,
                                            sources={Source.CACHE: products - 1, Source.MOCK_DATA: 1}))
    answer = client.query(TableName="test-enrichment-status", KeyConditionExpression="catalog_id = :catalog_id",
                          ExpressionAttributeValues={":catalog_id": {"S": made.catalog_id}})
    assert [item["batch_id"]["S"] for item in answer["Items"]] == ["e1-1", "e1-2", "e9-1"]
    mine = statuses.of_catalogue(made.owner, made.catalog_id)
    assert [item["batch_id"] for item in mine] == ["e1-1", "e1-2"]
    assert mine[0] == {
        **told, "owner": made.owner, "batch_id": "e1-1", "products_count": 20, "cache_count": 19, "mock_data_count": 1,
        "real_data_count": 0, "not_found_count": 0}
    by_user = client.query(TableName="test-enrichment-status", IndexName="by_user",
                           KeyConditionExpression="user_id = :user AND created_at >= :day",
                           ExpressionAttributeValues={":user": {"S": "user456"}, ":day": {"S": "2026-11-22"}})
    assert by_user["Count"] >= 3
