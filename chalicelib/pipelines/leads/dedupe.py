"""Which rows speak of the same lead, and what a later row does to an earlier one.

Identity is the e-mail alone (lower-cased, trimmed): a row without one is always a lead of its own. Who is later is not
decided here; these functions only say what becomes of the two records once that is known.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from chalicelib.pipelines.leads.fields import CONTENT, is_missing


class DedupeMode(StrEnum):
    """What a later row does to the lead that is already there."""

    OVERWRITE = "overwrite"
    """Every content field becomes the later row's; what that row lacks is gone."""
    FILL_BLANKS = "fill_blanks"
    """Only fields that the lead lacks are taken."""
    SKIP = "skip"
    """The lead stays as it is."""


def email_identity(email: str | None) -> str | None:
    """The key by which two rows are one lead, or None for a row without a usable address."""
    address = unicodedata.normalize("NFC", email or "").strip().lower()
    return None if "@" not in address or is_missing(address) else address


def combine(mode: DedupeMode, prior: Mapping[str, Any] | None, record: Mapping[str, Any]) -> dict[str, Any]:
    """Content fields of the lead after `record` met `prior` (None: there was none). Absent stays absent."""
    later = _content(record)
    if prior is None or mode is DedupeMode.OVERWRITE:
        return later
    earlier = _content(prior)
    return earlier if mode is DedupeMode.SKIP else _filled(earlier, later)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """True where any content field differs; an absent field equals None and the empty text."""
    return _content(before) != _content(after)


def _filled(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    filled = {field: value for field in CONTENT if (value := earlier.get(field) or later.get(field))}
    if earlier.get("name") == _joined(earlier):  # the name was only a part of what is now known
        filled["name"] = _joined(filled) or filled.get("name")
    return {field: value for field, value in filled.items() if value}


def _joined(record: Mapping[str, Any]) -> str:
    return " ".join(part for field in ("firstName", "lastName") if (part := record.get(field)))


def _content(record: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field in CONTENT if (value := record.get(field))}
