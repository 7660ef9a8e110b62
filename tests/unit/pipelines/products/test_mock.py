"""Made-up enrichment: the same each time, and never to be taken for data."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.pipelines.products.keepa_data import NAMES, from_cache, to_cache
from chalicelib.pipelines.products.mock import mocked

AT = datetime(2026, 11, 22, tzinfo=UTC)
JACKET = {"name": "Rain Jacket", "brand": "Carhartt", "category": "Jackets", "sku": "K87", "upc": "012345678905",
          "asin": "B0088PUEPK"}


def mock(product: dict[str, Any], domain: int = 1, at: datetime = AT) -> dict[str, Any]:
    return mocked(product, domain=domain, term="012345678905", at=at)


def test_it_has_the_names_of_a_real_one():
    assert tuple(mock(JACKET)) == NAMES


def test_it_is_flagged_all_over():
    told = mock(JACKET)
    assert told["keepa_status"] == "mock_data"
    assert told["keepa_product_id"].startswith("MOCK")
    assert len(told["keepa_product_id"]) == 10
    assert told["keepa_title"] == "[MOCK] Rain Jacket"
    assert told["keepa_url"].startswith("https://mock.invalid/")
    assert told["keepa_images"] == []
    assert told["keepa_main_image"] is None


def test_it_is_the_same_each_time_for_the_same_product_whatever_its_row_is():
    again = mock({**JACKET, "product_id": "other", "row": 7, "created_at": "now"})
    assert again == mock(JACKET)


@pytest.mark.parametrize("name", list(JACKET))
def test_it_differs_between_products(name):
    assert mock({**JACKET, name: "Something else"})["keepa_product_id"] != mock(JACKET)["keepa_product_id"]


def test_its_figures_are_likely_ones():
    for number in range(300):
        told = mock({"name": f"Thing {number}"})
        assert Decimal("5.00") <= Decimal(told["keepa_price"]) < Decimal("205.00")
        assert 3 <= float(told["keepa_rating"]) <= 5
        assert 1 <= told["keepa_review_count"] <= 2000


def test_yen_have_no_decimals():
    assert mock(JACKET, domain=5)["keepa_price"].isdecimal()


@pytest.mark.parametrize("product", [{}, {"name": None, "upc": ""}, {"name": "x" * 9000}, {"name": "\ud800"}])
def test_a_product_that_says_little_or_much_has_one_too(product):
    told = mock(product)
    assert len(told["keepa_title"]) <= 220
    assert from_cache(to_cache({**told, "keepa_title": "t"}))["keepa_status"] == "mock_data"
