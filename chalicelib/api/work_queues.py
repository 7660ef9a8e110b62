"""The work queues by their short names, and looking at their dead letters without losing or hiding any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from chalicelib.adapters.sqs import Held, Queues
from chalicelib.errors import RequestProblem, RequestRefused, Transient
from chalicelib.jobs.receiving import dead_letters
from chalicelib.settings import Settings

CARRIES: Mapping[str, str] = {
    "split": "requests to cut a dropped file into batches and to send them",
    "leads": "batches of leads",
    "products": "batches of products, to import or to enrich",
    "prices": "batches of the items of price lists and bills",
    "images": "pictures, one a message",
    "tasks": "exports, undos, dry runs, erasures, listings of Dropbox and redrives",
}
"""Every work queue, and what it carries."""

HOLD_SECONDS = 30
"""So long letters are hidden if who looks at them does not live to release them: a request's own life."""


def physical(name: str, settings: Settings) -> str:
    """The queue that is called `name`. Raises NOT_FOUND for a word that is none."""
    if name not in CARRIES:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such queue.", queues=list(CARRIES))
    queue: str = getattr(settings, f"{name}_queue")
    return queue


@dataclass(slots=True)
class Look:
    """Letters that we hold. `complete`: there was nothing more to see."""

    letters: list[Held] = field(default_factory=list)
    complete: bool = False

    def add(self, received: list[Held]) -> int:
        """Take what was not seen before; answers how many those were."""
        known = {each.message_id for each in self.letters}
        fresh = [each for each in received if each.message_id not in known]
        self.letters += fresh
        return len(fresh)


@contextmanager
def look(queues: Queues, queue: str, *, most: int, seconds: int = HOLD_SECONDS) -> Iterator[Look]:
    """Hold up to `most` dead letters of a work queue, and let go at the end of what is not deleted then.

    They are received, since SQS shows messages in no other way; a crash hides them for `seconds`.
    """
    dead, seen = dead_letters(queue), Look()
    visible = queues.depth(dead).visible
    try:
        while len(seen.letters) < most and not seen.complete:
            received = queues.receive(dead, seconds=seconds)
            # A receive may bring fewer than there are; an empty one has asked all servers.
            seen.complete = not seen.add(received) or (len(received) < 10 and len(seen.letters) >= visible)
        seen.complete = (seen.complete or len(seen.letters) >= visible) and len(seen.letters) <= most
        yield seen
    finally:
        let_go(queues, dead, seen.letters)


def let_go(queues: Queues, dead: str, letters: Sequence[Held]) -> None:
    """Show letters again at once; where SQS does not answer, they show again by themselves."""
    with suppress(Transient):
        queues.release(dead, letters)
