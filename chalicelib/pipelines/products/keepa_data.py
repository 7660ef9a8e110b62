"""What we keep of a Keepa product, under the seed's own names, and which of several products a code means.

Everything is bounded, since Keepa's texts and lists are not: what is stored with a product and what lies in the cache
stay small whatever comes back. Figures with decimals are texts, so that every store keeps them exactly.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.pipelines.products.codes import Code
from chalicelib.pipelines.products.keepa_product import MARKETPLACES, Csv, KeepaProduct, moment

NAMES = (
    "keepa_status", "keepa_product_id", "keepa_title", "keepa_brand", "keepa_manufacturer", "keepa_mpn", "keepa_upc",
    "keepa_ean", "keepa_category", "keepa_price", "keepa_currency", "keepa_rating", "keepa_review_count",
    "keepa_features", "keepa_images", "keepa_main_image", "keepa_url", "keepa_search_term", "keepa_updated_at",
    "keepa_fetched_at")
"""The names of enrichment, always all of them; what is not known is None, lists are empty."""
LISTS = frozenset({"keepa_features", "keepa_images"})
REAL, MOCK = "real_data", "mock_data"
"""What `keepa_status` says."""

MAX_CACHED_BYTES = 16 * 1024
MAX_TEXT, MAX_LINE, MAX_LIST = 500, 200, 10
IMAGES = "https://m.media-amazon.com/images/I/"
LIKENESS = 0.6
"""Of the words of a searched title so many must stand in a product's: a search finds something for anything."""


def enriched(product: KeepaProduct, *, domain: int, term: str, at: datetime) -> dict[str, Any]:
    """The enrichment by a product of the marketplace `domain` that was fetched for `term` at `at`.

    The price is Amazon's own, else the lowest new one, else what wins the buy box; never a list price or a used one.
    """
    place = MARKETPLACES[domain]
    price = next((value for kind in _PRICES if (value := product.current(kind)) is not None), None)
    rating = product.current(Csv.RATING)
    pictures = _pictures(product)
    told = {
        "keepa_status": REAL, "keepa_product_id": product.asin, "keepa_title": _text(product.title, MAX_TEXT),
        "keepa_brand": _text(product.brand), "keepa_manufacturer": _text(product.manufacturer),
        "keepa_mpn": _text(product.part_number or product.mpn or product.model),
        "keepa_upc": _text(next(iter(product.upc_list), "")), "keepa_ean": _text(next(iter(product.ean_list), "")),
        "keepa_category": _text(" > ".join(each.name for each in product.category_tree), MAX_TEXT),
        "keepa_price": None if price is None else place.amount(price), "keepa_currency": place.currency,
        "keepa_rating": f"{rating / 10:.1f}" if rating is not None and 0 < rating <= 50 else None,
        "keepa_review_count": product.current(Csv.COUNT_REVIEWS),
        "keepa_features": [line for each in product.features if (line := _text(each or "", MAX_TEXT))][:MAX_LIST],
        "keepa_images": pictures, "keepa_main_image": next(iter(pictures), None),
        "keepa_url": place.url(product.asin), "keepa_search_term": _text(term),
        "keepa_updated_at": moment(product.last_update).isoformat() if product.last_update else None,
        "keepa_fetched_at": at.isoformat()}
    return {name: told[name] for name in NAMES}


def best(products: Sequence[KeepaProduct], code: Code | None, title_hint: str = "") -> KeepaProduct | None:
    """The product that a code means, or that a title was searched for (`code` None); None when none of them is it.

    A code: products that carry it, and of those the one most like the title, then a standard product before a parent or
    one without data, then one with a price, more reviews, and the lower ASIN, so that every run chooses the same.
    A title: the one most like it, when that is `LIKENESS`; Keepa's order is Amazon's, and changes by the hour.
    """
    likely = [product for product in products if product.known and _may_be(product, code, title_hint)]
    return min(likely, key=lambda product: _rank(product, title_hint), default=None)


def likeness(wanted: str, title: str) -> float:
    """How much of a title's words another title has, 0..1; 0 for a title without words."""
    words = _words(wanted)
    return round(len(words & _words(title)) / len(words), 2) if words else 0.0


def plain(markup: str) -> str:
    """HTML as one line of text. A sign that begins no tag stays."""
    bare = _TAG.sub(" ", html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", markup))))
    return " ".join(_UNPRINTABLE.sub(" ", bare).split())


def to_cache(enrichment: Mapping[str, Any]) -> dict[str, Any]:
    """What the cache keeps of an enrichment: JSON of at most `MAX_CACHED_BYTES`, without what is not known."""
    kept = {name: enrichment[name] for name in NAMES if enrichment.get(name) not in (None, [])}
    while _bytes(kept) > MAX_CACHED_BYTES:
        longest = max((name for name in LISTS if kept.get(name)), key=lambda name: _bytes(kept[name]))
        kept[longest] = kept[longest][:-1]
    return kept


def from_cache(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The enrichment that was put in, its bounds aside. A number of a store's own kind becomes an int again."""
    whole: dict[str, Any] = {name: entry.get(name, [] if name in LISTS else None) for name in NAMES}
    count = whole["keepa_review_count"]
    return {**whole, **{name: list(whole[name]) for name in LISTS},
            "keepa_review_count": None if count is None else int(count)}


_PRICES = (Csv.AMAZON, Csv.NEW, Csv.NEW_FBA, Csv.BUY_BOX_SHIPPING)
_LONGEST = 8000
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,1000}>|<!--.{0,1000}?-->")
_HIDDEN = re.compile(r"<(script|style)\b[^<>]{0,1000}>[^<]{0,4000}</\1\s*>", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters, and halves of surrogate pairs: JSON may hold those, UTF-8 cannot."""
_STANDARD = 0


def _may_be(product: KeepaProduct, code: Code | None, title: str) -> bool:
    return likeness(title, plain(product.title)) >= LIKENESS if code is None else code.key in product.keys


def _rank(product: KeepaProduct, title: str) -> tuple[float, bool, bool, int, str]:
    priced = any(product.current(kind) is not None for kind in _PRICES)
    return (-likeness(title, plain(product.title)), product.product_type != _STANDARD, not priced,
            -(product.current(Csv.COUNT_REVIEWS) or 0), product.asin)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _text(markup: str, longest: int = MAX_LINE) -> str | None:
    return plain(markup[:_LONGEST])[:longest].strip() or None


def _pictures(product: KeepaProduct) -> list[str]:
    """Full addresses; `imagesCSV` is the deprecated form, and still what some answers have."""
    names = [picture.l or picture.m for picture in product.images] or product.images_csv.split(",")
    good = [name.strip() for name in names if _FILE.fullmatch(name.strip())]
    return [IMAGES + name for name in dict.fromkeys(good)][:MAX_LIST]


_FILE = re.compile(r"[A-Za-z0-9+%._-]{1,120}")
"""A file's name and nothing that could lead elsewhere."""


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
