"""An emulator that executes what is deployed to it, in a Python environment that has nothing of ours."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OF_LAMBDA = {"boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"}
OF_MINISTACK = {"ministack", "defusedxml", "graphql-core", "h11", "h2", "hpack", "hypercorn", "hyperframe",
                "jsonata-python", "priority", "PyYAML", "wsproto", "cryptography", "cffi", "pycparser"}
"""What `pip` would install with ministack; `cryptography` checks signatures under AUTH=true."""
ACCOUNT, REGION = "000000000000", "us-east-1"


class NoNetwork(Exception):
    """pip cannot reach its index, so nothing can be rehearsed."""


def environment_with(folder: Path, names: set[str], more: Path | None = None) -> Path:
    """A new environment with these of our pinned packages, and those of a list; answers its interpreter."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pins = [line for file in ("requirements.txt", "requirements-dev.txt")
            for line in (ROOT / file).read_text().splitlines() if line.split("==")[0] in names]
    assert len(pins) == len(names), names - {line.split("==")[0] for line in pins}
    listed = ["-r", str(more)] if more else []
    site = next(folder.glob("lib/python*/site-packages"))
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile",
                           "--disable-pip-version-check", "--no-input", "--target", str(site), *pins, *listed],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNetwork(done.stderr[-500:])
    return python


@contextmanager
def running(python: Path, scratch: Path, **more: str) -> Iterator[str]:
    """Serve on loopback until the context ends; gives the endpoint. IAM policies are enforced."""
    scratch.mkdir(parents=True, exist_ok=True)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(scratch), "TMPDIR": str(scratch), "AUTH": "true",
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
            "PERSIST_STATE": "0", "S3_PERSIST": "0", "LOG_LEVEL": "WARNING", "DOCKER_HOST": "unix:///nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true", **more}
        log = (scratch / "emulator.log").open("w")
        process = subprocess.Popen([str(python), str(Path(__file__).with_name("serve.py")), str(listener.fileno())],
                                   pass_fds=[listener.fileno()], env=environment, cwd=scratch, stdin=subprocess.PIPE,
                                   stdout=log, stderr=log, start_new_session=True)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait(endpoint, process, scratch)
        yield endpoint
    finally:
        assert process.stdin
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also the functions that still run
        process.wait()
        log.close()
        _remove(scratch)


def _remove(folder: Path) -> None:
    """Behind our back: every function left a hundred megabytes of small files, which take a minute to go."""
    doomed = folder.with_name(f"{folder.name}-gone-{time.monotonic_ns()}")
    folder.rename(doomed)
    subprocess.Popen(["rm", "-rf", str(doomed)], start_new_session=True)


def _wait(endpoint: str, process: subprocess.Popen[bytes], scratch: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(endpoint + "/_ministack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError((scratch / "emulator.log").read_text()[-2000:])
