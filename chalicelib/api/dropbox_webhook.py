"""Dropbox tells that accounts have changes, and an operator may say so too: both only leave a task behind.

Dropbox signs what it sends with the app's secret, so these routes need no token. A notification can be replayed by
whoever saw it; a task too many finds nothing left to list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from chalice.app import Request, Response

from chalicelib.adapters.dropbox_webhook import (
    CHALLENGE_HEADERS,
    MAX_BODY,
    SIGNATURE_HEADER,
    accounts_of,
    verify_signature,
)
from chalicelib.adapters.dropbox_webhook import echo as echoed
from chalicelib.adapters.sqs import Queues
from chalicelib.api.auth import Caller, Role
from chalicelib.api.dropbox_lister import account_of, notice, owner_of
from chalicelib.api.image_models import NoticeAnswer, SyncAnswer, SyncQuery
from chalicelib.api.requests import header
from chalicelib.errors import RequestProblem, RequestRefused, Transient
from chalicelib.jobs.model import stamp
from chalicelib.logs import log
from chalicelib.settings import Settings

PATIENCE = 0.8
"""Seconds that the queue may take."""


def echo(request: Request) -> Response:
    """Dropbox's challenge as it came, as plain text. Raises BAD_REQUEST without one."""
    query: Mapping[str, str] = request.query_params or {}
    return Response(body=echoed(query.get("challenge")), headers=dict(CHALLENGE_HEADERS))


def changed(
    request: Request, *, queues: Queues, settings: Settings, clock: Callable[[], datetime], patience: float = PATIENCE
) -> Response:
    """Ask for a listing of each account that is ours to list; 200, also where none is.

    Raises PAYLOAD_TOO_LARGE, BAD_SIGNATURE, BAD_REQUEST; where the queue does not answer within `patience` seconds
    Transient, a 503 after which Dropbox comes again. What the queue takes after all is a replay, which is harmless.
    """
    body = _body(request)
    if len(body) > MAX_BODY:
        raise RequestRefused(RequestProblem.PAYLOAD_TOO_LARGE, "A notification is not that large.")
    secret = settings.dropbox_client_secret.get_secret_value()
    if not verify_signature(secret, body, header(request, SIGNATURE_HEADER)):
        raise RequestRefused(RequestProblem.BAD_SIGNATURE)
    named = accounts_of(body)
    ours = _ours(named, settings)
    at = stamp(clock())
    _in_time(lambda: _ask(ours, at, queues, settings), patience)
    log.info("dropbox has changes", extra={"accounts": len(named), "listed": len(ours)})
    return Response(body=NoticeAnswer(accounts=len(ours)).as_json())


def sync(
    caller: Caller, query: SyncQuery, *, queues: Queues, settings: Settings, clock: Callable[[], datetime]
) -> Response:
    """Ask for a listing now; 202. Raises FORBIDDEN for all but operators, and DROPBOX_NOT_CONFIGURED."""
    caller.require(Role.OPERATOR)
    if not settings.dropbox_client_id:
        raise RequestRefused(RequestProblem.DROPBOX_NOT_CONFIGURED)
    account = account_of(settings)
    queues.send(settings.tasks_queue, notice(account, stamp(clock()), full=query.full), group=owner_of(settings))
    answer = SyncAnswer(account=account, full=query.full, message="Dropbox is listed; changes become jobs.")
    return Response(body=answer.as_json(), status_code=202)


def _ask(accounts: Iterable[str], at: str, queues: Queues, settings: Settings) -> None:
    for account in accounts:
        queues.send(settings.tasks_queue, notice(account, at), group=owner_of(settings))


def _in_time(send: Callable[[], object], patience: float) -> None:
    """Dropbox wants its answer within a second or so, and our client would go on trying for a minute."""
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(send).result(patience)
    except TimeoutError:
        raise Transient("the queue did not answer in time") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _body(request: Request) -> bytes:
    """As it came. Chalice's type allows for texts, which its requests never hold."""
    raw = request.raw_body
    return raw if isinstance(raw, bytes) else raw.encode()


def _ours(named: Iterable[str], settings: Settings) -> tuple[str, ...]:
    """Our token reaches one account: of the named ones that, or, where no setting says which it is, any of them."""
    account = account_of(settings)
    known = bool(settings.dropbox_account)
    return (account,) if any(each == account or not known for each in named) else ()
