"""Dropped files as items, one a picture: a photo, a zip of photos, or what a Dropbox account told.

An item says where its bytes are: `source` is `s3` (the dropped photo itself, or an entry of a zip, which the reading
puts under the job's `work/`), or `dropbox`. Of several entries of a listing about one path only the last one counts,
and of those beneath a folder that was deleted later none. A deletion names in `_kept` what came after it beneath its
folder, so that a batch needs no other, in whatever order they come; `_alone` is surely one of a file, and leaves what
lies beneath its path.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from zipfile import ZipInfo

from chalicelib.adapters.image_records import MAX_PATH_BYTES
from chalicelib.errors import FileProblem, FileRefused, RowProblem
from chalicelib.jobs.model import Item, Job, SheetCount
from chalicelib.pipelines.images.names import is_litter, is_other, parts_of
from chalicelib.tables.archive import Archive
from chalicelib.tables.limits import Limits

if TYPE_CHECKING:
    from chalicelib.adapters.s3 import Blobs

Entry = Mapping[str, Any] | str
"""The fields of an item, or why there is none."""
LISTING_BYTES = 64 * 1024 * 1024
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ENCRYPTED = 0x1


class Reading:
    """Items of a file. Walk it once, to the end; only then are `sheets` complete."""

    columns: Mapping[str, Mapping[str, str]] = {}
    mapped: Mapping[str, Sequence[Any]] = {}

    def __init__(self, file_name: str, entries: Iterator[Entry]) -> None:
        self._name = file_name
        self._entries = entries
        self._skipped: Counter[str] = Counter()
        self._rows = 0

    @property
    def sheets(self) -> tuple[SheetCount, ...]:
        physical = self._rows + self._skipped.total()
        return (SheetCount(0, self._name, physical, 0, 0, dict(self._skipped), self._rows),)

    def __iter__(self) -> Iterator[Item]:
        for number, entry in enumerate(self._entries, start=1):
            if isinstance(entry, str):
                self._skipped[entry] += 1
                continue
            self._rows += 1
            folder = str(entry["path"]).rpartition("/")[0]
            yield {"_worksheet": folder or "/", "_sheet": 0, "_row": number, **entry}


def read(
    path: str, file_name: str, options: Mapping[str, Any], *, blobs: Blobs, limits: Limits, max_bytes: int,
) -> Reading:
    """Whatever was dropped; a dry run has no job, so nothing is put anywhere. Raises FileRefused."""
    job: Job | None = options.get("job")
    if options.get("source") == "dropbox":
        return Reading(file_name, _listed(path, max_bytes))
    with Path(path).open("rb") as file:
        head = file.read(4)
    folder = str(options.get("folder") or "").strip("/")
    if head in _ZIPS:
        within = "/".join(filter(None, (folder, PurePosixPath(file_name).stem)))
        return Reading(file_name, _Zip(path, within, job, blobs, limits, max_bytes).entries())
    return Reading(file_name, iter([_photo(file_name, folder, job, Path(path).stat().st_size)]))


def _photo(file_name: str, folder: str, job: Job | None, size: int) -> Entry:
    told = _named("/".join(filter(None, (folder, file_name))), size)
    return told if job is None or "_error" in told else {
        **told, "source": "s3", "key": job.file_key, "version": job.version_id}


# --- archives


class _Zip:
    """The photos in an archive, each put where its worker finds it."""

    def __init__(
        self, path: str, folder: str, job: Job | None, blobs: Blobs, limits: Limits, max_bytes: int,
    ) -> None:
        self._path, self._folder, self._job = path, folder, job
        self._blobs, self._limits, self._max_bytes = blobs, limits, max_bytes

    def entries(self) -> Iterator[Entry]:
        with Archive(self._path, self._limits) as archive:
            infos = archive.files
            if len(infos) > self._limits.max_parts:
                raise FileRefused(FileProblem.TOO_MANY_FILES, limit=self._limits.max_parts)
            last = {_plain(info.filename): number for number, info in enumerate(infos, start=1)}
            for number, info in enumerate(infos, start=1):
                if is_litter(info.filename.replace("\\", "/")):
                    yield "litter"
                elif last[_plain(info.filename)] != number:
                    yield "superseded_entry"
                else:
                    yield self._entry(archive, info, number)

    def _entry(self, archive: Archive, info: ZipInfo, number: int) -> Entry:
        told = _named(info.filename, info.file_size, within=self._folder)
        if "_error" in told:
            return told
        if info.flag_bits & _ENCRYPTED:
            return _refused(told, RowProblem.ENCRYPTED_ENTRY)
        if is_other(info.filename):
            return _refused(told, RowProblem.UNSUPPORTED_FORMAT)
        if info.file_size > self._max_bytes:
            return _refused(told, RowProblem.FILE_TOO_LARGE)
        if self._job is None:
            return told
        try:
            return {**told, **self._kept(archive, info, f"work/{self._job.job_id}/image-{number}")}
        except FileRefused as refused:
            if refused.code is not FileProblem.CORRUPT_FILE:
                raise
            return _refused(told, RowProblem.CORRUPT_ENTRY)

    def _kept(self, archive: Archive, info: ZipInfo, key: str) -> Mapping[str, Any]:
        """Put the entry where it is found again; one that an earlier attempt put there is as good."""
        sha256, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=Path(self._path).parent) as file:
            for chunk in archive.unpacked(info):
                sha256.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            there = self._blobs.head(key)
            if there is None or there.size != size:
                self._blobs.upload(file.name, key, "application/octet-stream")
        return {"source": "s3", "key": key, "size": size, "content_hash": sha256.hexdigest()}


def _plain(path: str) -> str:
    """The same for all names of one place."""
    try:
        return "/".join(parts_of(path))
    except ValueError:
        return path


def _named(path: str, size: int, *, within: str = "") -> dict[str, Any]:
    try:
        parts = parts_of(path)
    except ValueError:
        return _refused({"name": path[:200], "path": f"/{path[:200]}", "size": size}, RowProblem.UNSAFE_NAME)
    whole = "/".join(("", *([within] if within else []), *parts))
    return _short({"name": parts[-1], "path": whole, "path_id": whole, "size": size})


# --- Dropbox


def _listed(path: str, max_bytes: int) -> Iterator[Entry]:
    """A listing's entries; it has a few thousand, for it must be known whole."""
    if Path(path).stat().st_size > LISTING_BYTES:
        raise FileRefused(FileProblem.FILE_TOO_LARGE, limit=LISTING_BYTES)
    try:
        lines = [json.loads(line) for line in Path(path).read_bytes().splitlines()]
    except ValueError as error:
        raise FileRefused(FileProblem.CORRUPT_FILE) from error
    last = {line["path_lower"]: number for number, line in enumerate(lines) if line["tag"] != "folder"}
    beneath = _beneath(last)
    deleted = [line["path_lower"] for number, line in enumerate(lines)
               if line["tag"] == "deleted" and last[line["path_lower"]] == number]
    fallen = {each for folder in deleted for each in beneath(folder) if last[each] < last[folder]}
    for number, line in enumerate(lines):
        where = line["path_lower"]
        if line["tag"] == "folder":
            yield "folder"
        elif last[where] != number or where in fallen:
            yield "superseded_entry"
        elif line["tag"] == "deleted":
            kept = [each for each in beneath(where) if last[each] > number and each not in fallen]
            yield _short({**_dropbox(line), "deleted": "true", **({"_kept": kept} if kept else {}),
                          **({"_alone": True} if line.get("alone") else {})})
        else:
            yield _file(line, max_bytes)


def _beneath(paths: Mapping[str, int]) -> Callable[[str], Sequence[str]]:
    """Finds the paths beneath a folder."""
    ordered = sorted(paths)

    def find(folder: str) -> Sequence[str]:
        return ordered[bisect_left(ordered, f"{folder}/"):bisect_left(ordered, f"{folder}0")]
    return find


def _file(line: Mapping[str, Any], max_bytes: int) -> Entry:
    told = {**_dropbox(line), **{name: line[name] for name in ("id", "rev", "content_hash", "size")}}
    if is_other(line["name"]):
        return _refused(told, RowProblem.UNSUPPORTED_FORMAT)
    if not line.get("is_downloadable", True):
        return _refused(told, RowProblem.NOT_DOWNLOADABLE)
    return _refused(told, RowProblem.FILE_TOO_LARGE) if line["size"] > max_bytes else _short(told)


def _dropbox(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": line["name"], "path": line["path"] or line["path_lower"], "path_id": line["path_lower"],
            "source": "dropbox"}


def _short(told: dict[str, Any]) -> dict[str, Any]:
    """What was told, unless its path is no key of ours."""
    path = told["path_id"]
    try:
        longest = max(len(each.encode()) for each in (path, path.lower()))
    except UnicodeEncodeError:  # half of a surrogate pair
        return _refused({"name": "?", "path": "/?"}, RowProblem.UNSAFE_NAME)
    if longest <= MAX_PATH_BYTES:
        return told
    shown = {name: value[:200] if isinstance(value, str) else value for name, value in told.items()}
    return _refused(shown, RowProblem.NAME_TOO_LONG)


def _refused(told: Mapping[str, Any], problem: RowProblem) -> dict[str, Any]:
    error = {"code": problem.value, "field": "", "message": problem.sentence}
    return {**told, "_error": error}
