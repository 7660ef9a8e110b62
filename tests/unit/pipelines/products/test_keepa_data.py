"""What Keepa tells, read rightly; what is kept of it; which of several products a code means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.adapters.dynamodb import from_item, to_item
from chalicelib.pipelines.products.codes import repaired
from chalicelib.pipelines.products.keepa_data import (
    IMAGES,
    LISTS,
    MAX_CACHED_BYTES,
    NAMES,
    best,
    enriched,
    from_cache,
    likeness,
    plain,
    to_cache,
)
from chalicelib.pipelines.products.keepa_product import MARKETPLACES, Csv, KeepaProduct, last, moment

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
SHIPPING = {7, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 32}


def a_product(asin: str = "B0088PUEPK", current: dict[int, int | None] | None = None, **told: Any) -> KeepaProduct:
    values: list[int | None] = [-1] * 36
    for kind, value in (current or {}).items():
        values[kind] = value
    return KeepaProduct.model_validate({"asin": asin, "title": "A Jacket", "stats": {"current": values}, **told})


def enrich(product: KeepaProduct, **options: Any) -> dict[str, Any]:
    return enriched(product, **{"domain": 1, "term": "012345678905", "at": AT, **options})


@pytest.mark.parametrize("kind", list(Csv), ids=lambda kind: kind.name)
def test_a_history_is_of_pairs_or_with_shipping_of_triples(kind):
    assert kind.with_shipping is (kind.value in SHIPPING)
    series = [1000, 111, 5, 2000, 222, 7] if kind.value in SHIPPING else [1000, 111, 2000, 222]
    assert last(series, kind) == 222
    assert last([*series, 3000], kind) == 222
    assert last([], kind) is None


def test_all_kinds_of_history_are_known():
    assert [kind.value for kind in Csv] == list(range(36))


@pytest.mark.parametrize(("minutes", "expected"), [
    (0, "2011-01-01T00:00:00+00:00"), (411180, "2011-10-13T13:00:00+00:00")])
def test_keepas_minutes_begin_in_2011(minutes, expected):
    assert moment(minutes).isoformat() == expected


@pytest.mark.parametrize(("domain", "smallest", "amount", "currency"), [
    (1, 1999, "19.99", "USD"), (1, 5, "0.05", "USD"), (1, 0, "0.00", "USD"), (2, 100, "1.00", "GBP"),
    (5, 4900, "4900", "JPY"), (10, 123456, "1234.56", "INR")])
def test_prices_become_currency_units(domain, smallest, amount, currency):
    told = enrich(a_product(current={0: smallest}), domain=domain)
    assert (told["keepa_price"], told["keepa_currency"]) == (amount, currency)


@pytest.mark.parametrize(("current", "price"), [
    ({0: 1000, 1: 900, 10: 950, 18: 800}, "10.00"),
    ({0: -1, 1: 900, 10: 950}, "9.00"),
    ({0: -2, 1: -1, 10: 950, 18: 800}, "9.50"),
    ({18: 800}, "8.00"),
    ({2: 300, 4: 5000, 9: 200}, None),
    ({0: None, 1: None}, None)])
def test_the_price_is_amazons_or_a_new_ones_and_nothing_is_no_price(current, price):
    assert enrich(a_product(current=current))["keepa_price"] == price


@pytest.mark.parametrize(("told", "rating"), [(45, "4.5"), (50, "5.0"), (8, "0.8"), (0, None), (-1, None), (51, None)])
def test_ratings_become_stars(told, rating):
    assert enrich(a_product(current={16: told}))["keepa_rating"] == rating


@pytest.mark.parametrize(("told", "count"), [(0, 0), (1234, 1234), (-1, None), (-2, None)])
def test_the_number_of_reviews_is_told_or_not(told, count):
    assert enrich(a_product(current={17: told}))["keepa_review_count"] == count


def test_without_statistics_the_history_tells():
    csv: list[Any] = [None] * 36
    csv[0], csv[18], csv[16] = [10, -1, 20, -1], [10, 700, 0, 20, 1500, 499], [10, 30, 20, 42]
    told = enrich(a_product(stats=None, csv=csv))
    assert (told["keepa_price"], told["keepa_rating"], told["keepa_review_count"]) == ("15.00", "4.2", None)


def test_a_whole_product_is_told_under_the_seeds_names():
    told = enrich(a_product(
        title="<b>Carhartt</b> Men&#39;s Jacket", brand="Carhartt", manufacturer="Carhartt Inc.", partNumber="K87",
        model="K87M", upcList=["012345678905"], eanList=["0012345678905"], features=["<i>Warm</i>", None, " "],
        categoryTree=[{"catId": 1, "name": "Clothing"}, {"catId": 2, "name": "Jackets"}],
        images=[{"l": "71a+b.jpg", "m": "71a_m.jpg"}, {"m": "72.jpg"}], lastUpdate=411180,
        current={0: 4999, 16: 47, 17: 312}))
    assert told == {
        "keepa_status": "real_data", "keepa_product_id": "B0088PUEPK", "keepa_title": "Carhartt Men's Jacket",
        "keepa_brand": "Carhartt", "keepa_manufacturer": "Carhartt Inc.", "keepa_mpn": "K87",
        "keepa_upc": "012345678905", "keepa_ean": "0012345678905", "keepa_category": "Clothing > Jackets",
        "keepa_price": "49.99", "keepa_currency": "USD", "keepa_rating": "4.7", "keepa_review_count": 312,
        "keepa_features": ["Warm"], "keepa_images": [IMAGES + "71a+b.jpg", IMAGES + "72.jpg"],
        "keepa_main_image": IMAGES + "71a+b.jpg", "keepa_url": "https://www.amazon.com/dp/B0088PUEPK",
        "keepa_search_term": "012345678905", "keepa_updated_at": "2011-10-13T13:00:00+00:00",
        "keepa_fetched_at": "2026-11-22T10:00:00+00:00"}


def test_a_bare_product_has_all_names_too():
    told = enrich(KeepaProduct.model_validate({"asin": "B0088PUEPK"}))
    assert tuple(told) == NAMES
    assert {name for name, value in told.items() if value == []} == LISTS


def test_the_deprecated_pictures_are_read():
    assert enrich(a_product(imagesCSV="a.jpg,b.jpg,a.jpg"))["keepa_images"] == [IMAGES + "a.jpg", IMAGES + "b.jpg"]


@pytest.mark.parametrize("name", ["../../x.jpg", "http://elsewhere/x.jpg", "a b.jpg", "x.jpg?y=1", "\"><script>"])
def test_a_picture_that_leads_elsewhere_is_left_out(name):
    assert enrich(a_product(images=[{"l": name}], imagesCSV=name))["keepa_images"] == []


@pytest.mark.parametrize(("domain", "url"), [
    (domain, f"https://www.amazon.{suffix}/dp/B0088PUEPK") for domain, suffix in [
        (1, "com"), (2, "co.uk"), (3, "de"), (4, "fr"), (5, "co.jp"), (6, "ca"), (8, "it"), (9, "es"), (10, "in"),
        (11, "com.mx"), (12, "com.br")]])
def test_the_address_is_that_of_the_marketplace(domain, url):
    assert enrich(a_product(), domain=domain)["keepa_url"] == url
    assert len(MARKETPLACES) == 11


@pytest.mark.parametrize(("markup", "text"), [
    ("<b>Bold</b> &amp; brave", "Bold & brave"), ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"), ("a<br/>b", "a b"),
    ("&lt;b&gt;twice&lt;/b&gt;", "twice"), ("<script>alert('x')</script>Lamp", "Lamp"), ("<!-- hm -->Lamp", "Lamp"),
    ("caf&eacute;  \n 2&Prime;", "café 2″"), ("a\x00b\ud800c", "a b c"), ("", "")])
def test_html_becomes_plain_text(markup, text):
    assert plain(markup) == text


@pytest.mark.parametrize("markup", ["<script " * 2000, "<a" * 8000, "<!--" * 4000, "<script>" * 2000])
def test_mad_html_takes_no_time(markup):
    assert len(plain(markup)) <= len(markup)


@pytest.mark.parametrize("told", [
    {"stats": "none"}, {"stats": {"current": "x"}}, {"features": "x"}, {"title": None}, {"title": 5},
    {"images": [{"l": None}]}, {"categoryTree": 7}, {"csv": {"a": 1}}, {"lastUpdate": 10 ** 30}, {"lastUpdate": -5},
    {"upcList": [123, 45]}, {"eanList": None}, {"productType": "x"}, {"unheardOf": 1}])
def test_a_field_that_is_not_what_it_should_be_takes_no_other_with_it(told):
    product = KeepaProduct.model_validate({"asin": "B0088PUEPK", "title": "A Jacket", "brand": "Acme", **told})
    assert enrich(product)["keepa_brand"] == "Acme"


@pytest.mark.parametrize("told", [{}, {"asin": None}, {"asin": "short"}, {"asin": "B0088/../X"}, {"asin": 7}])
def test_without_an_asin_it_is_no_product(told):
    with pytest.raises(ValidationError):
        KeepaProduct.model_validate({"title": "A Jacket", **told})


def mad_product() -> KeepaProduct:
    return a_product(
        title="ü" * 50_000, brand="\u4e00" * 9000, features=["\U0001f600" * 1000] * 200,
        images=[{"l": f"{number:0100d}.jpg"} for number in range(500)], categoryTree=[{"name": "\\" * 900}] * 50)


def test_what_is_kept_is_small_whatever_comes():
    told = enrich(mad_product(), term="t" * 9000)
    assert len(told["keepa_features"]) == len(told["keepa_images"]) == 10
    assert max(len(line) for line in told["keepa_features"]) == 500
    assert len(told["keepa_search_term"]) == 200
    cached = to_cache(told)
    assert 8_000 < len(json.dumps(cached, ensure_ascii=False).encode()) <= MAX_CACHED_BYTES
    assert from_cache(cached)["keepa_title"] == told["keepa_title"]


def test_the_cache_gives_back_what_was_put_in():
    told = enrich(a_product(current={0: 4999, 16: 47, 17: 312}, features=["Warm"], images=[{"l": "a.jpg"}]))
    assert from_cache(to_cache(told)) == told
    assert from_cache(from_item(to_item(to_cache(told)))) == told
    assert from_cache(json.loads(json.dumps(to_cache(told)))) == told


def test_the_cache_has_no_room_for_what_is_not_known():
    assert None not in to_cache(enrich(a_product())).values()


UPC = "012345678905"


def carrying(asin: str, title: str = "Carhartt Jacket", **told: Any) -> KeepaProduct:
    return a_product(asin, title=title, upcList=[UPC], **told)


@pytest.mark.parametrize(("better", "worse"), [
    (carrying("B000000002"), a_product("B000000001", title="Carhartt Jacket", upcList=["885410123453"])),
    (carrying("B000000002", "Carhartt Jacket K87"), carrying("B000000001", "Jacket, six of them")),
    (carrying("B000000002"), carrying("B000000001", productType=5)),
    (carrying("B000000002", current={0: 100}), carrying("B000000001", current={17: 900})),
    (carrying("B000000002", current={17: 900}), carrying("B000000001", current={17: 20})),
    (carrying("B000000001"), carrying("B000000002")),
    (carrying("B000000002"), a_product("B000000001", title="", upcList=[UPC]))])
def test_of_several_products_the_order_of_the_answer_decides_nothing(better, worse):
    code = repaired(UPC)
    assert best([better, worse], code, "carhartt jacket k87") is better
    assert best([worse, better], code, "carhartt jacket k87") is better


@pytest.mark.parametrize("lists", [
    {"upcList": ["12345678905"]}, {"eanList": ["0012345678905"]}, {"gtinList": ["00012345678905"]},
    {"upcList": ["x", ""], "eanList": [12345678905]}])
def test_a_code_is_found_in_any_list_with_or_without_its_zeros(lists):
    product = a_product(title="Jacket", **lists)
    assert best([product], repaired(UPC)) is product


def test_an_asin_means_the_product_of_that_name_only():
    product = a_product("B0088PUEPK")
    assert best([product], repaired("B0088PUEPK")) is product
    assert best([product], repaired("B0088PUEPL")) is None


def test_a_search_must_have_found_what_was_searched_for():
    right, other = a_product("B000000002", title="Carhartt Men's Rain Jacket, Navy"), a_product(title="Gift Card")
    assert best([other, right], None, "carhartt rain jacket navy") is right
    assert best([other], None, "carhartt rain jacket navy") is None
    assert best([right], None, "") is None
    assert best([], None, "anything") is None


def test_likeness_is_the_share_of_the_wanted_words():
    assert likeness("Rain JACKET navy", "Navy jacket for rain, large") == 1
    assert likeness("rain jacket", "rain boots") == 0.5
    assert likeness("", "rain boots") == 0
