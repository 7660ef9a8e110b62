"""One revision of a file on its way from Dropbox to disk, in pieces and over as many connections as it takes.

A broken connection costs what was not yet received and no more: the next request asks for the rest. Nothing is kept in
memory but a piece, so the size of a file does not matter. What came is hashed while it comes, by Dropbox's own scheme
(dropbox.com/developers/reference/content-hash), and is not believed before the hash is the one that was listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, BinaryIO

import requests
import urllib3.exceptions

from chalicelib.adapters.dropbox_answers import Gone, refuse
from chalicelib.adapters.http import CONNECT_SECONDS, SILENCE_SECONDS, Reply
from chalicelib.errors import Transient

BLOCK = 4 * 1024 * 1024
PIECE = 256 * 1024
MAX_REFUSAL = 64 * 1024
"""Bytes that are read of an answer that is no file."""
METADATA_HEADER = "Dropbox-API-Result"
"""Stands on every file that Dropbox sends; on a page that a proxy made up it does not."""

_RANGE_REFUSED = 416
_PART = 206


class ContentHash:
    """Dropbox's content hash, piece by piece: the SHA-256 of all SHA-256s of 4 MiB each; of nothing, `sha256(b"")`."""

    def __init__(self) -> None:
        self._whole = sha256()
        self._block = sha256()
        self._room = BLOCK

    def update(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            taken = rest[:self._room]
            self._block.update(taken)
            self._room -= len(taken)
            rest = rest[len(taken):]
            if not self._room:
                self._whole.update(self._block.digest())
                self._block, self._room = sha256(), BLOCK

    def hexdigest(self) -> str:
        """Of all so far; more may follow."""
        whole = self._whole.copy()
        if self._room < BLOCK:
            whole.update(self._block.digest())
        return whole.hexdigest()


def content_hash(data: bytes) -> str:
    """Dropbox's content hash of `data`."""
    whole = ContentHash()
    whole.update(data)
    return whole.hexdigest()


def header_json(value: Mapping[str, Any]) -> str:
    """JSON that may stand in a header: `json` escapes all but printable ASCII, DEL too, which Dropbox would refuse."""
    return json.dumps(value, separators=(",", ":"))


class Fetch:
    """The download of `source` (`rev:...` or `id:...`) into `file`, which is open, empty and its own.

    `got` is how many bytes have come, `wrong` how often all of them were not what was listed.
    """

    def __init__(
        self, session: requests.Session, url: str, source: str, file: BinaryIO, *, size: int, content_hash: str,
        monotonic: Callable[[], float],
    ) -> None:
        self.got = 0
        self.wrong = 0
        self._session = session
        self._url = url
        self._source = source
        self._file = file
        self._size = size
        self._expected = content_hash
        self._monotonic = monotonic
        self._hash = ContentHash()

    def go_on(self, token: str, deadline: float) -> None:
        """Ask once for what is missing, within `deadline` seconds; returns when all is there and right.

        Raises Transient when it is not, with what came kept for the next time unless it is wrong, and what `refuse`
        raises. An OSError is the disk's.
        """
        if deadline <= 0:
            raise Transient("no time left to download")
        ends = self._monotonic() + deadline
        with self._asked(token, deadline) as response:
            if response.status_code == _RANGE_REFUSED:
                self._start_over()
                raise Transient("dropbox does not have the rest of the file", status=_RANGE_REFUSED)
            refuse(self._refusal(response, ends))
            self._expect(response)
            self._receive(response, ends)
        self._file.flush()
        self._check()

    def _asked(self, token: str, deadline: float) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Dropbox-API-Arg": header_json({"path": self._source}),
                   "Accept-Encoding": "identity", **({"Range": f"bytes={self.got}-"} if self.got else {})}
        try:
            return self._session.request(
                "POST", self._url, headers=headers, stream=True, allow_redirects=False, auth=_keep_headers,
                timeout=(min(CONNECT_SECONDS, deadline), min(SILENCE_SECONDS, deadline)))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"dropbox did not answer ({type(error).__name__})") from error

    def _refusal(self, response: requests.Response, ends: float) -> Reply:
        """The answer with the body that says why it is none; without any when it is one."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = b""
        if response.status_code not in (200, _PART):
            for piece in self._pieces(response, ends):
                body += piece
                if len(body) > MAX_REFUSAL:
                    break
        return Reply(response.status_code, headers, body)

    def _expect(self, response: requests.Response) -> None:
        """Make sure that what comes is what is missing of this file."""
        if METADATA_HEADER not in response.headers:
            raise Transient("what came is no file of dropbox's", status=response.status_code)
        if self._source.startswith("id:") and _told_hash(response) not in ("", self._expected):
            raise Gone("dropbox has another revision of the file by now", reason="superseded", suspected=False)
        if response.status_code != _PART:
            self._start_over()
        elif _first_byte(response) != self.got:
            self._start_over()
            raise Transient("dropbox sent another part of the file")

    def _receive(self, response: requests.Response, ends: float) -> None:
        for piece in self._pieces(response, ends):
            self._file.write(piece)
            self._hash.update(piece)
            self.got += len(piece)
            if self.got > self._size:
                raise self._not_right("longer than listed")

    def _check(self) -> None:
        if self.got < self._size:
            raise Transient("dropbox's answer ended early", received=self.got)
        if self._expected and self._hash.hexdigest() != self._expected:
            raise self._not_right("another hash than listed")

    def _not_right(self, how: str) -> Transient:
        self._start_over()
        self.wrong += 1
        return Transient(f"what dropbox sent is not the file: {how}")

    def _start_over(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = ContentHash()
        self.got = 0

    def _pieces(self, response: requests.Response, ends: float) -> Iterator[bytes]:
        """The body, as it comes. A read time-out begins anew with every byte, so the clock is looked at between."""
        while not response.raw.closed:
            left = ends - self._monotonic()
            if left <= 0:
                raise Transient("the download took longer than its deadline", received=self.got)
            _limit_silence(response, left)
            yield self._read(response)

    def _read(self, response: requests.Response) -> bytes:
        try:
            return bytes(response.raw.read1(PIECE, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"the download broke off ({type(error).__name__})", received=self.got) from error


def _told_hash(response: requests.Response) -> str:
    """The content hash in the metadata that Dropbox sends ahead of a file; empty where it is not to be read."""
    try:
        told = json.loads(response.headers[METADATA_HEADER])
    except ValueError:
        return ""
    found = told.get("content_hash") if isinstance(told, Mapping) else None
    return found if isinstance(found, str) else ""


def _first_byte(response: requests.Response) -> int | None:
    told = re.match(r"bytes (\d{1,18})-", response.headers.get("Content-Range", ""))
    return int(told[1]) if told else None


def _limit_silence(response: requests.Response, seconds: float) -> None:
    """Let the next read not outlast the deadline. A closing connection shows no socket: there the first limit holds."""
    socket = getattr(getattr(response.raw, "connection", None), "sock", None)
    if socket is not None:
        socket.settimeout(max(0.001, min(SILENCE_SECONDS, seconds)))


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stands in for authentication, so that a stray ~/.netrc cannot replace our Authorization header."""
    return request
