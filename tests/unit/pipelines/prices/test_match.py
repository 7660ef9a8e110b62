"""Answers of the matcher as result rows, and what people say about these."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.matching.index import Index
from chalicelib.matching.matcher import Matcher
from chalicelib.matching.model import Candidate, Match, PriceItem, Tier, Units
from chalicelib.pipelines.prices.items import wanted
from chalicelib.pipelines.prices.match import LONGEST_OFFER, ROW_BYTES, chosen, query_of, repriced, result_row
from chalicelib.pipelines.prices.working import for_convex

JOB = Job(job_id="j", owner="o", pipeline="prices", status=Status.PROCESSING, file_name="f", file_key="k",
          created_at="t0", updated_at="t0", uploaded_at="t1", expires_at=7)
ITEM = {"_worksheet": "Bill", "_sheet": 1, "_row": 17, "_context": ["DRAINAGE"], "Text": "Pipe DN110", "Qty": "0.1"}
PIPE = PriceItem("1-2", "Pipe DN110", code="P1", unit="m", rate=Decimal("0.2"))
CELLS = {"description": "Pipe DN110", "quantity": "0.1", "unit": "m", "code": "3"}


def made(match: Match, cells: dict[str, str] | None = None, item: dict[str, Any] | None = None) -> dict[str, Any]:
    row, _ = result_row(JOB, "base", 4, item or ITEM, wanted(cells or CELLS, ("DRAINAGE",)), match, method="LOCAL",
                        list_id="l")
    return row


def answer(tier: Tier, units: Units = Units.EQUAL, *, learned: bool = False) -> Match:
    return Match(0.9, tier, (Candidate(PIPE, 0.98765, units, ("words: pipe",)),), learned=learned)


def test_an_accepted_row_has_its_place_its_item_and_an_exact_total() -> None:
    row = made(answer(Tier.ACCEPTED))
    assert (row["resultId"], row["worksheet"], row["rowNumber"], row["sheet"]) == ("base-2-17", "Bill", 17, 1)
    assert (row["matchedItemId"], row["matchedRate"], row["totalPrice"]) == ("1-2", "0.2", "0.02")
    assert row["originalRowData"] == {"Text": "Pipe DN110", "Qty": "0.1"}
    assert (row["originalCode"], row["contextHeaders"], row["jobTier"]) == ("3", ["DRAINAGE"], "accepted")
    assert (row["createdAt"], row["expiresAt"], row["version"]) == ("t1", 7, 1)


def test_a_row_for_review_shows_its_item_and_an_unmatched_one_only_candidates() -> None:
    assert made(answer(Tier.REVIEW))["matchedItemId"] == "1-2"
    row = made(answer(Tier.UNMATCHED))
    assert (row["matchedItemId"], row["matchedRate"], row["totalPrice"]) == (None, None, None)
    assert row["candidates"] == [{"itemId": "1-2", "description": "Pipe DN110", "code": "P1", "unit": "m",
                                  "rate": "0.2", "score": 0.9877, "reasons": ["words: pipe"]}]


@pytest.mark.parametrize("units", [Units.DIFFERENT, Units.COMPATIBLE])
def test_other_units_are_flagged_and_accepted_only_from_a_person(units: Units) -> None:
    row, lesson = made(answer(Tier.ACCEPTED, units)), made(answer(Tier.ACCEPTED, units, learned=True))
    assert (row["tier"], row["jobTier"], row["unitMismatch"]) == ("review", "review", True)
    assert "the units differ (m / m)" in row["notes"]
    assert (lesson["tier"], lesson["isLearnedMatch"], lesson["unitMismatch"]) == ("accepted", True, True)


def test_a_unit_mismatch_lowers_the_confidence() -> None:
    matcher = Matcher(Index([PIPE, PriceItem("1-3", "Tap", unit="nr", rate=Decimal(3))]))
    same, other = (matcher.match(wanted({**CELLS, "unit": unit}, ()).query) for unit in ("m", "kg"))
    assert other.confidence < same.confidence


def test_what_does_not_fit_of_a_row_is_left_out_and_said() -> None:
    row = made(answer(Tier.ACCEPTED), item={**ITEM, "Long": "ü" * ROW_BYTES})
    assert set(row["originalRowData"]) == {"Text", "Qty"}
    assert row["notes"] == "the row is kept in part: it is too long"
    long = Match(0.9, Tier.REVIEW, (Candidate(replace(PIPE, description="x" * 1000), 1.0, Units.EQUAL),))
    assert len(made(long)["candidates"][0]["description"]) == LONGEST_OFFER


def test_a_person_chooses_another_item_or_none() -> None:
    row = made(answer(Tier.UNMATCHED))
    changes = chosen(row, replace(PIPE, unit="kg", rate=Decimal("1.10")))
    assert (changes["matchedRate"], changes["totalPrice"], changes["tier"]) == ("1.1", "0.11", "accepted")
    assert (changes["unitMismatch"], changes["confidence"]) == (True, 1.0)
    cleared = chosen({**row, **changes}, None)
    assert (cleared["matchedItemId"], cleared["totalPrice"], cleared["tier"]) == (None, None, "unmatched")


def test_a_person_sets_a_rate_or_takes_it_away() -> None:
    row = made(answer(Tier.REVIEW))
    assert repriced(row, Decimal("3.30")) == {"matchedRate": "3.3", "totalPrice": "0.33", "tier": "accepted"}
    assert repriced(row, None) == {"matchedRate": None, "totalPrice": None, "tier": "accepted"}
    assert repriced({**row, "matchedItemId": None}, None)["tier"] == "unmatched"
    assert repriced({**row, "originalQuantity": None}, Decimal(3))["totalPrice"] is None


def test_a_row_asks_what_was_asked() -> None:
    assert query_of(made(answer(Tier.REVIEW))) == wanted(CELLS, ("DRAINAGE",)).query


def test_convex_gets_numbers_an_external_id_and_nothing_of_ours() -> None:
    told = for_convex(made(answer(Tier.REVIEW)))
    assert (told["externalId"], told["totalPrice"], told["originalQuantity"]) == ("base-2-17", 0.02, 0.1)
    assert not {"owner", "version", "jobTier", "expiresAt"} & set(told)
    assert None not in told.values()
