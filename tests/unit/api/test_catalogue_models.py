"""Catalogues over the wire: two spellings where two are known, limits where there are some."""

from __future__ import annotations

import pytest

from chalicelib.adapters.product_store import Product, Source
from chalicelib.api.catalogue_models import (
    CatalogueForm,
    CataloguePage,
    CatalogueSummary,
    EnrichAnswer,
    EnrichQuery,
    ProductQuery,
)
from chalicelib.api.catalogues import product_view
from chalicelib.api.requests import parsed
from chalicelib.errors import RequestRefused


def test_the_enrich_answer_is_the_seeds_to_the_letter():
    answer = EnrichAnswer(message="Enrichment queued successfully", tracking_id="enrich_c_1", total_products=500,
                          total_batches=25)
    assert answer.as_json(only_set=True) == {
        "message": "Enrichment queued successfully", "tracking_id": "enrich_c_1", "total_products": 500,
        "total_batches": 25}


def test_catalogues_say_their_id_in_both_spellings_also_within_a_list():
    one = CatalogueSummary(catalog_id="c", name="n", description=None, filename=None, products=1, tracking_id="t",
                           created_at="2026")
    told = CataloguePage(catalogs=(one,), cursor=None).as_json()["catalogs"][0]
    assert (told["catalogId"], told["catalog_id"], told["trackingId"], told["tracking_id"]) == ("c", "c", "t", "t")


def test_a_product_shows_null_for_what_it_does_not_say_and_its_columns_as_they_were():
    product = Product(catalog_id="c", product_id="c-1-4", row=4, worksheet="S", source=Source.NONE,
                      content={"name": "Jacket", "original_data": {"Style": "Jacket", "Zip": "YKK"}})
    told = product_view(product).as_json()
    assert (told["name"], told["brand"], told["source"], told["enrichedData"], told["_worksheet"]) == (
        "Jacket", None, "none", None, "S")
    assert list(told["originalData"]) == list(told["original_data"]) == ["Style", "Zip"]


@pytest.mark.parametrize(("model", "given"), [
    (ProductQuery, {"limit": "0"}), (ProductQuery, {"limit": "201"}), (ProductQuery, {"source": "guess"}),
    (EnrichQuery, {"strict": "perhaps"}), (EnrichQuery, {"force": "1"}), (CatalogueForm, {"name": "x" * 201}),
    (CatalogueForm, {"header_row": "0"})])
def test_what_a_route_does_not_know_or_is_out_of_range_is_refused(model, given):
    with pytest.raises(RequestRefused):
        parsed(model, given)


def test_an_enrichment_asks_keepa_and_is_not_strict_unless_told():
    assert parsed(EnrichQuery, {}) == EnrichQuery(provider="keepa", strict=False)
    assert parsed(EnrichQuery, {"strict": "true"}).strict
