"""Photos and archives of photos, dropped into the bucket."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.jobs import transitions
from chalicelib.jobs.model import Status
from chalicelib.pipelines.images.capacity import MIB, Decoders, Disk
from tests.fixtures.images import archive, bomb, picture, truncated
from tests.functional.engine import Engine
from tests.functional.images import (
    OWNER,
    announced,
    counts,
    dropped,
    invoke_with,
    messages,
    objects,
    pictures,
    undo,
    work,
)


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def test_photos_of_one_name_from_two_owners_never_meet(engine: Engine) -> None:
    dropped(engine, picture(colour="teal"), "me.png", "ada")
    dropped(engine, picture(colour="navy"), "me.png", "bob")
    [hers], [his] = pictures(engine, "ada").values(), pictures(engine, "bob").values()
    assert hers.key.startswith("images/ada/me.png.")
    assert his.key.startswith("images/bob/me.png.")
    assert objects(engine) == {hers.key, his.key}
    dropped(engine, picture(colour="olive"), "me.png", "bob")
    assert pictures(engine, "ada") == {"/me.png": hers}


def test_owners_whose_names_look_alike_in_a_key_have_folders_of_their_own(engine: Engine) -> None:
    names = ("a b", "a_b", "ä", "a")
    for name in names:
        dropped(engine, picture(), "me.png", name)
    folders = {key.split("/")[1] for name in names for key in [pictures(engine, name)["/me.png"].key]}
    assert len(folders) == len(names)


def test_the_dropped_file_stays_as_it_is(engine: Engine) -> None:
    body = picture("JPEG")
    dropped(engine, body, "a.jpg")
    assert engine.services.blobs.get(f"uploads/images/{OWNER}/a.jpg") == body


def test_an_archive_of_thirty_photos_and_what_else_was_in_it(engine: Engine) -> None:
    photos = {f"day {n % 3}/IMG_{n:03}.png": picture(size=(16 + n, 16)) for n in range(30)}
    job = dropped(engine, archive({
        "__MACOSX/day 0/._IMG_000.png": b"litter", "day 1/.DS_Store": b"litter", "day 1/Thumbs.db": b"litter",
        **photos, "day 2/notes.txt": b"a text", "../../etc/evil.png": picture(), "/root.png": picture(),
        "broken.png": b"\x89PNG\r\n\x1a\nbut no more"}), "holiday.zip")
    assert (job.status, job.rows, counts(job)) == (Status.COMPLETED, 34, {"new": 30, "rejected": 4})
    assert transitions.balanced(job)
    assert set(pictures(engine)) == {f"/holiday/{name}" for name in photos}
    assert {image.width for image in pictures(engine).values()} == {16 + n for n in range(30)}
    assert sorted(engine.rejects(job)) == sorted([
        ("/holiday/day 2", 34, "UNSUPPORTED_FORMAT"), ("/../../etc", 35, "UNSAFE_NAME"), ("/", 36, "UNSAFE_NAME"),
        ("/holiday", 37, "TRUNCATED_IMAGE")])
    [sheet] = engine.services.ledger.sheets(job.job_id)
    assert (sheet.physical, sheet.rows, dict(sheet.skipped)) == (37, 34, {"litter": 3})
    assert len(objects(engine)) == 30


def test_of_an_archive_that_comes_again_only_what_changed_is_made(engine: Engine) -> None:
    photos = {"a.png": picture(), "b.png": picture(colour="navy"), "c.png": picture(colour="olive")}
    dropped(engine, archive(photos), "z.zip")
    before = pictures(engine)
    job = dropped(engine, archive({**photos, "b.png": picture(colour="red"), "copy/a.png": picture()}), "z.zip")
    assert counts(job) == {"unchanged": 2, "updated": 1, "new": 1}
    after = pictures(engine)
    assert [path for path, image in before.items() if after[path].key != image.key] == ["/z/b.png"]
    assert after["/z/copy/a.png"].bytes == after["/z/a.png"].bytes
    assert objects(engine) == {image.key for image in after.values()}


@pytest.mark.parametrize(("body", "code"), [
    (bomb(), "TOO_MANY_PIXELS"), (truncated(), "TRUNCATED_IMAGE"), (b"%PDF-1.7 and so on", "UNSUPPORTED_FORMAT")],
    ids=["bomb", "truncated", "pdf"])
def test_what_cannot_become_a_picture_is_a_reject_with_its_reason(engine: Engine, body: bytes, code: str) -> None:
    job = dropped(engine, body, "a.jpg")
    assert (job.status, counts(job), [reject[2] for reject in engine.rejects(job)]) == (
        Status.COMPLETED, {"rejected": 1}, [code])
    assert objects(engine) == set()


def test_a_photo_that_changed_replaces_its_picture_and_a_removed_job_leaves_nothing(engine: Engine) -> None:
    first = dropped(engine, picture(colour="teal"), "a.png")
    second = dropped(engine, picture(colour="navy"), "a.png")
    assert (counts(second), len(objects(engine))) == ({"updated": 1}, 1)
    kept = undo(engine, first)
    assert (kept.undo_kept, len(objects(engine))) == (1, 1)
    assert undo(engine, second).undo_removed == 1
    assert (pictures(engine), objects(engine)) == ({}, set())


def test_the_folder_that_a_client_names_is_part_of_the_place(engine: Engine) -> None:
    announced(engine, picture(), "a.png", folder="weddings/2026")
    dropped(engine, picture(colour="navy"), "a.png")
    assert set(pictures(engine)) == {"/weddings/2026/a.png", "/a.png"}


def test_a_line_of_the_log_says_what_was_saved_and_nothing_stays_on_the_disk(
    engine: Engine, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = picture("BMP", size=(200, 100))
    with caplog.at_level(logging.INFO, "dropmill"):
        dropped(engine, body, "a.bmp")
    [line] = [record for record in caplog.records if record.getMessage() == "picture made"]
    said = vars(line)
    made = pictures(engine)["/a.bmp"]
    assert (said["downloadedBytes"], said["compressedBytes"]) == (len(body), made.bytes)
    assert said["percent"] == round(100 * made.bytes / len(body), 1)
    assert said["milliseconds"] >= 0
    assert said["job_id"] == made.job_id
    assert list(tmp_path.iterdir()) == []


def test_a_message_that_finds_no_disk_comes_again(aws) -> None:
    engine = Engine(aws)
    job = engine.drop(picture(), "uploads/images/a.png")
    engine.split()
    disk = Disk(lambda: 300 * MIB)
    with disk.reserved(200 * MIB):
        invoke_with(engine, messages(engine), disk=disk)
    assert (engine.depth("images"), engine.job(job.job_id).pending) == (1, 1)
    assert work(engine) == 0  # delayed


class Tight(Decoders):
    """Two places with a little memory each, and a lot together."""

    def __init__(self) -> None:
        super().__init__(3008)
        self.asked: list[bool] = []

    @contextmanager
    def taken(self, time_left: Callable[[], float], *, all_of_them: bool = False) -> Iterator[int]:
        self.asked.append(all_of_them)
        with super().taken(time_left, all_of_them=all_of_them):
            yield 500 * MIB if all_of_them else MIB


def test_a_picture_too_large_for_its_share_gets_the_whole_function(engine: Engine) -> None:
    job = engine.drop(picture(), "uploads/images/a.png")
    engine.split()
    decoders = Tight()
    invoke_with(engine, messages(engine), decoders=decoders)
    assert (counts(engine.job(job.job_id)), decoders.asked) == ({"new": 1}, [False, True])
