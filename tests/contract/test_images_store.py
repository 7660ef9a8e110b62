"""The store of pictures over the emulator on the wire, and what keeps objects and records together."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.adapters import image_items as items
from chalicelib.adapters import image_records as records
from chalicelib.adapters.dynamodb import translated
from chalicelib.adapters.image_keeping import ImageKeeping, mark_of
from chalicelib.adapters.image_records import Image, Place, Space, version_of
from chalicelib.adapters.images import Images, Note, NoteKind
from chalicelib.adapters.ledger_items import action_of
from chalicelib.adapters.s3 import Blobs
from chalicelib.errors import Conflict
from chalicelib.jobs.model import Job, Outcome, RowId, Status, Undo
from chalicelib.jobs.pipeline import PutBack

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def account(new_aws: Any) -> Any:
    return new_aws()


class Corner:
    """A store and a bucket with an owner whom no other test knows."""

    def __init__(self, account: Any) -> None:
        self.images = Images(account.client("dynamodb"), "dropmill-test-images", clock=lambda: NOW)
        self.blobs = Blobs(account.client("s3"), account.bucket)
        self.keeping = ImageKeeping(self.images, self.blobs, lambda _: None, random.Random(1))
        self.owner = f"owner{next(_NUMBERS)}"

    def job(self, at: int) -> Job:
        return Job(job_id=f"{self.owner}-{at}", owner=self.owner, pipeline="images", status=Status.PROCESSING,
                   file_name="d", file_key="k", created_at="t", updated_at="t",
                   uploaded_at=f"2026-11-22T01:00:{at:02}.000Z")

    def at(self, path: str, space: Space = Space.DROPBOX) -> Place:
        return Place(self.owner, space, path)

    def stored(self, path: str, at: int = 1, revision: str = "", row: int = 1, space: Space = Space.DROPBOX) -> Outcome:
        """A picture comes, with its object, and is settled and tidied."""
        job, place = self.job(at), self.at(path, space)
        image = Image(owner=self.owner, space=space, path_id=path, image_id=place.image_id, path=path.title(),
                      revision=revision or f"r{at}", content_hash=f"h{revision or at}{path}",
                      key=f"images/{self.owner}{path}.{at}", version=version_of(job, RowId(0, row)))
        self.images.put_note(job.job_id, row, Note(NoteKind.MADE, place, image.version, image.key))
        self.blobs.put(image.key, image.key.encode())
        outcome = self.settled(job, image)
        self.keeping.tidy(job, row)
        return outcome

    def settled(self, job: Job, image: Image, before: Callable[[], Any] = lambda: None) -> Outcome:
        record, fell = self.images.known(image.place)
        before()
        outcome, now = records.stored(record, fell, job, image.version, image, made=True)
        if now is not record and now.image is not None:
            writes = [self.images.write(now), *self.images.pointers(now.image)]
            with translated("as read"):
                self.images.client.transact_write_items(TransactItems=[action_of(each) for each in writes])
        return outcome

    def deleted(
        self, path: str, at: int, row: int = 1, kept: tuple[str, ...] = (), *, alone: bool = False,
    ) -> bool | None:
        job = self.job(at)
        note = Note(NoteKind.FELL, self.at(path), version_of(job, RowId(0, row)))
        self.images.put_note(job.job_id, row, note)
        went = self.keeping.delete(job, note, kept, lambda: True, alone=alone)
        self.keeping.tidy(job, row)
        return went

    def undone(self, kind: NoteKind, path: str, at: int, row: int = 1) -> PutBack:
        job = self.job(at)
        [result] = self.keeping.put_back(job, [mark_of(Note(kind, self.at(path), version_of(job, RowId(0, row))))])
        return result.became

    def paths(self) -> list[str]:
        return sorted(image.path_id for image in self.images.under(self.owner, ""))

    def objects(self) -> set[str]:
        return set(self.blobs.keys(f"images/{self.owner}/"))

    def right(self) -> bool:
        return self.objects() == {image.key for image in self.images.under(self.owner, "/")}


@pytest.fixture
def place(account: Any) -> Corner:
    return Corner(account)


def test_a_picture_is_found_by_path_and_id_by_its_owner_alone(place: Corner, account: Any) -> None:
    place.stored("/trip/a.png")
    [image] = place.images.under(place.owner, "/trip")
    assert image.image_id == place.at("/trip/a.png").image_id
    assert place.images.get(place.owner, image.image_id) == image
    assert place.images.page(place.owner, limit=10).images == (image,)
    assert (image.path, image.name, image.created_at) == ("/Trip/A.Png", "A.Png", "2026-11-22T01:00:01.000Z")
    other = Corner(account)
    assert other.images.get(other.owner, image.image_id) is None
    assert (other.paths(), other.images.page(other.owner, limit=10).images) == ([], ())


def test_pages_follow_the_path_and_a_folder_narrows_them(place: Corner) -> None:
    paths = [f"/trip/{name}.png" for name in "bdac"] + ["/trip.png", "/tripod/a.png", "/trip/deep/a.png"]
    for path in paths:
        place.stored(path)
    place.stored("/trip/x.png", space=Space.DROPS)
    found, cursor = [], ""
    while True:
        page = place.images.page(place.owner, folder="/Trip/", limit=2, cursor=cursor)
        found += [image.path_id for image in page.images]
        cursor = page.cursor
        if not cursor:
            break
    assert found == ["/trip/a.png", "/trip/b.png", "/trip/c.png", "/trip/d.png", "/trip/deep/a.png", "/trip/x.png"]
    assert len(place.images.page(place.owner, limit=100).images) == 8
    assert place.images.page(place.owner, folder="/none", limit=2).images == ()


def test_a_later_upload_wins_in_whatever_order_they_come(place: Corner) -> None:
    assert [place.stored("/a.png", at) for at in (2, 1, 3)] == [Outcome.NEW, Outcome.SUPERSEDED, Outcome.UPDATED]
    assert place.objects() == {f"images/{place.owner}/a.png.3"}


def test_of_two_at_once_the_slower_one_reads_again(place: Corner) -> None:
    job = place.job(1)
    image = Image(owner=place.owner, space=Space.DROPBOX, path_id="/a.png", image_id=place.at("/a.png").image_id,
                  path="/a.png", revision="r", key="k", version=version_of(job, RowId(0, 1)))
    with pytest.raises(Conflict):
        place.settled(job, image, before=lambda: place.stored("/a.png", 2))
    assert place.settled(job, image) is Outcome.SUPERSEDED


def test_a_folder_goes_with_all_that_is_older_and_not_kept(place: Corner) -> None:
    for path in ("/t/a.png", "/t/b/c.png", "/t/k/d.png", "/tt/e.png"):
        place.stored(path)
    place.stored("/t/late.png", 5)
    place.stored("/t/x.png", space=Space.DROPS)
    assert place.deleted("/t", 3, kept=("/t/k",)) is True
    assert place.paths() == ["/t/k/d.png", "/t/late.png", "/tt/e.png"]
    assert list(place.images.under(place.owner, "/t", space=Space.DROPS))
    assert place.deleted("/t", 3, kept=("/t/k",)) is True, "asked again it says the same"
    assert place.deleted("/t", 4, kept=("/t/k",)) is False


def test_a_file_that_became_a_folder_goes_alone(place: Corner) -> None:
    place.stored("/t", 1)
    place.stored("/t/a.png", 2)
    assert place.deleted("/t", 3, alone=True) is True
    assert place.paths() == ["/t/a.png"]
    assert place.stored("/t/b.png", 2) is Outcome.NEW


def test_what_comes_late_into_a_deleted_folder_stays_away(place: Corner) -> None:
    assert place.deleted("/t", 3) is False
    assert place.stored("/t/deep/a.png", 2) is Outcome.SUPERSEDED
    assert place.stored("/t/deep/a.png", 4) is Outcome.NEW
    assert place.right()


def test_a_picture_that_was_judged_before_its_folder_was_deleted_and_stored_after_goes_all_the_same(
    place: Corner
) -> None:
    job = place.job(2)
    image = Image(owner=place.owner, space=Space.DROPBOX, path_id="/t/a.png", image_id=place.at("/t/a.png").image_id,
                  path="/t/a.png", revision="r", key=f"images/{place.owner}/t/a.png",
                  version=version_of(job, RowId(0, 1)))
    place.images.put_note(job.job_id, 1, Note(NoteKind.MADE, image.place, image.version, image.key))
    place.blobs.put(image.key, b"x")
    assert place.settled(job, image, before=lambda: place.deleted("/t", 3)) is Outcome.NEW
    place.keeping.tidy(job, 1)
    assert (place.paths(), place.objects()) == ([], set())
    assert place.undone(NoteKind.FELL, "/t", 3) is PutBack.RESTORED
    assert (place.paths(), place.right()) == (["/t/a.png"], True)


def test_undoing_a_deletion_lets_older_pictures_in_again(place: Corner) -> None:
    place.deleted("/t", 3)
    assert place.undone(NoteKind.FELL, "/t", 3) is PutBack.UNCHANGED
    assert place.stored("/t/a.png", 2) is Outcome.NEW


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_jobs_undone_in_any_order_leave_nothing(place: Corner, order: tuple[int, ...]) -> None:
    place.stored("/a.png", 1)
    place.stored("/a.png", 2)
    place.deleted("/a.png", 3)
    kinds = {1: NoteKind.MADE, 2: NoteKind.MADE, 3: NoteKind.FELL}
    for at in order:
        place.undone(kinds[at], "/a.png", at)
        assert place.right()
    assert place.paths() == []


def test_undo_brings_the_object_back_and_says_the_same_when_asked_again(place: Corner) -> None:
    place.stored("/a.png", 1)
    place.stored("/a.png", 2)
    assert place.objects() == {f"images/{place.owner}/a.png.2"}
    assert [place.undone(NoteKind.MADE, "/a.png", 2) for _ in range(3)] == [PutBack.RESTORED] * 3
    assert place.blobs.get(f"images/{place.owner}/a.png.1") == f"images/{place.owner}/a.png.1".encode()
    assert place.right()


def test_what_a_later_job_made_is_kept(place: Corner) -> None:
    place.stored("/a.png", 1)
    place.stored("/a.png", 2)
    assert place.undone(NoteKind.MADE, "/a.png", 1) is PutBack.KEPT
    assert place.objects() == {f"images/{place.owner}/a.png.2"}


def test_a_picture_whose_old_object_is_kept_no_more_stays_as_it_is(place: Corner, account: Any) -> None:
    place.stored("/a.png", 1)
    place.stored("/a.png", 2)
    s3 = account.client("s3")
    for entry in s3.list_object_versions(Bucket=account.bucket, Prefix=f"images/{place.owner}/a.png.1")["Versions"]:
        s3.delete_object(Bucket=account.bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    assert place.undone(NoteKind.MADE, "/a.png", 2) is PutBack.KEPT
    assert place.right()


def test_an_object_of_a_batch_that_never_settled_goes_when_its_job_is_undone(place: Corner) -> None:
    job = place.job(1)
    note = Note(NoteKind.MADE, place.at("/a.png"), version_of(job, RowId(0, 1)), f"images/{place.owner}/a.png.1")
    place.images.put_note(job.job_id, 1, note)
    place.blobs.put(note.key, b"x")
    place.keeping.tidy(replace(job, undo=Undo.RUNNING), 1)
    assert place.objects() == set()


def test_a_deletion_of_a_batch_that_never_settled_is_taken_back_when_its_job_is_undone(place: Corner) -> None:
    place.stored("/t/a.png", 1)
    place.deleted("/t", 2)
    place.keeping.tidy(replace(place.job(2), undo=Undo.RUNNING), 1)
    assert (place.paths(), place.right()) == (["/t/a.png"], True)


def test_the_same_content_is_found_wherever_it_stood_last(place: Corner) -> None:
    place.stored("/old.png", 1, revision="x")
    twin = place.images.alike(place.owner, Space.DROPBOX, "hx/old.png")
    assert twin is not None
    assert twin.path_id == "/old.png"
    place.deleted("/old.png", 2)
    assert place.images.alike(place.owner, Space.DROPBOX, "hx/old.png") == twin
    assert place.images.alike(place.owner, Space.DROPS, "hx/old.png") is None
    assert place.images.alike(f"{place.owner}2", Space.DROPBOX, "hx/old.png") is None
    assert place.images.alike(place.owner, Space.DROPBOX, "") is None


def test_a_deletion_that_runs_out_of_time_goes_on_where_it_was(place: Corner) -> None:
    for name in "abc":
        place.stored(f"/t/{name}.png")
    job = place.job(2)
    note = Note(NoteKind.FELL, place.at("/t"), version_of(job, RowId(0, 1)))
    left = iter([True, False])
    assert place.keeping.delete(job, note, (), lambda: next(left)) is None
    assert len(place.paths()) == 2
    assert place.keeping.delete(job, note, (), lambda: True) is True
    assert place.paths() == []


def test_records_without_a_picture_expire_and_those_with_one_do_not(place: Corner) -> None:
    place.stored("/a.png", 1)
    place.deleted("/b.png", 1, row=2)
    key = {name: {"S": value} for name, value in items.record_key(place.at("/a.png")).items()}
    stays = place.images.client.get_item(TableName=place.images.table, Key=key)["Item"]
    key = {name: {"S": value} for name, value in items.record_key(place.at("/b.png")).items()}
    goes = place.images.client.get_item(TableName=place.images.table, Key=key)["Item"]
    assert "expires_at" not in stays
    assert int(goes["expires_at"]["N"]) == int(NOW.timestamp()) + 30 * 86400


def test_many_jobs_at_one_place_keep_its_record_small(place: Corner) -> None:
    for at in range(1, 20):
        place.stored("/a.png", at)
    record = place.images.record(place.at("/a.png"))
    assert len(record.links) == records.MAX_LINKS
    assert place.undone(NoteKind.MADE, "/a.png", 1) is PutBack.KEPT
    assert place.right()
