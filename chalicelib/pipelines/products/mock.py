"""Made-up enrichment for where Keepa is not to be had: the seed's rule, and flagged so that nobody takes it for data.

It depends on what the product says and on nothing else, so that two runs agree and a run can be repeated. Its ASIN
begins with MOCK and its address with mock.invalid, a name that no resolver finds (RFC 6761); it has no pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.pipelines.products.keepa_data import MAX_LINE, MOCK, NAMES
from chalicelib.pipelines.products.keepa_product import MARKETPLACES

SAYS = ("name", "brand", "category", "sku", "upc", "asin")
"""What of a product the mock depends on."""


def mocked(product: Mapping[str, Any], *, domain: int, term: str, at: datetime) -> dict[str, Any]:
    """An enrichment with all names of a real one, for a product by its own names (see `SAYS`; none is required)."""
    says = [" ".join(str(product.get(name) or "").split())[:MAX_LINE] for name in SAYS]
    name, brand, category, sku, upc, _ = says
    digest = hashlib.sha256("\x1f".join(says).encode(errors="replace")).digest()
    asin = f"MOCK{digest[:3].hex().upper()}"
    place = MARKETPLACES[domain]
    smallest = (500 + int.from_bytes(digest[3:6], "big") % 20_000) * 10 ** place.decimals // 100
    told = {
        "keepa_status": MOCK, "keepa_product_id": asin, "keepa_title": f"[MOCK] {name or upc or asin}",
        "keepa_brand": brand or None, "keepa_manufacturer": brand or None, "keepa_mpn": sku or None,
        "keepa_upc": upc or None, "keepa_category": category or None, "keepa_price": place.amount(smallest),
        "keepa_currency": place.currency, "keepa_rating": f"{(30 + digest[6] % 21) / 10:.1f}",
        "keepa_review_count": 1 + int.from_bytes(digest[7:9], "big") % 2000,
        "keepa_features": ["Made up: there was no answer from Keepa"], "keepa_images": [],
        "keepa_url": f"https://mock.invalid/dp/{asin}", "keepa_search_term": term[:MAX_LINE] or None,
        "keepa_fetched_at": at.isoformat()}
    return {each: told.get(each) for each in NAMES}
