"""Pictures over REST: whose they are, in what order they come, and that their links show them."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from chalicelib.adapters.image_records import Image, Place, Record, Space
from chalicelib.bootstrap import services
from tests.functional.rest import OWNER, Api, token

AT = "2026-11-22T01:00:00.000Z"


def keep(path: str, owner: str = OWNER, **facts: Any) -> Image:
    """A picture as a worker leaves it, with its object."""
    store, blobs = services().images_store, services().blobs
    place = Place(owner, Space.DROPBOX, path.lower())
    told = {"width": 640, "height": 480, "source_bytes": 1000, "bytes": 250, "source_format": "png", "revision": "r1",
            "warnings": ("COLOUR",), "job_id": "j1", "version": AT, "created_at": AT, "updated_at": AT, **facts}
    image = Image(owner=owner, space=place.space, path_id=place.path, image_id=place.image_id, path=path,
                  key=f"images/{owner}{place.path}.jpg", **told)
    blobs.put(image.key, path.encode(), "image/jpeg")
    assert store.put(Record(place, image, AT, rev=1))
    for write in store.pointers(image):
        store.client.put_item(TableName=write.table, Item={
            name: {"S": value} for name, value in {**write.key, **write.item}.items()})
    return image


@pytest.fixture(scope="module")
def kept(shared_api: Api) -> list[Image]:
    return [keep(path) for path in ("/b.png", "/Trip/One.png", "/Trip/inner/Two.png", "/tripod.png", "/a.png")]


@pytest.fixture
def api(shared_api: Api, kept: list[Image]) -> Api:
    return shared_api


def paths(api: Api, **query: Any) -> list[str]:
    return [image["path"] for image in api("GET", "/images", **query).json["images"]]


def test_pictures_come_by_path_whatever_the_case_of_its_letters(api: Api):
    assert paths(api) == ["/a.png", "/b.png", "/Trip/inner/Two.png", "/Trip/One.png", "/tripod.png"]


@pytest.mark.parametrize("folder", ["trip", "/TRIP/", "Trip"])
def test_a_folder_is_what_lies_beneath_it_at_any_depth(api: Api, folder: str):
    assert sorted(paths(api, folder=folder)) == ["/Trip/One.png", "/Trip/inner/Two.png"]
    assert paths(api, folder=f"{folder}/nowhere") == []


def test_pages_follow_each_other_without_gap_or_overlap(api: Api):
    seen, cursor = [], ""
    while cursor is not None:
        page = api("GET", "/images", limit=2, **({"cursor": cursor} if cursor else {})).json
        seen += [image["path"] for image in page["images"]]
        cursor = page["cursor"]
    assert seen == paths(api)


def test_a_cursor_is_worth_nothing_elsewhere(api: Api):
    cursor = api("GET", "/images", limit=2).json["cursor"]
    assert api("GET", "/images", limit=2, cursor=cursor, folder="trip").code == "BAD_CURSOR"
    assert api.as_(token(org="other"))("GET", "/images", limit=2, cursor=cursor).code == "BAD_CURSOR"
    assert api("GET", "/images", cursor="x").code == "BAD_CURSOR"


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"folder": "x" * 1025}, {"sort": "name"}])
def test_what_a_listing_does_not_know_is_refused(api: Api, query: dict[str, Any]):
    assert api("GET", "/images", **query).code == "BAD_REQUEST"


def test_a_picture_says_what_it_saves_and_its_link_shows_it(api: Api, kept: list[Image]):
    told = api("GET", f"/images/{kept[1].image_id}").json

    assert (told["imageId"], told["path"], told["name"]) == (kept[1].image_id, "/Trip/One.png", "One.png")
    assert (told["width"], told["height"], told["sourceBytes"], told["bytes"]) == (640, 480, 1000, 250)
    assert (told["savedPercent"], told["source"], told["revision"]) == (75.0, "dropbox", "r1")
    assert (told["warnings"], told["createdAt"], told["expiresIn"]) == (["COLOUR"], AT, 900)
    answer = requests.get(told["url"], timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (b"/Trip/One.png", "image/jpeg")
    listed = next(image for image in api("GET", "/images").json["images"] if image["path"] == told["path"])
    assert {**listed, "url": ""} == {**told, "url": ""}


def test_a_picture_of_somebody_else_is_not_there(api: Api, kept: list[Image]):
    stranger = api.as_(token(org="other"))
    assert (stranger("GET", f"/images/{kept[0].image_id}").status, paths(stranger)) == (404, [])
    for nonsense in ("nobody", "..%2Fa", "x" * 200):
        assert api("GET", f"/images/{nonsense}").code == "NOT_FOUND"
