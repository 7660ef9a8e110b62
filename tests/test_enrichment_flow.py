"""Seed 001's flow under its own names: products are sent with `SQSEnrichmentService`, a worker enriches them, and the
seed's query of `{stage}-enrichment-status` tells how far it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.jobs import transitions
from chalicelib.jobs.model import Status
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.sqs_enrichment_service import SQSEnrichmentService
from tests.conftest import Aws
from tests.fixtures.products import upc
from tests.functional.engine import Context, Engine
from tests.functional.products import imported, products, sources, work

EVENT = json.loads((Path(__file__).parent / "events" / "sqs-event.json").read_text())
OWNER = "user456"


@pytest.fixture
def engine(aws: Aws):
    with FakeKeepa(rate=1000) as keepa:
        yield Engine(aws, {"KEEPA_URL": keepa.url, "KEEPA_API_KEY": "key"})


@pytest.fixture
def service(engine: Engine) -> SQSEnrichmentService:
    return SQSEnrichmentService(engine.services.queues.url(engine.name("products")), batch_size=20, client=engine.sqs)


def product_list(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"name": f"Jacket {number}", "upc": upc(number), "price": 12.5, "line_item_id": number}
            for number in range(first, first + count)]


def status_of(engine: Engine, catalog_id: str) -> list[dict[str, Any]]:
    """The seed's own query."""
    dynamodb = boto3.resource(
        "dynamodb", endpoint_url=engine.aws.endpoint, region_name="us-east-1",
        aws_access_key_id=engine.aws.account, aws_secret_access_key="local")
    table = dynamodb.Table("test-enrichment-status")
    return list(table.query(KeyConditionExpression="catalog_id = :catalog_id",
                            ExpressionAttributeValues={":catalog_id": catalog_id})["Items"])


def test_the_event_of_the_seed_is_enriched_and_stored(engine: Engine) -> None:
    answer = engine.services.worker("products", Context()).work(EVENT["Records"])
    assert answer == {"batchItemFailures": []}
    found = products(engine, "catalog123", owner=OWNER)
    assert [(product.product_id, product.content.get("upc")) for product in found] == [
        ("catalog123-2-1", "889192640542"), ("catalog123-2-2", None)]
    assert found[0].source.value in ("real_data", "not_found")
    assert (found[0].content["price"], found[1].warnings) == ("129.99", ("upc: INVALID_CODE",))
    (job,) = engine.services.ledger.jobs(OWNER, limit=9).jobs
    assert (job.status, job.new, job.owner, job.outside) == (Status.COMPLETED, 2, OWNER, True)
    (item,) = status_of(engine, "catalog123")
    assert (item["status"], item["user_id"], int(item["products_count"])) == ("completed", OWNER, 2)


def test_what_the_service_sends_is_enriched_batch_by_batch(engine: Engine, service: SQSEnrichmentService) -> None:
    result = service.send_enrichment_batches(catalog_id="catalog123", user_id=OWNER, products=product_list(45))
    assert (result["status"], result["total_products"], result["total_batches"], result["batch_size"]) == (
        "success", 45, 3, 20)
    assert [(one["batch_number"], one["products_count"], one["status"]) for one in result["batches"]] == [
        (1, 20, "sent"), (2, 20, "sent"), (3, 5, "sent")]
    assert service.get_queue_attributes()["ApproximateNumberOfMessages"] == "3"
    work(engine)
    job = engine.job(result["tracking_id"])
    assert (job.status, job.new, job.batches_total, transitions.balanced(job)) == (Status.COMPLETED, 45, 3, True)
    found = products(engine, "catalog123", owner=OWNER)
    assert [product.content["name"] for product in found] == [f"Jacket {number}" for number in range(45)]
    assert job.tallies == sources(found)
    assert {item["status"] for item in status_of(engine, "catalog123")} == {"completed"}


def test_a_second_enrichment_is_another_job_over_the_same_products(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    first = service.send_enrichment_batches(catalog_id="catalog123", user_id=OWNER, products=product_list(20))
    work(engine)
    second = service.send_enrichment_batches(catalog_id="catalog123", user_id=OWNER, products=product_list(20))
    engine.time.pass_(10)
    work(engine)
    jobs = [engine.job(result["tracking_id"]) for result in (first, second)]
    assert [(job.status, job.new) for job in jobs] == [(Status.COMPLETED, 20), (Status.COMPLETED, 0)]
    assert len(products(engine, "catalog123", owner=OWNER)) == 20


def test_a_product_with_an_id_of_ours_is_enriched_where_it_is_and_only_for_its_owner(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    from tests.fixtures.products import rows, workbook

    catalogue = imported(engine, workbook(rows(3, 3)))
    wanted = products(engine, catalogue.job_id)[1]
    known = {"product_id": wanted.product_id}
    for owner in ("default", "stranger"):
        engine.time.pass_(10)
        service.send_enrichment_batches(catalog_id=catalogue.job_id, user_id=owner, products=[known])
        work(engine)
    mine, theirs = (engine.services.ledger.jobs(owner, limit=1).jobs[0] for owner in ("default", "stranger"))
    assert (mine.updated, mine.new, theirs.new, theirs.rejected) == (1, 0, 0, 1)
    after = products(engine, catalogue.job_id)
    assert [product.source.value != "" for product in after] == [False, True, False]
    assert after[1].content == wanted.content


def test_a_later_batch_that_names_the_same_product_wins_and_the_counts_say_so(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    """In whatever order the batches come; the sum of the tallies is the number of products."""
    ends = []
    for turn, order in enumerate((slice(None), slice(None, None, -1))):
        catalogue = f"catalogue-{turn}"
        many = [{"product_id": f"own-{number % 5}", "name": f"Jacket {number}", "upc": upc(number)}
                for number in range(25)]
        sent = service.send_enrichment_batches(catalog_id=catalogue, user_id=OWNER, products=many)
        for body in sorted(engine.bodies("products"), key=lambda text: json.loads(text)["batch_number"])[order]:
            engine.send("products", body)
            work(engine)
        job = engine.job(sent["tracking_id"])
        found = products(engine, catalogue, owner=OWNER)
        assert sum(job.tallies.values()) == len(found) == 5
        assert {source: count for source, count in job.tallies.items() if count} == sources(found)
        ends.append((job.new, job.superseded, sorted(str(product.content["name"]) for product in found)))
    assert ends[0] == ends[1] == (5, 20, [f"Jacket {number}" for number in range(20, 25)])


def test_the_index_of_the_seeds_table_lists_a_users_batches(engine: Engine, service: SQSEnrichmentService) -> None:
    service.send_enrichment_batches(catalog_id="catalog123", user_id=OWNER, products=product_list(5))
    work(engine)
    dynamodb = boto3.resource(
        "dynamodb", endpoint_url=engine.aws.endpoint, region_name="us-east-1",
        aws_access_key_id=engine.aws.account, aws_secret_access_key="local")
    found = dynamodb.Table("test-enrichment-status").query(
        IndexName="by_user", KeyConditionExpression=Key("user_id").eq(OWNER))["Items"]
    assert [item["catalog_id"] for item in found] == ["catalog123"]


def test_a_message_that_names_no_provider_of_ours_is_a_dead_letter(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    service.send_enrichment_batches(catalog_id="c", user_id=OWNER, products=product_list(5), provider="amazon")
    work(engine)
    assert (engine.depth("products"), engine.depth("products-dlq")) == (0, 1)


def test_long_products_are_cut_into_more_batches_and_none_is_lost(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    long = [{"name": f"Jacket {number}", "upc": upc(number), "notes": "x" * 20_000} for number in range(30)]
    result = service.send_enrichment_batches(catalog_id="long", user_id=OWNER, products=long)
    assert (result["status"], result["total_batches"]) == ("success", 3)
    assert sum(one["products_count"] for one in result["batches"]) == 30
    work(engine)
    assert len(products(engine, "long", owner=OWNER)) == 30


def test_what_cannot_be_sent_is_answered_and_not_raised(engine: Engine, service: SQSEnrichmentService) -> None:
    nothing = service.send_enrichment_batches(catalog_id="c", user_id=OWNER, products=[])
    large = service.send_enrichment_batches(catalog_id="c", user_id=OWNER, products=[{"name": "x" * 300_000}])
    nowhere = SQSEnrichmentService(f"{engine.aws.endpoint}/000000000000/no-such-queue", client=engine.sqs)
    lost = nowhere.send_enrichment_batches(catalog_id="c", user_id=OWNER, products=product_list(1))
    assert [sorted(answer) for answer in (nothing, large, lost)] == [["error", "sent_at", "status"]] * 3
    assert engine.depth("products") == 0


def test_the_queue_can_be_purged_and_a_batch_has_five_to_fifty_products(
    engine: Engine, service: SQSEnrichmentService
) -> None:
    service.send_enrichment_batches(catalog_id="c", user_id=OWNER, products=product_list(5))
    assert service.purge_queue() == {"status": "success"}
    assert engine.depth("products") == 0
    for size in (4, 51):
        with pytest.raises(ValueError, match="5 to 50"):
            SQSEnrichmentService("queue", batch_size=size)
