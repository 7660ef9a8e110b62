"""One suite for the stores of products: DynamoDB on the emulator, MongoDB on a server in this process."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters import product_records as records
from chalicelib.adapters.product_store import MAX_PRODUCT_BYTES, Product, Proposal, Source, product_id_at
from chalicelib.errors import DropmillError
from chalicelib.jobs.model import Job, Outcome, Status
from chalicelib.jobs.pipeline import PutBack, Undone
from tests.contract.products import (
    BATCHES,
    Place,
    after,
    batch,
    catalogue,
    enriching,
    get,
    importing,
    name_of,
    own,
    row,
    walked,
)

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
    assert (mocked.outcomes, mocked.tallies) == (dict.fromkeys(rows, Outcome.UNCHANGED), {"real_data": 2})
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


@pytest.mark.parametrize("again", [False, True], ids=["at once", "after a crash before settling"])
def test_batches_that_share_ids_come_to_the_same_in_every_order(place: Place, job: Job, again: bool) -> None:
    for turn, order in enumerate(itertools.permutations(BATCHES)):
        mine = replace(job, job_id=f"{job.job_id}-{turn}")
        earlier = replace(mine, job_id=f"{mine.job_id}-0", uploaded_at="2026-11-22T00:00:00.000Z",
                          options={"catalog": mine.job_id})
        place.settle(earlier, 1, [
            own(row(1, 9), "C", "C22", Source.CACHE), own(row(2, 9), "D", "old")])
        for number in order:
            if again:
                place.store.effects(mine, number, batch(number))
            place.settle(mine, number, batch(number))
        assert {each: name_of(place, mine, each) for each in "ABCD"} == {
            "A": "A32", "B": "B31", "C": "C22", "D": "D33"}
        assert place.counted(mine) == Counter({
            Outcome.NEW: 2, Outcome.UPDATED: 1, Outcome.UNCHANGED: 1, Outcome.SUPERSEDED: 4})
        assert sorted(place.marks[mine.job_id]) == ["A", "B", "C", "D"]
        assert place.sources[mine.job_id] == {"cache": 2, "real_data": 1, "mock_data": 1}
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
