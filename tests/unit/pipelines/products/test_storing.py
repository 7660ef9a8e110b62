"""What a product becomes: which data replaces which, and who may change a product's own fields."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.product_store import Product, Source
from chalicelib.pipelines.products.enrich import Enrichment
from chalicelib.pipelines.products.storing import _decided

CONTENT = {"name": "Jacket", "original_data": {"Style": "Jacket"}}


def product(source: Source, **data: Any) -> Product:
    return Product(content=CONTENT, source=source, enrichment=data, enriched_at="then", warnings=("w",))


def found(source: Source, **data: Any) -> Enrichment:
    return Enrichment(source, data, "now")


def decided(prior: Product | None, enrichment: Enrichment | None, *, outside: bool = False, **content: Any) -> Product:
    made = _decided(prior, content={**CONTENT, **content}, found=enrichment, outside=outside, warnings=())
    assert made is not None
    return made


@pytest.mark.parametrize(("before", "after", "replaced"), [
    (Source.NONE, Source.MOCK_DATA, True), (Source.NONE, Source.NOT_FOUND, True), (Source.NONE, Source.REAL_DATA, True),
    (Source.MOCK_DATA, Source.REAL_DATA, True), (Source.MOCK_DATA, Source.CACHE, True),
    (Source.MOCK_DATA, Source.NOT_FOUND, True), (Source.NOT_FOUND, Source.MOCK_DATA, True),
    (Source.NOT_FOUND, Source.REAL_DATA, True), (Source.REAL_DATA, Source.CACHE, True),
    (Source.CACHE, Source.REAL_DATA, True), (Source.REAL_DATA, Source.MOCK_DATA, False),
    (Source.CACHE, Source.MOCK_DATA, False), (Source.REAL_DATA, Source.NOT_FOUND, False),
    (Source.CACHE, Source.NOT_FOUND, False)])
def test_nothing_replaces_real_data_but_real_data(before: Source, after: Source, replaced: bool):
    made = decided(product(before, keepa_title="old"), found(after, keepa_title="new"))
    assert (made.source, made.enrichment["keepa_title"], made.enriched_at) == (
        (after, "new", "now") if replaced else (before, "old", "then"))


def test_the_same_data_once_more_changes_only_when_it_was_got():
    before = product(Source.CACHE, keepa_title="same", keepa_fetched_at="then")
    made = decided(before, found(Source.CACHE, keepa_title="same", keepa_fetched_at="now", keepa_mpn=None))
    assert (made.enrichment, made.enriched_at) == (before.enrichment, "now")


def test_an_enrichment_leaves_a_product_s_own_fields_alone():
    made = decided(product(Source.NONE), found(Source.REAL_DATA), name="Other")
    assert (made.content, made.warnings) == (CONTENT, ("w",))


def test_a_message_from_outside_may_say_more_of_a_product_also_when_it_brings_no_better_data():
    made = decided(product(Source.REAL_DATA, keepa_title="real"), found(Source.MOCK_DATA), outside=True, brand="Acme")
    assert (made.content["brand"], made.source, made.content["original_data"]) == (
        "Acme", Source.REAL_DATA, CONTENT["original_data"])


def test_a_product_that_was_not_there_is_made_and_an_import_enriches_nothing():
    assert decided(None, None) == Product(content=CONTENT)
    assert decided(None, found(Source.MOCK_DATA, a=1)) == Product(
        content=CONTENT, source=Source.MOCK_DATA, enrichment={"a": 1}, enriched_at="now")
