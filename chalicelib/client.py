"""A REST client for any stage of Dropmill: what the command line does, callable from a script.

It knows only the public routes, never the engine, so it works against the local stack and a deployed stage alike. The
token goes to the API and nowhere else: presigned links carry their own signature and are called without it.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote, urlsplit

import requests

from chalicelib.post_form import Form, media_type

Body: TypeAlias = dict[str, Any]

TERMINAL = frozenset({"completed", "error", "cancelled"})
TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes of an answer."""
UPLOAD_PAUSES = (2.0, 5.0)
LONGEST_PAUSE = 30.0


class Trouble(Exception):
    """The request brought no result; `code` is the server's, or one of ours in lower case. `status` 0: no answer."""

    def __init__(self, code: str, message: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Asking again can help: no answer, too many requests, or a server that stumbles."""
        return self.status in (0, 429) or self.status >= 500


@dataclass(frozen=True, slots=True)
class Content:
    """A file from the server: its text, or the address where it lies ready."""

    name: str
    text: str = ""
    url: str = ""
    note: str = ""


class Client:
    """Speaks to one Dropmill at `url` as the bearer of `token`. Raises `Trouble`, and OSError for local files.

    `patience` is how long, in seconds, `watch` goes on asking a server that does not answer.
    """

    def __init__(
        self, url: str, token: str, *, patience: float = 120.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._patience = patience
        self._sleep = sleep
        self._api = requests.Session()
        self._links = requests.Session()
        # A callable for `auth` also keeps requests from picking up a ~/.netrc entry for the host.
        self._api.auth = self._sign
        self._links.auth = _unsigned

    def drop(
        self, path: Path, pipeline: str, options: Mapping[str, Any], *, again: bool, on_bytes: Callable[[int], None]
    ) -> Body:
        """Upload a file; answer what POST /upload said. `on_bytes` hears bytes going out, negative when it starts over.

        The bucket's own event starts the job too, so a server that cannot be told `uploaded` is no error.
        """
        request = {"fileName": path.name, "fileType": media_type(path), "fileSize": path.stat().st_size,
                   "pipeline": pipeline, "options": dict(options)}
        ticket = self._json("POST", "/upload", json=request, params={"again": "true"} if again else {},
                            headers={"Idempotency-Key": uuid.uuid4().hex})
        self._upload(ticket["uploadUrl"], ticket["fields"], path, on_bytes)
        try:
            self._json("PUT", f"/status/{ticket['jobId']}", json={"status": "uploaded"})
        except Trouble as trouble:
            if not trouble.passing:
                raise
        return ticket

    def rehearse(
        self, path: Path, pipeline: str, options: Mapping[str, Any], *, on_bytes: Callable[[int], None]
    ) -> Body:
        """What would become of a file; nothing is stored. Waits for the answer about a large one."""
        request = {"fileName": path.name, "fileType": media_type(path), "fileSize": path.stat().st_size,
                   "pipeline": pipeline, "options": dict(options)}
        ticket = self._json("POST", "/upload", json=request, params={"dryRun": "true"})
        self._upload(ticket["uploadUrl"], ticket["fields"], path, on_bytes)
        order = {"fileKey": ticket["fileKey"], "pipeline": pipeline, "options": dict(options)}
        return self._ready(self._call("POST", "/dry-run", json=order))

    def job(self, job_id: str) -> Body:
        return self._json("GET", f"/status/{_segment(job_id)}")

    def jobs(self, **filters: Any) -> Body:
        return self._json("GET", "/status", params=filters)

    def report(self, job_id: str) -> Body:
        return self._json("GET", f"/status/{_segment(job_id)}/report")

    def day(self, day: str) -> Body:
        """The figures of a day in UTC."""
        return self._json("GET", f"/reports/{_segment(day)}")

    def queues(self) -> Body:
        """Every work queue, explained, and the latest redrives."""
        return self._json("GET", "/queues")

    def dead_letters(self, queue: str, limit: int) -> Body:
        return self._json("GET", f"/queues/{quote(queue, safe='')}/dlq", params={"limit": limit})

    def redrive(self, queue: str, asked: Mapping[str, Any]) -> Body:
        """Ask for a redrive; what is not done in the request stands under `redrive`, for `redriven`."""
        return self._json("POST", f"/queues/{quote(queue, safe='')}/redrive", json=dict(asked),
                          headers={"Idempotency-Key": uuid.uuid4().hex})

    def redriven(self, redrive: Body) -> Body:
        """The redrive once it has ended."""
        while redrive["status"] not in TERMINAL and not redrive["interrupted"]:
            self._sleep(float(redrive["retryAfterMs"] or 2000) / 1000)
            redrive = _body(self._poll(redrive["statusUrl"]))
        return redrive

    def act(self, job_id: str, action: str, told: Mapping[str, Any] | None = None) -> Body:
        """POST one of cancel, resume, retry, undo."""
        return self._json("POST", f"/status/{_segment(job_id)}/{action}", **({"json": dict(told)} if told else {}))

    def watch(self, job_id: str) -> Iterator[Body]:
        """Yield each new state of the job, the last one terminal. Asks as often as the server's `retryAfterMs` says."""
        tag, state = "", Body()
        while True:
            answer = self._poll(f"/status/{_segment(job_id)}", tag)
            if answer.status_code != 304:
                tag, state = answer.headers.get("ETag", ""), _body(answer)
                yield state
            if state.get("status") in TERMINAL and (state.get("undo") or {}).get("state") != "running":
                return
            self._sleep(_pause(state, answer))

    def rejects(self, job_id: str, format_: str) -> Content:
        path = f"/status/{_segment(job_id)}/rejects"
        answer = self._call("GET", path, params={"format": format_}, headers={"Accept": "text/csv, application/json"})
        name = f"rejects-{job_id}.{format_}"
        if not _is_json(answer):
            return Content(name, text=_text(answer))
        body = self._ready(answer)
        return Content(str(body.get("filename") or name), url=_field(body, "url"))

    def export(self, format_: str, filters: Mapping[str, str], sort_by: str) -> Content:
        """The leads that match, as a file. `note` is the server's own sentence about how many there are."""
        request: Body = {"format": format_, "filters": dict(filters)} | ({"sortBy": sort_by} if sort_by else {})
        body = self._ready(self._call("POST", "/export", json=request, headers={"Idempotency-Key": uuid.uuid4().hex}))
        name = str(body.get("filename") or f"leads.{format_}")
        note = str(body.get("message") or "")
        return Content(name, text=str(body.get("content") or ""), url=str(body.get("url") or ""), note=note)

    def report_workbook(self, job_id: str) -> Content:
        body = self._json("GET", f"/status/{_segment(job_id)}/report", params={"format": "xlsx"})
        return Content(str(body.get("filename") or f"report-{job_id}.xlsx"), url=_field(body, "url"))

    def write(self, content: Content, out: BinaryIO) -> None:
        """Write the file's bytes: at once, or streamed from where it lies."""
        if not content.url:
            out.write(content.text.encode())
            return
        with self._send(self._links, "GET", content.url, stream=True) as answer:
            if answer.status_code != 200:
                raise Trouble("download_refused", f"the download answered {answer.status_code}",
                              status=answer.status_code)
            try:
                for block in answer.iter_content(65536):
                    out.write(block)
            except requests.RequestException as problem:
                raise _unreachable(content.url, problem) from problem

    def _ready(self, answer: requests.Response) -> Body:
        """The body of an answer; after a 202, of the place it names, once that is ready."""
        body = _body(answer)
        if answer.status_code != 202:
            return body
        place = "/" + _field(body, "statusUrl").removeprefix(self._url).lstrip("/")
        while not (body.get("url") or body.get("status") in TERMINAL):
            self._sleep(_pause(body, answer))
            answer = self._poll(place)
            body = _body(answer)
        if body.get("status") in ("error", "cancelled"):
            raise _refusal(answer, body)
        return body

    def _poll(self, path: str, tag: str = "") -> requests.Response:
        """GET, asked again for as long as patience lasts where the server does not answer."""
        waited, headers = 0.0, {"If-None-Match": tag} if tag else {}
        while True:
            try:
                return self._call("GET", path, headers=headers)
            except Trouble as trouble:
                pause = max(trouble.retry_after, min(2.0 + waited / 4, LONGEST_PAUSE))
                if not trouble.passing or waited + pause > self._patience:
                    raise
            waited += pause
            self._sleep(pause)

    def _upload(self, url: str, fields: Mapping[str, str], path: Path, on_bytes: Callable[[int], None]) -> None:
        for pause in UPLOAD_PAUSES:
            try:
                return self._post_form(url, fields, path, on_bytes)
            except Trouble as trouble:
                if not trouble.passing:
                    raise
                self._sleep(max(trouble.retry_after, pause))
        return self._post_form(url, fields, path, on_bytes)

    def _post_form(self, url: str, fields: Mapping[str, str], path: Path, on_bytes: Callable[[int], None]) -> None:
        with path.open("rb") as file:
            form = Form(fields, file, path.stat().st_size, on_bytes)
            try:
                answer = self._send(self._links, "POST", url, data=form, headers={"Content-Type": form.content_type})
            except Trouble:
                on_bytes(-form.sent)
                raise
            except EOFError as problem:
                raise Trouble("file_changed", str(problem), status=400) from problem
        if answer.status_code not in (200, 201, 204):
            on_bytes(-form.sent)
            raise _upload_refused(answer)

    def _json(self, method: str, path: str, **request: Any) -> Body:
        return _body(self._call(method, path, **request))

    def _call(self, method: str, path: str, **request: Any) -> requests.Response:
        answer = self._send(self._api, method, self._url + path, **request)
        if answer.status_code == 304 or 200 <= answer.status_code < 300:
            return answer
        raise _refusal(answer, _body(answer) if _is_json(answer) else {})

    def _send(self, session: requests.Session, method: str, url: str, **request: Any) -> requests.Response:
        try:
            return session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **request)
        except requests.RequestException as problem:
            raise _unreachable(url, problem) from problem

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _segment(job_id: str) -> str:
    """A job id as part of a path; one that could lead elsewhere is refused before it is sent."""
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", job_id) or job_id.strip(".") == "":
        raise Trouble("bad_job_id", f"{job_id!r} is not a job id", status=400)
    return job_id


def _pause(state: Body, answer: requests.Response) -> float:
    milliseconds = state.get("retryAfterMs")
    if isinstance(milliseconds, (int, float)):
        return float(milliseconds) / 1000
    return _retry_after(answer) or 2.0


def _is_json(answer: requests.Response) -> bool:
    return "json" in answer.headers.get("Content-Type", "")


def _text(answer: requests.Response) -> str:
    answer.encoding = "utf-8"
    return answer.text


def _body(answer: requests.Response) -> Body:
    try:
        body = json.loads(answer.content)
    except ValueError as problem:
        raise _strange(answer) from problem
    if not isinstance(body, dict):
        raise _strange(answer)
    return body


def _field(body: Body, name: str) -> str:
    if not isinstance(body.get(name), str):
        raise Trouble("strange_answer", f"the server's answer lacks {name}", status=502)
    return str(body[name])


def _refusal(answer: requests.Response, body: Body) -> Trouble:
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    status = answer.status_code
    message = str(error.get("message") or body.get("Message") or body.get("message") or f"the server answered {status}")
    if error.get("requestId"):
        message += f" (request {error['requestId']})"
    return Trouble(str(error.get("code") or f"http_{status}"), message, status=status, retry_after=_retry_after(answer))


def _retry_after(answer: requests.Response) -> float:
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _strange(answer: requests.Response) -> Trouble:
    message = f"the answer ({answer.status_code}) is no JSON of ours; is this the address of a Dropmill?"
    return Trouble("strange_answer", message, status=answer.status_code)


def _upload_refused(answer: requests.Response) -> Trouble:
    code = re.search(r"<Code>([A-Za-z0-9]+)</Code>", answer.text[:4096])
    message = re.search(r"<Message>([^<]+)</Message>", answer.text[:4096])
    return Trouble(code[1] if code else f"http_{answer.status_code}",
                   f"the bucket refused the upload: {message[1] if message else answer.status_code}",
                   status=answer.status_code)


def _unreachable(url: str, problem: requests.RequestException) -> Trouble:
    host = urlsplit(url).netloc or url
    if isinstance(problem, requests.Timeout):
        return Trouble("timeout", f"{host} did not answer in time")
    if isinstance(problem, requests.exceptions.SSLError):
        return Trouble("tls", f"the certificate of {host} cannot be trusted", status=400)
    if isinstance(problem, requests.ConnectionError):
        return Trouble("unreachable", f"cannot reach {host}: is it running? (make run starts the local stack)")
    return Trouble("bad_address", f"{host!r} cannot be called: {type(problem).__name__}", status=400)
