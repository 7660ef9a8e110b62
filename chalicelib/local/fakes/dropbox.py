"""A Dropbox of made-up accounts, over the true protocol, that fails in all the ways it is known to.

Acts (in `--script`, `--chances` and `POST /_fake/behaviour`; an amount follows a colon), one for each call but those
for tokens, which have a script of their own (`token_script`: ok, 400, grant, client, 429, busy, 500, broken):

    ok                               a good answer
    400 403 404 405 500 503          that status
    401  scope  expired              the token is invalid; may not do that; has expired, and has from now on
    429:s  busy:s                    too many calls, told as JSON; as text with `Retry-After`. Both also without seconds
    409 restricted locked reset      nothing is there (path/not_found); legal reasons; locked; the cursor is void
    silence:s  slow:s                nothing for s seconds, then a good answer; a body that takes s seconds
    hangup:n                         the connection breaks after n bytes of the body, else in its middle
    broken  page  unreadable         half a JSON text; a proxy's HTML page; an entry more that is none
    corrupt  short  long             downloads: a wrong byte; the last one missing; one too many
    whole  shifted  stranger         downloads: all of it, whatever range; another range; metadata of another revision

Two listings of one folder at once are refused, as Dropbox does. One server is both of Dropbox's hosts. Files come by
`fake.tree().put(...)`, by `--load DIR` or `POST /_fake/tree`; `fake.webhook()` makes what Dropbox would post of it.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

from chalicelib.adapters.dropbox_download import header_json
from chalicelib.adapters.dropbox_webhook import SIGNATURE_HEADER
from chalicelib.local.fakes.dropbox_routes import (
    DOWNLOAD,
    KINDS,
    LISTINGS,
    TOKEN_KINDS,
    Refused,
    endpoint_error,
    first_byte,
    listed,
    looked_up,
    pieces,
    refusal,
)
from chalicelib.local.fakes.dropbox_tree import Node, Tree
from chalicelib.local.fakes.server import Act, Behaviour, FakeHandler, FakeServer

ACCOUNT = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"
REFRESH_TOKEN = "fake-refresh-token"  # noqa: S105
TOKEN_SECONDS = 14_400
PAGE = b"<html><body>Gateway</body></html>"


@dataclass(slots=True)
class Seen:
    """One call as the log keeps it: when (monotonic seconds), what, how it was answered, from which byte, how many.

    It is in the log before its answer is on the wire, so that a client that has the answer finds it there.
    """

    started: float
    path: str
    act: str
    account: str = ""
    start: int = 0
    sent: int = 0
    ended: float | None = None


class FakeDropbox(FakeServer):
    """Start it with `with FakeDropbox(...) as fake:`; `fake.url` is both of its hosts.

    `accounts` maps refresh tokens to account ids. `clock` decides when access tokens expire.
    """

    def __init__(
        self, *, script: Iterable[str] = (), token_script: Iterable[str] = (),
        chances: Mapping[str, float] | None = None, seed: int = 0, port: int = 0, client_id: str = "fake-key",
        client_secret: str = "fake-secret", accounts: Mapping[str, str] | None = None,  # noqa: S107
        latency: float = 0.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.behaviour = Behaviour.of(KINDS, script, chances, seed)
        self.token_behaviour = Behaviour.of(TOKEN_KINDS, token_script)
        self.client = (client_id, client_secret)
        self.accounts = dict(accounts or {REFRESH_TOKEN: ACCOUNT})
        self.latency = latency
        self.clock = clock
        self.trees = {account: Tree(clock) for account in self.accounts.values()}
        self.tokens: dict[str, tuple[str, datetime]] = {}
        self.seen: list[Seen] = []
        self._listing: set[str] = set()
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    def tree(self, account: str = "") -> Tree:
        """The files of an account, the first where none is named; also to change them."""
        return self.trees[account or next(iter(self.trees))]

    def webhook(self, *accounts: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the notification that these accounts (none: all) have changes."""
        told = list(accounts or self.trees)
        body = json.dumps({"list_folder": {"accounts": told}, "delta": {"users": list(range(1, len(told) + 1))}})
        signature = hmac.new(self.client[1].encode(), body.encode(), sha256).hexdigest()
        return body.encode(), {SIGNATURE_HEADER: signature, "Content-Type": "application/json"}

    def load(self, folder: Path, account: str = "") -> None:
        """Put all files of a real folder into an account."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.tree(account).put(f"/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def grant(self, account: str) -> str:
        """A new access token."""
        with self._lock:
            token = f"sl.{sha256(f'{account} {len(self.tokens)}'.encode()).hexdigest()}"
            self.tokens[token] = (account, self.clock() + timedelta(seconds=TOKEN_SECONDS))
        return token

    def expire(self) -> None:
        """Accept no access token that was given out so far."""
        with self._lock:
            self.tokens = {token: (account, self.clock()) for token, (account, _) in self.tokens.items()}

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    @contextlib.contextmanager
    def listing(self, what: str) -> Iterator[bool]:
        """Whether this listing is the only one of its kind while it is served."""
        with self._lock:
            alone = what not in self._listing
            self._listing.add(what)
        try:
            yield alone
        finally:
            if alone:
                self._listing.discard(what)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Behave differently from now on; keys are the constructor's."""
        self.behaviour.change(wanted)
        if "token_script" in wanted:
            self.token_behaviour.change({"script": wanted["token_script"]})
        self.latency = float(wanted.get("latency", self.latency))

    def change_tree(self, wanted: Mapping[str, Any]) -> None:
        """`{"put": "/a.jpg", "file": "a path on this disk"}` (or `"text"`), `{"delete": path}`, `{"move": [from, to]}`,
        `{"reset": true}`; `account` names another than the first."""
        tree = self.tree(str(wanted.get("account", "")))
        if "put" in wanted:
            content = Path(wanted["file"]).read_bytes() if "file" in wanted else str(wanted.get("text", "")).encode()
            tree.put(wanted["put"], content)
        if "move" in wanted:
            tree.move(*wanted["move"])
        if "delete" in wanted:
            tree.delete(wanted["delete"])
        if wanted.get("reset"):
            tree.reset()


class _Handler(FakeHandler):
    @property
    def fake(self) -> FakeDropbox:
        return cast(FakeDropbox, self.server)

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/_fake/log":
            self.answer(200, self._log())
        elif self.path == "/_fake/webhook":
            body, headers = self.fake.webhook()
            self.answer(200, {"body": body.decode(), "headers": headers})
        else:
            self._refuse(Refused(404, "There is no such address."))

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_fake/"):
            self._told(body)
        elif self.path == "/oauth2/token":
            self._serve(lambda seen: self._token(body, seen))
        else:
            self._serve(lambda seen: self._call(body, seen))

    def _told(self, body: bytes) -> None:
        changes = {"/_fake/behaviour": self.fake.change, "/_fake/tree": self.fake.change_tree}
        try:
            changes[self.path](json.loads(body))
        except (ValueError, AttributeError, TypeError, LookupError, OSError) as error:
            self.answer(400, {"error": {"message": str(error)}})
        else:
            self.answer(200, {})

    def _serve(self, answer: Callable[[Seen], None]) -> None:
        seen = Seen(time.monotonic(), self.path, "")
        try:
            answer(seen)
        except Refused as refused:
            self._refuse(refused)
        finally:
            seen.ended = time.monotonic()

    def _note(self, seen: Seen, act: str) -> None:
        seen.act = act
        self.fake.note(seen)

    def _token(self, body: bytes, seen: Seen) -> None:
        """OAuth's errors are of another form than the API's (RFC 6749, 5.2)."""
        given = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        account = self.fake.accounts.get(given.get("refresh_token", ""))
        act = self.fake.token_behaviour.next()
        if (given.get("client_id"), given.get("client_secret")) != self.fake.client:
            act = Act("client")
        elif given.get("grant_type") != "refresh_token":
            act = Act("400")
        elif account is None:
            act = Act("grant")
        self._note(seen, act.kind)
        if refused := refusal(act):
            raise refused
        granted = {"access_token": self.fake.grant(str(account)), "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        self._send(json.dumps({} if act.kind == "broken" else granted).encode(), seen)

    def _call(self, body: bytes, seen: Seen) -> None:
        """Dropbox's own checks come first: the token, the arguments; then what the script says."""
        try:
            seen.account = self._account()
            tree = self.fake.tree(seen.account)
            if self.path == DOWNLOAD:
                node = looked_up(tree, self.headers.get("Dropbox-API-Arg"))
                act = self._act(seen)
            elif self.path in LISTINGS:
                with self.fake.listing(f"{seen.account} {self.path} {body!r}") as alone:
                    page = listed(tree, self.path, body)
                    act = self._act(seen) if alone else self._refused(seen, Act("429", 1))
                    self.fake.stopping.wait(self.fake.latency + (act.amount or 0 if act.kind == "silence" else 0))
            else:
                raise Refused(404, "There is no such function.")
        except Refused as refused:
            if not seen.act:
                self._note(seen, refused.kind)
            raise
        if self.path == DOWNLOAD:
            self._download(act, node, seen)
        else:
            self._list(act, page, seen)

    def _act(self, seen: Seen) -> Act:
        act = self.fake.behaviour.next()
        if act.kind == "expired":
            self.fake.expire()
        return self._refused(seen, act)

    def _refused(self, seen: Seen, act: Act) -> Act:
        """The act, noted; raises when it is a refusal."""
        seen.start = first_byte(self.headers.get("Range"))
        self._note(seen, act.kind)
        if refused := refusal(act):
            raise refused
        return act

    def _account(self) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        account, expires = self.fake.tokens.get(token, ("", self.fake.clock()))
        if self.fake.clock() >= expires:
            tag = "expired_access_token" if account else "invalid_access_token"
            raise endpoint_error(401, tag, kind="expired" if account else "401")
        return account

    def _list(self, act: Act, page: Mapping[str, Any], seen: Seen) -> None:
        if act.kind == "unreadable" and "entries" in page:
            page = {**page, "entries": [{".tag": "file", "name": "x"}, "none", *page["entries"]]}
        payload = PAGE if act.kind == "page" else json.dumps(page).encode()
        self._send(payload[:len(payload) // 2] if act.kind == "broken" else payload, seen, act)

    def _download(self, act: Act, node: Node, seen: Seen) -> None:
        self.fake.stopping.wait(self.fake.latency + (act.amount or 0 if act.kind == "silence" else 0))
        content, told = node.content or b"", node.metadata
        if seen.start and seen.start >= len(content):
            raise Refused(416, "The range is not satisfiable.")
        start = 0 if act.kind == "whole" else seen.start + (1 if act.kind == "shifted" else 0)
        body = content[start:]
        if act.kind == "page":
            self._send(PAGE, seen)
            return
        if act.kind == "corrupt":
            body = bytes(byte ^ 1 for byte in body[:1]) + body[1:]
        elif act.kind in ("short", "long"):
            body = body[:-1] if act.kind == "short" else body + b"x"
        elif act.kind == "stranger":
            told = {**told, "rev": "0123456789abc", "content_hash": "0" * 64}
        del told[".tag"]
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self._send(body, seen, act, status=206 if start else 200, headers={
            "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes",
            "Dropbox-API-Result": header_json(told), **span})

    def _refuse(self, refused: Refused) -> None:
        self._begin(refused.status, len(refused.body), refused.headers)
        self.wfile.write(refused.body)

    def _send(self, payload: bytes, seen: Seen, act: Act | None = None, *, status: int = 200,
              headers: Mapping[str, str] | None = None) -> None:
        """The body at the pace and up to the byte that the act says."""
        act = act or Act()
        self._begin(status, len(payload), headers or {"Content-Type": "application/json"})
        for piece, pause in pieces(payload, act):
            seen.sent += len(piece)
            self.wfile.write(piece)
            self.fake.stopping.wait(pause)
        if act.kind == "hangup":
            self.close_connection = True

    def _begin(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "X-Dropbox-Request-Id": "fake", "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _log(self) -> dict[str, Any]:
        seen = list(self.fake.seen)
        return {"requests": len(seen), "acts": [one.act for one in seen], "paths": [one.path for one in seen],
                "starts": [one.start for one in seen], "sent": [one.sent for one in seen]}


def main() -> None:
    """Run the fake by itself until it is stopped."""
    parser = argparse.ArgumentParser(description="A Dropbox that misbehaves on demand")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="", help="acts, one a call: 429:2,ok,hangup:1000")
    parser.add_argument("--chances", default="", help="acts with probabilities: 429@0.1,500@0.05")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--load", type=Path, help="a folder whose files the account has")
    given = parser.parse_args()
    chances = (part.rpartition("@") for part in given.chances.split(",") if part)
    fake = FakeDropbox(
        port=given.port, script=filter(None, given.script.split(",")), seed=given.seed, latency=given.latency,
        chances={act: float(chance) for act, _, chance in chances})
    if given.load:
        fake.load(given.load)
    print(fake.url, flush=True)
    try:
        fake.serve_forever()
    except KeyboardInterrupt:
        fake.server_close()


if __name__ == "__main__":
    main()
