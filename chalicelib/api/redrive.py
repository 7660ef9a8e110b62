"""Redriving dead letters: a few in the request, many by the task worker, none twice for one asking.

Per letter the order is: note it as underway, reopen and send, tell its job, delete it, count it. Whatever dies between
two of these leaves either the letter where it was, to be taken again, or a second message of a batch, which settles
once. Letters whose message is younger than the redrive stay: they died again on the way.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalice.app import Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Records
from chalicelib.adapters.sqs import Held, Queues
from chalicelib.api.auth import Caller, Role
from chalicelib.api.dead_letters import redriver
from chalicelib.api.letter_masking import masked_id
from chalicelib.api.models import ExportState
from chalicelib.api.queue_models import LetterFate, RedriveAnswer, RedriveRequest, RedriveStatus
from chalicelib.api.redrive_record import Kept, Redrive, begin, keep, kept, new_id, status
from chalicelib.api.requests import path_id
from chalicelib.api.work_queues import let_go, look, physical
from chalicelib.errors import Conflict, DropmillError, RequestProblem, RequestRefused
from chalicelib.jobs.model import MESSAGE_VERSION, stamp
from chalicelib.jobs.receiving import dead_letters
from chalicelib.jobs.redrive import Fate, Redriver, Verdict
from chalicelib.logs import bound, log, request_id
from chalicelib.settings import Settings

AT_ONCE = 20
"""Letters that a request moves itself."""
REACH = 200
"""Letters that a request looks through."""
GROUP = 10
TASK_HOLD_SECONDS = 120
ROUNDS = 5
"""Times that a redrive of all comes again for letters that somebody else held."""

Clock = Callable[[], datetime]


def ask(
    caller: Caller, name: str, request: RedriveRequest, *, ledger: Ledger, records: Records, queues: Queues,
    settings: Settings, clock: Clock, sleep: Callable[[float], None], rng: random.Random,
) -> Response:
    """Put dead letters back on their queue: 200 with what went, or 202 where a task does it.

    Raises FORBIDDEN, NOT_FOUND, and BAD_REQUEST for `all` without the queue's name as `confirm`.
    """
    caller.require(Role.OPERATOR)
    queue = physical(name, settings)
    engine = redriver(ledger, queues, settings, clock, sleep, rng)
    if request.dry_run:
        return _answered(_rehearsed(engine, name, queue, request, queues), 200)
    if request.everything and request.confirm != name:
        raise RequestRefused(RequestProblem.BAD_REQUEST, fields=[
            {"field": "confirm", "message": "the name of the queue, to redrive all of its dead letters"}])
    few = not request.everything and max(len(request.message_ids), request.count or 0) <= AT_ONCE
    found = begin(_new(caller, name, request, queues.depth(dead_letters(queue)).total, clock(), few=few), records,
                  clock())
    mover = Mover(ledger, records, queues, settings, clock, sleep, rng, lambda: float("inf"))
    if few:
        return _answered(mover.in_request(found, queue), 200)
    try:
        mover.hand_on(found.redrive)
    except DropmillError as error:
        give_up(found.redrive.redrive_id, type(error).__name__, records=records, clock=clock)
        raise
    return _answered(_told(status(found.redrive, clock), "The letters are moved by a worker."), 202)


def show(caller: Caller, name: str, redrive_id: str, *, records: Records, clock: Clock) -> RedriveStatus:
    """How far a redrive has come. Raises FORBIDDEN, NOT_FOUND."""
    caller.require(Role.OPERATOR)
    found = kept(path_id(redrive_id), records)
    if found is None or found.redrive.queue != name:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such redrive.")
    return status(found.redrive, clock)


def give_up(redrive_id: str, cause: str, *, records: Records, clock: Clock) -> None:
    """The last attempt has failed: say so. What is moved stays moved; asking anew moves the rest."""
    found = kept(redrive_id, records)
    if found is not None and not found.redrive.ended:
        keep(found, replace(found.redrive, state=ExportState.ERROR.value, cause=cause, completed_at=stamp(clock())),
             records, clock())


@dataclass(frozen=True, slots=True)
class Mover:
    """One request's or invocation's work on a redrive. `remaining` answers the seconds until the platform ends it."""

    ledger: Ledger
    records: Records
    queues: Queues
    settings: Settings
    clock: Clock
    sleep: Callable[[float], None]
    rng: random.Random
    remaining: Callable[[], float]

    def in_request(self, found: Kept, queue: str) -> RedriveAnswer:
        """Move what was asked for, here and now; a failure is noted before it is raised."""
        letters: list[LetterFate] = []
        try:
            with look(self.queues, queue, most=REACH if found.redrive.ids else found.redrive.count or 0) as seen:
                chosen = _chosen(found.redrive, seen.letters)
                for start in range(0, len(chosen), GROUP):
                    found = self._move(found, queue, chosen[start:start + GROUP], letters)
            ended = self._end(found)
        except DropmillError as error:
            give_up(found.redrive.redrive_id, type(error).__name__, records=self.records, clock=self.clock)
            raise
        missing = _missing(found.redrive.ids, chosen)
        return _told(status(ended, self.clock), f"{len(chosen)} dead letters are back on their queue.", letters,
                     missing, len(seen.letters), complete=seen.complete)

    def run(self, redrive_id: str) -> None:
        """Take a redrive as far as time allows. Harmless any number of times, also at once."""
        found = kept(redrive_id, self.records)
        if found is None or found.redrive.state == ExportState.COMPLETED.value:
            return
        with bound(request_id=found.redrive.request_id):
            self._run(found, physical(found.redrive.queue, self.settings))

    def hand_on(self, redrive: Redrive, *, delay: float = 0) -> None:
        task = {"v": MESSAGE_VERSION, "task": "redrive", "redriveId": redrive.redrive_id}
        self.queues.send(self.settings.tasks_queue, task, delay=delay)

    def _run(self, found: Kept, queue: str) -> None:
        seen: dict[str, Held] = {}
        try:
            while not self._late():
                received = self.queues.receive(dead_letters(queue), seconds=TASK_HOLD_SECONDS)
                fresh = [each for each in received if each.message_id not in seen]
                seen |= {each.message_id: each for each in fresh}
                if chosen := _chosen(found.redrive, fresh):
                    found = self._move(found, queue, chosen, [])
                if not fresh or found.redrive.left == 0:
                    break
            else:
                self.hand_on(found.redrive)
                return
        finally:
            let_go(self.queues, dead_letters(queue), list(seen.values()))
        self._end_or_come_again(found, queue)

    def _end_or_come_again(self, found: Kept, queue: str) -> None:
        """What others hold right now may be ours to move: it shows again when they let go."""
        redrive = found.redrive
        held = self.queues.depth(dead_letters(queue)).in_flight > 0
        if held and redrive.left != 0 and redrive.rounds < ROUNDS:
            self._keep(found, replace(redrive, state=ExportState.PROCESSING.value, rounds=redrive.rounds + 1))
            self.hand_on(redrive, delay=TASK_HOLD_SECONDS)
            return
        self._end(found)

    def _move(self, found: Kept, queue: str, letters: Sequence[Held], told: list[LetterFate]) -> Kept:
        """One group of letters, in the order that makes every crash harmless."""
        redrive = found.redrive
        engine = redriver(self.ledger, self.queues, self.settings, self.clock, self.sleep, self.rng)
        verdicts = {each.message_id: engine.judge(redrive.queue, each.body) for each in letters}
        moving = {each: [_job_of(verdict), verdict.fate.value] for each, verdict in verdicts.items()}
        # A letter that was underway before and is still dead keeps the fate of its first time, which is the true one.
        underway = {**moving, **redrive.underway}
        found = self._keep(found, replace(redrive, state=ExportState.PROCESSING.value, underway=underway))
        for each in letters:
            engine.put_back(verdicts[each.message_id], redrive.queue, queue, each.body, by=redrive.by, group=each.group)
        self._tell(redrive, verdicts)
        for each in letters:
            self.queues.delete(dead_letters(queue), each.receipt_handle)
        moved = {each.message_id: underway[each.message_id] for each in letters}
        told += [_fate_of(message_id, verdicts[message_id], Fate(fate)) for message_id, (_, fate) in moved.items()]
        return self._keep(found, found.redrive.counting(moved))

    def _tell(self, redrive: Redrive, verdicts: Mapping[str, Verdict]) -> None:
        """Each job hears of it, once a group."""
        by_job: dict[str, list[int]] = {}
        for verdict in verdicts.values():
            if verdict.job is not None:
                by_job.setdefault(verdict.job.job_id, []).append(verdict.number)
        for job_id, numbers in by_job.items():
            batches = sorted({number for number in numbers if number})
            self.ledger.add_event(job_id, "redriven", by=redrive.by, queue=redrive.queue, messages=len(numbers),
                                  redrive=redrive.redrive_id, **({"batches": batches} if batches else {}))

    def _end(self, found: Kept) -> Redrive:
        """What was underway and is not among the dead any more was moved by an invocation that died."""
        counted = found.redrive.counting(found.redrive.underway)
        ended = replace(counted, state=ExportState.COMPLETED.value, completed_at=stamp(self.clock()), cause="")
        self._keep(found, ended)
        log.info("dead letters redriven", extra={"queue": ended.queue, "redrive_id": ended.redrive_id,
                                                 "messages": ended.moved, "jobs": ended.job_count})
        return ended

    def _keep(self, found: Kept, redrive: Redrive) -> Kept:
        following = keep(found, redrive, self.records, self.clock())
        if following is None:
            raise Conflict("another invocation works on this redrive", redrive_id=redrive.redrive_id)
        return following

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin


def _new(
    caller: Caller, name: str, request: RedriveRequest, dead: int, now: datetime, *, few: bool
) -> Redrive:
    return Redrive(new_id(now), name, caller.subject, request_id(), stamp(now), int(now.timestamp() * 1000), dead,
                   ids=list(dict.fromkeys(request.message_ids)), count=request.count, in_request=few)


def _rehearsed(
    engine: Redriver, name: str, queue: str, request: RedriveRequest, queues: Queues
) -> RedriveAnswer:
    """What would go, as far as a request can see."""
    with look(queues, queue, most=REACH) as seen:
        wanted = set(request.message_ids)
        chosen = [each for each in seen.letters if not wanted or each.message_id in wanted][:request.count]
        verdicts = {each.message_id: engine.judge(name, each.body) for each in chosen}
    letters = [_fate_of(message_id, verdict, verdict.fate) for message_id, verdict in verdicts.items()]
    return _told(None, f"{len(letters)} dead letters would go back on their queue; nothing was touched.", letters,
                 _missing(request.message_ids, chosen), len(seen.letters), complete=seen.complete)


def _chosen(redrive: Redrive, letters: Sequence[Held]) -> list[Held]:
    """Those that the redrive is about: the named ones, or as many as are left to go; none that died on the way."""
    old = [each for each in letters if each.sent_at <= redrive.fence]
    if redrive.ids:
        return [each for each in old if each.message_id in redrive.ids]
    if redrive.left is None:
        return old
    again = [each for each in old if each.message_id in redrive.underway]
    others = [each for each in old if each.message_id not in redrive.underway]
    return again + others[:redrive.left]


def _missing(ids: Sequence[str], chosen: Sequence[Held]) -> tuple[str, ...]:
    there = {each.message_id for each in chosen}
    return tuple(each for each in dict.fromkeys(ids) if each not in there)


def _job_of(verdict: Verdict) -> str:
    return masked_id(verdict.job.job_id) if verdict.job else ""


def _fate_of(message_id: str, verdict: Verdict, fate: Fate) -> LetterFate:
    return LetterFate(message_id=message_id, job_id=_job_of(verdict) or None, batch_number=verdict.number or None,
                      fate=fate, becomes=fate.sentence)


def _told(
    redrive: RedriveStatus | None, message: str, letters: Sequence[LetterFate] = (), missing: tuple[str, ...] = (),
    looked_at: int = 0, *, complete: bool = False,
) -> RedriveAnswer:
    fates: dict[Fate, int] = {}
    for letter in letters:
        fates[letter.fate] = fates.get(letter.fate, 0) + 1
    return RedriveAnswer(message=message, dry_run=redrive is None, letters=tuple(letters), fates=fates,
                         not_found=missing, looked_at=looked_at, complete=complete, redrive=redrive)


def _answered(answer: RedriveAnswer, code: int) -> Response:
    body: Mapping[str, Any] = answer.as_json()
    return Response(body=body, status_code=code)
