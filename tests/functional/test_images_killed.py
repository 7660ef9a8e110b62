"""Messages that come twice, in any order and after crashes: the records are the same, and no object is left behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Services
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import BatchState, Job, Status, stamp
from chalicelib.local.fakes.dropbox import FakeDropbox
from tests.fixtures.images import archive, picture
from tests.functional.engine import Context, Engine, Killed, Until, session_of
from tests.functional.images import (
    OWNER,
    counts,
    downloads,
    dropped,
    followed,
    following,
    invoke,
    jobs,
    listed,
    messages,
    objects,
    pictures,
    undo,
    work,
)


class MortalClient:
    """A client of AWS in a process that dies just before its write number `fatal`, and writes nothing after that."""

    WRITES = frozenset({"put_item", "update_item", "delete_item", "transact_write_items", "put_object", "upload_file",
                        "copy_object", "delete_object", "delete_objects", "send_message", "delete_message",
                        "change_message_visibility"})

    def __init__(self, real: Any, until: Until) -> None:
        self._real = real
        self._until = until

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._counted(found) if name in self.WRITES else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any, **named: Any) -> Any:
            self._until.seen += 1
            if self._until.seen >= self._until.fatal:
                raise Killed
            return call(*values, **named)
        return counted


class MortalSession:
    def __init__(self, environment: Mapping[str, str], until: Until) -> None:
        self._real = session_of(environment)
        self._until = until

    def client(self, *values: Any, **named: Any) -> Any:
        return MortalClient(self._real.client(*values, **named), self._until)


@pytest.fixture
def dropbox() -> Iterator[FakeDropbox]:
    with FakeDropbox() as fake:
        yield fake


@pytest.fixture
def engine(aws, dropbox: FakeDropbox) -> Engine:
    return following(aws, dropbox)


def die_ever_later(engine: Engine) -> list[bool]:
    """Work on each message in a process that dies one write later than the one before, and then, as SQS brings it
    again, in one that lives. Answers which died: all but the last ones."""
    until = Until(0)
    dying = Services(engine.services.settings, clock=engine.time, sleep=lambda _: None, rng=random.Random(1),
                     session=MortalSession(engine.aws.env, until))
    worker = dying.worker("images", Context())
    died = []
    for record in messages(engine, 100):
        until.fatal, until.seen = len(died) + 1, 0
        try:
            worker.work([record])
        except Killed:
            died.append(True)
        else:
            died.append(False)
        assert invoke(engine, [record]) == set()
    return died


def consistent(engine: Engine, job: Job) -> Job:
    """The job has ended, its counters add up, and exactly the objects that records name are there."""
    job = engine.job(job.job_id)
    assert job.status is Status.COMPLETED
    assert transitions.balanced(job)
    assert objects(engine) == {image.key for image in pictures(engine).values()}
    return job


def test_killed_before_any_write_a_new_revision_replaces_its_picture_once(engine: Engine) -> None:
    names = [f"{number}.png" for number in range(6)]
    dropped(engine, archive({name: picture(size=(20 + place, 20)) for place, name in enumerate(names)}), "z.zip")
    before = pictures(engine)
    engine.time.pass_(10)
    later = archive({name: picture(size=(40 + place, 20)) for place, name in enumerate(names)})
    job = engine.drop(later, f"uploads/images/{OWNER}/z.zip", stamp(engine.time()))
    engine.split()
    assert die_ever_later(engine)[-1] is False
    assert counts(consistent(engine, job)) == {"updated": 6}
    assert {image.name: image.width for image in pictures(engine).values()} == {
        name: 40 + place for place, name in enumerate(names)}
    undo(engine, job)
    assert consistent(engine, job).undo_restored == 6
    assert pictures(engine) == before


def test_killed_before_any_write_a_deleted_folder_is_gone_once(engine: Engine, dropbox: FakeDropbox) -> None:
    for folder in range(8):
        dropbox.tree().put(f"/{folder}/deep/a.png", picture(size=(20 + folder, 20)))
    followed(engine)
    before = pictures(engine)
    for folder in range(8):
        dropbox.tree().delete(f"/{folder}")
    [job] = listed(engine)
    assert die_ever_later(engine)[-1] is False
    assert counts(consistent(engine, job)) == {"updated": 8}
    assert pictures(engine) == {}
    undo(engine, job)
    assert consistent(engine, job).undo_restored == 8
    assert pictures(engine) == before


def test_killed_before_any_write_a_renamed_picture_is_there_once(engine: Engine, dropbox: FakeDropbox) -> None:
    for number in range(4):
        dropbox.tree().put(f"/{number}.png", picture(size=(20 + number, 20)))
    followed(engine)
    for number in range(4):
        dropbox.tree().move(f"/{number}.png", f"/to/{number}.png")
    before = downloads(dropbox)
    [job] = listed(engine)
    assert die_ever_later(engine)[-1] is False
    assert counts(consistent(engine, job)) == {"new": 4, "updated": 4}
    assert {path: image.width for path, image in pictures(engine).items()} == {
        f"/to/{number}.png": 20 + number for number in range(4)}
    assert downloads(dropbox) == before


def changes(dropbox: FakeDropbox, engine: Engine) -> None:
    """Three jobs one after the other, none of them worked on."""
    tree = dropbox.tree()
    tree.put("/a.png", picture(colour="teal"))
    tree.put("/b.png", picture(colour="navy"))
    tree.put("/deep/c.png", picture(colour="olive"))
    tree.put("/deep/er/d.png", picture(colour="red"))
    listed(engine)
    tree.put("/a.png", picture(colour="black"))
    tree.move("/deep", "/moved")
    tree.move("/b.png", "/c.png")
    listed(engine)
    tree.put("/deep/e.png", picture(colour="blue"))
    tree.delete("/moved/er")
    tree.put("/moved/er/d.png", picture(colour="pink"))
    listed(engine)


@pytest.mark.parametrize("seed", range(2))
def test_messages_in_any_order_and_twice_at_once_make_the_same_pictures(
    engine: Engine, dropbox: FakeDropbox, seed: int
) -> None:
    changes(dropbox, engine)
    shuffle = random.Random(seed)
    records = messages(engine, 100)
    twice = records + shuffle.sample(records, len(records) // 2)
    shuffle.shuffle(twice)
    while twice:
        invoke(engine, twice[:10])
        twice = twice[10:]
    found = pictures(engine)
    assert {path: image.revision for path, image in found.items()} == {
        node.path: node.rev for node in dropbox.tree().nodes.values() if node.content and not node.deleted}
    assert objects(engine) == {image.key for image in found.values()}
    for job in reversed(jobs(engine)):
        assert undo(engine, job).undo_kept == 0
    assert (pictures(engine), objects(engine)) == ({}, set())


def test_ten_messages_of_which_three_fail_lose_nothing(engine: Engine, dropbox: FakeDropbox) -> None:
    tree = dropbox.tree()
    for number in range(10):
        tree.put(f"/{number}.png", picture(size=(20, 20 + number)))
    wrong = [node for node in tree.revisions.values() if node.path in ("/2.png", "/5.png", "/7.png")]
    for node in wrong:
        tree.revisions[node.rev] = replace(node, content=b"?" * len(node.content or b""))
    [job] = listed(engine)
    failed = invoke(engine, messages(engine))
    assert (len(failed), counts(engine.job(job.job_id)), engine.job(job.job_id).pending) == (3, {"new": 7}, 3)
    for _ in range(3):
        invoke(engine, messages(engine))
    assert (engine.depth("images"), engine.depth("images-dlq")) == (0, 3)
    details = [detail.entry for detail in engine.services.ledger.batches(job.job_id, 10)]
    assert [entry.number for entry in details if "not the file" in entry.cause] == [
        detail.number for detail in details if detail.state is BatchState.FAILED]
    assert counts(consistent(engine, job)) == {"new": 7, "failed": 3}
    for node in wrong:
        tree.revisions[node.rev] = node
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    work(engine)
    assert counts(consistent(engine, job)) == {"new": 10}
