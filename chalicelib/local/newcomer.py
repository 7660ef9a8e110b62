"""Shows a newcomer rows flow: a first run drops the sample into the bucket, as any S3 client would, and watches it."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from chalicelib.local.access import Access
from chalicelib.local.processes import Say
from chalicelib.local.samples import SAMPLE_NAME, write_sample

_PATIENCE = 120.0
_DONE = ("completed", "error", "cancelled")


def feed_sample(*, folder: Path, url: str, token: str, owner: str, access: Access, bucket: str, say: Say) -> None:
    """Drop the sample, unless an earlier run of this folder did, and tell of its job until it has ended."""
    mark = folder / "sample-dropped"
    if mark.exists():
        return
    path = folder / SAMPLE_NAME
    write_sample(path)
    say("sample", f"copying {path} to s3://{bucket}/uploads/leads/{owner}/{SAMPLE_NAME}")
    access.client("s3").upload_file(str(path), bucket, f"uploads/leads/{owner}/{SAMPLE_NAME}")
    mark.touch()
    try:
        _watch(url, token, say)
    except (OSError, ValueError, KeyError) as error:
        say("sample", f"cannot be watched: {error}")


def _watch(url: str, token: str, say: Say) -> None:
    job, told = "", ""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        job = job or _find(_get(f"{url}/status?limit=20", token))
        if job:
            status = _get(f"{url}/status/{job}", token)
            line = _line(status)
            if line != told:
                say("sample", line)
                told = line
            if status["status"] in _DONE:
                say("sample", f"every row accounted for: .venv/bin/python -m chalicelib.cli report {job}")
                return
        time.sleep(0.7)
    say("sample", "is not done yet; the lines of the functions say what it waits for")


def _find(listing: Any) -> str:
    return next((str(each["jobId"]) for each in listing["jobs"] if each["metadata"]["fileName"] == SAMPLE_NAME), "")


def _line(status: dict[str, Any]) -> str:
    progress, counts = status["progress"], status["rows"]
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count and word != "total")
    return f"{status['status']} {progress['percentage']}%: {told or 'reading the file'}"


def _get(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
