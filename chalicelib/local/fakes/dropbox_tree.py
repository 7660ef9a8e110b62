"""The files of an account at the fake Dropbox: a tree that remembers when each path changed, and cursors into that.

As at Dropbox, a cursor gives the present state of every path that changed behind it, in the order of the changes; a
path that changed twice comes once. A deleted folder is one entry, without its files. A rename is a deletion and a file
with the same id and another rev. Old revisions can be downloaded while the file is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.adapters.dropbox_download import content_hash

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """What lies at a path: a file with its content, or a folder (content None), or nothing any more (`deleted`)."""

    path: str
    id: str
    rev: str = ""
    content: bytes | None = None
    content_hash: str = ""
    modified: str = ""
    downloadable: bool = True
    deleted: bool = False

    @property
    def metadata(self) -> Metadata:
        """As Dropbox tells it."""
        names = {"name": self.path.rpartition("/")[2], "path_lower": self.path.lower(), "path_display": self.path}
        if self.deleted:
            return {".tag": "deleted", **names}
        if self.content is None:
            return {".tag": "folder", **names, "id": self.id}
        return {".tag": "file", **names, "id": self.id, "rev": self.rev, "size": len(self.content),
                "content_hash": self.content_hash, "client_modified": self.modified,
                "server_modified": self.modified, "is_downloadable": self.downloadable}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing stands: entries it has yet to give, and the change up to which it knows all."""

    folder: str
    recursive: bool
    limit: int
    since: int
    pending: tuple[Metadata, ...] = ()


@dataclass(slots=True)
class Tree:
    """One account's files. Safe to change while it is listed."""

    clock: Callable[[], datetime]
    nodes: dict[str, Node] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, Node] = field(default_factory=dict)
    cursors: dict[str, Cursor | None] = field(default_factory=dict)
    _changes: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, path: str, content: bytes, *, downloadable: bool = True) -> Metadata:
        """Write a file, its folders with it; one that is there keeps its id. Answers its metadata."""
        with self._lock:
            self.make_folder(path.rpartition("/")[0])
            there = self._at(path)
            kept = there.id if there and there.content is not None else self._new("id:", path)
            return self._store(Node(path, kept, self._rev(path), content, content_hash(content), self._now(),
                                    downloadable))

    def make_folder(self, path: str) -> None:
        with self._lock:
            if path and self._at(path) is None:
                self.make_folder(path.rpartition("/")[0])
                self._store(Node(path, self._new("id:", path)))

    def delete(self, path: str) -> None:
        """Delete a file, or a folder and all in it. KeyError when nothing is there."""
        with self._lock:
            there = self._existing(path)
            for inner in self._beneath(there.path):
                del self.nodes[inner.path.lower()]
                self.changed.pop(inner.path.lower(), None)
            self._store(replace(there, deleted=True))

    def move(self, path: str, to: str) -> None:
        """Rename a file, or a folder and all in it: ids stay, revs do not. KeyError when nothing is there."""
        with self._lock:
            there = self._existing(path)
            moved = [there, *self._beneath(there.path)]
            self.delete(path)
            self.make_folder(to.rpartition("/")[0])
            for node in moved:
                where = to + node.path[len(there.path):]
                self._store(replace(node, path=where, rev="" if node.content is None else self._rev(where)))

    def reset(self) -> None:
        """Honour no cursor that was given out so far."""
        with self._lock:
            self.cursors = dict.fromkeys(self.cursors)

    def find(self, source: str) -> Node | None:
        """What `rev:...`, `id:...` or a path names, as long as the file is there."""
        with self._lock:
            kind, _, value = source.partition(":")
            if kind == "rev":
                node = self.revisions.get(value)
                return node if node and self.find(node.id) else None
            if kind == "id":
                return next((node for node in self._present() if node.id == source), None)
            return self._at(source)

    def listing(self, folder: str, *, recursive: bool, limit: int) -> Metadata:
        """The first page of all that is there."""
        with self._lock:
            inside = [node.metadata for node in self._present() if _inside(node.path, folder, recursive=recursive)]
            inside.sort(key=lambda each: str(each["path_lower"]))
            return self._page(Cursor(folder, recursive, limit, self._changes, tuple(inside)))

    def latest(self, folder: str, *, recursive: bool, limit: int) -> Metadata:
        with self._lock:
            return {"cursor": self._cursor(Cursor(folder, recursive, limit, self._changes))}

    def proceed(self, cursor: Cursor) -> Metadata:
        """The next page, or what has changed since."""
        with self._lock:
            if cursor.pending:
                return self._page(cursor)
            since = sorted((at, path) for path, at in self.changed.items() if at > cursor.since)
            news = tuple(self.nodes[path].metadata for _, path in since
                         if _inside(path, cursor.folder, recursive=cursor.recursive))
            return self._page(replace(cursor, since=self._changes, pending=news))

    def _page(self, cursor: Cursor) -> Metadata:
        rest = cursor.pending[cursor.limit:]
        return {"entries": list(cursor.pending[:cursor.limit]), "has_more": bool(rest),
                "cursor": self._cursor(replace(cursor, pending=rest))}

    def _cursor(self, cursor: Cursor) -> str:
        name = self._new("AA", str(len(self.cursors)))
        self.cursors[name] = cursor
        return name

    def _store(self, node: Node) -> Metadata:
        self._changes += 1
        self.nodes[node.path.lower()] = node
        self.changed[node.path.lower()] = self._changes
        if node.rev and not node.deleted:
            self.revisions[node.rev] = node
        return node.metadata

    def _existing(self, path: str) -> Node:
        there = self._at(path)
        if there is None:
            raise KeyError(path)
        return there

    def _at(self, path: str) -> Node | None:
        node = self.nodes.get(path.lower())
        return None if node is None or node.deleted else node

    def _present(self) -> Iterator[Node]:
        return (node for node in self.nodes.values() if not node.deleted)

    def _beneath(self, path: str) -> list[Node]:
        return [node for node in self._present() if node.path.lower().startswith(f"{path.lower()}/")]

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _rev(self, path: str) -> str:
        return f"{self._changes + 1:09x}" + sha256(path.encode()).hexdigest()[:8]

    def _new(self, prefix: str, what: str) -> str:
        return prefix + sha256(f"{what} {self._changes} {id(self)}".encode()).hexdigest()[:22]


def _inside(path: str, folder: str, *, recursive: bool) -> bool:
    """Whether a listing of `folder` tells of `path`. A recursive one tells of the folder itself."""
    path, folder = path.lower(), folder.lower()
    if recursive:
        return path == folder or path.startswith(f"{folder}/")
    return path.rpartition("/")[0] == folder
