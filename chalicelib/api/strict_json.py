"""JSON from outside: what RFC 8259 calls JSON, and of a shape that a client of ours could have sent.

Refused is what the next parser, store or counter would take differently from this one: numbers that are none or have
more digits than any store keeps, names that stand twice, texts that UTF-8 cannot hold, nesting that ends in a stack.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.errors import RequestProblem, RequestRefused

MAX_DEPTH = 32
MAX_VALUES = 20_000
"""A mapping of 500 columns is the largest that any route wants."""
MAX_DIGITS = 40
"""More than any number of ours, and than DynamoDB keeps (38)."""


def loads(text: str | bytes, *, within: str = "") -> Any:
    """The value. Raises BAD_REQUEST, which says nothing of what was sent; `within` names the field it stood in."""
    try:
        parsed = json.loads(text, parse_int=_int, parse_float=_float, parse_constant=_constant,
                            object_pairs_hook=_object)
        _check_size(parsed)
    except (ValueError, RecursionError) as error:
        message = str(error) if isinstance(error, _Refused) else "This is not JSON, or is nested too deeply."
        raise RequestRefused(RequestProblem.BAD_REQUEST, message, fields=[within or "body"]) from None
    return parsed


class _Refused(ValueError):
    """A ValueError, so that the parser lets it through; its text is ours and says nothing of the body."""


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Refused(f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _float(digits: str) -> float:
    found = float(digits)
    if len(digits) > MAX_DIGITS or found in (float("inf"), float("-inf")):
        raise _Refused("A number is too long or too large.")
    return found


def _constant(_name: str) -> Any:
    raise _Refused("NaN and Infinity are no JSON.")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("An object has a name twice.")
    return found


def _check_size(parsed: Any) -> None:
    """Iterative, because the point is that it may be deep."""
    level, depth, seen = [parsed], 0, 0
    while level:
        depth, seen = depth + 1, seen + len(level)
        if depth > MAX_DEPTH or seen > MAX_VALUES:
            raise _Refused("The JSON is nested too deeply, or has too many values.")
        for text in (each for each in level if isinstance(each, str)):
            _check_text(text)
        level = [inner for each in level if isinstance(each, dict | list)
                 for inner in (each if isinstance(each, list) else [*each, *each.values()])]


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Refused("A text holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        raise _Refused("A text is no Unicode.") from None
