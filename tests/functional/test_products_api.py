"""Catalogues over REST: taken, listed, enriched, looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.bootstrap import services
from chalicelib.jobs import control, undo
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.settings import settings
from tests.conftest import Aws
from tests.fixtures.products import form, rows, upc, workbook
from tests.functional.engine import Context, Engine
from tests.functional.products import imported, work
from tests.functional.rest import Answer, Api, token


@pytest.fixture
def keepa() -> Iterator[FakeKeepa]:
    with FakeKeepa(rate=1000) as fake:
        yield fake


@pytest.fixture(autouse=True)
def chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, keepa: FakeKeepa) -> dict[str, str]:
    """Settings of the app and of the engine beside it; a test may ask for more."""
    found = {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "KEEPA_TOKENS_PER_MINUTE": "1000", "SYNC_ITEMS": "30",
             **getattr(request, "param", {})}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def engine(aws: Aws, chosen: dict[str, str]) -> Engine:
    return Engine(aws, chosen)


def posted(api: Api, body: bytes, name: str = "offer.xlsx", **fields: str) -> Answer:
    sent, headers = form(body, name, **fields)
    return api("POST", "/catalogs", sent, headers=headers)


def seen_through(engine: Engine) -> None:
    engine.split()
    work(engine)


def ready(engine: Engine, count: int = 40, codes: int = 20) -> str:
    """A catalogue that is imported."""
    return imported(engine, workbook(rows(count, codes))).job_id


def all_pages(api: Api, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        answer = api("GET", path, **query, **({"cursor": cursor} if cursor else {})).json
        found += answer[name]
        cursor = answer["cursor"]
        if not cursor:
            return found


def test_a_small_catalogue_is_imported_in_the_request(api: Api) -> None:
    answer = posted(api, workbook(rows(30, 15)), name="offer.xlsx", **{"description": "Autumn"})
    told = answer.json
    assert (answer.status, told["status"], told["total_items"], told["products"]) == (201, "completed", 30, 30)
    assert told["catalog_id"] == told["catalogId"] == told["jobId"]
    shown = api("GET", f"/catalogs/{told['catalog_id']}").json
    assert (shown["name"], shown["description"], shown["products"], shown["sheets"]) == (
        "offer", "Autumn", 30, ["CARHARTT"])
    found = all_pages(api, f"/catalogs/{told['catalog_id']}/products", "products", limit=7)
    assert [product["row"] for product in found] == list(range(4, 34))
    assert (found[1]["upc"], found[1]["originalData"]["UPC"]) == (upc(1), upc(1).lstrip("0"))
    assert (found[0]["source"], found[0]["enrichedData"]) == ("none", None)
    (listed,) = api("GET", "/catalogs").json["catalogs"]
    assert (listed["catalog_id"], listed["products"]) == (told["catalog_id"], 30)


def test_a_large_catalogue_is_imported_by_the_queue(api: Api, engine: Engine) -> None:
    answer = posted(api, workbook(rows(31, 15)))
    told = answer.json
    assert (answer.status, told["total_items"], answer.headers["location"]) == (
        202, None, f"/status/{told['catalog_id']}")
    refused = api("POST", f"/catalogs/{told['catalog_id']}/enrich")
    assert (refused.status, refused.code, "retry-after" in refused.headers) == (409, "CATALOG_NOT_READY", True)
    assert api("GET", f"/catalogs/{told['catalog_id']}").json["status"] == "pending"
    seen_through(engine)
    assert api("GET", f"/catalogs/{told['catalog_id']}").json["products"] == 31


@pytest.mark.parametrize(("body", "name", "status", "code"), [
    (b"", "offer.xlsx", 422, "EMPTY_FILE"), (b"%PDF-1.7 nothing", "offer.pdf", 415, "UNSUPPORTED_TYPE"),
    (b"UPC,Name\n", "offer.csv", 422, "NO_ROWS"), (b"\x89PNG\r\n\x1a\n0000", "offer.xlsx", 422, None)])
def test_a_file_that_is_no_catalogue_is_refused_and_leaves_no_job(
    api: Api, engine: Engine, body: bytes, name: str, status: int, code: str | None
) -> None:
    answer = posted(api, body, name)
    assert (answer.status, answer.code if code else None) == (status, code)
    assert engine.services.ledger.jobs("default", limit=9).jobs == ()


def test_the_same_bytes_are_one_catalogue_unless_asked_for_anew(api: Api) -> None:
    body = workbook(rows(10, 10))
    first = posted(api, body).json
    again, anew = posted(api, body).json, posted(api, body, again="true").json
    assert (again["catalog_id"], again["duplicateOf"]) == (first["catalog_id"], first["catalog_id"])
    assert api("GET", f"/catalogs/{again['jobId']}").json["catalogId"] == first["catalog_id"]
    assert (anew["catalog_id"] != first["catalog_id"], anew["products"]) == (True, 10)


def test_enriching_answers_in_the_seeds_words_and_is_followed_by_its_tracking_id(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    answer = api("POST", f"/catalogs/{catalogue}/enrich", provider="keepa")
    tracking = answer.json["tracking_id"]
    assert (answer.status, answer.json) == (202, {
        "message": "Enrichment queued successfully", "tracking_id": tracking, "total_products": 40,
        "total_batches": 2})
    assert tracking.startswith(f"enrich_{catalogue}_")
    assert api("GET", f"/status/{tracking}").json["status"] == "pending"
    running = api("POST", f"/catalogs/{catalogue}/enrich")
    assert (running.status, running.code) == (409, "ENRICHMENT_RUNNING")
    begun = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert (begun["status"], begun["total_products"], begun["totalBatches"]) == ("pending", 40, 2)
    seen_through(engine)
    done = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert (done["status"], done["tracking_id"], done["percentage"], done["completedBatches"]) == (
        "completed", tracking, 100, 2)
    assert [batch["batchNumber"] for batch in done["batches"]] == [1, 2]
    assert sum(done["sources"].values()) == sum(sum(batch["sources"].values()) for batch in done["batches"]) == 40
    assert api("GET", f"/status/{tracking}").json["progress"]["totalBatches"] == 2
    shown = api("GET", f"/catalogs/{catalogue}").json
    assert (shown["enrichment"]["trackingId"], shown["sources"]["real_data"]) == (
        tracking, done["sources"]["real_data"])
    real = all_pages(api, f"/catalogs/{catalogue}/products", "products", source="real_data", limit=11)
    assert len(real) == done["sources"]["real_data"]
    assert all(product["enrichedData"]["keepa_status"] == "real_data" for product in real)
    assert api("POST", f"/catalogs/{catalogue}/enrich").status == 202


def test_a_request_that_died_between_naming_and_creating_its_job_blocks_nobody(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    now = int(services().clock().timestamp())
    named = f"enrich_{catalogue}_{now}"
    services().catalogues.begin_enrich("default", catalogue, job_id=named, unless_running=lambda _: True)
    answer = api("POST", f"/catalogs/{catalogue}/enrich")
    assert (answer.status, answer.json["tracking_id"]) == (202, named)
    assert api("POST", f"/catalogs/{catalogue}/enrich").code == "ENRICHMENT_RUNNING"


def test_catalogues_of_others_do_not_exist(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    other = api.as_(token("eve", org="others"))
    for method, path in (("GET", ""), ("GET", "/products"), ("GET", "/enrichment-status"), ("POST", "/enrich")):
        answer = other(method, f"/catalogs/{catalogue}{path}")
        assert (answer.status, answer.code) == (404, "CATALOG_NOT_FOUND")
    assert other("GET", "/catalogs").json == {"catalogs": [], "cursor": None}
    assert api("GET", "/catalogs/no-such").code == "CATALOG_NOT_FOUND"


def test_unknown_providers_are_refused_with_those_that_there_are(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    answer = api("POST", f"/catalogs/{catalogue}/enrich", provider="amazon")
    assert (answer.status, answer.code, answer.json["error"]["details"]["providers"]) == (
        400, "UNKNOWN_PROVIDER", ["keepa", "mock"])
    told = api("GET", "/enrichment/providers").json
    assert (told["providers"], told["default_provider"], told["details"][0]["available"]) == (
        ["keepa", "mock"], "keepa", True)


@pytest.mark.parametrize("chosen", [{"KEEPA_API_KEY": ""}], indirect=True)
def test_strict_without_a_key_is_refused_at_once(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    answer = api("POST", f"/catalogs/{catalogue}/enrich", strict="true")
    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert api("GET", f"/catalogs/{catalogue}/enrichment-status").json["status"] == "none"
    assert api("POST", f"/catalogs/{catalogue}/enrich").status == 202


def test_the_mock_provider_can_be_asked_for_and_is_flagged(api: Api, engine: Engine, keepa: FakeKeepa) -> None:
    catalogue = ready(engine)
    api("POST", f"/catalogs/{catalogue}/enrich", provider="mock")
    seen_through(engine)
    told = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert (told["provider"], told["sources"]["mock_data"], len(keepa.seen)) == ("mock", 40, 0)


@pytest.mark.parametrize("chosen", [{"PROCESSING_MODE": "sync", "SYNC_ITEMS": "40"}], indirect=True)
def test_in_sync_mode_a_small_catalogue_is_enriched_in_the_request(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    answer = api("POST", f"/catalogs/{catalogue}/enrich")
    assert (answer.status, answer.json["status"], answer.json["total_products"], answer.json["total_batches"]) == (
        200, "completed", 40, 2)
    assert engine.depth("products") == engine.depth("split") == 0
    assert api("GET", f"/catalogs/{catalogue}/enrichment-status").json["sources"]["real_data"] > 0


@pytest.mark.parametrize("chosen", [{"PROCESSING_MODE": "sync", "SYNC_ITEMS": "40"}], indirect=True)
def test_in_sync_mode_what_does_not_succeed_at_once_goes_on_in_the_queue(
    api: Api, engine: Engine, keepa: FakeKeepa
) -> None:
    catalogue = ready(engine)
    keepa.change({"tokens": -5})
    answer = api("POST", f"/catalogs/{catalogue}/enrich")
    assert (answer.status, answer.json["message"]) == (202, "Enrichment queued successfully")
    assert engine.depth("split") == 1


@pytest.mark.parametrize("chosen", [{"PROCESSING_MODE": "parallel", "SYNC_ITEMS": "40"}], indirect=True)
def test_in_parallel_mode_both_ways_run_and_what_differs_is_listed(
    api: Api, engine: Engine, keepa: FakeKeepa
) -> None:
    catalogue = ready(engine)
    answer = api("POST", f"/catalogs/{catalogue}/enrich")
    asked = len(keepa.seen)
    assert (answer.status, asked > 0) == (202, True)
    going = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert (going["parallel"], going["differences"]) == ("completed", None)
    seen_through(engine)
    done = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert (done["status"], done["parallel"], done["differences"], len(keepa.seen)) == (
        "completed", "completed", [], asked)
    key = f"received/parallel/{done['trackingId']}.json"
    kept = json.loads(engine.services.blobs.get(key))
    changed = f"{catalogue}-1-4"
    kept["products"][changed]["keepa_title"] = "Something else"
    engine.services.blobs.put(key, json.dumps(kept).encode())
    told = api("GET", f"/catalogs/{catalogue}/enrichment-status").json
    assert told["differences"] == [{"productId": changed, "fields": ["keepa_title"]}]


def test_an_undone_import_has_no_products_and_is_not_enriched(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    engine.services.call(undo.undo, job_id=catalogue, by="ada")
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 20)
    shown = api("GET", f"/catalogs/{catalogue}").json
    assert (shown["status"], shown["products"]) == ("undone", 0)
    assert api("GET", f"/catalogs/{catalogue}/products").json["products"] == []
    assert api("POST", f"/catalogs/{catalogue}/enrich").code == "CATALOG_NOT_READY"


def test_a_cancelled_enrichment_does_not_block_the_next(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    tracking = api("POST", f"/catalogs/{catalogue}/enrich").json["tracking_id"]
    services().call(control.cancel, job_id=tracking, by="ada")
    after = api("POST", f"/catalogs/{catalogue}/enrich")
    assert (after.status, after.json["tracking_id"] != tracking) == (202, True)


def test_an_announced_upload_becomes_a_catalogue_of_the_name_that_it_was_given(api: Api, engine: Engine) -> None:
    ticket = api("POST", "/upload", {"fileName": "offer.xlsx", "pipeline": "products",
                                     "options": {"name": "Autumn offer", "description": "Jackets"}}).json
    record = engine.put(workbook(rows(12, 6)), ticket["fileKey"])
    engine.deliver(record)
    seen_through(engine)
    shown = api("GET", f"/catalogs/{ticket['jobId']}").json
    assert (shown["name"], shown["description"], shown["status"], shown["products"]) == (
        "Autumn offer", "Jackets", "completed", 12)


def test_a_catalogue_that_came_by_messages_shows_its_enrichment_and_is_enriched_by_messages_only(
    api: Api, engine: Engine
) -> None:
    engine.send("products", {"catalog_id": "catalog123", "user_id": "default", "batch_number": 1, "total_batches": 1,
                             "products": [{"name": "Jacket", "upc": upc(1)}], "total_products": 1, "sent_at": "now"})
    work(engine)
    told = api("GET", "/catalogs/catalog123/enrichment-status").json
    assert (told["status"], told["total_products"], sum(told["sources"].values())) == ("completed", 1, 1)
    assert api("GET", "/catalogs/catalog123").json["products"] == 1
    assert api("GET", "/catalogs/catalog123/products").json["products"][0]["product_id"] == "catalog123-2-1"
    assert api("POST", "/catalogs/catalog123/enrich").code == "CATALOG_NOT_READY"


def test_cursors_of_another_query_are_refused(api: Api, engine: Engine) -> None:
    catalogue = ready(engine)
    cursor = api("GET", f"/catalogs/{catalogue}/products", limit=5).json["cursor"]
    refused = api("GET", f"/catalogs/{catalogue}/products", limit=5, cursor=cursor, source="mock_data")
    assert (refused.status, refused.code) == (400, "BAD_CURSOR")


def test_a_dry_run_counts_keepas_tokens_after_merging_repeats(api: Api, keepa: FakeKeepa) -> None:
    sent, headers = form(workbook(rows(200, 50)), pipeline="products")
    told = api("POST", "/dry-run", sent, headers=headers).json
    assert (told["provider"], told["rows"], told["estimate"]["keepaTokens"], told["rejects"]) == (
        "keepa", 200, 50, [])
    assert told["estimate"]["batches"] == 10
    assert keepa.seen == []


def test_the_settings_of_the_app_are_those_of_this_test(api: Api, chosen: dict[str, str]) -> None:
    assert (settings().sync_items, settings().keepa_url) == (int(chosen["SYNC_ITEMS"]), chosen["KEEPA_URL"])
