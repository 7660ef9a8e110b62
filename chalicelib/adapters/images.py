"""Where pictures are recorded: what was made of which file, and where the result lies.

A picture is known by its place: owner, space and path. The spaces keep what follows a Dropbox account apart from what
people drop, so that a folder deleted there takes nothing of theirs along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.jobs.pipeline import Undone

if TYPE_CHECKING:
    from chalicelib.jobs.model import Job


class Space(StrEnum):
    """Where paths are from."""

    DROPBOX = "dropbox"
    """Paths are Dropbox's `path_lower`."""
    DROPS = "drops"
    """`/{folder}/{file name}` of dropped photos, `/{folder}/{name of the zip without its ending}/{path in it}`."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as stored. `path` is for people, with a slash at its beginning; `path_id` is what identifies it.

    `key` is the result's in the bucket; it changes with every revision. `revision` is Dropbox's `rev`, else the SHA-256
    of the source. `content_hash` is Dropbox's, else the SHA-256. `source_id` is Dropbox's `id:...`, else empty.
    `version` sorts as texts; `warnings` are codes.
    """

    owner: str = ""
    space: Space = Space.DROPS
    path_id: str = ""
    image_id: str = ""
    path: str = ""
    source_id: str = ""
    revision: str = ""
    content_hash: str = ""
    key: str = ""
    width: int = 0
    height: int = 0
    source_width: int = 0
    source_height: int = 0
    source_format: str = ""
    source_bytes: int = 0
    bytes: int = 0
    engine: str = ""
    milliseconds: int = 0
    warnings: tuple[str, ...] = ()
    job_id: str = ""
    version: str = ""
    created_at: str = ""
    updated_at: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures by path. `cursor` continues behind them and is "" at the end."""

    images: tuple[Image, ...]
    cursor: str


class Images:
    """One table, all owners; nothing crosses. Every method raises Transient where the database does not answer."""

    def __init__(self, client: Any, table: str, **parts: Any) -> None:
        self.client = client
        self.table = table

    def get(self, owner: str, image_id: str) -> Image | None:
        """The picture of that id; None where there is none, or it is somebody else's, or was deleted."""
        raise NotImplementedError

    def page(self, owner: str, *, folder: str = "", limit: int, cursor: str = "") -> Page:
        """Pictures of all spaces in and beneath `folder` by path, behind `cursor`; may lag behind by a second."""
        raise NotImplementedError

    def under(self, owner: str, prefix: str, *, space: Space = Space.DROPBOX) -> Iterator[Image]:
        """All pictures beneath the folder `prefix` (a `path_id`; "" or "/" is everything), as of now, in no order."""
        raise NotImplementedError

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        """Undo what the job did under these marks, each once however often it is asked, unless changed since."""
        raise NotImplementedError
