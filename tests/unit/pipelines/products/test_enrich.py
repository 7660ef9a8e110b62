"""Where the data of a batch comes from, and what happens when Keepa cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.costs import Used
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.model import Batch
from chalicelib.jobs.pipeline import Work
from chalicelib.local.fakes.keepa_products import unknown
from chalicelib.pipelines.products.codes import repaired
from chalicelib.pipelines.products.enrich import Enricher, Enrichment, fits, searchable
from chalicelib.pipelines.products.keepa_product import KeepaProduct
from chalicelib.pipelines.products.prefetch import Parts
from chalicelib.pipelines.products.records import Row
from chalicelib.settings import Settings
from tests.fixtures.products import upc
from tests.unit.pipelines.products.fakes import JOB, Client, Clock, Entries, Memory, Taken, known

GOOD = [code for number in range(60) if not unknown(code := upc(number))]
BAD = [code for number in range(60) if unknown(code := upc(number))]


def row(*codes: str, title: str = "", brand: str = "") -> Row:
    return Row({"name": title, "upc": codes[0] if codes else None}, tuple(
        code for text in codes if (code := repaired(text))), title, brand)


class Enriching:
    """One process's enricher with everything around it."""

    def __init__(self, *, has_key: bool = True, search: bool = True) -> None:
        self.client, self.entries, self.clock = Client(), Entries(), Clock()
        chosen = Settings(KEEPA_TITLE_SEARCH=str(search)).keepa
        self.enricher = Enricher(chosen, has_key, lambda: self.client, lambda: known(self.entries, self.clock), Taken(),
                                 Parts(Memory(), 10), 1.0, 3, self.clock.sleep)

    def __call__(
        self, rows: Sequence[Row], *, attempt: int = 1, job_id: str = "job", **options: Any
    ) -> list[Enrichment]:
        job = replace(JOB, job_id=job_id, options={**JOB.options, **options})
        self.work = Work(job, attempt, lambda: 100.0)
        return self.enricher.enrich(Batch(job_id, 1, 1, ()), rows, self.work)

    def sources(self, rows: Sequence[Row], **more: Any) -> list[str]:
        return [found.source.value for found in self(rows, **more)]

    @property
    def used(self) -> Mapping[str, int]:
        return self.work.meter.counts


@pytest.fixture
def enrich() -> Enriching:
    return Enriching()


def test_codes_are_asked_for_once_and_rows_without_one_are_not_found(enrich: Enriching):
    rows = [row(GOOD[0]), row(BAD[0]), row(GOOD[0]), row()]
    assert enrich.sources(rows) == ["real_data", "not_found", "real_data", "not_found"]
    assert [len(codes) for _, codes in enrich.client.asked] == [2]


def test_another_job_finds_it_in_the_cache_and_says_so(enrich: Enriching):
    first = enrich([row(GOOD[0])])
    enrich.clock.sleep(60)
    second = enrich([row(GOOD[0])], job_id="second")
    assert [found.source.value for found in (*first, *second)] == ["real_data", "cache"]
    assert (second[0].data, second[0].at) == (first[0].data, first[0].at)
    assert (len(enrich.client.asked), enrich.used) == (1, {Used.CACHED: 1})


def test_the_other_code_of_a_row_is_asked_for_only_when_the_surest_one_is_not_known(enrich: Enriching):
    assert enrich.sources([row(BAD[0], GOOD[0]), row(GOOD[1], GOOD[2])]) == ["real_data", "real_data"]
    assert [codes for _, codes in enrich.client.asked] == [(BAD[0], GOOD[1]), (GOOD[0],)]


def test_a_title_is_the_last_resort_and_one_search_serves_all_rows_of_that_title(enrich: Enriching):
    title = "Carhartt Work Jacket Detroit"
    rows = [row(BAD[0], title=title), row(title=title), row(GOOD[0], title="Another Long Title")]
    assert enrich.sources(rows) == ["real_data", "real_data", "real_data"]
    assert enrich.client.searched == [title]
    enrich.sources(rows, job_id="second")
    assert enrich.client.searched == [title]


def test_title_search_can_be_switched_off():
    enrich = Enriching(search=False)
    assert enrich.sources([row(title="Carhartt Work Jacket Detroit")]) == ["not_found"]
    assert enrich.client.searched == []


@pytest.mark.parametrize(("title", "searched"), [
    ("Jacket", False), ("Black Jacket", False), ("Jacket 001", False), ("Work Jacket Black", True), ("", False)])
def test_titles_that_fit_half_of_everything_are_not_searched_for(title: str, searched: bool):
    assert searchable(row(title=title)) is searched


@pytest.mark.parametrize(("title", "brand", "product", "fitting"), [
    ("Work Jacket 103828", "Carhartt", {"title": "Carhartt Work Jacket 103828"}, True),
    ("Work Jacket 103828", "Carhartt", {"title": "Carhartt Work Jacket 103829"}, False),
    ("Work Jacket 103828", "Carhartt", {"title": "Dickies Work Jacket 103828"}, False),
    ("Work Jacket 103828", "Carhartt", {"title": "Work Jacket", "partNumber": "103828", "brand": "CARHARTT"}, True),
    ("Drill 18 V 5 Ah", "", {"title": "Drill 18 V 4 Ah"}, False)])
def test_a_product_of_other_numbers_or_another_brand_is_not_taken(
    title: str, brand: str, product: dict[str, str], fitting: bool
):
    found = KeepaProduct.model_validate({"asin": "B000000001", **product})
    assert fits(row(title=title, brand=brand), found) is fitting


def test_without_a_key_or_by_the_mock_provider_everything_is_flagged_mock_data():
    enrich = Enriching(has_key=False)
    first, second = enrich([row(GOOD[0])]), Enriching()([row(GOOD[0])], provider="mock")
    assert first == second
    assert (first[0].source.value, first[0].data["keepa_status"], first[0].at) == (
        "mock_data", "mock_data", JOB.uploaded_at)
    assert enrich.client.asked == []


def test_strict_without_a_key_fails_and_can_be_retried():
    with pytest.raises(Transient):
        Enriching(has_key=False)([row(GOOD[0])], strict=True)


def test_a_passing_failure_is_tried_again_and_only_the_last_try_takes_mock_data(enrich: Enriching):
    enrich.client.fail = [Transient("down")] * 2
    with pytest.raises(Transient):
        enrich([row(GOOD[0])], attempt=2)
    assert enrich.sources([row(GOOD[0])], attempt=3) == ["mock_data"]
    assert enrich.used == {Used.FALLBACK: 1}
    assert enrich.entries.kept == {}


@pytest.mark.parametrize("error", [Unavailable("key"), Waiting(60, "circuit"), ContentRefused("all of it")])
def test_where_only_a_person_can_help_mock_data_stands_in_at_once(enrich: Enriching, error: Exception):
    enrich.client.fail = [error]
    assert enrich.sources([row(GOOD[0])]) == ["mock_data"]


@pytest.mark.parametrize("error", [
    Unavailable("key"), Waiting(60, "circuit"), ContentRefused("all"), Transient("down")])
def test_strict_takes_no_mock_data_and_turns_everything_into_a_failure(enrich: Enriching, error: Exception):
    enrich.client.fail = [error]
    with pytest.raises(Transient):
        enrich([row(GOOD[0])], attempt=3, strict=True)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("reason", ["tokens", "lease", "deadline"])
def test_too_few_tokens_are_waited_for_in_either_mode(enrich: Enriching, reason: str, strict: bool):
    enrich.client.fail = [Waiting(30, reason)]
    with pytest.raises(Waiting):
        enrich([row(GOOD[0])], attempt=3, strict=strict)


def test_mock_data_stands_in_only_for_rows_that_have_nothing_better(enrich: Enriching):
    enrich([row(GOOD[0]), row(BAD[0])], job_id="earlier")
    enrich.client.fail = [Unavailable("key")]
    rows = [row(GOOD[0]), row(GOOD[1]), row(BAD[0]), row()]
    assert enrich.sources(rows) == ["cache", "mock_data", "not_found", "not_found"]


def test_a_row_whose_title_could_still_be_searched_for_is_not_yet_not_found(enrich: Enriching):
    enrich([row(BAD[0])], job_id="earlier")
    enrich.client.fail = [Unavailable("key")]
    assert enrich.sources([row(BAD[0], title="Carhartt Work Jacket")]) == ["mock_data"]
