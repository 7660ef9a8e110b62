"""What a dropped file is read as: a photo, an archive, or what a Dropbox account told."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.jobs.model import Job, Status
from chalicelib.pipelines.images.reading import Reading, read
from chalicelib.tables.limits import MIB, Limits
from tests.fixtures.images import archive, picture

JOB = Job(job_id="j", owner="ada", pipeline="images", status=Status.PROCESSING, file_name="z.zip",
          file_key="uploads/images/ada/z.zip", created_at="t", updated_at="t", version_id="v1")


@dataclass
class Head:
    size: int


@dataclass
class Kept:
    """Blobs in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: int = 0

    def head(self, key: str) -> Head | None:
        return Head(len(self.objects[key])) if key in self.objects else None

    def upload(self, path: str, key: str, _content_type: str) -> None:
        self.uploads += 1
        self.objects[key] = Path(path).read_bytes()


@pytest.fixture
def blobs() -> Kept:
    return Kept()


def reading(
    tmp_path: Path, blobs: Kept, body: bytes, name: str = "z.zip", limits: Limits | None = None, **options: Any,
) -> Reading:
    path = tmp_path / "upload"
    path.write_bytes(body)
    return read(str(path), name, {"job": JOB, **options}, blobs=blobs,  # type: ignore[arg-type]
                limits=limits or Limits(), max_bytes=4096 * MIB)


def listing(tmp_path: Path, *lines: Mapping[str, Any]) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    found = reading(tmp_path, Kept(), b"".join(json.dumps(line).encode() + b"\n" for line in lines), "d.jsonl",
                    source="dropbox")
    items = [dict(item) for item in found]
    [sheet] = found.sheets
    assert sheet.physical == len(lines) == sheet.rows + sum(sheet.skipped.values())
    return items, sheet.skipped


def file(path: str, rev: str = "r1", **more: Any) -> dict[str, Any]:
    return {"tag": "file", "id": f"id:{path}", "rev": rev, "name": path.rpartition("/")[2], "path": path,
            "path_lower": path.lower(), "size": 10, "content_hash": "h", "server_modified": "t", **more}


def gone(path: str) -> dict[str, Any]:
    return {"tag": "deleted", "name": path.rpartition("/")[2], "path": path, "path_lower": path.lower()}


def folder(path: str) -> dict[str, Any]:
    return {**gone(path), "tag": "folder"}


def test_a_photo_is_one_item_that_names_the_pinned_object(tmp_path: Path, blobs: Kept) -> None:
    found = reading(tmp_path, blobs, picture(), "Me.png", folder="weddings/2026")
    assert list(found) == [{
        "_worksheet": "/weddings/2026", "_sheet": 0, "_row": 1, "name": "Me.png", "path": "/weddings/2026/Me.png",
        "path_id": "/weddings/2026/Me.png", "size": len(picture()), "source": "s3",
        "key": "uploads/images/ada/z.zip", "version": "v1"}]
    assert [(sheet.name, sheet.physical, sheet.rows) for sheet in found.sheets] == [("Me.png", 1, 1)]


def test_an_archive_puts_each_photo_where_its_worker_finds_it(tmp_path: Path, blobs: Kept) -> None:
    body = archive({"a.png": picture(), "day/b.png": picture(colour="navy")})
    first, second = reading(tmp_path, blobs, body, "trip.zip")
    assert (first["path"], second["path"], second["_worksheet"]) == ("/trip/a.png", "/trip/day/b.png", "/trip/day")
    assert blobs.objects == {"work/j/image-1": picture(), "work/j/image-2": picture(colour="navy")}
    assert second["content_hash"] == hashlib.sha256(picture(colour="navy")).hexdigest()
    assert list(tmp_path.iterdir()) == [tmp_path / "upload"]
    assert [item["_row"] for item in reading(tmp_path, blobs, body, "trip.zip")] == [1, 2]
    assert blobs.uploads == 2


def test_a_dry_run_puts_nothing_anywhere(tmp_path: Path, blobs: Kept) -> None:
    assert len(list(reading(tmp_path, blobs, archive({"a.png": picture()}), job=None))) == 1
    assert blobs.objects == {}


def test_of_two_entries_under_one_name_the_last_one_counts(tmp_path: Path, blobs: Kept) -> None:
    body = archive({"a.png": picture(), "./a.png": picture(colour="navy"), "A.png": picture()})
    found = reading(tmp_path, blobs, body)
    assert [(item["_row"], item["path"]) for item in found] == [(2, "/z/a.png"), (3, "/z/A.png")]
    assert found.sheets[0].skipped == {"superseded_entry": 1}


def test_one_damaged_entry_holds_back_no_other(tmp_path: Path, blobs: Kept) -> None:
    body = bytearray(archive({"a.png": picture(), "b.png": picture(colour="navy")}))
    body[60] ^= 0xFF
    bad, good = reading(tmp_path, blobs, bytes(body))
    assert (bad["_error"]["code"], "_error" in good) == ("CORRUPT_ENTRY", False)


def test_a_protected_entry_is_refused_by_itself(tmp_path: Path, blobs: Kept) -> None:
    body = bytearray(archive({"a.png": picture()}))
    place = body.find(b"PK\x01\x02")
    body[place + 8] |= 1
    [item] = reading(tmp_path, blobs, bytes(body))
    assert item["_error"]["code"] == "ENCRYPTED_ENTRY"


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, blobs: Kept) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.png", b"\0" * MIB)
    limits = Limits(free_unpacked_bytes=MIB // 2, max_ratio=20)
    with pytest.raises(FileRefused) as refused:
        list(reading(tmp_path, blobs, path.read_bytes(), limits=limits))
    assert refused.value.code is FileProblem.ARCHIVE_BOMB


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path, blobs: Kept) -> None:
    body = archive({f"{number}.png": b"" for number in range(5)})
    with pytest.raises(FileRefused):
        list(reading(tmp_path, blobs, body, limits=Limits(max_parts=4)))


def test_paths_that_are_too_long_are_refused_by_name(tmp_path: Path) -> None:
    items, _ = listing(tmp_path, file("/" + "\u00fc" * 451 + ".png"))
    assert items[0]["_error"]["code"] == "NAME_TOO_LONG"
    assert len(items[0]["path"]) == len(items[0]["path_id"]) == 200
    items, _ = listing(tmp_path, file("/\ud800.png"))
    assert items[0]["_error"]["code"] == "UNSAFE_NAME"


def test_a_listing_keeps_what_dropbox_said_of_a_file(tmp_path: Path) -> None:
    [item], skipped = listing(tmp_path, folder("/Trip"), file("/Trip/A.png", "r7"))
    assert {name: item[name] for name in ("path", "path_id", "rev", "id", "size", "content_hash", "_row")} == {
        "path": "/Trip/A.png", "path_id": "/trip/a.png", "rev": "r7", "id": "id:/Trip/A.png", "size": 10,
        "content_hash": "h", "_row": 2}
    assert skipped == {"folder": 1}


def test_of_several_entries_about_one_path_the_last_one_counts(tmp_path: Path) -> None:
    items, skipped = listing(tmp_path, file("/A.png", "r1"), gone("/a.png"), file("/b.png"), file("/a.png", "r2"))
    assert [(item["_row"], item["path"]) for item in items] == [(3, "/b.png"), (4, "/a.png")]
    assert skipped == {"superseded_entry": 2}


def test_what_is_beneath_a_folder_that_was_deleted_later_is_nothing(tmp_path: Path) -> None:
    items, skipped = listing(tmp_path, file("/trip/a.png"), gone("/trip/b"), file("/tripod.png"), gone("/trip"))
    assert [item["path"] for item in items] == ["/tripod.png", "/trip"]
    assert skipped == {"superseded_entry": 2}


def test_a_deletion_names_what_came_after_it_beneath_its_folder(tmp_path: Path) -> None:
    items, _ = listing(tmp_path, gone("/trip"), file("/trip/a.png"), gone("/trip/deep"), file("/tripod.png"))
    assert items[0]["_kept"] == ["/trip/a.png", "/trip/deep"]
    assert [item for item in items[1:] if "_kept" in item] == []


def test_the_deletion_of_a_file_says_so(tmp_path: Path) -> None:
    items, _ = listing(tmp_path, {**gone("/a.png"), "alone": True}, gone("/b"))
    assert [item.get("_alone", False) for item in items] == [True, False]


@pytest.mark.parametrize(("entry", "code"), [
    (file("/a.mp4"), "UNSUPPORTED_FORMAT"), (file("/a.gdoc", is_downloadable=False), "NOT_DOWNLOADABLE"),
    (file("/a.png", size=5000 * MIB), "FILE_TOO_LARGE")])
def test_files_that_are_not_worth_a_download_are_refused_at_once(
    tmp_path: Path, entry: Mapping[str, Any], code: str
) -> None:
    items, _ = listing(tmp_path, entry)
    assert [item["_error"]["code"] for item in items] == [code]


def test_a_listing_that_is_none_is_refused(tmp_path: Path, blobs: Kept) -> None:
    with pytest.raises(FileRefused):
        list(reading(tmp_path, blobs, b"{not json", source="dropbox"))
