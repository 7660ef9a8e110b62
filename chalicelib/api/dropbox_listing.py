"""What Dropbox told, as files that jobs are made of: one JSON line an entry, in the order in which they apply.

    {"tag": "file", "id", "rev", "name", "path", "path_lower", "size", "content_hash", "server_modified"}
    {"tag": "folder", "name", "path", "path_lower"}
    {"tag": "deleted", "name", "path", "path_lower"}

A file that Dropbox hands out to nobody has `"is_downloadable": false` as well.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

from chalicelib.adapters.dropbox_answers import Deleted, Entry, File
from chalicelib.jobs.intake import RECEIVED

NAME = "dropbox.jsonl"


class Bytes(Protocol):
    """What we need of the blobs."""

    def get(self, key: str, version_id: str = "") -> bytes: ...


def key_of(job_id: str) -> str:
    """Where the listing of a job lies."""
    return f"{RECEIVED}/images/{job_id}/{NAME}"


def body_of(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def line_of(entry: Entry) -> dict[str, Any]:
    """One entry of a page."""
    named = {"name": entry.name, "path": entry.path_display, "path_lower": entry.path_lower}
    if isinstance(entry, File):
        return {"tag": "file", "id": entry.id, "rev": entry.rev, **named, "size": entry.size,
                "content_hash": entry.content_hash, "server_modified": entry.server_modified.isoformat(),
                **({} if entry.is_downloadable else {"is_downloadable": False})}
    return {"tag": "deleted" if isinstance(entry, Deleted) else "folder", **named}


def gone(path: str, path_lower: str) -> dict[str, Any]:
    """The line that says of a file's path what Dropbox says by not naming it; of nothing that lies beneath."""
    return {"tag": "deleted", "name": path.rpartition("/")[2], "path": path, "path_lower": path_lower, "alone": True}


class Paths:
    """The paths that some listings name. Eight bytes each, so that a million fit; see `_digest`."""

    def __init__(self, blobs: Bytes, listings: Iterable[tuple[str, str]]) -> None:
        """`listings` are keys with versions. Raises KeyError when one is there no more."""
        digests = array("Q")
        for key, version in listings:
            digests.extend(map(_digest, _paths(blobs.get(key, version))))
        self._digests = array("Q", sorted(digests))

    def __contains__(self, path: str) -> bool:
        digest = _digest(path)
        place = bisect_left(self._digests, digest)
        return place < len(self._digests) and self._digests[place] == digest


def _paths(body: bytes) -> Iterator[str]:
    return (str(json.loads(line)["path_lower"]) for line in body.splitlines())


def _digest(path: str) -> int:
    """64 bits: two paths of a million share theirs once in forty million times, and then a picture stays too long."""
    return int.from_bytes(sha256(path.encode()).digest()[:8], "big")
