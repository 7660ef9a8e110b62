"""The code that a cell means, although a spreadsheet or a person damaged it: UPC-A, EAN-13, EAN-8, GTIN-14, ISBN, ASIN.

One cell can be read in several ways. The order decides, and a reading that the check digit does not prove is taken only
where a check digit is what is missing:

1. A whole code: 8, 12, 13 or 14 digits whose check digit fits (GS1 General Specifications 7.9), ten characters whose
   ISBN-10 check fits, or an ASIN (`B0` and eight more). A whole reading beats every repair.
2. A code without its leading zeros, as a number format leaves it: 9 to 11 digits that do not begin with a zero, since
   who shows a zero has lost none. Fewer zeros first: 9 digits are an ISBN-10 before they are a UPC. Shorter numbers
   are left alone: GS1 gives GTIN-8s that begin with 0 to nobody, and one number in ten proves itself by accident.
3. A code without its check digit: 11 digits are a UPC's, 12 are an EAN's. Not 12 that begin with a zero: an EAN that
   does is a UPC, whose 11 digits they are too many for, so the check digit is wrong and not missing.

Anything else is None: a mistyped digit cannot be mended, and neither can `4.00638E+12`, whose digits are gone.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

MAX_TEXT = 64
"""Longer cells hold no code."""


class CodeKind(StrEnum):
    UPC = "upc"
    EAN = "ean"
    EAN8 = "ean8"
    GTIN14 = "gtin14"
    ISBN13 = "isbn13"
    ISBN10 = "isbn10"
    ASIN = "asin"


class Parameter(StrEnum):
    """How Keepa is asked for a code; never for both in one request."""

    ASIN = "asin"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Code:
    """A product code in full length. `computed` says that its check digit is ours, so that nothing has proved it."""

    kind: CodeKind
    value: str
    computed: bool = field(default=False, compare=False)

    @property
    def parameter(self) -> Parameter:
        """A book's ISBN-10 is its ASIN, and Keepa takes no ISBN-10 as a code."""
        return Parameter.ASIN if self.kind in (CodeKind.ASIN, CodeKind.ISBN10) else Parameter.CODE

    @property
    def key(self) -> str:
        """Equal for codes that one look-up answers: `asin:B0088PUEPK`, or `gtin:` with fourteen digits."""
        return asin_key(self.value) if self.parameter is Parameter.ASIN else gtin_key(self.asked)

    @property
    def asked(self) -> str:
        """What is sent to Keepa, which knows UPC, EAN and ISBN-13: of a case (GTIN-14) the code of the item in it."""
        if self.kind is not CodeKind.GTIN14:
            return self.value
        body = self.value[1:13]
        return _gtin(body + check_digit(body)).value


def repaired(text: str) -> Code | None:
    """The code that `text` means, by the rules above; None when it means none for certain enough."""
    bare = _bare(text)
    if re.fullmatch(r"B0[0-9A-Z]{8}", bare):
        return Code(CodeKind.ASIN, bare)
    if not re.fullmatch(r"[0-9]{8,14}|[0-9]{9}X", bare) or not bare.strip("0"):
        return None
    return _whole(bare) or _with_zeros(bare) or _with_check_digit(bare)


def check_digit(body: str) -> str:
    """GS1's check digit for a body of any length: weights 3 and 1 in turn, beginning with 3 at the right."""
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(reversed(body)))
    return str(-total % 10)


def asin_key(asin: str) -> str:
    return f"asin:{asin}"


def gtin_key(digits: str) -> str:
    """The key of a GTIN of any length: GS1 has them all in one space of fourteen digits, filled up with zeros."""
    return f"gtin:{digits.zfill(14)}"


def _whole(bare: str) -> Code | None:
    if len(bare) == 10:
        return Code(CodeKind.ISBN10, bare) if _isbn10_fits(bare) else None
    if len(bare) in (8, 12, 13, 14) and _fits(bare):
        code = _gtin(bare)
        # Indicator 9 is an item of variable measure: there is no one item in it to ask for.
        return None if code.kind is CodeKind.GTIN14 and code.value[0] == "9" else code
    return None


def _with_zeros(bare: str) -> Code | None:
    if not 9 <= len(bare) <= 11 or bare.startswith("0") or bare.endswith("X"):
        return None
    if len(bare) == 9 and _isbn10_fits(f"0{bare}"):
        return Code(CodeKind.ISBN10, f"0{bare}")
    return _gtin(bare) if _fits(bare) else None


def _with_check_digit(bare: str) -> Code | None:
    if len(bare) == 11 or (len(bare) == 12 and not bare.startswith("0")):
        whole = _gtin(bare + check_digit(bare))
        return Code(whole.kind, whole.value, computed=True)
    return None


def _gtin(digits: str) -> Code:
    """A fitting GTIN by its true kind: how many zeros it begins with in fourteen digits tells (GS1 prefixes)."""
    full = digits.zfill(14)
    if full.startswith("000000"):
        return Code(CodeKind.EAN8, full[6:])
    if full.startswith("00"):
        return Code(CodeKind.UPC, full[2:])
    if full.startswith("0"):
        return Code(CodeKind.ISBN13 if full[1:4] in ("978", "979") else CodeKind.EAN, full[1:])
    return Code(CodeKind.GTIN14, full)


def _fits(digits: str) -> bool:
    """Leading zeros do not matter: the weights begin at the right."""
    return check_digit(digits[:-1]) == digits[-1]


def _isbn10_fits(text: str) -> bool:
    values = [10 if letter == "X" else int(letter) for letter in text]
    return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0


_LABEL = re.compile(r"(?:UPC(?:-?A)?|EAN(?:-?(?:13|8))?|GTIN(?:-?(?:8|12|13|14))?|ISBN(?:-?1[03])?|ASIN)[:#\s]+")
_SCIENTIFIC = re.compile(r"([1-9])\.?([0-9]*)E\+?([0-9]{1,2})")
_GROUPED = re.compile(r"[0-9]{1,3}([,.'])[0-9]{3}(?:\1[0-9]{3})+")
_BETWEEN = re.compile(r"[\s\u200b\u2060\ufeff\u00ad_-]|[\u2010-\u2015\u2212]")


def _bare(text: str) -> str:
    """Digits and letters without what spreadsheets and people put around and between them; empty for no code."""
    if len(text) > MAX_TEXT:
        return ""
    bare = unicodedata.normalize("NFKC", text).strip().lstrip("'`\u2019").strip().upper()
    bare = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    if number := _SCIENTIFIC.fullmatch(bare):
        digits = number[1] + number[2]
        # Every digit is there only when the mantissa is as long as the number.
        return digits if len(digits) == int(number[3]) + 1 else ""
    bare = re.sub(r"(?<=[0-9])[.,]0{1,2}$", "", bare)
    if _GROUPED.fullmatch(bare):
        return re.sub(r"[,.']", "", bare)
    return _BETWEEN.sub("", bare)
