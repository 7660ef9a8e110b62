"""Pictures over REST: by path, each with a link that lasts a while and what was saved."""

from __future__ import annotations

from pathlib import PurePosixPath

from chalicelib.adapters.images import Image, Images
from chalicelib.adapters.s3 import Blobs
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.image_models import ImageAnswer, ImagePage, ImageQuery
from chalicelib.api.requests import path_id
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.settings import Settings

LINK_SECONDS = 900
MEDIA_TYPE = "image/jpeg"


def listing(
    caller: Caller, query: ImageQuery, *, images_store: Images, blobs: Blobs, settings: Settings
) -> ImagePage:
    """The caller's pictures by path. Raises BAD_CURSOR."""
    scope = {"list": "images", "owner": caller.owner, "folder": query.place}
    position = cursors.unseal(settings.jwt_secret, scope, query.cursor) if query.cursor else ""
    page = images_store.page(caller.owner, folder=query.place, limit=query.limit, cursor=position)
    return ImagePage(images=tuple(_answer(image, blobs) for image in page.images),
                     cursor=cursors.seal(settings.jwt_secret, scope, page.cursor) if page.cursor else None)


def show(caller: Caller, image_id: str, *, images_store: Images, blobs: Blobs) -> ImageAnswer:
    """One picture. Raises NOT_FOUND, also for another owner's and one that was deleted."""
    image = images_store.get(caller.owner, path_id(image_id))
    if image is None:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such picture.")
    return _answer(image, blobs)


def _answer(image: Image, blobs: Blobs) -> ImageAnswer:
    file_name = f"{PurePosixPath(image.name).stem or 'picture'}.jpg"
    return ImageAnswer(
        image_id=image.image_id, path=image.path, name=image.name,
        url=blobs.presigned_get(image.key, LINK_SECONDS, file_name, MEDIA_TYPE), expires_in=LINK_SECONDS,
        width=image.width, height=image.height, source_format=image.source_format, source_bytes=image.source_bytes,
        bytes=image.bytes, saved_percent=saved_percent(image.source_bytes, image.bytes), source=image.space.value,
        revision=image.revision, job_id=image.job_id, warnings=image.warnings, created_at=image.created_at,
        updated_at=image.updated_at)


def saved_percent(before: int, after: int) -> float:
    """What `after` saves of `before`, to a tenth of a per cent; 0 where nothing was measured."""
    return round(100 * (before - after) / before, 1) if before else 0.0
