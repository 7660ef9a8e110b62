"""Dead letters for operators: what they are about, why they died, what a redrive would do. Never what is in them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.sqs import Depth as Counted
from chalicelib.adapters.sqs import Held, Queues
from chalicelib.api.auth import Caller, Role
from chalicelib.api.letter_masking import masked_body, masked_id, masked_name
from chalicelib.api.queue_models import DeadLetterQuery, Depth, LettersAnswer, LetterView
from chalicelib.api.requests import path_id
from chalicelib.api.work_queues import look, physical
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.model import stamp
from chalicelib.jobs.receiving import dead_letters
from chalicelib.jobs.redrive import Redriver, Verdict
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SEEN = 200
"""Letters that a request for one of them looks at."""


def listing(
    caller: Caller, name: str, query: DeadLetterQuery, *, ledger: Ledger, queues: Queues, settings: Settings,
    clock: Callable[[], datetime], sleep: Callable[[float], None], rng: random.Random,
) -> LettersAnswer:
    """Some dead letters of a queue, masked. Raises FORBIDDEN, NOT_FOUND."""
    caller.require(Role.OPERATOR)
    queue = physical(name, settings)
    judge = redriver(ledger, queues, settings, clock, sleep, rng)
    depth = queues.depth(dead_letters(queue))
    with look(queues, queue, most=query.limit) as seen:
        shown = seen.letters[:query.limit]
        views = tuple(_view(each, judge.judge(name, each.body)) for each in shown)
    return LettersAnswer(queue=name, dead_letters=counted(depth), letters=views,
                         more=not seen.complete or depth.in_flight > 0, note=_note(depth, shown))


def show(
    caller: Caller, name: str, message_id: str, *, ledger: Ledger, queues: Queues, settings: Settings,
    clock: Callable[[], datetime], sleep: Callable[[float], None], rng: random.Random,
) -> LetterView:
    """One dead letter, masked. SQS finds none by its id, so a bounded number is looked at.

    Raises FORBIDDEN; NOT_FOUND says whether all were looked at.
    """
    caller.require(Role.OPERATOR)
    queue, wanted = physical(name, settings), path_id(message_id)
    judge = redriver(ledger, queues, settings, clock, sleep, rng)
    with look(queues, queue, most=MOST_SEEN) as seen:
        for each in seen.letters:
            if each.message_id == wanted:
                return _view(each, judge.judge(name, each.body))
    raise RequestRefused(RequestProblem.NOT_FOUND, "That letter is not among those that were looked at.",
                         lookedAt=len(seen.letters), complete=seen.complete)


def redriver(
    ledger: Ledger, queues: Queues, settings: Settings, clock: Callable[[], datetime], sleep: Callable[[float], None],
    rng: random.Random,
) -> Redriver:
    """The engine's, told what a task is."""
    from chalicelib.api.tasks import parse_task

    return Redriver(ledger, queues, settings, clock, sleep, rng, parse_task)


def counted(depth: Counted) -> Depth:
    return Depth(visible=depth.visible, in_flight=depth.in_flight, delayed=depth.delayed)


def _view(letter: Held, verdict: Verdict) -> LetterView:
    job, detail = verdict.job, verdict.detail
    cause = (detail.entry.cause if detail else "") or verdict.problem or _error_of(verdict)
    return LetterView(
        message_id=letter.message_id, sent_at=stamp(datetime.fromtimestamp(letter.sent_at / 1000, UTC)),
        receives=letter.receives, bytes=len(letter.body.encode()), job_id=masked_id(job.job_id) if job else None,
        job_status=job.status.value if job else None, pipeline=job.pipeline if job else None,
        owner=masked_id(job.owner) if job else None, file_name=masked_name(job.file_name) if job else None,
        batch_number=verdict.number or None, rows=verdict.rows, attempts=detail.attempts if detail else None,
        cause=masked_id(cause) or None, fate=verdict.fate, becomes=verdict.fate.sentence,
        body=masked_body(letter.body))


def _error_of(verdict: Verdict) -> str:
    """Of a letter that is no batch, the error that its job ended with."""
    error = verdict.job.error if verdict.job and not verdict.number else None
    return str(error["code"]) if error else ""


def _note(depth: Counted, shown: Sequence[Held]) -> str:
    held = f"; somebody else holds about {depth.in_flight} of them right now" if depth.in_flight else ""
    return f"{len(shown)} of about {depth.visible + depth.in_flight} dead letters{held}. A look hides none for long."
