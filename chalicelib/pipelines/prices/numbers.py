"""Numbers as people write them into bills and price lists: exact, in one reading only, or not at all.

The rules, in order:
- Currency signs and codes around a number say nothing here; `/m`, `per m` or `m` behind it is its unit. `12,-` and
  `12.-` are whole amounts; brackets and a leading minus are negative.
- Where a comma and a point both stand, the last is the decimal sign, and the other one must group thousands.
- A sign that stands twice groups thousands, by three digits (`1.234.567`), or as in India (`12,34,567`).
- A single comma groups when exactly three digits follow one to three that do not begin with zero (`1,234`); otherwise
  it is decimal (`1,5`, `0,125`). A single point is always decimal: that is how spreadsheets themselves write numbers.
- Spaces and apostrophes group by three digits.
- Ranges, fractions, dates, products, percentages and words of scale (`12k`, `3 Mio`) are no numbers.
- More than ten decimals are a binary fraction that a program left behind: they are rounded to ten.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, localcontext

LONGEST = 60
MOST_DIGITS = 15
"""Before the decimal sign."""
DECIMALS = 10
_PRECISION = 80

_CODES = ("usd eur gbp chf aud cad nzd sgd hkd jpy cny rmb inr pkr bdt lkr aed sar qar omr bhd kwd egp jod zar ngn kes "
          "ghs tzs ugx mad tnd dzd try rub uah pln czk huf ron bgn sek nok dkk isk brl mxn ars clp cop pen thb vnd idr "
          "myr php krw twd")
_MONEY = rf"(?:[a-z]{{0,3}}[$€£¥₹₽₺₩₫]|rs\.?|kr\.?|zł|kč|fr\.|(?:{'|'.join(_CODES.split())})(?![a-z])\.?)"
_FORM = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+])?\s*(?:{_MONEY})?\s*(?P<inner>[-+])?\s*"
    r"(?P<digits>\d(?:[\d.,' ]*\d)?|[.,]\d+)(?P<power>e[-+]?\d{1,2})?(?P<whole>[.,]\s?[-–]{1,2})?\s*"
    rf"(?:{_MONEY})?\s*(?P<close>\))?\s*(?:(?:/|per |pro |je )?\s*(?P<unit>[^\W\d_][^\d]{{0,19}}[23]?))?")
_SCALES = frozenset({"k", "mio", "mio.", "mn", "bn", "mrd", "mrd.", "million", "millions", "thousand", "tsd", "tsd.",
                     "lakh", "lakhs", "crore", "crores", "cr", "e", "x"})
_BY_SPACE = re.compile(r"\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?")
_INDIAN = re.compile(r"\d{1,3}(?:,\d{2})+,\d{3}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the unit that was written behind it, if any."""

    value: Decimal
    unit: str = ""


def number(text: str) -> Number | None:
    """The number that a cell holds; None for everything that is none, or could be two."""
    plain = " ".join(unicodedata.normalize("NFKC", text[:LONGEST + 1]).split()).replace("−", "-").replace("’", "'")
    if len(text) > LONGEST or not plain.isprintable():
        return None
    found = _FORM.fullmatch(plain.casefold())
    if found is None or bool(found["open"]) != bool(found["close"]) or (found["sign"] and found["inner"]):
        return None
    unit = plain[found.start("unit"):found.end("unit")].strip() if found["unit"] else ""
    if unit.casefold() in _SCALES:
        return None
    digits = _plain(found["digits"])
    if digits is None or len(digits.partition(".")[0].lstrip("0")) > MOST_DIGITS:
        return None
    value = _bounded(digits + (found["power"] or ""))
    if value is None:
        return None
    negative = bool(found["open"]) or "-" in (found["sign"], found["inner"])
    return Number(-value if negative and value else value, unit)


def written(value: Decimal) -> str:
    """A number as we store it: plain decimal notation, no exponent, no zeros at its end."""
    with localcontext(prec=_PRECISION):
        text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def product(quantity: Decimal, rate: Decimal) -> Decimal:
    """Quantity times rate, exact."""
    with localcontext(prec=_PRECISION):
        return quantity * rate


def _plain(digits: str) -> str | None:
    """Digits with at most a point; None where grouping and decimal sign cannot be told apart, or are neither."""
    if " " in digits or "'" in digits:
        if not _BY_SPACE.fullmatch(digits):
            return None
        return digits.replace(" ", "").replace("'", "").replace(",", ".")
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        decimal = max(",.", key=digits.rindex)
        whole, _, rest = digits.rpartition(decimal)
        grouped = _grouped(whole, "," if decimal == "." else ".")
        return f"{grouped}.{rest}" if grouped and decimal not in whole else None
    if commas == 1:
        whole, _, rest = digits.partition(",")
        groups = len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
        return whole + rest if groups else f"{whole or '0'}.{rest}"
    if commas or points > 1:
        return _grouped(digits, "," if commas else ".")
    return digits


def _grouped(digits: str, sign: str) -> str | None:
    """Digits without the sign that groups them; None where it does not."""
    if sign not in digits:
        return digits
    by_three = re.fullmatch(rf"\d{{1,3}}(?:\{sign}\d{{3}})+", digits)
    if by_three or (sign == "," and _INDIAN.fullmatch(digits)):
        return digits.replace(sign, "")
    return None


def _bounded(text: str) -> Decimal | None:
    with localcontext(prec=_PRECISION):
        value = Decimal(text)
        if value >= Decimal(10) ** MOST_DIGITS:
            return None
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -DECIMALS:
            value = value.quantize(Decimal(1).scaleb(-DECIMALS))
        return value.normalize() if value else Decimal(0)
