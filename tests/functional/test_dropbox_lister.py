"""Following a Dropbox account: what changed becomes jobs in order, once, whatever happens to the lister meanwhile."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.adapters.images import Image, Page, Space
from chalicelib.api.tasks import parse_task
from chalicelib.errors import Conflict
from chalicelib.jobs.model import Status
from tests.conftest import Aws
from tests.functional.dropbox import Following, following
from tests.functional.engine import Killed, Mortal, Until

SMALL = {"page_entries": 1, "file_entries": 2}
"""Two entries a listing file, each a page of its own."""


@pytest.fixture
def stage(shared_aws: Aws) -> Iterator[Following]:
    with following(shared_aws) as made:
        for queue in ("tasks", "split"):
            made.engine.bodies(queue)
        yield made


class Pictures:
    """The store, as far as a lister looks at it: what is there, page by page."""

    def __init__(self, *paths: str, space: Space = Space.DROPBOX) -> None:
        self.all = [Image(path=path, path_id=path.lower(), space=space) for path in sorted(paths)]

    def page(self, _owner: str, *, folder: str = "", limit: int, cursor: str = "") -> Page:
        found = [image for image in self.all if image.path_id > cursor and image.path_id.startswith(folder.lower())]
        return Page(tuple(found[:limit]), found[limit - 1].path_id if len(found) > limit else "")


class Sent:
    """Queues that only note what is sent, and how late it may come."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any, float]] = []

    def send(self, queue: str, body: Any, *, delay: float = 0, group: str = "") -> None:
        self.messages.append((queue, body, delay))


class AtOnce:
    """The queues, without any delay."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def send(self, queue: str, body: Any, *, delay: float = 0, group: str = "") -> None:
        self._real.send(queue, body, group=group)


class Budget:
    """Plenty of time for so many looks at the clock, then none."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> float:
        self.looks -= 1
        return 60.0 if self.looks >= 0 else 0.1


def test_the_first_look_lists_all_that_is_there_and_later_ones_what_changed(stage: Following):
    stage.fake.tree().put("/Trip/One.jpg", b"1")
    stage.look()
    stage.fake.tree().put("/two.png", b"2")
    stage.fake.tree().move("/Trip", "/Journey")
    stage.look()

    first, second = stage.jobs
    assert stage.told == [
        ("file", "/trip/one.jpg"), ("file", "/two.png"), ("deleted", "/trip"), ("file", "/journey/one.jpg")]
    assert (first.owner, first.pipeline, first.status) == (stage.owner, "images", Status.PENDING)
    assert (first.requested_by, first.uploaded_at < second.uploaded_at) == ("dropbox", True)
    assert stage.engine.depth("split") == 2


def test_a_listing_says_all_that_a_worker_needs(stage: Following):
    told = stage.fake.tree().put("/Trip/One.jpg", b"abc")
    stage.look()

    file = next(line for line in stage.lines(stage.jobs[0]) if line["tag"] == "file")
    assert {name: file[name] for name in ("id", "rev", "name", "size", "content_hash")} == {
        name: told[name] for name in ("id", "rev", "name", "size", "content_hash")}
    assert (file["path"], file["path_lower"]) == ("/Trip/One.jpg", "/trip/one.jpg")


def test_without_an_owner_in_the_settings_pictures_belong_to_the_default_one(shared_aws: Aws):
    with following(shared_aws, DROPBOX_OWNER="") as stage:
        stage.fake.tree().put("/a.jpg", b"1")
        stage.look()
        assert [job.owner for job in stage.jobs] == [stage.services.settings.default_owner]


def test_nothing_new_and_mere_folders_make_no_job(stage: Following):
    stage.look()
    stage.fake.tree().make_folder("/Empty/Inside")
    stage.look()
    stage.look()

    assert stage.jobs == []
    assert stage.listings == 3


def test_a_notification_that_comes_again_is_not_even_listed(stage: Following):
    stage.fake.tree().put("/a.jpg", b"1")
    stage.look()
    seen = stage.listings
    for _ in range(5):
        stage.lister().run(stage.account, stage.now)
        stage.lister().run(stage.account, "2020-01-01T00:00:00.000Z")

    assert (stage.listings, len(stage.jobs)) == (seen, 1)


def test_five_notifications_at_once_list_once(stage: Following):
    stage.fake.latency = 0.1
    stage.fake.tree().put("/a.jpg", b"1")
    queues = AtOnce(stage.services.queues)
    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(stage.lister(queues=queues).run, stage.account, stage.now) for _ in range(5)]:
            done.result()
    assert stage.engine.depth("tasks") == 4, "those that found the lease taken come again"

    assert stage.tasks() == 4
    assert (stage.listings, len(stage.jobs)) == (1, 1)


def test_who_finds_the_lease_taken_waits_for_its_end_but_not_long(stage: Following):
    sent = Sent()
    stage.services.leases.take(f"dropbox/{stage.account}", 600)
    stage.lister(queues=sent).run(stage.account, stage.now)
    stage.engine.time.pass_(595)
    stage.lister(queues=sent).run(stage.account, stage.now)

    assert [delay for _, _, delay in sent.messages] == [30, 5]
    assert (stage.listings, sent.messages[0][0]) == (0, stage.engine.name("tasks"))


def test_without_time_the_message_is_sent_on_and_the_listing_continued(stage: Following):
    for name in "abcdefg":
        stage.fake.tree().put(f"/{name}.jpg", name.encode())
    message, rounds = stage.notice(), 0
    while message:
        stage.lister(remaining=Budget(6), images_store=Pictures(), **SMALL).run(stage.account, message["at"])
        message, rounds = next(iter(stage.waiting()), {}), rounds + 1

    assert stage.told == [("file", f"/{name}.jpg") for name in "abcdefg"]
    assert rounds > 2


def test_what_changes_while_all_is_listed_is_not_missed(stage: Following):
    for name in "abcd":
        stage.fake.tree().put(f"/{name}.jpg", name.encode())
    stage.lister(remaining=Budget(5), **SMALL).run(stage.account, stage.now)
    assert len(stage.jobs) == 1
    stage.fake.tree().put("/new.jpg", b"n")
    stage.look(images_store=Pictures(), **SMALL)

    assert [path for _, path in stage.told] == ["/a.jpg", "/b.jpg", "/c.jpg", "/d.jpg", "/new.jpg"]


def test_a_busy_dropbox_is_waited_for_without_spending_a_receive(aws: Aws):
    sent = Sent()
    with following(aws) as stage:  # all workers hold off, so the emulator's account is this test's own
        stage.fake.behaviour.change({"script": ["429:20"]})
        stage.look(queues=sent)
    (queue, message, delay), = sent.messages

    assert (queue, 15 <= delay <= 25, stage.jobs) == (stage.engine.name("tasks"), True, [])
    assert parse_task(json.dumps(message))
    assert stage.services.leases.take(f"dropbox/{stage.account}", 1).mine, "it was given back for the while"


def test_a_void_cursor_means_that_all_is_listed_anew(stage: Following):
    stage.fake.tree().put("/a.jpg", b"1")
    stage.look()
    stage.fake.tree().put("/b.jpg", b"2")
    stage.fake.tree().reset()
    stage.look(images_store=Pictures("/A.jpg", "/Old/gone.jpg"))

    assert stage.told == [("file", "/a.jpg"), ("file", "/a.jpg"), ("file", "/b.jpg"), ("deleted", "/old/gone.jpg")]
    assert len({job.job_id for job in stage.jobs}) == 3
    assert all(job.again for job in stage.jobs), "no listing may count as a duplicate of another"


def test_an_operator_has_all_listed_once_however_often_the_message_comes(stage: Following):
    stage.fake.tree().put("/a.jpg", b"1")
    stage.look()
    stage.look(full=True)
    stage.lister().run(stage.account, stage.now, full=True)

    assert stage.told == [("file", "/a.jpg"), ("file", "/a.jpg")]


def test_changes_are_told_before_all_is_listed(stage: Following):
    stage.fake.tree().put("/a.jpg", b"1")
    stage.look()
    stage.fake.tree().delete("/a.jpg")
    stage.look(full=True, images_store=Pictures())

    assert stage.told == [("file", "/a.jpg"), ("deleted", "/a.jpg")], "its picture may be on its way yet"


def test_a_listing_that_was_only_half_read_deletes_nothing(stage: Following):
    for name in "abcd":
        stage.fake.tree().put(f"/{name}.jpg", name.encode())
    store = Pictures("/d.jpg", "/gone.jpg")
    stage.lister(remaining=Budget(5), images_store=store, **SMALL).run(stage.account, stage.now)
    stage.fake.tree().reset()
    stage.lister(remaining=Budget(5), images_store=store, **SMALL).run(stage.account, stage.now)
    assert len(stage.jobs) == 2
    assert "deleted" not in dict(stage.told)

    stage.look(images_store=store, **SMALL)
    assert stage.told[-1] == ("deleted", "/gone.jpg")
    assert [tag for tag, _ in stage.told].count("deleted") == 1


def test_a_full_listing_whose_files_are_gone_deletes_nothing(stage: Following):
    for name in "abcd":
        stage.fake.tree().put(f"/{name}.jpg", name.encode())
    store = Pictures("/gone.jpg")
    stage.lister(remaining=Budget(5), images_store=store, **SMALL).run(stage.account, stage.now)
    job = stage.jobs[0]
    stage.services.blobs.delete(job.file_key)
    stage.engine.aws.client("s3").delete_object(Bucket=job.bucket, Key=job.file_key, VersionId=job.version_id)
    stage.look(images_store=store, **SMALL)

    assert [job.options["swept"] for job in stage.jobs] == ["", ""]


def test_pictures_that_were_dropped_are_not_dropboxs_to_delete(stage: Following):
    stage.look(images_store=Pictures("/mine.jpg", space=Space.DROPS))
    assert stage.jobs == []


def test_a_sweep_of_many_pictures_goes_on_in_the_next_file(stage: Following):
    stage.fake.tree().put("/p5.jpg", b"5")
    store = Pictures(*(f"/p{number}.jpg" for number in range(10)))
    stage.look(images_store=store, sweep_page=2, file_entries=3, page_entries=3)

    assert stage.told == [("file", "/p5.jpg"), *(("deleted", f"/p{number}.jpg") for number in range(10) if number != 5)]
    assert len(stage.jobs) == 4


def test_another_folder_is_listed_from_its_beginning(shared_aws: Aws):
    with following(shared_aws) as stage:
        stage.fake.tree().put("/out.jpg", b"1")
        stage.fake.tree().put("/In/a.jpg", b"2")
        stage.look()
        narrow = Following(shared_aws, stage.fake, DROPBOX_FOLDER="/In", DROPBOX_OWNER=stage.owner)
        narrow.engine.time.now = stage.engine.time.now
        narrow.look(images_store=Pictures())

        assert [path for _, path in narrow.told] == ["/in/a.jpg", "/out.jpg", "/in/a.jpg"]


def test_a_folder_that_is_not_there_deletes_nothing_and_is_listed_when_it_is_there(shared_aws: Aws):
    with following(shared_aws, DROPBOX_FOLDER="/Later") as stage:
        stage.look(images_store=Pictures("/later/old.jpg"))
        assert (stage.jobs, stage.waiting()) == ([], [])
        stage.fake.tree().put("/Later/a.jpg", b"1")
        stage.look(images_store=Pictures("/later/old.jpg"))
        assert stage.told == [("file", "/later/a.jpg"), ("deleted", "/later/old.jpg")]


def test_an_account_that_our_token_does_not_reach_is_left_alone(stage: Following):
    stage.lister().run("dbid:somebody-else", stage.now)
    assert stage.listings == 0


class Clinging:
    """Leases of a process that may die: the dead give nothing back."""

    def __init__(self, real: Any, until: Until) -> None:
        self._real = real
        self._until = until

    def take(self, name: str, seconds: float) -> Any:
        return self._real.take(name, seconds)

    def give_back(self, lease: Any) -> None:
        if self._until.seen < self._until.fatal:
            self._real.give_back(lease)


def parts_of(stage: Following, fatal: int) -> tuple[Until, dict[str, Any]]:
    """What a lister writes with that dies just before its write number `fatal`."""
    until, real = Until(fatal), stage.services
    mortals = {name: Mortal(getattr(real, name), until) for name in ("ledger", "blobs", "queues", "dropbox_cursors")}
    return until, {**mortals, "leases": Clinging(real.leases, until)}


def test_a_lister_that_dies_at_any_write_loses_nothing_and_doubles_nothing(stage: Following):
    stage.look(images_store=Pictures())
    for fatal in itertools.count(1):
        stage.fake.tree().put(f"/{fatal:02}.jpg", b"x")
        stage.engine.time.pass_(1)
        at = stage.now
        until, parts = parts_of(stage, fatal)
        try:
            stage.lister(**parts).run(stage.account, at)
        except Killed:
            stage.engine.time.pass_(120)
        stage.lister().run(stage.account, at)
        assert stage.told == [("file", f"/{number:02}.jpg") for number in range(1, fatal + 1)]
        if until.seen < fatal:
            break

    assert fatal > 5
    assert all(stage.engine.bodies("split")), "each job was sent to be split"
    stage.look()
    assert len(stage.jobs) == fatal


def test_a_full_listing_that_dies_at_any_write_tells_all_once(stage: Following):
    expected = [("file", "/a.jpg"), ("file", "/b.jpg"), ("file", "/c.jpg"), ("deleted", "/gone.jpg")]
    for _, path in expected[:3]:
        stage.fake.tree().put(path, path.encode())
    store = {"images_store": Pictures("/b.jpg", "/gone.jpg"), **SMALL}
    before = 0
    for fatal in itertools.count(1):
        stage.engine.time.pass_(1)
        at = stage.now
        until, parts = parts_of(stage, fatal)
        try:
            stage.lister(**store, **parts).run(stage.account, at, full=True)
        except Killed:
            stage.engine.time.pass_(120)
        stage.lister(**store).run(stage.account, at, full=True)
        jobs = stage.jobs
        assert stage.told_of(jobs[before:]) == expected
        before = len(jobs)
        if until.seen < fatal:
            break
    assert fatal > 15


def test_of_two_listers_that_both_think_they_are_alone_the_slower_one_yields(stage: Following):
    """The lease of the first has expired while it waited for Dropbox."""
    stage.fake.tree().put("/a.jpg", b"1")
    stage.engine.time.pass_(1)
    at = stage.now
    second = stage.lister()
    real = stage.services.dropbox()

    class Slow:
        def list_folder(self, *values: Any, **named: Any) -> Any:
            page = real.list_folder(*values, **named)
            stage.engine.time.pass_(120)
            second.run(stage.account, at)
            return page

    with pytest.raises(Conflict):
        stage.lister(dropbox=lambda: SimpleNamespace(list_folder=Slow().list_folder)).run(stage.account, at)
    stage.lister().run(stage.account, at)
    assert stage.told == [("file", "/a.jpg")]
