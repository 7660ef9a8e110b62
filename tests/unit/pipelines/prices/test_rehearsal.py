"""What a dry run says of bills and price lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chalicelib.costs import Used
from chalicelib.jobs.dryrun import DryRun, rehearse
from chalicelib.pipelines.prices import pipeline as prices
from chalicelib.settings import Settings
from tests.fixtures.prices import bill, price_list
from tests.functional.engine import book


def rehearsed(folder: Path, sheets: dict[str, Any], **options: Any) -> DryRun:
    path = folder / "file.xlsx"
    path.write_bytes(book(**sheets))
    untouched: Any = None
    pipeline = prices.build(
        settings=Settings(), price_lists=untouched, price_fixes=untouched, price_results=untouched, ledger=untouched,
        deepseek=untouched, cache=untouched, budget=untouched, convex=untouched, sleep=untouched, rng=untouched)
    return rehearse(pipeline.read(str(path), "file.xlsx", options), pipeline=pipeline, time_left=lambda: True,
                    options=options)


def test_a_bill_needs_no_list_to_be_looked_at(tmp_path: Path) -> None:
    found = rehearsed(tmp_path, bill())
    assert (found.rows, found.rejected, found.batch_size, found.provider, found.refusal) == (24, 0, 50, "LOCAL", None)
    assert found.estimate is not None
    assert (found.estimate.batches, found.estimate.provider_usd) == (1, 0.0)


def test_an_ai_method_is_estimated(tmp_path: Path) -> None:
    found = rehearsed(tmp_path, bill(), method="LOCAL_DEEPSEEK")
    assert found.estimate is not None
    assert found.provider == "LOCAL_DEEPSEEK"
    assert found.estimate.usage[Used.CALLS] >= 1
    assert found.estimate.provider_usd > 0


def test_the_rejects_of_a_list_are_shown(tmp_path: Path) -> None:
    rows = [*price_list(), ["", "", "", "", "", "m", "3", ""], ["", "", "Pipe", "", "", "m", "dear", ""]]
    found = rehearsed(tmp_path, {"List": rows}, priceList="main")
    assert [(reject.row, reject.code) for reject in found.rejects] == [(22, "NO_DESCRIPTION"), (23, "NOT_A_NUMBER")]
    assert (found.rows, found.batch_size, found.provider) == (22, 200, "LIST")


@pytest.mark.parametrize(("options", "size"), [({}, 50), ({"rematch": "j"}, 45), ({"priceList": "main"}, 200)])
def test_a_batch_is_as_large_as_its_transaction_allows(options: dict[str, str], size: int) -> None:
    untouched: Any = None
    pipeline = prices.build(
        settings=Settings(), price_lists=untouched, price_fixes=untouched, price_results=untouched, ledger=untouched,
        deepseek=untouched, cache=untouched, budget=untouched, convex=untouched, sleep=untouched, rng=untouched)
    assert pipeline.batch_size(1000, options) == size
