"""From a change in Dropbox to a picture that a browser shows, and back: renamed, edited, deleted, listed anew."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from chalicelib.adapters.dropbox_webhook import SIGNATURE_HEADER
from chalicelib.jobs.model import Status
from chalicelib.local.fakes.dropbox import FakeDropbox
from chalicelib.local.fakes.dropbox_routes import DOWNLOAD
from tests.functional.dropbox import Following, settings_for
from tests.functional.rest import Api


@pytest.fixture
def fake() -> Iterator[FakeDropbox]:
    with FakeDropbox() as running:
        yield running


@pytest.fixture
def environment(fake: FakeDropbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_for(fake).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def api(environment: None, api: Api) -> Api:
    return api


@pytest.fixture
def stage(aws: Any, fake: FakeDropbox) -> Following:
    return Following(aws, fake)


def photo(width: int, colour: str, kind: str = "PNG") -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (width, 40), colour).save(body, kind)
    return body.getvalue()


def tell(api: Api, stage: Following) -> None:
    """Dropbox notifies us, and everything that comes of it is done."""
    body, headers = stage.fake.webhook()
    answer = api("POST", "/webhooks/dropbox", body, headers={"authorization": "", **{
        SIGNATURE_HEADER: headers[SIGNATURE_HEADER]}})
    assert answer.status == 200
    stage.work()
    assert {job.status for job in stage.jobs} == {Status.COMPLETED}


def shown(api: Api) -> dict[str, dict[str, Any]]:
    return {image["path"]: image for image in api("GET", "/images").json["images"]}


def downloads(stage: Following) -> int:
    return sum(seen.path == DOWNLOAD for seen in stage.fake.seen)


def test_pictures_follow_what_happens_in_dropbox(api: Api, stage: Following):
    tree = stage.fake.tree()
    for path, content in {"/Trip/One.png": photo(100, "red"), "/Trip/one.jpg": photo(101, "blue", "JPEG"),
                          "/three.png": photo(102, "green"), "/notes.txt": b"no picture"}.items():
        tree.put(path, content)
    tell(api, stage)
    first = shown(api)
    assert {path: image["width"] for path, image in first.items()} == {
        "/Trip/One.png": 100, "/Trip/one.jpg": 101, "/three.png": 102}
    answer = requests.get(first["/three.png"]["url"], timeout=10)
    assert (answer.headers["Content-Type"], len(answer.content)) == ("image/jpeg", first["/three.png"]["bytes"])
    assert Image.open(io.BytesIO(answer.content)).size == (102, 40)
    job, = stage.jobs
    assert (job.new, job.rejected, job.rows) == (3, 1, 4)

    fetched = downloads(stage)
    tree.move("/three.png", "/Trip/four.png")
    tree.put("/Trip/One.png", photo(200, "red"))
    tell(api, stage)
    second = shown(api)
    assert {path: image["width"] for path, image in second.items()} == {
        "/Trip/One.png": 200, "/Trip/one.jpg": 101, "/Trip/four.png": 102}
    assert second["/Trip/One.png"]["imageId"] == first["/Trip/One.png"]["imageId"]
    assert downloads(stage) == fetched + 1, "a renamed file is not fetched again"

    tree.put("/stays.png", photo(103, "white"))
    tree.delete("/Trip")
    tell(api, stage)
    assert list(shown(api)) == ["/stays.png"]

    tree.delete("/stays.png")
    tree.put("/last.png", photo(104, "black"))
    tree.reset()
    tell(api, stage)
    assert list(shown(api)) == ["/last.png"]
    assert [seen.path for seen in stage.fake.seen].count("/2/files/list_folder") == 2

    settled = len(stage.jobs)
    tell(api, stage)
    assert len(stage.jobs) == settled, "nothing has changed"
