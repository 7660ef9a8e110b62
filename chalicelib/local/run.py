"""`make run`: the whole of Dropmill on this machine, until Ctrl-C or SIGTERM.

Starts the emulator, the functions, the pump, the API and, where they are asked for, fake providers; writes `local.json`
and `local.env` for the command line and for `chalice local`; drops a sample on a first run. Data, keys and tokens live
in `DROPMILL_HOME`, which one run at a time may use.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from pydantic import AliasChoices

from chalicelib.local import faults, providers
from chalicelib.local.access import LOCAL_ACCOUNT, LOCAL_SECRET_KEY
from chalicelib.local.newcomer import feed_samples
from chalicelib.local.processes import Child, Stream, bare_environment
from chalicelib.local.stack import Stack
from chalicelib.settings import Settings, home

STAGE = "local"
OWNER = "local"
_TOKEN_LIFE = timedelta(days=365)
_OURS = ("AWS_", "STAGE", "JWT_")
"""Variables that local mode decides itself: a developer's real account must not be reached by accident."""


class CannotRun(Exception):
    """A sentence for the person at the terminal."""


def main() -> int:
    """Run until stopped. 0 = stopped by a person, 1 = could not start or lost a part of itself."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    folder = home()
    try:
        port = _port(os.environ.get("PORT", "8000"))
        with _alone(folder), contextlib.ExitStack() as cleanup:
            return Local(folder, port, os.environ, Stream(), stop, cleanup).run()
    except (CannotRun, ValueError, OSError, RuntimeError) as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 1


class Local:
    """One run. What it starts is ended by `cleanup`, in reverse order."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, str], say: Stream, stop: threading.Event,
                 cleanup: contextlib.ExitStack) -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{port}"
        self._port = port
        self._environ = environ
        self._say = say
        self._stop = stop
        self._cleanup = cleanup
        self._parent = os.getppid()

    def run(self) -> int:
        began = time.monotonic()
        secret = _secret(self._folder)
        self._cleanup.callback(self._say, "dropmill", "stopped; the data stays in " + str(self._folder))
        stack = self._start_stack(secret)
        if self._stop.is_set():
            return 0
        api = self._start_api(stack)
        tokens = _tokens(secret)
        self._announce(stack, secret, tokens)
        self._greet(stack, tokens, time.monotonic() - began)
        threading.Thread(target=feed_samples, daemon=True, kwargs={
            "folder": self._folder, "url": self._url, "token": tokens["token"], "owner": OWNER,
            "access": stack.access, "bucket": stack.built.buckets["Bucket"], "say": self._say}).start()
        return self._watch(stack, api)

    def _start_stack(self, secret: str) -> Stack:
        fault = self._environ.get("FAULTS", "")
        environment = {**_settings_of(self._environ), "JWT_SECRET": secret, "LOG_FORMAT": "text",
                       "DROPMILL_HOME": str(self._folder),
                       **providers.start(faults.parse(fault), self._environ, self._cleanup, self._say)}
        seed = self._environ.get("FAULTS_SEED") or str(secrets.randbelow(10**6))
        if fault:
            self._say("dropmill", f"breaking things on purpose: FAULTS={fault} FAULTS_SEED={seed}")
        stack = Stack(STAGE, data=self._folder / "aws", environment=environment, fault=fault, seed=seed, say=self._say)
        self._cleanup.callback(stack.stop)
        return stack.start()

    def _start_api(self, stack: Stack) -> Child:
        environment = {**bare_environment(), **stack.function_environment("api_handler")}
        api = Child("api", "chalicelib.local.api", ["--stage", STAGE, "--port", str(self._port)], environment,
                    self._say)
        self._cleanup.callback(api.stop)
        while not _answers(self._url + "/health") and not self._stop.is_set():
            if not api.alive:
                raise CannotRun("the API did not start; its lines above say why")
            time.sleep(0.02)
        return api

    def _announce(self, stack: Stack, secret: str, tokens: Mapping[str, str]) -> None:
        """Tell the command line and `chalice local` where everything is, for as long as it is."""
        facts = {"url": self._url, **tokens, "s3Endpoint": stack.access.endpoint,
                 "bucket": stack.built.buckets["Bucket"], "region": stack.access.region,
                 "accessKeyId": LOCAL_ACCOUNT, "secretAccessKey": LOCAL_SECRET_KEY}
        lines = [f"{name}={value}" for name, value in {**stack.access.environment, "JWT_SECRET": secret}.items()]
        for name, text in (("local.json", json.dumps(facts, indent=2)), ("local.env", "\n".join(lines))):
            _write_private(self._folder / name, text + "\n")
            self._cleanup.callback((self._folder / name).unlink, missing_ok=True)

    def _greet(self, stack: Stack, tokens: Mapping[str, str], seconds: float) -> None:
        for line in (f"ready after {seconds:.1f} s, in local mode: on this machine only, no AWS account, no key",
                     f"address   {self._url}",
                     f"console   {self._url}/#token={tokens['operatorToken']}",
                     f"token     {tokens['token']}",
                     f"S3        {stack.access.endpoint}  bucket {stack.built.buckets['Bucket']}  "
                     f"key {LOCAL_ACCOUNT}  secret {LOCAL_SECRET_KEY}",
                     f"data      {self._folder}  (tokens and addresses for scripts: local.json)",
                     "drop      .venv/bin/python -m chalicelib.cli drop FILE --pipeline leads --wait",
                     "stop      Ctrl-C"):
            self._say("dropmill", line)

    def _watch(self, stack: Stack, api: Child) -> int:
        while not self._stop.wait(0.3):
            if not (stack.alive and api.alive):
                self._say("dropmill", "a part of the stack has died; the lines above say which")
                return 1
            if "MAKELEVEL" in self._environ and os.getppid() != self._parent:
                break  # make was killed: nobody would ever stop us
        self._say("dropmill", "stopping")
        return 0


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[IO[str]]:
    """Hold the folder's lock. Raises `CannotRun` when another run holds it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(_already(folder)) from error
        yield lock


def _already(folder: Path) -> str:
    where = ""
    with contextlib.suppress(OSError, ValueError, KeyError):
        where = " at " + json.loads((folder / "local.json").read_text(encoding="utf-8"))["url"]
    return (f"Dropmill already runs{where} with the data in {folder}. Stop it first, or set DROPMILL_HOME= to another "
            "folder and PORT= to another port.")


def _port(text: str) -> int:
    """The port, if it is free. Raises `CannotRun`."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotRun(f"PORT={text} is not a port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            raise CannotRun(f"port {text} is taken ({error.strerror}). Set PORT= to another one.") from error
    return int(text)


def _settings_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings among the environment; everything else stays out of the functions, as it would in Lambda."""
    names: set[str] = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        names.update(str(each) for each in alias.choices) if isinstance(alias, AliasChoices) else names.add(str(alias))
    return {name: environ[name] for name in names if name in environ and not name.startswith(_OURS)}


def _secret(folder: Path) -> str:
    """The key that signs this folder's tokens, made on the first run."""
    path = folder / "jwt-secret"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii")


def _tokens(secret: str) -> dict[str, str]:
    import jwt

    def token(*roles: str) -> str:
        now = datetime.now(UTC)
        claims: dict[str, Any] = {"iss": "dropmill", "aud": "dropmill", "sub": "local", "org": OWNER,
                                  "roles": list(roles), "iat": now, "exp": now + _TOKEN_LIFE}
        return str(jwt.encode(claims, secret, algorithm="HS256"))

    return {"token": token("user"), "operatorToken": token("user", "operator")}


def _write_private(path: Path, text: str) -> None:
    """Write at once or not at all, readable by nobody else at any moment."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status) > 0
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
