"""A stage that follows an account at the fake Dropbox: the engine, and listers that die, run out of time or race."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from chalicelib.api.dropbox_lister import Lister, notice, owner_of
from chalicelib.api.tasks import parse_task
from chalicelib.jobs.model import Job, stamp
from chalicelib.local.fakes.dropbox import ACCOUNT, REFRESH_TOKEN, FakeDropbox
from tests.functional.engine import Context, Engine

SETTINGS = {"DROPBOX_CLIENT_ID": "fake-key", "DROPBOX_CLIENT_SECRET": "fake-secret",
            "DROPBOX_REFRESH_TOKEN": REFRESH_TOKEN, "DROPBOX_ACCOUNT": ACCOUNT}


def settings_for(fake: FakeDropbox) -> dict[str, str]:
    """The variables of a stage whose Dropbox is the fake one."""
    return {**SETTINGS, "DROPBOX_API_URL": fake.url, "DROPBOX_CONTENT_URL": fake.url,
            "DROPBOX_ACCOUNT": fake.accounts[REFRESH_TOKEN]}


class Following:
    """A stage and the account that it follows."""

    def __init__(self, aws: Any, fake: FakeDropbox, **settings: Any) -> None:
        self.fake = fake
        self.engine = Engine(aws, {**settings_for(fake), **settings})
        self.services = self.engine.services
        self.account = self.services.settings.dropbox_account
        self.owner = owner_of(self.services.settings)

    def lister(self, **parts: Any) -> Lister:
        """A lister with `parts` in place of the real ones."""
        return self.services.call(Lister, **{"remaining": lambda: 60.0, **parts})

    def look(self, *, full: bool = False, **parts: Any) -> None:
        """A notification comes and is listed, by a lister with `parts`; time passes between two of them."""
        self.engine.time.pass_(1)
        if parts:
            self.lister(**parts).run(self.account, self.now, full=full)
        else:
            self.engine.send("tasks", self.notice(full=full))
            assert self.tasks() == 1, "nothing failed"

    def tasks(self, most: int = 50) -> int:
        """Serve the tasks queue until it is empty; answers how many messages came."""
        context = Context()
        return self.engine.serve("tasks", lambda records: self.services.task_worker(context).work(records), most)

    def waiting(self) -> list[Mapping[str, Any]]:
        """Take the tasks that are visible out of the queue; each must be one that a worker understands."""
        bodies = self.engine.bodies("tasks")
        assert all(parse_task(body) for body in bodies)
        return [json.loads(body) for body in bodies]

    def notice(self, *, full: bool = False) -> dict[str, Any]:
        return notice(self.account, self.now, full=full)

    def work(self) -> None:
        """Serve tasks, splits and pictures until there are none."""
        self.engine.time.pass_(1)
        self.tasks()
        self.engine.split()
        self.engine.serve("images", lambda records: self.services.worker("images", Context()).work(records), 100)

    @property
    def now(self) -> str:
        return stamp(self.engine.time.now)

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the account, in the order in which they count."""
        found = self.services.ledger.jobs(self.owner, limit=100).jobs
        return sorted(found, key=lambda job: job.uploaded_at)

    def lines(self, job: Job) -> list[dict[str, Any]]:
        """What a job was told."""
        body = self.services.blobs.get(job.file_key, job.version_id)
        return [json.loads(line) for line in body.splitlines()]

    @property
    def told(self) -> list[tuple[str, str]]:
        """All that jobs were told of files, in order."""
        return self.told_of(self.jobs)

    def told_of(self, jobs: Sequence[Job]) -> list[tuple[str, str]]:
        return [(line["tag"], line["path_lower"]) for job in jobs for line in self.lines(job)
                if line["tag"] != "folder"]

    @property
    def listings(self) -> int:
        """Calls for a page so far."""
        return sum("list_folder" in seen.path for seen in self.fake.seen)


@contextmanager
def following(aws: Any, **settings: Any) -> Iterator[Following]:
    """An account and an owner that no other test knows, so that tests may share what is on the wire."""
    name = uuid4().hex
    with FakeDropbox(accounts={REFRESH_TOKEN: f"dbid:{name}"}) as fake:
        yield Following(aws, fake, **{"DROPBOX_OWNER": name, **settings})
