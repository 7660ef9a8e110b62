"""One suite for the stores of products: DynamoDB on the emulator, MongoDB on a server in this process."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from chalicelib.adapters import product_records as records
from chalicelib.adapters.dynamodb import ConditionFailed, translated
from chalicelib.adapters.ledger_items import action_of
from chalicelib.adapters.product_store import (
    MAX_PRODUCT_BYTES,
    Catalogue,
    Product,
    ProductStore,
    Proposal,
    SheetExtent,
    Source,
    product_id_at,
)
from chalicelib.adapters.products_dynamodb import MAX_READS, DynamoProducts
from chalicelib.adapters.products_mongodb import TRIES, MongoProducts
from chalicelib.errors import DropmillError, Transient, Unavailable
from chalicelib.jobs.model import Job, Outcome, RowId, Status
from chalicelib.jobs.pipeline import Effects, PutBack, Undone
from chalicelib.settings.groups import MongoSettings
from tests.contract import mongo as wire

mongo = wire.mongo
NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
_NUMBERS = itertools.count()


@dataclass
class Place:
    """A store, and a ledger that counts as ours does: what a batch displaces moves in the counts of the others."""

    store: ProductStore
    transact: Callable[[Effects], None]
    counts: dict[str, dict[int, Counter[Outcome]]] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)

    def settle(self, job: Job, number: int, proposals: Sequence[Proposal]) -> Effects:
        effects = self.store.effects(job, number, proposals)
        self.transact(effects)
        batches = self.counts.setdefault(job.job_id, {})
        assert number not in batches
        batches[number] = Counter(effects.outcomes.values())
        for loss in effects.displaced:
            assert batches[loss.batch_number][loss.outcome] > 0
            batches[loss.batch_number] += Counter({Outcome.SUPERSEDED: 1})
            batches[loss.batch_number] -= Counter({loss.outcome: 1})
        self.marks.setdefault(job.job_id, []).extend(effects.marks)
        return effects

    def counted(self, job: Job) -> Counter[Outcome]:
        return sum(self.counts[job.job_id].values(), Counter())

    def undo(self, job: Job) -> Sequence[Undone]:
        return self.store.put_back(job, self.marks[job.job_id])


@pytest.fixture(scope="module")
def dynamo_client(new_aws: Any) -> Any:
    return new_aws().client("dynamodb", max_pool_connections=16)


@pytest.fixture
def dynamo(dynamo_client: Any) -> Place:
    def transact(effects: Effects) -> None:
        if effects.writes:
            with translated("products"):
                dynamo_client.transact_write_items(TransactItems=[action_of(write) for write in effects.writes])

    return Place(DynamoProducts(dynamo_client, "dropmill-test-products", clock=lambda: NOW, sleep=lambda _: None,
                                rng=random.Random(1)), transact)


@pytest.fixture
def documents(mongo: wire.Server) -> Iterator[Any]:
    """The collection of a database that is a test's own."""
    name = f"test{next(_NUMBERS)}"
    yield mongo.client[name]["products"]
    mongo.client.drop_database(name)


@pytest.fixture
def mongodb(mongo: wire.Server, documents: Any) -> Iterator[Place]:
    store = a_mongo_store(mongo.uri, documents.database.name)
    yield Place(store, _nothing_left_to_write)
    store.close()


def a_mongo_store(uri: str, database: str, timeout: float = 5.0, sleep: Callable[[float], None] | None = None
                  ) -> MongoProducts:
    return MongoProducts(MongoSettings(uri=SecretStr(uri), database=database, timeout=timeout), clock=lambda: NOW,
                         sleep=sleep or (lambda _: None), rng=random.Random(1))


def _nothing_left_to_write(effects: Effects) -> None:
    assert effects.writes == ()


@pytest.fixture(params=["dynamo", "mongodb"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def job() -> Job:
    """An import of an owner whom no other test knows."""
    number = next(_NUMBERS)
    return Job(job_id=f"job{number}", owner=f"owner{number}", pipeline="products", status=Status.PROCESSING,
               file_name="a.xlsx", file_key="k", created_at="t", updated_at="t",
               uploaded_at="2026-11-22T01:00:00.000Z")


def after(job: Job, hours: int, name: str = "later") -> Job:
    """A job of a later upload about the same catalogue."""
    return replace(job, job_id=f"{job.job_id}-{name}{hours}", uploaded_at=f"2026-11-22T{hours:02d}:00:00.000Z",
                   options={"catalog": job.job_id})


def row(number: int, sheet: int = 0) -> RowId:
    return RowId(sheet, number)


def importing(job: Job, rows: Sequence[RowId], **content: Any) -> list[Proposal]:
    return [Proposal(each, "Sheet1", product_id_at(job.job_id, each),
                     lambda base, each=each: Product(content={"name": f"n{each.row}", **content}))
            for each in rows]


def own(row: RowId, product_id: str, name: str) -> Proposal:
    """A row from outside with an id of its own."""
    return Proposal(row, "message", product_id, lambda base: Product(content={"name": name}))


def enriching(job: Job, rows: Sequence[RowId], title: str, source: Source = Source.REAL_DATA) -> list[Proposal]:
    """Enrichment by the product's rule: mock data never replaces what was fetched."""
    def decide(base: Product | None) -> Product | None:
        if base is None or (source is Source.MOCK_DATA and base.source in (Source.REAL_DATA, Source.CACHE)):
            return None
        return replace(base, enrichment={"title": title}, source=source, enriched_at="2026-11-22T03:00:00.000Z")

    return [Proposal(each, "Sheet1", product_id_at(job.options["catalog"], each), decide) for each in rows]


def get(place: Place, job: Job, product_id: str) -> Product | None:
    return place.store.get(job.owner, str(job.options.get("catalog") or job.job_id), product_id)


def name_of(place: Place, job: Job, product_id: str) -> str:
    found = get(place, job, product_id)
    return str(found.content["name"]) if found else ""


def catalogue(job: Job, *sheets: int, outside: int = 0) -> Catalogue:
    return Catalogue(job.job_id, job.owner, "c", "t", batches_outside=outside, sheets=tuple(
        SheetExtent(number, f"Sheet{number}", last) for number, last in enumerate(sheets)))


def walked(place: Place, job: Job, listed: Catalogue, limit: int, **more: Any) -> list[str]:
    """All product ids, page by page."""
    ids: list[str] = []
    cursor = ""
    for _ in range(200):
        page = place.store.page(job.owner, listed, limit=limit, cursor=cursor, **more)
        assert len(page.products) <= limit
        ids += [product.product_id for product in page.products]
        cursor = page.cursor
        if not cursor:
            return ids
    raise AssertionError("the pages never end")


# --- storing


def test_an_imported_product_comes_back_as_it_was_decided(place: Place, job: Job) -> None:
    content = {"name": "Café", "price": 12.5, "quantity": 3, "images": ["a", "b"], "empty": None,
               "deep": {"a": [1, {}]},
               "original_data": {"Zz": "1", "Aa": "2", "": "x", "$cost.usd": "3", "nul\0": "", "gone": None}}
    made = Product(content=content, warnings=("PRICE_MISSING",))
    effects = place.settle(job, 1, [Proposal(row(4), "Sheet1", product_id_at(job.job_id, row(4)), lambda base: made)])
    found = get(place, job, f"{job.job_id}-1-4")
    assert found is not None
    assert effects.outcomes == {row(4): Outcome.NEW}
    assert found.content == {
        "name": "Café", "price": 12.5, "quantity": 3, "images": ["a", "b"], "deep": {"a": [1, {}]},
        "original_data": {"Zz": "1", "Aa": "2", "": "x", "$cost.usd": "3", "nul\0": ""}}
    assert list(found.content["original_data"]) == ["Zz", "Aa", "", "$cost.usd", "nul\0"]
    assert (found.owner, found.catalog_id, found.sheet, found.row, found.worksheet, found.job_id) == (
        job.owner, job.job_id, 0, 4, "Sheet1", job.job_id)
    assert (found.created_at, found.updated_at, found.source, found.enrichment, found.warnings) == (
        job.uploaded_at, job.uploaded_at, Source.NONE, {}, ("PRICE_MISSING",))


def test_enriching_updates_what_changes_and_leaves_what_does_not(place: Place, job: Job) -> None:
    rows = [row(2), row(3)]
    place.settle(job, 1, importing(job, rows))
    first, second, third = (after(job, hours) for hours in (2, 3, 4))
    assert place.settle(first, 1, enriching(first, rows, "A")).outcomes == dict.fromkeys(rows, Outcome.UPDATED)
    assert place.settle(second, 1, enriching(second, rows, "A")).outcomes == dict.fromkeys(rows, Outcome.UNCHANGED)
    mocked = place.settle(third, 1, enriching(third, rows, "mock", Source.MOCK_DATA))
    assert mocked.outcomes == dict.fromkeys(rows, Outcome.UNCHANGED)
    found = get(place, job, f"{job.job_id}-1-2")
    assert found is not None
    assert (found.enrichment, found.source, found.job_id, found.content) == (
        {"title": "A"}, Source.REAL_DATA, first.job_id, {"name": "n2"})
    assert (found.created_at, found.updated_at) == (job.uploaded_at, first.uploaded_at)


def test_enriching_a_product_that_is_not_there_makes_none(place: Place, job: Job) -> None:
    later = after(job, 2)
    assert place.settle(later, 1, enriching(later, [row(2)], "A")).outcomes == {row(2): Outcome.UNCHANGED}
    assert get(place, job, f"{job.job_id}-1-2") is None
    assert place.settle(job, 1, importing(job, [row(2)])).outcomes == {row(2): Outcome.NEW}
    assert [one.became for one in place.undo(later)] == [PutBack.KEPT]


def test_a_later_upload_wins_although_its_rows_come_first(place: Place, job: Job) -> None:
    later = after(job, 5)
    ids = f"{job.job_id}-1-2"
    place.settle(later, 1, [Proposal(row(2), "S", ids, lambda base: Product(content={"name": "late"}))])
    early = place.settle(job, 1, importing(job, [row(2)]))
    assert (early.outcomes, early.marks) == ({row(2): Outcome.SUPERSEDED}, ())
    assert name_of(place, job, ids) == "late"


def test_equal_ids_inside_a_batch_are_folded_onto_the_later_row(place: Place, job: Job) -> None:
    effects = place.settle(job, 1, [own(row(2, 1), "SKU", "b"), own(row(3, 1), "SKU", "c"), own(row(1, 1), "SKU", "a")])
    assert effects.outcomes == {row(1, 1): Outcome.SUPERSEDED, row(2, 1): Outcome.SUPERSEDED, row(3, 1): Outcome.NEW}
    assert (name_of(place, job, "SKU"), effects.marks) == ("c", ("SKU",))


BATCHES: Mapping[int, Sequence[tuple[RowId, str]]] = {
    1: ((RowId(1, 1), "A"), (RowId(1, 2), "B"), (RowId(1, 3), "A")),
    2: ((RowId(2, 1), "A"), (RowId(2, 2), "C")),
    3: ((RowId(3, 1), "B"), (RowId(3, 2), "A"), (RowId(3, 3), "D"))}


def batch(number: int) -> list[Proposal]:
    return [own(each, product_id, f"{product_id}{each.sheet}{each.row}") for each, product_id in BATCHES[number]]


@pytest.mark.parametrize("again", [False, True], ids=["at once", "after a crash before settling"])
def test_batches_that_share_ids_come_to_the_same_in_every_order(place: Place, job: Job, again: bool) -> None:
    for turn, order in enumerate(itertools.permutations(BATCHES)):
        mine = replace(job, job_id=f"{job.job_id}-{turn}")
        earlier = replace(mine, job_id=f"{mine.job_id}-0", uploaded_at="2026-11-22T00:00:00.000Z",
                          options={"catalog": mine.job_id})
        place.settle(earlier, 1, [own(row(1, 9), "C", "C22"), own(row(2, 9), "D", "old")])
        for number in order:
            if again:
                place.store.effects(mine, number, batch(number))
            place.settle(mine, number, batch(number))
        assert {each: name_of(place, mine, each) for each in "ABCD"} == {
            "A": "A32", "B": "B31", "C": "C22", "D": "D33"}
        assert place.counted(mine) == Counter({
            Outcome.NEW: 2, Outcome.UPDATED: 1, Outcome.UNCHANGED: 1, Outcome.SUPERSEDED: 4})
        assert sorted(place.marks[mine.job_id]) == ["A", "B", "C", "D"]
        assert walked(place, mine, catalogue(mine, outside=9), 2) == ["B", "A", "C", "D"]


def test_a_batch_that_is_judged_again_is_told_the_same(place: Place, job: Job) -> None:
    place.settle(job, 1, batch(1))
    judged = [place.store.effects(job, 3, batch(3)) for _ in range(3)]
    assert {(str(each.outcomes), each.displaced, each.marks) for each in judged} == {
        (str(judged[0].outcomes), judged[0].displaced, judged[0].marks)}
    assert len(judged[0].displaced) == 2


def test_nothing_crosses_owners(place: Place, job: Job) -> None:
    thief = replace(job, owner=f"{job.owner}x")
    for each, name in ((job, "mine"), (thief, "theirs")):
        place.settle(replace(each, job_id=job.job_id), 1 if each is job else 2, [
            *importing(job, [row(2)], name=name), own(row(3), "SKU", name)])
    for product_id in (f"{job.job_id}-1-2", "SKU"):
        assert (name_of(place, job, product_id), name_of(place, thief, product_id)) == ("mine", "theirs")
    assert walked(place, job, catalogue(job, 2, outside=1), 5) == [f"{job.job_id}-1-2", "SKU"]
    assert {product.owner for product in place.store.page(
        thief.owner, replace(catalogue(job, 2), owner=thief.owner), limit=5).products} == {thief.owner}
    place.undo(thief)
    assert name_of(place, job, "SKU") == "mine"
    assert get(place, thief, "SKU") is None


@pytest.mark.parametrize("value", [float("nan"), 2 ** 64, "\ud800", object(), {1: "a"}, {"a\0": 1},
                                   "x" * (MAX_PRODUCT_BYTES + 1)], ids=lambda value: str(type(value).__name__))
def test_what_no_database_takes_is_refused_by_name(place: Place, job: Job, value: Any) -> None:
    with pytest.raises(DropmillError, match="product") as refused:
        place.store.effects(job, 1, importing(job, [row(2)], description=value))
    assert refused.value.details["product_id"] == f"{job.job_id}-1-2"
    assert not refused.value.retryable


# --- pages


def test_pages_follow_the_file_across_sheets_and_blocks(place: Place, job: Job) -> None:
    rows = [row(999), row(2), row(1000), row(1), row(2001, 1), row(1001)]
    place.settle(job, 1, importing(job, rows))
    place.settle(after(job, 2), 1, [own(row(2, 1), "Z", "z"), own(row(1, 1), "a", "a"), own(row(1, 25), "B", "b")])
    listed = catalogue(job, 1001, 2001, outside=25)
    expected = [*(f"{job.job_id}-{each}" for each in ("1-1", "1-2", "1-999", "1-1000", "1-1001", "2-2001")),
                "a", "Z", "B"]
    for limit in (1, 2, 4, 9, 50):
        assert walked(place, job, listed, limit) == expected


def test_a_page_can_ask_for_one_source_only(place: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 31)]
    place.settle(job, 1, importing(job, rows))
    later = after(job, 2)
    place.settle(later, 1, enriching(later, rows[::5], "A") + enriching(later, rows[1::5], "m", Source.MOCK_DATA))
    listed = catalogue(job, 30)
    assert walked(place, job, listed, 4, source="real_data") == [
        f"{job.job_id}-1-{number}" for number in (1, 6, 11, 16, 21, 26)]
    assert walked(place, job, listed, 50, source="not_found") == []


def test_products_that_were_undone_are_in_no_page(place: Place, job: Job) -> None:
    place.settle(job, 1, importing(job, [row(number) for number in range(1, 9)]))
    later = after(job, 2)
    place.settle(later, 1, [own(row(1, 1), "SKU", "x")])
    place.undo(job)
    assert walked(place, job, catalogue(job, 8, outside=1), 3) == ["SKU"]
    place.undo(later)
    assert walked(place, job, catalogue(job, 8, outside=1), 3) == []


# --- undoing


def test_undo_removes_what_was_created_and_restores_what_was_overwritten(place: Place, job: Job) -> None:
    rows = [row(2), row(3), row(4)]
    place.settle(job, 1, importing(job, rows[:2]))
    before = [get(place, job, product_id_at(job.job_id, each)) for each in rows]
    later = after(job, 2)
    catalog = {"catalog": job.job_id}
    again = [Proposal(each, "Sheet1", product_id_at(job.job_id, each),
                      lambda base, each=each: Product(content={"name": "n2" if each.row == 2 else "x"}))
             for each in rows]
    place.settle(replace(later, options=catalog), 1, again)
    for _ in range(2):
        undone = place.undo(later)
        assert {one.record_id: one.became for one in undone} == {
            f"{job.job_id}-1-2": PutBack.UNCHANGED, f"{job.job_id}-1-3": PutBack.RESTORED,
            f"{job.job_id}-1-4": PutBack.REMOVED}
        assert [get(place, job, product_id_at(job.job_id, each)) for each in rows] == before


@pytest.mark.parametrize("order", list(itertools.permutations("abc")), ids="".join)
def test_jobs_on_one_product_undone_in_any_order_leave_nothing(place: Place, job: Job, order: Sequence[str]) -> None:
    jobs = {name: after(job, hours, name) for hours, name in enumerate("abc", start=2)}
    for name, each in jobs.items():
        place.settle(each, 1, [own(row(1, 1), "SKU", name)])
    for name in order:
        first, again = place.undo(jobs[name]), place.undo(jobs[name])
        assert first == again
    assert get(place, job, "SKU") is None


@pytest.mark.parametrize(("undone", "shows"), [("a", "c"), ("b", "c"), ("c", "b"), ("bc", "a"), ("cb", "a"),
                                               ("ac", "b"), ("ca", "b"), ("ab", "c"), ("ba", "c")])
def test_jobs_that_were_not_undone_keep_their_say(place: Place, job: Job, undone: str, shows: str) -> None:
    jobs = {name: after(job, hours, name) for hours, name in enumerate("abc", start=2)}
    for name, each in jobs.items():
        place.settle(each, 1, [own(row(1, 1), "SKU", name)])
    for name in undone:
        place.undo(jobs[name])
    assert name_of(place, jobs["a"], "SKU") == shows


def test_what_a_later_job_changed_is_kept_and_names_that_job(place: Place, job: Job) -> None:
    place.settle(job, 1, importing(job, [row(2)]))
    later = after(job, 2)
    place.settle(later, 1, enriching(later, [row(2)], "A"))
    kept = Undone(f"{job.job_id}-1-2", PutBack.KEPT, f"{job.job_id}-1-2", "later_job", later.job_id)
    assert list(place.undo(job)) == list(place.undo(job)) == [kept]
    assert name_of(place, job, f"{job.job_id}-1-2") == "n2"


def test_nothing_of_an_undone_job_comes_back_but_others_do(place: Place, job: Job) -> None:
    place.settle(job, 1, [own(row(1, 1), "SKU", "a")])
    place.undo(job)
    late = place.store.effects(job, 2, [own(row(1, 2), "SKU", "late")])
    place.transact(late)
    assert (late.outcomes, get(place, job, "SKU")) == ({row(1, 2): Outcome.SUPERSEDED}, None)
    later = replace(after(job, 2), options={"catalog": job.job_id})
    assert place.settle(later, 1, [own(row(1, 1), "SKU", "b")]).outcomes == {row(1, 1): Outcome.NEW}
    assert name_of(place, job, "SKU") == "b"


def test_a_product_keeps_the_images_of_the_last_jobs_only(place: Place, job: Job) -> None:
    jobs = [after(job, hours) for hours in range(1, 16)]
    for number, each in enumerate(jobs):
        place.settle(each, 1, [own(row(1, 1), "SKU", f"{number}" * 10)])
    assert [place.undo(each)[0].became for each in reversed(jobs[6:])] == [PutBack.RESTORED] * 9
    assert name_of(place, jobs[0], "SKU") == "5" * 10
    assert place.undo(jobs[5])[0].became is PutBack.RESTORED
    assert (place.undo(jobs[0])[0].became, place.undo(jobs[0])[0].reason) == (PutBack.KEPT, "edited")


def test_many_products_are_put_back_at_once(place: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 51)]
    effects = place.settle(job, 1, importing(job, rows))
    assert len(effects.writes) in (0, 50)
    assert Counter(one.became for one in place.undo(job)) == {PutBack.REMOVED: 50}


# --- of the record


def test_large_prior_images_go_first_and_the_newest_never() -> None:
    job = Job("j0", "o", "products", Status.PROCESSING, "f", "k", "t", "t", uploaded_at="2026-11-01T00:00:00.000Z")
    random_texts = random.Random(1)
    record = records.Record()
    for number in range(6):
        noise = "".join(random_texts.choices("abcdefghijklmnop", k=14_000))
        mine = replace(job, job_id=f"j{number}", uploaded_at=f"2026-11-0{number + 1}T00:00:00.000Z")
        verdict = records.judged(record, mine, 1, own(row(1), "SKU", noise))
        assert verdict.record is not None
        record = verdict.record
    assert [(link.job_id, link.lost, bool(link.image)) for link in record.links] == [
        ("j0", False, False), ("j1", True, False), ("j2", True, False), ("j3", True, False), ("j4", False, True),
        ("j5", False, True)]
    assert records.links_from(records.links_packed(record.links)) == record.links
    mine = replace(job, job_id="j9", uploaded_at="2026-12-04T12:00:00.000Z")
    after_a_month = records.judged(record, mine, 1, own(row(1), "SKU", "x")).record
    assert after_a_month is not None
    assert [link.job_id for link in after_a_month.links] == ["j4", "j5", "j9"]


# --- DynamoDB alone


def test_of_two_batches_judged_on_the_same_state_the_slower_cannot_write(dynamo: Place, job: Job) -> None:
    first, second = (dynamo.store.effects(job, number, batch(number)) for number in (1, 2))
    dynamo.transact(first)
    with pytest.raises(ConditionFailed):
        dynamo.transact(second)
    assert dynamo.store.effects(job, 2, batch(2)).outcomes[RowId(2, 1)] is Outcome.NEW
    later = [after(job, hours) for hours in (2, 3)]
    slow, fast = (dynamo.store.effects(each, 1, [own(row(1), "A", "x")]) for each in later)
    dynamo.transact(fast)
    with pytest.raises(ConditionFailed):
        dynamo.transact(slow)


def test_two_undoings_at_once_both_end_and_agree(dynamo: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 31)]
    dynamo.settle(job, 1, importing(job, rows))
    told: list[Sequence[Undone]] = []
    threads = [threading.Thread(target=lambda: told.append(dynamo.undo(job))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told[0] == told[1]
    assert Counter(one.became for one in told[0]) == {PutBack.REMOVED: 30}


def test_products_too_large_for_one_transaction_are_refused_before_it(dynamo: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 25)]
    with pytest.raises(DropmillError, match="too large for a transaction"):
        dynamo.store.effects(job, 1, importing(job, rows, description="x" * 170_000))


class Counting:
    """A client whose queries are counted."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.queries = 0

    def __getattr__(self, name: str) -> Any:
        self.queries += name == "query"
        return getattr(self._client, name)


def test_a_page_costs_few_reads_wherever_it_is(dynamo: Place, dynamo_client: Any, job: Job) -> None:
    dynamo.settle(job, 1, importing(job, [row(4), row(5), row(60_000)]))
    listed, counting = catalogue(job, 60_000), Counting(dynamo_client)
    store = DynamoProducts(counting, "dropmill-test-products", clock=lambda: NOW, sleep=lambda _: None,
                           rng=random.Random(1))
    assert [each.row for each in store.page(job.owner, listed, limit=1).products] == [4]
    assert counting.queries == 1
    page, seen = store.page(job.owner, listed, limit=3), [1]
    assert [each.row for each in page.products] == [4, 5]
    assert counting.queries == 1 + MAX_READS
    while page.cursor:
        page = store.page(job.owner, listed, limit=3, cursor=page.cursor)
        seen.append(len(page.products))
    assert seen == [1, 0, 1]
    assert walked(dynamo, job, listed, 2) == [f"{job.job_id}-1-{number}" for number in (4, 5, 60_000)]


def test_fifty_products_are_fifty_actions_although_they_displace_as_many(dynamo: Place, job: Job) -> None:
    for number in range(1, 3):
        effects = dynamo.settle(job, number, [own(row(place, number), f"SKU{place}", "x") for place in range(50)])
    assert (len(effects.writes), len(effects.displaced)) == (50, 50)
    assert dynamo.counted(job) == Counter({Outcome.NEW: 50, Outcome.SUPERSEDED: 50})


# --- MongoDB alone


TROUBLE: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("update", {"errorCode": 262}), ("update", {"errorCode": 262, "times": 2}),
    ("update", {"errorCode": 262, "times": 9}), ("find", {"errorCode": 262, "times": 3}),
    ("update", {"closeConnection": True}), ("update", {"closeConnection": True, "times": 2}),
    ("update", {"writeConcernError": {"code": 64, "errmsg": "timed out", "errInfo": {"wtimeout": True}}}),
    ("update", {"writeConcernError": {"code": 64, "errmsg": "timed out"}, "times": 2}))


@pytest.mark.parametrize(("command", "how"), TROUBLE, ids=str)
def test_trouble_on_the_wire_loses_and_doubles_nothing(
    mongodb: Place, mongo: wire.Server, job: Job, documents: Any, command: str, how: Mapping[str, Any]
) -> None:
    mongodb.settle(job, 1, batch(1))
    with mongo.fail(command, **how):
        mongodb.settle(job, 3, batch(3))
    mongodb.settle(job, 2, batch(2))
    assert documents.count_documents({}) == 4
    assert {each: name_of(mongodb, job, each) for each in "ABCD"} == {"A": "A32", "B": "B31", "C": "C22", "D": "D33"}
    assert mongodb.counted(job) == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})
    assert sorted(mongodb.marks[job.job_id]) == ["A", "B", "C", "D"]


def test_trouble_on_the_wire_undoes_nothing_twice(mongodb: Place, mongo: wire.Server, job: Job) -> None:
    mongodb.settle(job, 1, batch(1))
    later = after(job, 2)
    mongodb.settle(later, 1, [own(row(1), "A", "later")])
    for each, expected in ((later, [PutBack.RESTORED]), (job, [PutBack.REMOVED] * 2)):
        with mongo.fail("update", times=3, errorCode=262):
            assert [one.became for one in mongodb.undo(each)] == expected
        with mongo.fail("update", writeConcernError={"code": 64, "errmsg": "timed out"}):
            assert [one.became for one in mongodb.undo(each)] == expected


def test_trouble_that_does_not_end_is_transient_after_pauses_that_grow(mongo: wire.Server, job: Job) -> None:
    slept: list[float] = []
    store = a_mongo_store(mongo.uri, f"test{next(_NUMBERS)}", sleep=slept.append)
    with mongo.fail("update", times=100, errorCode=262), pytest.raises(Transient):
        store.effects(job, 1, batch(1))
    store.close()
    assert len(slept) == TRIES
    assert all(pause <= 0.05 * 2 ** tried for tried, pause in enumerate(slept))
    assert slept != sorted(slept, reverse=True)


def test_what_no_majority_has_yet_is_read_again_before_anybody_is_told(
    mongo: wire.Server, job: Job, documents: Any
) -> None:
    slept: list[float] = []
    store = a_mongo_store(mongo.uri, documents.database.name, sleep=slept.append)
    with mongo.fail("update", writeConcernError={"code": 64, "errmsg": "timed out"}):
        effects = store.effects(job, 1, batch(1))
    store.close()
    assert (len(slept), effects.marks) == (1, ("A", "B"))


@pytest.mark.parametrize("stored", range(4))
def test_a_worker_that_died_in_the_middle_of_a_bulk_is_made_good(mongodb: Place, job: Job, stored: int) -> None:
    mongodb.settle(job, 1, batch(1))
    mongodb.store.effects(job, 3, batch(3)[:stored])  # so far it came
    mongodb.settle(job, 3, batch(3))
    mongodb.settle(job, 2, batch(2))
    assert {each: name_of(mongodb, job, each) for each in "ABCD"} == {"A": "A32", "B": "B31", "C": "C22", "D": "D33"}
    assert mongodb.counted(job) == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=str)
def test_batches_stored_long_before_they_settle_come_to_the_same(
    mongodb: Place, job: Job, order: Sequence[int]
) -> None:
    for number in (2, 1, 3):
        mongodb.store.effects(job, number, batch(number))
    late = {number: mongodb.store.effects(job, number, batch(number)) for number in order}
    losses = [loss for effects in late.values() for loss in effects.displaced]
    counts = sum((Counter(effects.outcomes.values()) for effects in late.values()), Counter())
    counts.subtract(loss.outcome for loss in losses)
    counts[Outcome.SUPERSEDED] += len(losses)
    assert +counts == Counter({Outcome.NEW: 4, Outcome.SUPERSEDED: 4})


def test_a_job_that_another_overtook_before_it_settled_is_told_the_same(mongodb: Place, job: Job) -> None:
    mongodb.store.effects(job, 1, importing(job, [row(2)]))
    later = after(job, 2)
    assert mongodb.settle(later, 1, enriching(later, [row(2)], "A")).outcomes == {row(2): Outcome.UPDATED}
    effects = mongodb.settle(job, 1, importing(job, [row(2)]))
    assert (effects.outcomes, effects.marks) == ({row(2): Outcome.NEW}, (f"{job.job_id}-1-2",))
    found = get(mongodb, job, f"{job.job_id}-1-2")
    assert found is not None
    assert found.enrichment == {"title": "A"}


@pytest.mark.parametrize("there", [False, True], ids=["new", "there before"])
def test_who_was_slower_reads_again_and_sends_only_what_failed(
    mongodb: Place, mongo: wire.Server, job: Job, documents: Any, there: bool
) -> None:
    names = ["A", "B", "C"]
    if there:
        before = replace(after(job, 0), uploaded_at="2026-11-21T00:00:00.000Z")
        mongodb.settle(before, 1, [own(row(place), name, "old") for place, name in enumerate(names)])
    decided: list[str] = []

    def slow(name: str) -> Proposal:
        def decide(base: Product | None) -> Product:
            decided.append(name)
            if decided == names:  # all is read: somebody else is faster with one of them
                mongodb.settle(job, 1, [own(row(1, 1), "B", "fast")])
            return Product(content={"name": "slow"})

        return Proposal(row(ord(name), 2), "message", name, decide)

    rival = a_mongo_store(mongo.uri, documents.database.name)
    effects = rival.effects(job, 2, [slow(name) for name in names])
    rival.close()
    assert decided == ["A", "B", "C", "B"]
    assert set(effects.outcomes.values()) == {Outcome.UPDATED if there else Outcome.NEW}
    assert [(loss.batch_number, loss.sheet) for loss in effects.displaced] == [(1, 1)]
    assert (effects.marks, mongodb.marks[job.job_id]) == (("A", "C"), ["B"])
    assert [name_of(mongodb, job, name) for name in names] == ["slow"] * 3


def test_many_writers_on_one_product_leave_the_latest_and_count_each_row_once(
    mongo: wire.Server, job: Job, documents: Any
) -> None:
    told: dict[int, Effects] = {}

    def write(number: int) -> None:
        store = a_mongo_store(mongo.uri, documents.database.name, sleep=time.sleep)
        told[number] = store.effects(job, number, [own(row(1, number), "SKU", f"{number}")])
        store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert documents.find_one({})["content"] == {"name": "4"}
    counts = Counter(outcome for effects in told.values() for outcome in effects.outcomes.values())
    losses = sum(len(effects.displaced) for effects in told.values())
    assert (counts[Outcome.NEW] - losses, counts[Outcome.SUPERSEDED] + losses) == (1, 3)
    assert [effects.marks for effects in told.values() if effects.marks] == [("SKU",)]


def test_a_removed_product_leaves_a_document_that_expires(mongodb: Place, job: Job, documents: Any) -> None:
    mongodb.settle(job, 1, importing(job, [row(2)]))
    mongodb.undo(job)
    left = documents.find_one({})
    assert sorted(left) == ["_id", "expires_at", "links", "rev"]
    assert left["expires_at"].isoformat() == "2026-12-22T02:00:00"
    assert documents.index_information()["expiry"]["expireAfterSeconds"] == 0
    mongodb.settle(after(job, 2), 1, [Proposal(row(2), "S", f"{job.job_id}-1-2", lambda base: Product())])
    assert "expires_at" not in documents.find_one({})


def test_a_server_that_is_not_there_is_transient_and_its_address_a_secret(job: Job) -> None:
    store = a_mongo_store("mongodb://ada:secret@127.0.0.1:1/", "d", timeout=0.1)
    with pytest.raises(Transient) as refused:
        store.effects(job, 1, batch(1))
    assert "secret" not in f"{refused.value!r}{refused.value.details}{refused.value.__cause__}"
    store.close()


@pytest.mark.parametrize("uri", ["mongodb://", "mongodb://ada:sec/ret@h/", "mongodb://ada:secret@h:port/"])
def test_an_address_that_is_none_needs_a_person_and_is_never_said(job: Job, uri: str) -> None:
    with pytest.raises(Unavailable) as refused:
        a_mongo_store(uri, "d").get(job.owner, job.job_id, "x")
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)
    assert "ada" not in f"{refused.value!r}{refused.value.details}"


def test_a_server_that_refuses_us_needs_a_person(mongodb: Place, mongo: wire.Server, job: Job) -> None:
    with mongo.fail("update", errorCode=13), pytest.raises(Unavailable):
        mongodb.store.effects(job, 1, batch(1))
