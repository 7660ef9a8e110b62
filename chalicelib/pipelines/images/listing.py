"""The file between lister and pipeline: what changed in a Dropbox account, one JSON line an entry, in order.

The lister writes it as `received/images/{jobId}/dropbox.jsonl` and makes a job of it with the option `source`:
`dropbox`; the pipeline's reading makes items of it. The lines by their `kind`:

    file      `id`, `rev`, `name`, `path` (as people see it), `path_lower`, `size`, `content_hash`, `server_modified`,
              `downloadable`
    folder    `path`, `path_lower`
    deleted   `path`, `path_lower`
    sweep     the last line of a full listing, when it came to its end: `folder` (path_lower; "" is the account) and
              `keys`, all listing files of it, this one included. Pictures beneath that folder that none of them names,
              and that are older than this job, go. A listing that was only half read has no such line, so it deletes
              nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.adapters.dropbox_answers import Deleted, Entry, File

MAX_ENTRIES = 5_000
"""Entries of one listing file."""


def line_of(entry: Entry) -> bytes:
    """An entry of Dropbox's as a line, its end included."""
    told: dict[str, Any] = {"path": entry.path_display, "path_lower": entry.path_lower}
    if isinstance(entry, File):
        told |= {"kind": "file", "id": entry.id, "rev": entry.rev, "name": entry.name, "size": entry.size,
                 "content_hash": entry.content_hash, "server_modified": entry.server_modified.isoformat(),
                 "downloadable": entry.is_downloadable}
    else:
        told["kind"] = "deleted" if isinstance(entry, Deleted) else "folder"
    return _line(told)


def sweep_line(folder: str, keys: Sequence[str]) -> bytes:
    """The line that ends a full listing."""
    return _line({"kind": "sweep", "folder": folder.rstrip("/").lower(), "keys": list(keys)})


def entries(lines: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    """The lines of a listing file, read."""
    return (json.loads(line) for line in lines if line.strip())


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
