"""Blobs: bytes by key in the one bucket. Uploads, spool, exports and everything too large for an item or a message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 1024 * 1024
DELETE_KEYS = 1000
ONE_PUT = 8 * 1024 * 1024
"""Larger files are sent in parts; for smaller ones the library would start a dozen threads, each time."""


@dataclass(frozen=True, slots=True)
class Head:
    """What S3 says of an object without its bytes; `size` in bytes, `last_modified` in UTC."""

    size: int
    version_id: str
    last_modified: datetime
    content_type: str


class Blobs:
    """One bucket. Absent keys raise KeyError; everything that may pass by itself raises Transient.

    `signer` makes the links that people get; they may go by another endpoint than our own requests.
    """

    def __init__(self, client: S3Client, bucket: str, signer: S3Client | None = None) -> None:
        self._client = client
        self._signer = signer or client
        self.bucket = bucket

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> str:
        """Write an object; answers its version."""
        with _translated(key):
            answer = self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
        return str(answer.get("VersionId", ""))

    def get(self, key: str, version_id: str = "") -> bytes:
        with _translated(key):
            return self._client.get_object(Bucket=self.bucket, Key=key, **_version(version_id))["Body"].read()

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`."""
        with _translated(key):
            answer = self._client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}")
            return answer["Body"].read()

    def head(self, key: str, version_id: str = "") -> Head | None:
        try:
            with _translated(key):
                answer = self._client.head_object(Bucket=self.bucket, Key=key, **_version(version_id))
        except KeyError:
            return None
        return Head(answer["ContentLength"], answer.get("VersionId", ""), answer["LastModified"],
                    answer.get("ContentType", ""))

    def download(self, key: str, path: str, version_id: str = "") -> str:
        """Stream the object to `path`, in order and once; answers its SHA-256 in hex."""
        digest = hashlib.sha256()
        with _translated(key):
            body = self._client.get_object(Bucket=self.bucket, Key=key, **_version(version_id))["Body"]
            with Path(path).open("wb") as target:
                for chunk in body.iter_chunks(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
        return digest.hexdigest()

    def upload(self, path: str, key: str, content_type: str, *, cache_control: str = "") -> None:
        """A file of any size, a large one in parts and by threads of the library's own."""
        told: Any = {"ContentType": content_type, **({"CacheControl": cache_control} if cache_control else {})}
        with _translated(key):
            if Path(path).stat().st_size > ONE_PUT:
                self._client.upload_file(path, self.bucket, key, ExtraArgs=told)
                return
            with Path(path).open("rb") as body:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=body, **told)

    def copy(self, source: str, key: str, version_id: str = "") -> None:
        """Copy an object of up to 5 GB with all that is said of it, inside S3."""
        origin: Any = {"Bucket": self.bucket, "Key": source, **_version(version_id)}
        with _translated(source):
            self._client.copy_object(Bucket=self.bucket, Key=key, CopySource=origin)

    def last_version(self, key: str) -> str:
        """The newest version of an object, whether it was deleted since or not. Raises KeyError when none is kept."""
        with _translated(key):
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key):
                for entry in page.get("Versions", []):
                    if entry["Key"] == key:
                        return entry["VersionId"]
        raise KeyError(key)

    def keys(self, prefix: str) -> Iterator[str]:
        with _translated(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (entry["Key"] for entry in page.get("Contents", []))

    def delete(self, key: str) -> None:
        with _translated(key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def delete_prefix(self, prefix: str) -> int:
        """Remove all below `prefix`; answers how many."""
        keys = list(self.keys(prefix))
        self.delete_all(keys)
        return len(keys)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove these, a thousand a request; absent ones are none the worse."""
        for start in range(0, len(keys), DELETE_KEYS):
            with _translated(keys[start]):
                self._client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in keys[start:start + DELETE_KEYS]], "Quiet": True})

    def purge(self, prefix: str) -> int:
        """Remove every version below `prefix` that is not the newest of its key, for good; answers how many."""
        old: list[Any] = []
        with _translated(prefix):
            for page in self._client.get_paginator("list_object_versions").paginate(
                    Bucket=self.bucket, Prefix=prefix):
                old += [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in page.get("Versions", [])
                        if not entry["IsLatest"]]
        for start in range(0, len(old), DELETE_KEYS):
            with _translated(prefix):
                self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": old[start:start + DELETE_KEYS], "Quiet": True})
        return len(old)

    @property
    def origin(self) -> str:
        """Scheme, host and port that forms and links lead to; what a web page must be allowed to reach."""
        url = urlsplit(self.presigned_get("exports/", expires=60, file_name="", content_type=""))
        return f"{url.scheme}://{url.netloc}"

    def presigned_post(self, key: str, content_type: str, max_bytes: int, expires: int) -> tuple[str, dict[str, str]]:
        """A form that uploads exactly this key and type, of 0 to `max_bytes` bytes, within `expires` seconds.

        An empty file is let through on purpose: the job then ends with EMPTY_FILE, which a person understands.
        """
        post = self._signer.generate_presigned_post(
            self.bucket, key, Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 0, max_bytes]], ExpiresIn=expires)
        return post["url"], post["fields"]

    def presigned_get(self, key: str, expires: int, file_name: str, content_type: str) -> str:
        """A link that downloads `key` under `file_name` for `expires` seconds."""
        params = {"Bucket": self.bucket, "Key": key, "ResponseContentType": content_type,
                  "ResponseContentDisposition": f'attachment; filename="{_header_safe(file_name)}"'}
        return self._signer.generate_presigned_url("get_object", Params=params, ExpiresIn=expires)


def _version(version_id: str) -> dict[str, Any]:
    return {"VersionId": version_id} if version_id else {}


def _header_safe(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_"
                   for letter in name)


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details: Mapping[str, Any] = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if details.get("Code") in ("NoSuchKey", "404", "NoSuchVersion", "NotFound"):
            raise KeyError(key) from error
        if details.get("Code") == "SlowDown" or status >= 500:
            raise Transient(f"s3 is busy: {details.get('Code')}") from error
        raise
    except BotoCoreError as error:
        raise Transient(f"s3 did not answer: {type(error).__name__}") from error
