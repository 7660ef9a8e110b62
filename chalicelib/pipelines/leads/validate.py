"""Is this a lead? Two meaningful fields of five, and nothing longer than its limit.

Free text is cut, names and companies are not: a company of 300 characters is a shifted column, and the person who
dropped the file has to see that row among the rejects.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.errors import RowProblem, RowRefused
from chalicelib.pipelines.leads.fields import CONTENT, EVIDENCE, LIMITS, MISSING, PLACEHOLDERS

_NO_GIVEN_NAME = MISSING - {"na"}
_CUT = "…"


def validate(record: Mapping[str, str]) -> dict[str, str]:
    """The record as it may be stored: content fields only, missing ones absent, remarks cut to their limit.

    Raises `RowRefused` with `TOO_FEW_FIELDS`, or with `FIELD_TOO_LONG` and the field.
    """
    present = meaningful(record)
    if sum(field in present for field in EVIDENCE) < 2:
        raise RowRefused(RowProblem.TOO_FEW_FIELDS, found=[field for field in EVIDENCE if field in present])
    for field, text in present.items():
        if len(text) > LIMITS[field] and field != "remarks":
            raise RowRefused(RowProblem.FIELD_TOO_LONG, f"{field} has {len(text)} characters, the limit is "
                             f"{LIMITS[field]}.", field=field, length=len(text), limit=LIMITS[field])
    if "remarks" in present:
        present["remarks"] = cut(present["remarks"], LIMITS["remarks"])
    return present


def meaningful(record: Mapping[str, str]) -> dict[str, str]:
    """The content fields that say something.

    "NA" and "Null" are last names: they stand, unless every given part of the name is such a word.
    """
    texts = {field: text for field in CONTENT if (text := (record.get(field) or "").strip())}
    unnamed = _unnamed(texts)
    return {field: text for field, text in texts.items() if not _says_nothing(field, text.casefold(), unnamed)}


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` characters; an ellipsis tells that something is missing."""
    return text if len(text) <= limit else text[: limit - len(_CUT)].rstrip() + _CUT


def _says_nothing(field: str, word: str, unnamed: bool) -> bool:
    if field == "firstName":
        return unnamed or word in _NO_GIVEN_NAME
    if field in ("lastName", "name"):
        return unnamed or word in PLACEHOLDERS
    if field == "remarks":
        return word in PLACEHOLDERS
    return word in MISSING


def _unnamed(texts: Mapping[str, str]) -> bool:
    """Do the first and the last name (or a name alone) both say nothing? A last name NA by itself may be real."""
    first, last, name = (texts.get(field, "").casefold() for field in ("firstName", "lastName", "name"))
    if first and last:
        return first in MISSING and last in MISSING
    return not last and (first or name) in _NO_GIVEN_NAME
