"""Pictures for the tests of their pipeline: dropped, or told by a Dropbox account, worked on in invocations of ten."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib.adapters.image_keeping import ImageKeeping
from chalicelib.adapters.images import Image, Images
from chalicelib.api.auth import Caller
from chalicelib.api.dropbox_lister import Lister, account_of
from chalicelib.api.inputs import UploadRequest
from chalicelib.api.uploads import announce
from chalicelib.jobs.model import Job, Outcome, stamp
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.jobs.undo import undo as start_undo
from chalicelib.local.fakes.dropbox import REFRESH_TOKEN, FakeDropbox
from chalicelib.pipelines.images.capacity import Decoders, Disk
from chalicelib.pipelines.images.work import Processing
from tests.functional.engine import Context, Engine

OWNER = "default"


def following(aws: Any, fake: FakeDropbox, **settings: str) -> Engine:
    """An engine whose Dropbox is the fake."""
    return Engine(aws, {"DROPBOX_API_URL": fake.url, "DROPBOX_CONTENT_URL": fake.url, "DROPBOX_CLIENT_ID": "fake-key",
                        "DROPBOX_CLIENT_SECRET": "fake-secret", "DROPBOX_REFRESH_TOKEN": REFRESH_TOKEN, **settings})


def listed(engine: Engine, *, full: bool = False) -> list[Job]:
    """See what changed in the account; answers its jobs, planned."""
    engine.time.pass_(10)
    before = {job.job_id for job in jobs(engine)}
    lister = engine.services.call(Lister, remaining=lambda: 60.0)
    lister.run(account_of(engine.services.settings), stamp(engine.time()), full=full)
    engine.split()
    return [job for job in jobs(engine) if job.job_id not in before]


def followed(engine: Engine, *, full: bool = False) -> list[Job]:
    """See what changed in the account, and to the end of it."""
    begun = listed(engine, full=full)
    work(engine)
    return [engine.job(job.job_id) for job in begun]


def dropped(engine: Engine, body: bytes, name: str, owner: str = OWNER) -> Job:
    """Drop a file for an owner, and see its job through."""
    engine.time.pass_(10)
    job = engine.drop(body, f"uploads/images/{owner}/{name}", stamp(engine.time()))
    engine.split()
    work(engine)
    return engine.job(job.job_id)


def jobs(engine: Engine) -> list[Job]:
    return sorted(engine.services.ledger.jobs(OWNER, limit=100).jobs, key=lambda job: job.uploaded_at)


def messages(engine: Engine, most: int = 10) -> list[dict[str, Any]]:
    """Up to ten records, as an invocation gets them."""
    found: list[dict[str, Any]] = []
    while len(found) < most and (record := engine.receive("images")):
        found.append(record)
    return found


def invoke(engine: Engine, records: Sequence[dict[str, Any]], pipeline: Pipeline | None = None) -> set[str]:
    """One invocation; deletes what it acknowledges, answers the ids of what it does not."""
    worker = engine.worker(pipeline or engine.services.pipelines["images"], Context())
    failed = {entry["itemIdentifier"] for entry in worker.work(records)["batchItemFailures"]}
    for record in records:
        if record["messageId"] not in failed:
            engine.services.queues.delete(engine.name("images"), record["receiptHandle"])
    return failed


def work(engine: Engine, shuffle: random.Random | None = None) -> int:
    """Serve the queue until it is empty; answers how many messages came."""
    served = 0
    while records := messages(engine):
        if shuffle:
            shuffle.shuffle(records)
        invoke(engine, records)
        served += len(records)
    return served


def store(engine: Engine) -> Images:
    return engine.services.images_store


def pictures(engine: Engine, owner: str = OWNER) -> dict[str, Image]:
    """All pictures of an owner by path."""
    return {image.path: image for image in store(engine).page(owner, limit=1000).images}


def objects(engine: Engine) -> set[str]:
    """What lies under `images/`."""
    return set(engine.services.blobs.keys("images/"))


def downloads(fake: FakeDropbox) -> int:
    return sum(1 for seen in fake.seen if seen.path == "/2/files/download")


def counts(job: Job) -> dict[str, int]:
    """The rows of a job by outcome, without the noughts."""
    return {outcome.value: job.count(outcome) for outcome in Outcome if job.count(outcome)}


def undo(engine: Engine, job: Job) -> Job:
    """Undo a job by the task worker."""
    engine.services.call(start_undo, job_id=job.job_id, by="ada")
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)
    return engine.job(job.job_id)


def announced(engine: Engine, body: bytes, name: str, **options: str) -> Job:
    """Upload a file as a client does that tells options."""
    engine.time.pass_(10)
    announcement = UploadRequest(file_name=name, pipeline="images", options=options)
    answer = engine.services.call(announce, caller=Caller("ada", OWNER, frozenset({"user"})), request=announcement)
    engine.drop(body, answer.file_key, stamp(engine.time()))
    engine.split()
    work(engine)
    return engine.job(answer.job_id)


def invoke_with(engine: Engine, records: Sequence[dict[str, Any]], *, disk: Disk | None = None,
                decoders: Decoders | None = None) -> None:
    """An invocation of a function with that disk and these places."""
    services = engine.services
    pipeline = services.pipelines["images"]
    keeping = ImageKeeping(services.images_store, services.blobs, services.sleep, services.rng)
    processing = Processing(services.settings, services.images_store, keeping, services.blobs, services.dropbox,
                            decoders or Decoders(3008), disk or Disk())
    invoke(engine, records, replace(pipeline, process=processing.process))
