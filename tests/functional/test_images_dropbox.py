"""A Dropbox account's pictures, from the change there to the object here, on a Dropbox with its true protocol."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import pytest
from PIL import Image

from chalicelib.jobs import transitions
from chalicelib.jobs.model import Status
from chalicelib.local.fakes.dropbox import FakeDropbox
from tests.fixtures.images import picture
from tests.functional.engine import Engine
from tests.functional.images import counts, downloads, followed, following, listed, objects, pictures, undo, work


@pytest.fixture
def dropbox() -> Iterator[FakeDropbox]:
    with FakeDropbox() as fake:
        yield fake


@pytest.fixture
def engine(aws, dropbox: FakeDropbox) -> Engine:
    return following(aws, dropbox)


def test_three_formats_of_one_name_become_three_pictures(engine: Engine, dropbox: FakeDropbox) -> None:
    tree = dropbox.tree()
    tree.put("/Trip/photo.heic", picture("AVIF", "teal"))
    tree.put("/Trip/photo.png", picture("PNG", "navy"))
    tree.put("/Trip/PHOTO.JPG", picture("JPEG", "olive"))
    [job] = followed(engine)
    assert (job.status, counts(job), transitions.balanced(job)) == (Status.COMPLETED, {"new": 3}, True)
    found = pictures(engine)
    assert set(found) == {"/Trip/photo.heic", "/Trip/photo.png", "/Trip/PHOTO.JPG"}
    assert objects(engine) == {image.key for image in found.values()}
    for image in found.values():
        body = engine.services.blobs.get(image.key)
        assert len(body) == image.bytes
        assert Image.open(io.BytesIO(body)).size == (image.width, image.height) == (48, 32)
        told = engine.aws.client("s3").head_object(Bucket=engine.aws.bucket, Key=image.key)
        assert (told["ContentType"], told["CacheControl"]) == ("image/jpeg", "public, max-age=31536000, immutable")


def test_the_same_revisions_again_cost_no_download(engine: Engine, dropbox: FakeDropbox) -> None:
    dropbox.tree().put("/a.png", picture())
    dropbox.tree().put("/b.png", picture(colour="navy"))
    followed(engine)
    before, there = downloads(dropbox), pictures(engine)
    [job] = followed(engine, full=True)
    assert (counts(job), downloads(dropbox) - before) == ({"unchanged": 2}, 0)
    assert {path: image.key for path, image in pictures(engine).items()} == {
        path: image.key for path, image in there.items()}


def test_a_new_revision_replaces_the_picture_and_undo_brings_it_back(engine: Engine, dropbox: FakeDropbox) -> None:
    dropbox.tree().put("/a.png", picture(colour="teal"))
    followed(engine)
    old = pictures(engine)["/a.png"]
    dropbox.tree().put("/a.png", picture(colour="navy"))
    [job] = followed(engine)
    new = pictures(engine)["/a.png"]
    assert (counts(job), objects(engine)) == ({"updated": 1}, {new.key})
    assert new.key != old.key
    assert new.created_at == old.created_at < new.updated_at
    job = undo(engine, job)
    assert (job.undo_restored, pictures(engine)["/a.png"], objects(engine)) == (1, old, {old.key})


@pytest.mark.parametrize("seed", range(2))
def test_a_rename_moves_the_picture_without_decoding(engine: Engine, dropbox: FakeDropbox, seed: int) -> None:
    dropbox.tree().put("/old/a.png", picture())
    dropbox.tree().put("/old/b.png", picture(colour="navy"))
    followed(engine)
    before, there = downloads(dropbox), pictures(engine)
    dropbox.tree().move("/old", "/new")
    [job] = listed(engine)
    work(engine, random.Random(seed))
    assert counts(engine.job(job.job_id)) == {"new": 2, "updated": 1}
    found = pictures(engine)
    assert set(found) == {"/new/a.png", "/new/b.png"}
    assert objects(engine) == {image.key for image in found.values()}
    assert downloads(dropbox) == before
    for name in ("a.png", "b.png"):
        assert (found[f"/new/{name}"].bytes, found[f"/new/{name}"].source_id) == (
            there[f"/old/{name}"].bytes, there[f"/old/{name}"].source_id)


def test_a_deleted_folder_takes_its_pictures_along_and_undo_brings_them_back(
    engine: Engine, dropbox: FakeDropbox
) -> None:
    for name in ("/trip/a.png", "/trip/deep/er/b.png", "/tripod.png"):
        dropbox.tree().put(name, picture(colour="teal" if "a" in name else "navy"))
    followed(engine)
    before = pictures(engine)
    dropbox.tree().delete("/trip")
    [job] = followed(engine)
    assert (counts(job), set(pictures(engine))) == ({"updated": 1}, {"/tripod.png"})
    assert objects(engine) == {before["/tripod.png"].key}
    job = undo(engine, job)
    assert (job.undo_restored, pictures(engine)) == (1, before)
    assert objects(engine) == {image.key for image in before.values()}


def test_what_is_not_there_is_deleted_without_a_change(engine: Engine, dropbox: FakeDropbox) -> None:
    followed(engine)
    dropbox.tree().put("/a.png", picture())
    dropbox.tree().delete("/a.png")
    [job] = followed(engine)
    assert (counts(job), pictures(engine), objects(engine)) == ({"unchanged": 1}, {}, set())


def test_a_file_that_dropbox_has_no_more_is_unchanged_with_a_warning(engine: Engine, dropbox: FakeDropbox) -> None:
    dropbox.tree().put("/a.png", picture())
    [job] = listed(engine)
    dropbox.tree().delete("/a.png")
    assert work(engine) == 1
    [detail] = engine.services.ledger.batches(job.job_id, 1)
    assert (counts(engine.job(job.job_id)), detail.entry.warnings) == ({"unchanged": 1}, {"0:1": ["gone"]})
    assert undo(engine, job).undo_unchanged == 1


def test_a_busy_dropbox_hands_the_message_back_and_costs_no_receive(engine: Engine, dropbox: FakeDropbox) -> None:
    dropbox.tree().put("/a.png", picture())
    [job] = listed(engine)
    dropbox.behaviour.change({"script": ["429:300"] * 10})
    assert work(engine) == 1
    assert (engine.depth("images"), engine.depth("images-dlq")) == (1, 0)
    assert engine.job(job.job_id).pending == 1

