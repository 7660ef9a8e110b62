"""Blobs on the wire: what the emulator takes and refuses, as S3 does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import requests

from chalicelib.adapters.s3 import ONE_PUT, Blobs


@pytest.fixture
def blobs(aws) -> Blobs:
    return Blobs(aws.client("s3"), aws.bucket)


def _post(blobs: Blobs, body: bytes, **changed: str) -> int:
    url, fields = blobs.presigned_post("uploads/leads/j/a.csv", "text/csv", 10, 60)
    return requests.post(url, data={**fields, **changed}, files={"file": io.BytesIO(body)}, timeout=10).status_code


def test_a_presigned_form_takes_what_it_was_made_for(blobs: Blobs) -> None:
    assert _post(blobs, b"a,b\n1,2\n") in (200, 204)
    assert blobs.get("uploads/leads/j/a.csv") == b"a,b\n1,2\n"


@pytest.mark.parametrize("changed", [{"key": "uploads/leads/other/a.csv"}, {"Content-Type": "text/html"}])
def test_a_presigned_form_refuses_another_key_or_type(blobs: Blobs, changed: dict[str, str]) -> None:
    assert _post(blobs, b"a", **changed) == 403


def test_a_presigned_form_refuses_more_bytes_than_announced(blobs: Blobs) -> None:
    assert _post(blobs, b"x" * 11) == 400


def test_a_presigned_link_downloads_under_the_given_name(blobs: Blobs) -> None:
    blobs.put("exports/e.csv", b"a,b\n")
    answer = requests.get(blobs.presigned_get("exports/e.csv", 60, 'le"ads\n.csv', "text/csv"), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"a,b\n")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="le_ads_.csv"'


def test_a_pinned_version_is_read_even_after_the_key_was_overwritten(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put("uploads/x.csv", b"first")
    head = blobs.head("uploads/x.csv")
    assert head is not None
    blobs.put("uploads/x.csv", b"second")
    digest = blobs.download("uploads/x.csv", str(tmp_path / "x"), head.version_id)
    assert (tmp_path / "x").read_bytes() == b"first"
    assert digest == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"


def test_what_is_absent_is_a_key_error(blobs: Blobs) -> None:
    assert blobs.head("nothing") is None
    with pytest.raises(KeyError):
        blobs.get("nothing")


def test_a_prefix_is_deleted_and_its_neighbours_stay(blobs: Blobs) -> None:
    for name in ("work/a/1", "work/a/2", "work/ab/1"):
        blobs.put(name, b"")
    assert blobs.delete_prefix("work/a/") == 2
    assert list(blobs.keys("work/")) == ["work/ab/1"]


@pytest.mark.parametrize("size", [10, ONE_PUT + 1], ids=["whole", "in_parts"])
def test_a_file_is_uploaded_with_what_is_said_of_it_and_copied_with_that(
    blobs: Blobs, aws, tmp_path: Path, size: int
) -> None:
    (tmp_path / "x").write_bytes(b"x" * size)
    blobs.upload(str(tmp_path / "x"), "images/x.jpg", "image/jpeg", cache_control="public, immutable")
    blobs.copy("images/x.jpg", "images/y.jpg")
    told = aws.client("s3").head_object(Bucket=aws.bucket, Key="images/y.jpg")
    assert (told["ContentLength"], told["ContentType"], told["CacheControl"]) == (
        size, "image/jpeg", "public, immutable")


def test_a_deleted_object_comes_back_by_its_last_version(blobs: Blobs) -> None:
    for body in (b"first", b"second"):
        blobs.put("images/x.jpg", body)
    blobs.put("images/x.jpg.jpg", b"longer name")
    blobs.delete_all(["images/x.jpg", "images/none.jpg"])
    blobs.delete_all([])
    assert blobs.head("images/x.jpg") is None
    blobs.copy("images/x.jpg", "images/x.jpg", blobs.last_version("images/x.jpg"))
    assert blobs.get("images/x.jpg") == b"second"
    with pytest.raises(KeyError):
        blobs.last_version("images/x")
