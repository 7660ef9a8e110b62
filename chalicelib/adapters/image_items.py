"""Pictures' records as DynamoDB keeps them: by path in a few partitions, and listed while there is a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.adapters.image_records import PRIOR_DAYS, Image, Link, Place, Record, Space
from chalicelib.adapters.ledger_items import packed, unpacked


def record_key(place: Place) -> dict[str, str]:
    """Where the record of a place lies."""
    return {"pk": partition(place.owner, place.space, place.shard), "sk": place.path}


def partition(owner: str, space: Space, shard: int) -> str:
    return f"IMAGES#{space.value}#{shard}#{owner}"


def record_item(record: Record, now: datetime) -> dict[str, Any]:
    """A record as an item. One without a picture is in no listing, and goes when nobody undoes its jobs any more."""
    item: dict[str, Any] = {**record_key(record.place), "owner": record.place.owner, "version": record.version,
                            "fell": record.fell or None, "rev": record.rev,
                            "links": packed([_plain(link) for link in record.links])}
    image = record.image
    if image is None:
        return item | {"expires_at": int((now + timedelta(days=PRIOR_DAYS)).timestamp())}
    told = {name: value for name, value in _plain(image).items() if value not in ("", [], ())}
    return told | item | {"owner_pk": image.owner, "path_key": path_key(image)}


def record_from(place: Place, item: Mapping[str, Any] | None) -> Record:
    """The record of an item, or that of a place where nothing is stored."""
    if item is None:
        return Record(place)
    image = image_from(item) if item.get("key") else None
    links = tuple(_link(told) for told in unpacked(item["links"]))
    return Record(place, image, item["version"], item.get("fell", ""), links, int(item["rev"]))


def image_from(told: Mapping[str, Any]) -> Image:
    known = {name: told[name] for name in Image.__slots__ if name in told}
    return Image(**{**known, "space": Space(known["space"]), "warnings": tuple(known.get("warnings", ()))})


def path_key(image: Image) -> str:
    """Where it stands among its owner's pictures: by path, whatever the case of its letters."""
    return f"{image.path_id.lower()}\t{image.image_id}"


def _plain(value: Image | Link) -> dict[str, Any]:
    return dataclasses.asdict(value)


def _link(told: Mapping[str, Any]) -> Link:
    return Link(**{**told, "image": image_from(told["image"]) if told["image"] else None})
