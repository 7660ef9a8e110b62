"""What operators see and say of queues and dead letters over the wire. Nothing of a letter's content is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from chalicelib.api.inputs import ShortText
from chalicelib.api.models import ExportState, Wire
from chalicelib.api.queue_bands import Level, Load
from chalicelib.jobs.redrive import Fate

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
MOST_IDS = 100


class Depth(Wire):
    """Approximate numbers of messages, as SQS counts them."""

    visible: int
    in_flight: int
    delayed: int


class QueueView(Wire):
    """One work queue with its dead letters. `words` explain it to a person.

    `maximumConcurrency` is null where only the account bounds it; `concurrencyLevel` then is null, too. `drainSeconds`
    is null where no pace was measured. Seconds and receives are those of the live queue.
    """

    name: str
    queue: str
    carries: str
    depth: Depth
    dead_letters: Depth
    visibility_timeout: int
    retention_seconds: int
    dead_letter_retention_seconds: int
    receives_before_dead: int | None
    maximum_concurrency: int | None
    messages_per_invocation: int
    level: Level
    concurrency_level: Load | None
    drain_seconds: int | None
    words: tuple[str, ...]


class RedriveStatus(Wire):
    """One redrive: who asked for what and when, and how far it has come. `interrupted`: its request died on the way.

    `fates` counts the moved letters by what becomes of them. `jobs` are the first hundred of `jobCount`.
    """

    redrive_id: str
    queue: str
    asked: str
    by: str
    request_id: str
    status: ExportState
    interrupted: bool
    dead_before: int
    moved: int
    fates: Mapping[Fate, int]
    jobs: tuple[str, ...]
    job_count: int
    created_at: str
    completed_at: str | None
    cause: str | None
    status_url: str
    retry_after_ms: int | None


class QueuesAnswer(Wire):
    """All work queues, and the latest redrives."""

    stage: str
    as_of: str
    queues: tuple[QueueView, ...]
    redrives: tuple[RedriveStatus, ...]


class DeadLetterQuery(Wire):
    """Query of GET /queues/{name}/dlq."""

    limit: int = Field(20, ge=1, le=100)


class LetterView(Wire):
    """A dead letter with its content masked: of texts only their shape is left.

    `sentAt` is when its message was first sent, `receives` counts over both queues, looks included. `cause` is the
    last failure that the ledger knows of, or why nobody understands the letter. `fate` says what a redrive would do.
    """

    message_id: str
    sent_at: str
    receives: int
    bytes: int
    job_id: str | None
    job_status: str | None
    pipeline: str | None
    owner: str | None
    file_name: str | None
    batch_number: int | None
    rows: int | None
    attempts: int | None
    cause: str | None
    fate: Fate
    becomes: str
    body: str


class LettersAnswer(Wire):
    """Dead letters, masked. `more`: there are others, which this look did not reach or somebody else holds."""

    queue: str
    dead_letters: Depth
    letters: tuple[LetterView, ...]
    more: bool
    note: str


class RedriveRequest(Wire):
    """Body of POST /queues/{name}/redrive: exactly one of `messageIds`, `count` and `all`.

    `dryRun` only tells what would go. `all` wants the queue's name as `confirm`.
    """

    message_ids: tuple[MessageId, ...] = Field((), max_length=MOST_IDS)
    count: int | None = Field(None, ge=1, le=100_000)
    everything: bool = Field(False, alias="all")
    dry_run: bool = False
    confirm: ShortText = ""

    @model_validator(mode="after")
    def _asks_for_one_thing(self) -> RedriveRequest:
        if sum((bool(self.message_ids), self.count is not None, self.everything)) != 1:
            raise ValueError("say exactly one of messageIds, count and all")
        return self


class LetterFate(Wire):
    """A letter that went, or would go."""

    message_id: str
    job_id: str | None
    batch_number: int | None
    fate: Fate
    becomes: str


class RedriveAnswer(Wire):
    """What was moved in the request, or would be (`dryRun`). `notFound` were not among the `lookedAt` letters.

    `complete` says whether that was all that could be seen. `redrive` is null for a dry run.
    """

    message: str
    dry_run: bool
    letters: tuple[LetterFate, ...]
    fates: Mapping[Fate, int]
    not_found: tuple[str, ...]
    looked_at: int
    complete: bool
    redrive: RedriveStatus | None
