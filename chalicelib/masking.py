"""E-mail addresses and phone numbers taken out of texts that are not for the eyes of those who may see the rows.

Log lines and error bodies pass through here. It errs on the side of masking: a run of digits that is none of ours (ids,
dates and amounts stand in fields of their own, or in names) may well be somebody's number. Numbers that are numbers and
not texts stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LOCAL = r"[^\s\"'<>()\[\]{},;:|@]"
_EMAIL = re.compile(
    rf"(?:\"[^\"\n]{{1,64}}\"|(?:{_LOCAL}{{1,64}}'){{0,3}}{_LOCAL}{{1,64}})"
    r"(?:@|%40|\\u0040|＠)"
    r"(?:\[[^\]\s]{2,60}\]|[\w\\%-]{1,63}(?:\.[\w\\%-]{1,63})*)", re.IGNORECASE)
"""The local part quoted or not, an apostrophe inside it, `@` also as it stands in addresses and in JSON, any domain."""

_BETWEEN = r"[ \u00a0().\-/]{0,3}"
_PHONE = re.compile(
    rf"(?:\+|%2B|(?<!\w)00)\(?\d(?:{_BETWEEN}\d){{6,14}}(?!\d)"
    r"|(?<![\w./\-])(?!\d{4}-\d\d-\d\d)\(?(?:\d[ \u00a0().\-/]{0,3}){8,14}\d(?![\w/\-]|:\w|\.\d)", re.IGNORECASE)
"""With a prefix: 7 to 15 digits (E.164). Without: 9 to 15 that stand alone, which dates, ARNs and ids do not."""


def masked(text: str) -> str:
    """Text without e-mail addresses and phone numbers: `j***@***`, `+***`."""
    return _PHONE.sub("+***", _EMAIL.sub(_initial, text))


def masked_values(value: Any) -> Any:
    """A value as JSON could hold it, with every text in it masked; what is no value of JSON becomes its text first."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {masked(str(name)): masked_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked_values(each) for each in value]
    return masked(str(value))


def _initial(found: re.Match[str]) -> str:
    first = found[0].lstrip('"')[0]
    return f"{first if first.isalnum() else ''}***@***"
