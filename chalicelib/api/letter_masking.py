"""What may be seen of a message by people whom its content does not concern: its shape.

Nobody can tell names from other words, so no list of patterns decides what is hidden: every text is, unless it is a
word of our own message formats or an id that we made. There is no unmasked view.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from chalicelib.masking import masked

BODY_CHARS = 4000
SHOWN_ITEMS = 3
HIDDEN = "***"

_NUMBERS = frozenset({"v", "batch_number", "total_batches", "run", "failures", "waits", "_sheet", "_row"})
_FLAGS = frozenset({"strict", "full"})
_IDS = frozenset({"batch_id", "upload_id", "job_id", "tracking_id", "request_id", "jobId", "exportId", "erasureId",
                  "redriveId", "_claim"})
_TIMES = frozenset({"timestamp", "at"})
_CHOICES: Mapping[str, frozenset[str]] = {
    "environment": frozenset({"local", "test", "dev", "staging", "prod"}),
    "provider": frozenset({"keepa", "mock"}),
    "task": frozenset({"export", "undo", "dry_run", "erase", "list_dropbox", "redrive"})}
_NAMED = frozenset({"source_file", "file_key"})
_LISTS = frozenset({"items", "leads", "batch_data", "products", "rows", "images"})
_OTHERS = frozenset({"columns", "order", "by", "account", "catalog_id", "user_id", "_worksheet", "_error", "_from",
                     "_own"})
KNOWN = _NUMBERS | _FLAGS | _IDS | _TIMES | _NAMED | _LISTS | _OTHERS | frozenset(_CHOICES)

_OUR_ID = re.compile(r"(?:work/)?(?:enrich_)?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?:_\d{1,10})?(?:-\d{1,9})?"
                     r"(?:/row-\d+-\d+\.json)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|\+00:00)")
_EXTENSIONS = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".gz", ".zip", ".jpg", ".jpeg",
                         ".png", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".gif", ".bmp"})
_WORD = re.compile(r"[^\W\d]+|\d+|[^\x00-\x7f]+")


def masked_body(body: str) -> str:
    """A message's text: JSON with its structure and our own words, anything else letter by letter; cut if long."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return _cut(_shape(body))
    return _cut(json.dumps(_value("", content, 0), ensure_ascii=False))


def masked_name(name: str) -> str:
    """A file's name: its first letter and what kind of file it is, for names of files are names of people, too."""
    path = PurePath(name)
    kind = path.suffix.lower()
    return f"{name[:1]}{HIDDEN}{kind if kind in _EXTENSIONS else ''}"


def masked_id(text: str) -> str:
    """An id as others gave it, an owner for instance: as it is, but for addresses and numbers in it."""
    return masked(text)


def _value(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, list):
        shown = [_value("", each, depth + 1) for each in value[:SHOWN_ITEMS]]
        return [*shown, *([f"{len(value) - SHOWN_ITEMS} more"] if len(value) > SHOWN_ITEMS else [])]
    if value is None or (isinstance(value, bool) and key in _FLAGS):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and key in _NUMBERS and abs(value) < 10 ** 7:
        return value
    return _text(key, value) if isinstance(value, str) else HIDDEN


def _object(content: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Keys that are not ours can be anybody's words, such as the cells of a row that was taken for a header."""
    if depth > 20:
        return {}
    shown: dict[str, Any] = {}
    for place, (key, value) in enumerate(content.items(), start=1):
        shown[key if key in KNOWN else f"field {place}"] = _value(key, value, depth + 1)
    return shown


def _text(key: str, text: str) -> str:
    ours = (key in _IDS and _OUR_ID.fullmatch(text)) or (key in _TIMES and _TIME.fullmatch(text)) \
        or text in _CHOICES.get(key, ())
    if ours or not text:
        return text
    return masked_name(PurePath(text).name) if key in _NAMED else HIDDEN


def _shape(text: str) -> str:
    """`x` for letters and `9` for digits, so that one sees where JSON breaks off; our own words stay."""
    return _WORD.sub(lambda found: found[0] if found[0] in _PARTS else ("9" if found[0].isdecimal() else "x")
                     * len(found[0]), text[:BODY_CHARS + 1])


_PARTS = frozenset(part for word in KNOWN for part in _WORD.findall(word))


def _cut(text: str) -> str:
    return text if len(text) <= BODY_CHARS else text[:BODY_CHARS] + "..."
