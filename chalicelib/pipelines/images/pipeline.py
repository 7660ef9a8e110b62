"""The images pipeline: dropped photos, zips of photos and a Dropbox account's changes become web-ready JPEGs.

A batch is one picture, so that each fails, waits and is tried again on its own; an invocation has ten, and threads.
Results lie in S3 under a key of their own each, and what was there before stays until its batch is settled.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.image_keeping import ImageKeeping
from chalicelib.adapters.images import Images
from chalicelib.errors import Transient, Waiting
from chalicelib.jobs.model import Batch, Job
from chalicelib.jobs.pipeline import Pipeline, Processed, Reading, Rehearsal, Work
from chalicelib.pipelines.images.effects import plan_effects
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dropbox import Dropbox
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.pipelines.images.work import Processing

THREADS = 10
"""As many as an invocation has messages."""
TIDY_SECONDS = 20.0
REHEARSED_SECONDS = 1.5
"""Of a photo of 12 megapixels in a function of 3 GB."""


def build(
    *, settings: Settings, images_store: Images, blobs: Blobs, dropbox: Callable[[], Dropbox | None],
    sleep: Callable[[float], None], rng: random.Random,
) -> Pipeline:
    """The pipeline as the engine wants it. What decodes is imported with the first picture."""
    keeping = ImageKeeping(images_store, blobs, sleep, rng)
    processing = _Once(lambda: _processing(settings, images_store, keeping, blobs, dropbox))
    return Pipeline(
        name="images", items_key="items", queue=settings.images_queue,
        read=partial(_read, settings=settings, blobs=blobs), process=processing.process,
        effects=partial(plan_effects, images=images_store), batch_size=lambda _rows, _options: 1,
        result_options=("folder",), rehearse=partial(_rehearse, workers=settings.images_max_concurrency),
        undo=keeping.put_back, threads=THREADS, told=partial(_tidied, keeping=keeping))


def _tidied(job: Job, number: int, *, keeping: ImageKeeping) -> None:
    """Objects follow the records; where S3 has a bad moment the message comes back for that."""
    try:
        keeping.tidy(job, number)
    except Transient as error:
        raise Waiting(TIDY_SECONDS, "tidying") from error


def _read(path: str, file_name: str, options: Mapping[str, Any], *, settings: Settings, blobs: Blobs) -> Reading:
    from chalicelib.imaging.model import ImageLimits
    from chalicelib.pipelines.images.reading import read
    from chalicelib.tables.limits import Limits

    limits = replace(Limits(), max_parts=min(Limits().max_parts, settings.max_rows))
    return read(path, file_name, options, blobs=blobs, limits=limits, max_bytes=ImageLimits().max_bytes)


def _rehearse(batch: Batch, *, workers: int) -> Rehearsal:
    return Rehearsal(seconds=REHEARSED_SECONDS * len(batch.items), workers=workers)


@dataclass(slots=True)
class _Once:
    """Processing, made with the first batch: all threads share its places and its disk."""

    make: Callable[[], Processing]
    made: Processing | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def process(self, batch: Batch, work: Work) -> Processed:
        with self.lock:
            made = self.made = self.made or self.make()
        return made.process(batch, work)


def _processing(
    settings: Settings, images: Images, keeping: ImageKeeping, blobs: Blobs, dropbox: Callable[[], Dropbox | None],
) -> Processing:
    from chalicelib.pipelines.images.capacity import Decoders, Disk
    from chalicelib.pipelines.images.work import Processing, forget_the_dead

    if not settings.local:
        forget_the_dead()
    return Processing(settings, images, keeping, blobs, dropbox, Decoders(settings.function_memory), Disk())
