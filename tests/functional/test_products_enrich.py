"""A catalogue of seed 001's size, imported and enriched on a Keepa with its true protocol."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Status
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.local.fakes.keepa_products import fake_product, unknown
from tests.fixtures.products import CODES, ROWS, rows, upc, workbook
from tests.functional.engine import Engine
from tests.functional.products import begun, counters, enriched, imported, neutral, products, sources, with_settings
from tests.functional.products import work as worked
from tests.functional.rest import OWNER


@pytest.fixture
def keepa() -> Iterator[FakeKeepa]:
    with FakeKeepa(rate=1000) as fake:
        yield fake


@pytest.fixture
def engine(aws, keepa: FakeKeepa) -> Engine:
    return Engine(aws, {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "KEEPA_TOKENS_PER_MINUTE": "1000"})


def test_five_hundred_rows_of_205_codes_take_three_requests(engine: Engine, keepa: FakeKeepa) -> None:
    job = imported(engine, workbook())
    assert (job.status, job.rows, job.new, transitions.balanced(job)) == (Status.COMPLETED, ROWS, ROWS, True)
    last = enriched(engine, job.job_id)
    assert (last.status, last.rows, last.updated, last.batches_total) == (Status.COMPLETED, ROWS, ROWS, 25)
    asked = [seen for seen in keepa.seen if seen.path == "/product"]
    assert len(asked) <= 3
    assert sum(seen.codes for seen in asked) == CODES
    found = products(engine, job.job_id)
    assert [product.row for product in found] == list(range(4, ROWS + 4))
    assert [product.content["upc"] for product in found] == [upc(place % CODES) for place in range(ROWS)]
    known = [not unknown(upc(place % CODES)) for place in range(ROWS)]
    assert [product.source.value == "real_data" for product in found] == known
    assert last.tallies == sources(found) == {"real_data": sum(known), "not_found": ROWS - sum(known)}
    first = next(product for product in found if product.source.value == "real_data")
    told = fake_product(str(first.content["upc"]))
    assert told is not None
    assert first.enrichment["keepa_product_id"] == told["asin"]
    assert list(first.content["original_data"]) == ["Style Name", "Color Name", "Size", "UPC", "SKU", "Currency",
                                                    "Wholesale", "RRP", "Offer Price", "Quantity Available"]
    assert (first.content["price"], first.content["quantity"]) == ("29", first.content["original_data"][
        "Quantity Available"])


def test_a_second_run_takes_everything_from_the_cache(engine: Engine, keepa: FakeKeepa) -> None:
    job = imported(engine, workbook(rows(40, 20)))
    first = enriched(engine, job.job_id)
    asked = len(keepa.seen)
    second = enriched(engine, job.job_id)
    assert len(keepa.seen) == asked
    assert second.tallies == {"cache": first.tallies["real_data"], "not_found": first.tallies["not_found"]}
    third = enriched(engine, job.job_id)
    assert (third.updated, third.unchanged, third.tallies) == (0, 40, second.tallies)


def test_batches_in_every_order_and_twice_come_to_the_same(new_aws, keepa: FakeKeepa) -> None:
    ends = []
    body = workbook(rows(50, 30))
    for seed in range(4):
        engine = Engine(new_aws(), {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key", "PRODUCTS_BATCH_SIZE": "5",
                                    "KEEPA_TOKENS_PER_MINUTE": "1000"})
        dice = random.Random(seed)
        job = engine.drop(body, "uploads/products/offer.xlsx")
        for step in ("import", "enrich"):
            if step == "import":
                engine.split()
            else:
                last = begun(engine, job.job_id)
            bodies = engine.bodies("products")
            messages = [each for each in bodies for _ in range(dice.choice((1, 2, 3)))] if seed else bodies
            dice.shuffle(messages)
            for message in messages:
                engine.send("products", message)
                worked(engine)
        jobs = (engine.job(job.job_id), engine.job(last.job_id))
        ends.append(([counters(each) for each in jobs],
                     [neutral(product, *jobs) for product in products(engine, job.job_id)]))
    assert all(end == ends[0] for end in ends[1:])


def test_without_a_key_everything_is_mock_data_and_a_second_run_with_one_makes_it_real(
    engine: Engine, keepa: FakeKeepa
) -> None:
    keyless = with_settings(engine, KEEPA_API_KEY="")
    job = imported(keyless, workbook(rows(30, 30)))
    first = enriched(keyless, job.job_id)
    assert (first.tallies, len(keepa.seen)) == ({"mock_data": 30}, 0)
    mock = products(keyless, job.job_id)
    assert all(product.enrichment["keepa_status"] == "mock_data" and product.enriched_at for product in mock)
    again = enriched(keyless, job.job_id)
    assert (again.unchanged, again.updated) == (30, 0)
    real = enriched(engine, job.job_id)
    assert "mock_data" not in real.tallies
    assert sources(products(engine, job.job_id)) == real.tallies
    back = enriched(keyless, job.job_id)
    assert back.tallies.get("mock_data", 0) == real.tallies.get("not_found", 0)
    assert sources(products(engine, job.job_id))["real_data"] == real.tallies["real_data"]


def test_while_keepa_is_down_rows_get_flagged_mock_data_on_the_last_try(engine: Engine, keepa: FakeKeepa) -> None:
    job = imported(engine, workbook(rows(40, 40)))
    keepa.change({"chances": {"503": 1.0}})
    last = enriched(engine, job.job_id)
    assert (last.status, last.tallies, last.batches_failed) == (Status.COMPLETED, {"mock_data": 40}, 0)
    assert engine.depth("products-dlq") == 0
    keepa.change({"chances": {}})
    mended = enriched(engine, job.job_id)
    assert mended.tallies["real_data"] == sources(products(engine, job.job_id))["real_data"] > 0
    assert "mock_data" not in mended.tallies


def test_a_refused_key_opens_the_circuit_and_rows_get_mock_data_at_once(engine: Engine, keepa: FakeKeepa) -> None:
    job = imported(engine, workbook(rows(40, 40)))
    keepa.change({"key": "another"})
    last = enriched(engine, job.job_id)
    assert (last.status, last.tallies, len(keepa.seen)) == (Status.COMPLETED, {"mock_data": 40}, 1)


def test_a_strict_enrichment_fails_while_keepa_is_down_and_retry_completes_it(
    engine: Engine, keepa: FakeKeepa
) -> None:
    job = imported(engine, workbook(rows(40, 40)))
    keepa.change({"chances": {"503": 1.0}})
    last = enriched(engine, job.job_id, strict=True)
    assert (last.status, last.batches_failed, last.failed, last.tallies) == (Status.ERROR, 2, 40, {})
    assert sources(products(engine, job.job_id)) == {"": 40}
    table = engine.services.enrichment_statuses.of_job(OWNER, job.job_id, last.job_id, limit=9)
    assert [item["status"] for item in table] == ["failed", "failed"]
    keepa.change({"chances": {}})
    engine.services.call(control.retry, job_id=last.job_id, by="ada")
    engine.split()
    worked(engine)
    mended = engine.job(last.job_id)
    assert (mended.status, mended.failed, transitions.balanced(mended)) == (Status.COMPLETED, 0, True)
    assert sum(mended.tallies.values()) == 40
    table = engine.services.enrichment_statuses.of_job(OWNER, job.job_id, last.job_id, limit=9)
    assert [(item["status"], item["user_id"]) for item in table] == [("completed", "ada")] * 2
    assert sum(int(item["real_data_count"]) for item in table) == mended.tallies["real_data"]


def test_an_open_circuit_lets_a_strict_batch_fail_instead_of_waiting_for_ever(
    engine: Engine, keepa: FakeKeepa
) -> None:
    job = imported(engine, workbook(rows(20, 20)))
    keepa.change({"key": "another"})
    last = enriched(engine, job.job_id, strict=True)
    assert (last.status, last.batches_failed) == (Status.ERROR, 1)
    assert engine.depth("products") == 0


def test_too_few_tokens_are_waited_for_and_never_mocked(engine: Engine, keepa: FakeKeepa) -> None:
    job = imported(engine, workbook(rows(20, 20)))
    keepa.change({"tokens": 0})
    last = begun(engine, job.job_id)
    assert worked(engine, most=1) == 1
    waiting = engine.job(last.job_id)
    assert (waiting.status, waiting.batches_pending, waiting.tallies) == (Status.PROCESSING, 1, {})
    assert engine.depth("products") == 1


def test_what_is_known_of_a_code_is_not_asked_for_again_by_another_catalogue(
    engine: Engine, keepa: FakeKeepa
) -> None:
    first = imported(engine, workbook(rows(20, 20)))
    enriched(engine, first.job_id)
    asked = len(keepa.seen)
    other = imported(engine, workbook(rows(10, 10), sheet="Other"), "uploads/products/other.xlsx")
    last = enriched(engine, other.job_id)
    assert len(keepa.seen) == asked
    assert last.tallies.get("cache", 0) + last.tallies.get("not_found", 0) == 10
    assert last.used_cached == last.tallies["cache"]


def test_rows_without_a_code_are_searched_for_by_title_and_only_what_fits_is_taken(
    engine: Engine, keepa: FakeKeepa
) -> None:
    made = [["Carhartt Work Jacket Detroit", "Black", "S", "", "1", "USD", "", "", "29", "1"],
            ["There is nothing like it", "Black", "S", "", "2", "USD", "", "", "29", "1"],
            ["Jacket", "Black", "S", "", "3", "USD", "", "", "29", "1"],
            ["Carhartt Work Jacket Detroit", "Blue", "S", "", "4", "USD", "", "", "29", "1"]]
    job = imported(engine, workbook(made))
    last = enriched(engine, job.job_id)
    assert [product.source.value for product in products(engine, job.job_id)] == [
        "real_data", "not_found", "not_found", "real_data"]
    assert [seen.path for seen in keepa.seen] == ["/search"] * 2
    assert last.used_provider_tokens >= 20


def test_a_code_that_keepa_calls_malformed_holds_back_no_other(engine: Engine, keepa: FakeKeepa) -> None:
    made = rows(30, 30)
    poison = next(place for place in range(30) if not unknown(upc(place)))
    keepa.change({"poison": [upc(poison)]})
    job = imported(engine, workbook(made))
    last = enriched(engine, job.job_id)
    found = products(engine, job.job_id)
    assert (last.status, last.rejected, found[poison].source.value) == (Status.COMPLETED, 0, "not_found")
    assert sources(found)["real_data"] == sum(not unknown(upc(place)) for place in range(30)) - 1


def test_rows_that_are_no_products_are_rejects_and_others_go_on(engine: Engine) -> None:
    made = [["Jacket", "Black", "S", "garbage", "1", "USD", "", "", "29", "1"],
            ["", "Black", "S", "12", "", "USD", "", "", "29", "1"],
            ["", "Black", "S", "", "", "USD", "", "", "29", "1"]]
    job = imported(engine, workbook(made))
    assert (job.status, job.new, job.rejected) == (Status.COMPLETED, 1, 2)
    assert engine.rejects(job) == [("CARHARTT", 5, "INVALID_CODE"), ("CARHARTT", 6, "NO_PRODUCT")]
    (only,) = products(engine, job.job_id)
    assert only.warnings == ("upc: INVALID_CODE",)
    assert only.content["original_data"]["UPC"] == "garbage"


def test_rejects_that_come_back_corrected_are_a_catalogue_that_counts_as_their_correction_once(
    engine: Engine,
) -> None:
    made = [["Jacket", "Black", "S", upc(1), "1", "USD", "", "", "29", "1"],
            ["", "Black", "S", "12", "", "USD", "", "", "29", "1"]]
    parent = imported(engine, workbook(made))
    head = "UPC,Style Name,_job_id,_worksheet,_row"
    text = f"{head}\n{upc(2)},Trousers,{parent.job_id},CARHARTT,5\n"
    child = imported(engine, text.encode(), "uploads/products/corrected.csv")
    assert (child.parent_job_id, child.new, engine.job(parent.job_id).corrected) == (parent.job_id, 1, 1)
    (only,) = products(engine, child.job_id)
    assert (only.content["name"], only.content["upc"]) == ("Trousers", upc(2))
    last = enriched(engine, child.job_id)
    assert (last.status, last.updated, engine.job(parent.job_id).corrected) == (Status.COMPLETED, 1, 1)


def test_undoing_an_enrichment_brings_back_what_was_there(engine: Engine) -> None:
    from chalicelib.jobs import undo

    job = imported(engine, workbook(rows(20, 20)))
    before = products(engine, job.job_id)
    last = enriched(engine, job.job_id)
    engine.services.call(undo.undo, job_id=last.job_id, by="ada")
    engine.serve("tasks", lambda records: engine.services.task_worker(_context()).work(records), 20)
    undone = engine.job(last.job_id)
    assert (undone.undo, undone.undo_restored + undone.undo_unchanged) == ("done", 20)
    after = products(engine, job.job_id)
    assert [product.enrichment for product in after] == [product.enrichment for product in before]
    assert sources(after) == {"": 20}


def test_the_message_of_an_enrichment_names_its_catalogue_in_no_other_way_than_its_job(engine: Engine) -> None:
    job = imported(engine, workbook(rows(5, 5)))
    last = begun(engine, job.job_id)
    (message,) = map(json.loads, engine.bodies("products"))
    assert (message["upload_id"], len(message["products"])) == (last.job_id, 5)


def _context():
    from tests.functional.engine import Context

    return Context()
