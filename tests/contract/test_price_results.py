"""Result rows, price lists and lessons, over the emulator on the wire."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.price_fixes import MOST_HEADERS, PriceFixes
from chalicelib.adapters.price_lists import Loaded, PriceList, PriceLists
from chalicelib.adapters.price_results import FIELDS, PriceResults, mark_of, place_of, row_from, row_item
from chalicelib.adapters.s3 import Blobs
from chalicelib.errors import Conflict, RequestRefused
from chalicelib.jobs.model import Job, RowId, SheetCount, Status, Undo
from chalicelib.matching.index import Index
from chalicelib.matching.model import PriceItem, Query
from chalicelib.pipelines.prices.match import chosen, query_of, repriced

TABLE, LEDGER, BUCKET = "dropmill-test-prices", "dropmill-test-ledger", "dropmill-test-data"
NOW = "2026-11-22T01:00:00.000Z"


@pytest.fixture(scope="module")
def aws(new_aws: Any) -> Any:
    return new_aws()


@pytest.fixture(scope="module")
def client(aws: Any) -> Any:
    return aws.client("dynamodb")


@pytest.fixture(scope="module")
def ledger(client: Any) -> Ledger:
    return Ledger(client, LEDGER, clock=lambda: datetime(2026, 11, 22, 2, tzinfo=UTC), days=90, sleep=lambda _: None,
                  rng=random.Random(1))


@pytest.fixture(scope="module")
def results(client: Any) -> PriceResults:
    return PriceResults(client, TABLE, LEDGER, sleep=lambda _: None, rng=random.Random(1))


@pytest.fixture(scope="module")
def fixes(client: Any) -> PriceFixes:
    return PriceFixes(client, TABLE, sleep=lambda _: None, rng=random.Random(1))


@pytest.fixture(scope="module")
def lists(aws: Any, client: Any, ledger: Ledger) -> PriceLists:
    return PriceLists(client, TABLE, blobs=Blobs(aws.client("s3"), aws.bucket), ledger=ledger)


@pytest.fixture
def job(request: pytest.FixtureRequest, ledger: Ledger) -> Job:
    """A job that no other test knows."""
    name = request.node.name.replace("[", "-").replace("]", "")
    made = Job(job_id=f"j-{name}", owner=f"o-{name}", pipeline="prices", status=Status.COMPLETED, file_name="a.csv",
               file_key="k", created_at=NOW, updated_at=NOW, uploaded_at=NOW, completed_at=NOW,
               tallies={"unmatched": 4})
    ledger.create(made)
    return made


def row(job: Job, place: RowId, **more: Any) -> dict[str, Any]:
    return {**FIELDS, "jobId": job.job_id, "resultId": f"{job.job_id}-{mark_of(place)}", "owner": job.owner,
            "sheet": place.sheet, "rowNumber": place.row, "originalDescription": f"Pipe {place.row}",
            "originalQuantity": "2.5", "confidence": 0.25, **more}


def stored(results: PriceResults, *rows: Mapping[str, Any]) -> None:
    for start in range(0, len(rows), 50):
        results.transact([results.put(each) for each in rows[start:start + 50]], "rows are put")


def sheet(index: int, physical: int) -> SheetCount:
    return SheetCount(index, f"S{index}", physical, 1, 0, {}, physical - 1)


# --- result rows


def test_a_row_comes_back_as_it_was_put(results: PriceResults, job: Job) -> None:
    mine = row(job, RowId(1, 7), matchedRate="12.5", totalPrice="31.25", confidence=1.0, candidates=[
        {"itemId": "1-2", "description": "Pipe", "code": "", "unit": "m", "rate": "12.5", "score": 1.0,
         "reasons": ["x"]}], originalRowData={"Größe": "7"}, contextHeaders=["A", "B"], expiresAt=1_900_000_000)
    stored(results, mine)
    found = results.get(job.owner, f"{job.job_id}-2-7")
    assert found is not None
    assert found == mine
    assert isinstance(found["confidence"], float)
    assert row_from(row_item(mine)) == mine


def test_nobody_gets_another_owners_row_or_a_nonsense_id(results: PriceResults, job: Job) -> None:
    stored(results, row(job, RowId(0, 2)))
    assert results.get("somebody-else", f"{job.job_id}-1-2") is None
    wrong = ("", "x", "-1", "-1-x", "-1-3", "--1-2", f"-1-{'9' * 30}")
    assert [results.get(job.owner, f"{job.job_id}{each}") for each in wrong] == [None] * 7


def test_pages_go_through_sheets_and_blocks_in_the_order_of_the_file(results: PriceResults, job: Job) -> None:
    places = [RowId(0, 2), RowId(0, 999), RowId(0, 1000), RowId(0, 2500), RowId(1, 2), RowId(1, 3)]
    stored(results, *(row(job, place) for place in reversed(places)))
    sheets = [sheet(0, 2600), sheet(1, 10)]
    seen, cursor, pages = [], "", 0
    while pages < 20:
        page = results.page(job, sheets, limit=2, cursor=cursor)
        seen += [RowId(each["sheet"], each["rowNumber"]) for each in page.rows]
        cursor, pages = page.cursor, pages + 1
        if not cursor:
            break
    assert seen == places
    assert [RowId(each["sheet"], each["rowNumber"]) for each in results.walk(job, sheets)] == places


def test_a_page_of_one_tier_counts_edited_rows_apart(results: PriceResults, job: Job) -> None:
    stored(results, row(job, RowId(0, 2), tier="accepted"), row(job, RowId(0, 3)), row(job, RowId(0, 4), tier="review"),
           row(job, RowId(0, 5), tier="accepted", isManuallyEdited=True))
    found = {tier: [each["rowNumber"] for each in results.page(job, [sheet(0, 9)], limit=9, tier=tier).rows]
             for tier in ("accepted", "review", "unmatched", "manual")}
    assert found == {"accepted": [2], "review": [4], "unmatched": [3], "manual": [5]}


def test_a_page_of_a_rare_tier_reads_a_bounded_number_of_partitions(results: PriceResults, job: Job) -> None:
    stored(results, row(job, RowId(0, 2)), row(job, RowId(0, 99_500), tier="review"))
    page = results.page(job, [sheet(0, 100_000)], limit=5, tier="review")
    assert (page.rows, bool(page.cursor)) == ((), True)
    pages = 1
    while not page.rows and pages < 9:
        page, pages = results.page(job, [sheet(0, 100_000)], limit=5, tier="review", cursor=page.cursor), pages + 1
    assert [each["rowNumber"] for each in page.rows] == [99_500]


@pytest.mark.parametrize("cursor", ["x", "1", "1.", "-1.2", "1.2.3", "9" * 30 + ".1"])
def test_a_cursor_that_is_not_ours_is_refused(results: PriceResults, job: Job, cursor: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        results.page(job, [sheet(0, 9)], limit=5, cursor=cursor)
    assert refused.value.code.value == "BAD_CURSOR"


def test_rows_from_outside_are_found_without_sheets(results: PriceResults, job: Job) -> None:
    stored(results, row(job, RowId(1, 1)), row(job, RowId(3, 2)))
    outside = replace(job, outside=True, batches_total=3)
    assert [each["sheet"] for each in results.page(outside, [], limit=9).rows] == [1, 3]


# --- edits


def test_an_edit_moves_the_row_and_the_jobs_tallies_together(results: PriceResults, ledger: Ledger, job: Job) -> None:
    stored(results, row(job, RowId(0, 2)))
    before = results.get(job.owner, f"{job.job_id}-1-2")
    assert before is not None
    item = PriceItem("1-5", "Pipe DN110", code="P1", unit="m", rate=Decimal("12.10"))
    after = results.edit(before, chosen(before, item), by="ann", at="2026-11-23T00:00:00.000Z")
    now = results.get(job.owner, f"{job.job_id}-1-2")
    assert now == after
    assert (now["matchedItemId"], now["matchedRate"], now["totalPrice"]) == ("1-5", "12.1", "30.25")
    assert (now["tier"], now["jobTier"], now["isManuallyEdited"], now["version"]) == ("accepted", "unmatched", True, 2)
    changed = ledger.job(job.job_id)
    assert changed is not None
    assert changed.tallies == {"unmatched": 3, "manual": 1}


def test_of_two_edits_of_one_row_the_slower_hears_of_it(results: PriceResults, ledger: Ledger, job: Job) -> None:
    stored(results, row(job, RowId(0, 2)))
    seen = results.get(job.owner, f"{job.job_id}-1-2")
    assert seen is not None
    results.edit(seen, repriced(seen, Decimal("3")), by="ann", at=NOW)
    with pytest.raises(Conflict):
        results.edit(seen, repriced(seen, Decimal("4")), by="bob", at=NOW)
    assert results.rows(job.job_id, [RowId(0, 2)])[RowId(0, 2)]["totalPrice"] == "7.5"
    changed = ledger.job(job.job_id)
    assert changed is not None
    assert changed.tallies == {"unmatched": 3, "manual": 1}


def test_a_note_alone_makes_no_row_a_manual_one(results: PriceResults, ledger: Ledger, job: Job) -> None:
    stored(results, row(job, RowId(0, 2)))
    seen = results.rows(job.job_id, [RowId(0, 2)])[RowId(0, 2)]
    assert not results.edit(seen, {"notes": "call them"}, by="ann", at=NOW)["isManuallyEdited"]
    unchanged = ledger.job(job.job_id)
    assert unchanged is not None
    assert unchanged.tallies == {"unmatched": 4}


def test_a_row_whose_job_is_gone_cannot_be_edited(results: PriceResults, job: Job) -> None:
    gone = replace(job, job_id=f"{job.job_id}-gone")
    stored(results, row(gone, RowId(0, 2)))
    seen = results.rows(gone.job_id, [RowId(0, 2)])[RowId(0, 2)]
    with pytest.raises(Conflict):
        results.edit(seen, repriced(seen, Decimal("4")), by="bob", at=NOW)
    assert results.rows(gone.job_id, [RowId(0, 2)])[RowId(0, 2)]["version"] == 1


@pytest.mark.parametrize("mark", ["", "1", "1-", "-1", "x-1", "1-x", "1--1", "²-1"])
def test_what_is_no_mark_is_no_row(mark: str) -> None:
    assert place_of(mark) is None


# --- lessons


def loaded(*items: PriceItem) -> Loaded:
    return Loaded(PriceList("l", "o", "main", "f", NOW, len(items)), Index(items))


PIPE, TAP = PriceItem("1-2", "Pipe DN110", unit="m"), PriceItem("1-3", "Tap", code="T1")
ASKED = Query("grey tube", unit="m", context=("DRAINAGE",))


def test_a_lesson_is_the_owners_own_and_the_latest_counts(fixes: PriceFixes, job: Job) -> None:
    fixes.teach(job.owner, ASKED, TAP, "2026-11-22T02:00:00.000Z")
    fixes.teach(job.owner, ASKED, PIPE, "2026-11-22T01:00:00.000Z")
    assert fixes.lessons(job.owner, [ASKED], loaded(PIPE, TAP)).item_for(ASKED) == "1-3"
    fixes.teach(job.owner, ASKED, PIPE, "2026-11-22T03:00:00.000Z")
    assert fixes.lessons(job.owner, [ASKED], loaded(PIPE, TAP)).item_for(ASKED) == "1-2"
    assert fixes.lessons("somebody-else", [ASKED], loaded(PIPE, TAP)).items == {}
    assert fixes.count(job.owner) == 1


def test_a_lesson_finds_its_item_in_another_version_of_the_list(fixes: PriceFixes, job: Job) -> None:
    fixes.teach(job.owner, ASKED, PIPE, NOW)
    later = loaded(replace(TAP, id="1-2"), replace(PIPE, id="4-77", rate=Decimal(9), description="PIPE  DN110"))
    assert fixes.lessons(job.owner, [ASKED], later).item_for(ASKED) == "4-77"
    assert fixes.lessons(job.owner, [ASKED], loaded(TAP)).item_for(ASKED) is None


def test_a_text_alone_means_an_item_only_while_all_headings_agree(fixes: PriceFixes, job: Job) -> None:
    elsewhere = replace(ASKED, context=("ROOFS",))
    fixes.teach(job.owner, ASKED, PIPE, NOW)
    assert fixes.lessons(job.owner, [elsewhere], loaded(PIPE, TAP)).item_for(elsewhere) == "1-2"
    fixes.teach(job.owner, replace(ASKED, context=("KITCHEN",)), TAP, NOW)
    found = fixes.lessons(job.owner, [ASKED, elsewhere], loaded(PIPE, TAP))
    assert (found.item_for(ASKED), found.item_for(elsewhere)) == ("1-2", None)


def test_of_too_many_lessons_on_one_text_the_oldest_give_way(fixes: PriceFixes, job: Job) -> None:
    for number in range(MOST_HEADERS + 1):
        at = f"2026-11-22T{number // 60:02d}:{number % 60:02d}:00.000Z"
        fixes.teach(job.owner, replace(ASKED, context=(f"H{number}",)), PIPE if number else TAP, at)
    first, last = (replace(ASKED, context=(f"H{number}",)) for number in (0, MOST_HEADERS))
    found = fixes.lessons(job.owner, [first, last], loaded(PIPE, TAP))
    assert (found.item_for(first), found.item_for(last)) == ("1-2", "1-2")  # of the first, what all others say


def test_a_result_row_asks_the_same_question_again(job: Job) -> None:
    made = row(job, RowId(0, 2), originalDescription="grey tube", originalUnit="m", contextHeaders=["DRAINAGE"],
               originalCode="12")
    assert query_of(made) == replace(ASKED, quantity=Decimal("2.5"))


# --- price lists


def version(job: Job, number: int, name: str = "main") -> Job:
    at = f"2026-11-22T0{number}:00:00.000Z"
    return replace(job, job_id=f"{job.job_id}-{number}", uploaded_at=at, created_at=at, completed_at=at,
                   options={"priceList": name}, batches_total=1)


def imported(lists: PriceLists, results: PriceResults, ledger: Ledger, job: Job, items: int = 1) -> Job:
    ledger.create(job)
    lists.ensure(job)
    lists.ensure(job)
    results.transact([lists.counted(job, items)], "the list is registered")
    return job


def test_versions_are_counted_by_name_and_time(
    lists: PriceLists, results: PriceResults, ledger: Ledger, job: Job
) -> None:
    for number, name in ((2, "main"), (1, "main"), (3, "other"), (4, "main")):
        imported(lists, results, ledger, version(job, number, name))
    found = lists.listing(job.owner)
    assert [(each.name, each.version, each.items) for each in found] == [
        ("main", 3, 1), ("other", 1, 1), ("main", 2, 1), ("main", 1, 1)]
    assert [each.version for each in lists.listing(job.owner, "main")] == [3, 2, 1]
    assert lists.listing("somebody-else") == ()
    assert lists.get("somebody-else", found[0].list_id) is None


def test_the_newest_list_is_the_last_that_had_ended_by_then(
    lists: PriceLists, results: PriceResults, ledger: Ledger, job: Job
) -> None:
    first, second = (imported(lists, results, ledger, version(job, number)) for number in (1, 2))
    imported(lists, results, ledger, version(job, 3), items=0)
    running = replace(version(job, 4), status=Status.PROCESSING, completed_at="")
    imported(lists, results, ledger, running)
    late = replace(version(job, 5), completed_at="2026-11-22T08:00:00.000Z")
    imported(lists, results, ledger, late)

    def newest(at: str) -> str | None:
        found = lists.newest(job.owner, f"2026-11-22T{at}:00.000Z")
        return found.list_id if found else None

    assert [newest(at) for at in ("00:30", "01:00", "07:00", "09:00")] == [
        None, first.job_id, second.job_id, late.job_id]
    assert lists.newest(job.owner, "2026-11-22T09:00:00.000Z", "nothing of that name") is None


def test_an_undone_list_is_found_by_nobody_and_does_not_come_back(
    lists: PriceLists, results: PriceResults, ledger: Ledger, job: Job
) -> None:
    made = imported(lists, results, ledger, replace(version(job, 1), undo=Undo.RUNNING))
    lists.write_part(made.job_id, 1, [PIPE])
    lists.remove(made.job_id)
    lists.remove(made.job_id)
    lists.ensure(made)
    assert lists.get(job.owner, made.job_id) is None
    assert lists.listing(job.owner) == ()
    with pytest.raises(KeyError):
        lists.load(PriceList(made.job_id, job.owner, "main", "f", NOW, 1))
