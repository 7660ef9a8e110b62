"""Units of quantity as people write them in price lists and bills of quantities, and which of them agree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from chalicelib.matching.model import Units

_WRITTEN: Mapping[str, tuple[str, str]] = {
    "m": ("length", "m lm rm lin.m linm mtr mtrs meter meters metre metres rmt rmtr rm lfm ml.m running.meter"
                    " linear.metre linear.meter linear.metres linear.meters running.metre m.l m1"),
    "mm": ("length", "mm millimeter millimetre millimeters millimetres"),
    "cm": ("length", "cm centimeter centimetre"),
    "km": ("length", "km kilometer kilometre kms"),
    "ft": ("length", "ft feet foot lf lft rft linear.feet linear.foot lin.ft"),
    "in": ("length", "in inch inches"),
    "yd": ("length", "yd yard yards yds"),
    "m2": ("area", "m2 sqm sq.m sqmt sqmtr sm square.meter square.meters square.metre square.metres qm sq.mtr m.sq"),
    "cm2": ("area", "cm2 sqcm sq.cm"),
    "ft2": ("area", "ft2 sqft sq.ft sft sf square.feet square.foot"),
    "ha": ("area", "ha hectare hectares"),
    "yd2": ("area", "yd2 sqyd sy square.yard square.yards"),
    "m3": ("volume", "m3 cum cu.m cbm cubic.meter cubic.meters cubic.metre cubic.metres cumt cu.mtr"),
    "l": ("volume", "l ltr ltrs liter liters litre litres lt"),
    "ml": ("volume", "ml millilitre milliliter"),
    "ft3": ("volume", "ft3 cft cu.ft cuft cubic.feet cubic.foot cf"),
    "yd3": ("volume", "yd3 cuyd cy cubic.yard cubic.yards"),
    "gal": ("volume", "gal gallon gallons"),
    "kg": ("mass", "kg kgs kilo kilos kilogram kilograms"),
    "g": ("mass", "g gr gm gms gram grams"),
    "t": ("mass", "t to ton tons tonne tonnes mt"),
    "lb": ("mass", "lb lbs pound pounds"),
    "nr": ("count", "nr no nos num number numbers each ea pc pcs pce piece pieces unit units un stk stck st item"
                    " items u off qty psc"),
    "pair": ("pair", "pair pairs pr prs"),
    "set": ("set", "set sets kit kits"),
    "box": ("box", "box boxes bx carton cartons ctn"),
    "pack": ("pack", "pack packs pkt packet pk package"),
    "roll": ("roll", "roll rolls"),
    "bag": ("bag", "bag bags"),
    "sum": ("sum", "ls lumpsum lump.sum sum lot job l.s psum ps pauschal psch"),
    "hr": ("time", "h hr hrs hour hours std mh manhour man.hour"),
    "day": ("time", "d day days md manday man.day tag tage"),
    "wk": ("time", "wk week weeks wks"),
    "month": ("time", "month months mth mths mon"),
    "%": ("share", "% percent pct"),
}
_KIND: Mapping[str, str] = {unit: kind for unit, (kind, _) in _WRITTEN.items()}


def _letters(text: str) -> str:
    return re.sub(r"[\s.\-_/]+", "", text)


_NAMES: Mapping[str, str] = {_letters(name): unit for unit, (_, names) in _WRITTEN.items() for name in names.split()}


@lru_cache(4096)
def unit_of(written: str) -> str:
    """`Sq. m`, `m²` -> `m2`; `Nos.` -> `nr`. A unit that nobody knows is itself in small letters; empty stays empty."""
    folded = unicodedata.normalize("NFKC", written[:40]).casefold().replace("^", "")
    plain = _letters(re.sub(r"\(s\)|\bper\b", "", folded))
    return _NAMES.get(plain, plain)


def units(first: str, second: str) -> Units:
    """How two written units stand to each other; a count and a set or a lump sum are different."""
    one, other = unit_of(first), unit_of(second)
    if not one or not other:
        return Units.UNKNOWN
    if one == other:
        return Units.EQUAL
    if one not in _KIND or other not in _KIND:
        return Units.UNKNOWN
    return Units.COMPATIBLE if _KIND[one] == _KIND[other] else Units.DIFFERENT
