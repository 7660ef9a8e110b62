"""The products of the fake Keepa: made from their code and nothing else, so that a test can compute what a code gives.

The sum of a code's digits (a letter counts from 10) decides:

    divisible by 7       Keepa does not know the code; an ASIN then mostly comes back as a product with nothing in it
    divisible by 5       two products carry the code, of which the second has a longer title and a higher price
    divisible by 3       the title has HTML in it, and pictures come in the deprecated form
    divisible by 4       there is no offer of Amazon's, only of others
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

DOMAINS = frozenset({"1", "2", "3", "4", "5", "6", "8", "9", "10", "11", "12"})
KINDS = 36
"""Types of `csv`."""
TRIPLES = frozenset({7, *range(18, 30), 32})
"""Those with shipping: time, price, shipping."""
NOW = 8_300_000
"""Keepa minutes of all last updates: autumn of 2026."""
_MAKERS = ("Acme", "Carhartt", "Stanley", "Nordwind", "Umbra")
_THINGS = ("Work Jacket", "Drill", "Desk Lamp", "Rain Boots", "Storage Box", "Beanie")
_SIZES = ("S", "M", "L", "XL")


def fake_product(code: str, *, domain: int = 1) -> dict[str, Any] | None:
    """The first product that a UPC, EAN or ASIN gives, with everything that could be asked for; None: not known."""
    return next(iter(fake_products(code, domain=domain)), None)


def fake_products(code: str, *, domain: int = 1) -> list[dict[str, Any]]:
    """All products that a code gives. Equal codes in other lengths (UPC, EAN with its zero) give equal products."""
    if unknown(code):
        return []
    bare = code.lstrip("0") if code.isdecimal() and len(code) != 10 else code
    several = 2 if not _is_asin(code) and digit_sum(code) % 5 == 0 else 1
    return [_product(bare, code, number, domain) for number in range(several)]


def fake_search(term: str, *, domain: int = 1) -> list[dict[str, Any]]:
    """What a search for a title gives: something that is not it, then it, then another version of it.

    A term with the word nothing gives nothing.
    """
    if "nothing" in term.casefold():
        return []
    seeds = [f"{term}#{number}" for number in range(3)]
    titles = ["Gift Card in a Box", term, f"{term} and a second one, Pack of 2"]
    return [{**_product(seed, "", 0, domain), "title": title} for seed, title in zip(seeds, titles, strict=True)]


def unknown(code: str) -> bool:
    return digit_sum(code) % 7 == 0


def nothing(asin: str) -> list[dict[str, Any]]:
    """What an unknown ASIN gives: mostly a product of nulls, sometimes not even that."""
    if digit_sum(asin) % 2:
        return []
    names = ("title", "brand", "manufacturer", "upcList", "eanList", "images", "categoryTree", "features", "stats",
             "csv", "imagesCSV")
    return [{"asin": asin, "domainId": 1, "productType": 4, **dict.fromkeys(names)}]


def digit_sum(code: str) -> int:
    return sum(int(letter, 36) for letter in code)


def asked_well(code: str, *, asin: bool) -> bool:
    """Whether Keepa takes it as an ASIN, or as a product code."""
    return bool(re.fullmatch(r"[A-Z0-9]{10}" if asin else r"[0-9]{8,14}", code))


def fresh_ratings(asin: str) -> bool:
    """Whether a product's rating is so new that it costs a token."""
    return _number(asin, "fresh") % 2 == 0


def _product(seed: str, code: str, number: int, domain: int) -> dict[str, Any]:
    asin = code if _is_asin(code) else f"B0{_number(seed, 'asin', number):08X}"[:10]
    total = digit_sum(code)
    maker, thing = _pick(_MAKERS, seed, "maker"), _pick(_THINGS, seed, "thing")
    model = f"{maker[:2].upper()}{_number(seed, 'model') % 900 + 100}"
    title = f"{maker} {thing} {model}" + (", Pack of 2" if number else "")
    marked = f"<b>{maker}</b> &amp; Sons {thing} {model}" if code and total % 3 == 0 and not number else title
    current = _current(seed, number, amazon=total % 4 != 0)
    pictures = [f"{seed[-6:]}{size}.jpg".replace("#", "").replace(" ", "") for size in _SIZES[:3]]
    modern = total % 3 != 0
    return {
        "asin": asin, "domainId": domain, "productType": 0, "title": marked, "brand": maker,
        "manufacturer": f"{maker} Inc.", "model": model, "partNumber": model, "color": None,
        "size": _pick(_SIZES, seed, "size"), **_codes_of(code, seed),
        "images": [{"l": name, "lH": 1500, "lW": 1500, "m": f"m{name}"} for name in pictures] if modern else None,
        "imagesCSV": None if modern else ",".join(pictures), "rootCategory": 1055398,
        "categories": [1055398, 284507], "categoryTree": [{"catId": 1055398, "name": "Home & Kitchen"},
                                                          {"catId": 284507, "name": thing}],
        "features": [f"{thing} by {maker}", "Made <i>up</i>", None], "description": f"<p>{title}</p>",
        "packageHeight": -1, "lastUpdate": NOW, "lastPriceChange": NOW - 60, "availabilityAmazon": 0,
        "csv": [_series(at, value) for at, value in enumerate(current)], "offers": None,
        "stats": {"current": current, "avg": current, "avg30": current, "avg90": current, "avg180": current,
                  "min": [[NOW - 1000, value] if value > 0 else None for value in current],
                  "max": [None] * KINDS, "buyBoxPrice": -2, "buyBoxShipping": -2}}


def _codes_of(code: str, seed: str) -> Mapping[str, Any]:
    if not code or _is_asin(code):
        number = _number(seed, "upc") % 10 ** 11
        return {"upcList": [f"{number:012d}"], "eanList": [f"{number:013d}"]}
    digits = code.zfill(14)
    return {"upcList": [digits[2:]] if digits.startswith("00") else None, "eanList": [digits[1:]]}


def _current(seed: str, number: int, *, amazon: bool) -> list[int]:
    """Present values of all types; -1 where there is no offer, -2 where nothing is known."""
    price = 500 + _number(seed, "price") % 20_000 + 1000 * number
    values = [-1] * KINDS
    values[0] = price if amazon else -1
    values[1], values[3], values[4], values[7], values[10] = price + 100, 1234, price + 500, price + 300, price + 200
    values[11], values[18] = 4, price + 150
    values[16], values[17] = 30 + _number(seed, "rating") % 21, _number(seed, "reviews") % 5000
    values[28] = values[29] = -2
    return values


def _series(at: int, value: int) -> list[int] | None:
    """A history of two entries, the last of them the present."""
    if value == -2:
        return None
    before, now = [NOW - 5000, -1], [NOW - 60, value]
    return [*before, -1, *now, 0] if at in TRIPLES else [*before, *now]


def _is_asin(code: str) -> bool:
    return len(code) == 10 and bool(re.fullmatch(r"[A-Z0-9]{10}", code))


def _number(seed: str, about: str, number: int = 0) -> int:
    digest = hashlib.sha256(f"{seed}/{about}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _pick(choices: tuple[str, ...], seed: str, about: str) -> str:
    return choices[_number(seed, about) % len(choices)]
