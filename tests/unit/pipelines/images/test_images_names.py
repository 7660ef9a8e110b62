"""Names of files, honest and hostile."""

from __future__ import annotations

import re

import pytest

from chalicelib.adapters.image_records import Place, Space
from chalicelib.imaging.sniff import Format
from chalicelib.pipelines.images.names import OTHERS, is_litter, is_other, parts_of, result_key


@pytest.mark.parametrize(("path", "parts"), [
    ("a.jpg", ("a.jpg",)), ("b/./c//a.jpg", ("b", "c", "a.jpg")), ("b\\c\\a.jpg", ("b", "c", "a.jpg")),
    ("u\u0308.png", ("\u00fc.png",)), ("...jpg", ("...jpg",))])
def test_a_path_becomes_folders_and_a_name(path: str, parts: tuple[str, ...]) -> None:
    assert parts_of(path) == parts


@pytest.mark.parametrize("path", [
    "../a.jpg", "b/../../a.jpg", "/etc/a.jpg", "\\\\server\\a.jpg", "C:\\a.jpg", "c:a.jpg", "", "./", "a\x00.jpg",
    "b\n/a.jpg"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parts_of(path)


@pytest.mark.parametrize("path", ["__MACOSX/b/._a.jpg", "b/.DS_Store", "b/Thumbs.db", ".git/a.jpg", "b/@eaDir/a.jpg"])
def test_what_systems_leave_behind_is_litter(path: str) -> None:
    assert is_litter(path)


@pytest.mark.parametrize("path", ["a.jpg", "b/c/a.jpg", "../a.jpg", "./a.jpg", "thumbs.db.jpg"])
def test_photos_are_no_litter(path: str) -> None:
    assert not is_litter(path)


def test_no_format_that_is_read_is_refused_by_name() -> None:
    assert not {f".{form.value}" for form in Format} & OTHERS
    assert not any(is_other(f"a{ending}") for ending in (".jpg", ".HEIC", ".dng", ".cr3", ".psd", "", ".unknown"))
    assert all(is_other(f"a{ending}") for ending in (".mp4", ".MOV", ".txt", ".docx"))


def key(path: str, owner: str = "ada", job: str = "j", row: int = 1, path_id: str = "") -> str:
    return result_key(Place(owner, Space.DROPS, path_id or path), path, job_id=job, row=row)


def test_a_key_reads_like_the_path_and_is_the_same_again() -> None:
    assert re.fullmatch(r"images/ada/Trip/day_1/photo\.heic\.[0-9a-f]{16}\.jpg", key("/Trip/day 1/photo.heic"))
    assert key("/photo.heic") == key("/photo.heic")


@pytest.mark.parametrize("path", [
    "/a b/\u00fc?#%&.png", "/\u65e5\u672c/\u5199\u771f.heic", "/" + "x" * 800 + "/" + "y" * 800, "/.../....jpg",
    "/a/\u202egpj.exe", "/a\"<>|/b'.jpg"])
def test_a_key_is_safe_in_a_url_and_not_too_long(path: str) -> None:
    assert re.fullmatch(r"images/ada(/[A-Za-z0-9_][A-Za-z0-9._-]*)+\.[0-9a-f]{16}\.jpg", key(path))
    assert len(key(path)) < 600


def test_no_two_of_owner_place_job_and_row_share_a_key() -> None:
    keys = [key("/a.jpg"), key("/A.jpg"), key("/a.jpg", "bob"), key("/a.jpg", job="k"), key("/a.jpg", row=2),
            key("/\u00e4.jpg"), key("/a.png"), key("/x/a.jpg")]
    assert len(set(keys)) == len(keys)
