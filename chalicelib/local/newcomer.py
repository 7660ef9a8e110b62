"""Shows a newcomer rows flow: a first run drops the samples into the bucket, as any S3 client would, and watches them.

Leads, a catalogue and a photo are bare drops. A price list needs a name, so it goes by the API, and the bill that is
matched with it goes the seed's own way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from chalicelib.local.access import Access
from chalicelib.local.processes import Say
from chalicelib.local.samples import BILL, CATALOGUE, LEADS, PHOTO, PRICE_LIST, write_samples

_PATIENCE = 120.0
_DONE = ("completed", "error", "cancelled")


def feed_samples(*, folder: Path, url: str, token: str, owner: str, access: Access, bucket: str, say: Say) -> None:
    """Drop the samples, unless an earlier run of this folder did, and tell of their jobs until they have ended."""
    mark = folder / "sample-dropped"
    if mark.exists():
        return
    write_samples(folder)
    for pipeline, name in (("leads", LEADS), ("products", CATALOGUE), ("images", PHOTO)):
        say("sample", f"copying {folder / name} to s3://{bucket}/uploads/{pipeline}/{owner}/{name}")
        access.client("s3").upload_file(str(folder / name), bucket, f"uploads/{pipeline}/{owner}/{name}")
    mark.touch()
    newcomer = _Newcomer(folder, url, token, say)
    for step in (lambda: newcomer.watch(LEADS), newcomer.enrich, newcomer.match, lambda: newcomer.watch(PHOTO)):
        try:
            step()
        except (requests.RequestException, OSError, ValueError, KeyError) as error:
            say("sample", f"cannot be watched: {type(error).__name__} {error}")


@dataclass(frozen=True, slots=True)
class _Newcomer:
    folder: Path
    url: str
    token: str
    say: Say

    def watch(self, name: str) -> str:
        """Tell of a dropped file's job until it has ended; answers its id."""
        told = ""
        job: str = self._until(lambda: next((str(each["jobId"]) for each in self._get("/status?limit=20")["jobs"]
                                        if each["metadata"]["fileName"] == name), ""))
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            status = self._get(f"/status/{job}")
            if (line := f"{name} {_line(status)}") != told:
                self.say("sample", line)
                told = line
            if status["status"] in _DONE:
                self.say("sample", f"every row accounted for: .venv/bin/python -m chalicelib.cli report {job}")
                return job
            time.sleep(0.7)
        self.say("sample", "is not done yet; the lines of the functions say what it waits for")
        return job

    def enrich(self) -> None:
        catalogue = self.watch(CATALOGUE)
        queued = self._post(f"/catalogs/{catalogue}/enrich?provider=keepa")
        self._until(lambda: self._get(f"/status/{queued['tracking_id']}")["status"] in _DONE)
        sources = {each["source"] for each in self._get(f"/catalogs/{catalogue}/products")["products"]}
        self.say("sample", f"{CATALOGUE}: {queued['total_products']} products enriched, {', '.join(sorted(sources))}")

    def match(self) -> None:
        named = self._post("/price-lists", PRICE_LIST, name="sample rates")
        answer = self._post("/api/price-matching/upload-and-match", BILL, method="LOCAL")
        self.say("sample", f"{BILL}: {answer['matchedCount']} of {answer['itemCount']} items matched with "
                           f"{named['name']}: GET /api/price-matching/{answer['jobId']}/results")

    def _until(self, found: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + _PATIENCE
        while not (answer := found()) and time.monotonic() < deadline:
            time.sleep(0.3)
        return answer

    def _get(self, path: str) -> Any:
        return self._called("GET", path)

    def _post(self, path: str, file: str = "", **fields: str) -> Any:
        if not file:
            return self._called("POST", path)
        with (self.folder / file).open("rb") as body:
            return self._called("POST", path, files={"file": (file, body)}, data=fields)

    def _called(self, method: str, path: str, **sent: Any) -> Any:
        answer = requests.request(method, self.url + path, timeout=30, **sent,
                                  headers={"Authorization": f"Bearer {self.token}"})
        answer.raise_for_status()
        return answer.json()


def _line(status: dict[str, Any]) -> str:
    progress, counts = status["progress"], status["rows"]
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count and word != "total")
    return f"{status['status']} {progress['percentage']}%: {told or 'reading the file'}"
