"""What the image routes take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.api.models import Moment, Wire

FolderPath = Annotated[str, StringConstraints(max_length=1024)]


class ImageQuery(Wire):
    """Query of GET /images. `folder` narrows to what lies beneath it, at any depth; case does not matter."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str = ""
    folder: FolderPath = ""

    @property
    def place(self) -> str:
        """The folder with a slash at its beginning only; nothing for all pictures."""
        inner = self.folder.strip("/ ")
        return f"/{inner}" if inner else ""


class SyncQuery(Wire):
    """Query of POST /dropbox/sync: `full=true` lists everything anew, and removes what is there no more."""

    full: bool = False


class ImageAnswer(Wire):
    """One picture. `url` shows it without a token for `expiresIn` seconds. `bytes` is its size, `sourceBytes` that of
    the original, and `savedPercent` what that saves: below 0 where the picture is larger.

    `source` is `dropbox`, or `drops` for what was dropped into the bucket. `warnings` are codes.
    """

    image_id: str
    path: str
    name: str
    url: str
    expires_in: int
    width: int
    height: int
    source_format: str
    source_bytes: int
    bytes: int
    saved_percent: float
    source: str
    revision: str
    job_id: str
    warnings: tuple[str, ...]
    created_at: Moment
    updated_at: Moment


class ImagePage(Wire):
    """Pictures by path."""

    images: tuple[ImageAnswer, ...]
    cursor: str | None


class ChallengeQuery(Wire):
    """Query of GET /webhooks/dropbox. What else Dropbox may send is its own affair."""

    model_config = ConfigDict(extra="ignore")

    challenge: str = Field(min_length=1, max_length=1024)


class NoticeAccounts(Wire):
    """The accounts that have changes."""

    model_config = ConfigDict(extra="ignore")

    accounts: tuple[str, ...] = ()


class DropboxNotice(Wire):
    """Body of POST /webhooks/dropbox, in Dropbox's spelling; `chalicelib.adapters.dropbox_webhook` reads it."""

    model_config = ConfigDict(extra="ignore")

    list_folder: NoticeAccounts = Field(default=NoticeAccounts(), alias="list_folder")


class NoticeAnswer(Wire):
    """How many accounts of ours a notification had listed."""

    accounts: int


class SyncAnswer(Wire):
    """A look at Dropbox that was asked for; what it finds becomes jobs of the pictures' owner."""

    account: str
    full: bool
    message: str
