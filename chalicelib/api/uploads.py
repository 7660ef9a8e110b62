"""POST /upload: check what a client announces before it gets a link, while saying no is still cheap."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, get_args

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.s3 import Blobs
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import (
    ContentField,
    ImagesOptions,
    LeadsOptions,
    PricesOptions,
    ProductsOptions,
    UploadRequest,
)
from chalicelib.api.models import UploadAnswer, Wire
from chalicelib.api.requests import parsed
from chalicelib.errors import FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.intake import begin_upload
from chalicelib.settings import Settings

SUPPORTED_TYPES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".gz", ".zip")
"""Endings of spreadsheets. The content decides later; a wrong ending is refused before anything is uploaded."""
IMAGE_TYPES = (
    ".jpg", ".jpeg", ".png", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".dng", ".cr2",
    ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".zip")
"""Endings of pictures, of cameras' raw files, and of archives of them."""
DEFAULT_TYPE = "application/octet-stream"
OPTIONS: Mapping[str, type[Wire]] = {"leads": LeadsOptions, "products": ProductsOptions, "prices": PricesOptions,
                                     "images": ImagesOptions}
"""What each pipeline may be told."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE)


def announce(
    caller: Caller, request: UploadRequest, *, pipelines: Mapping[str, Any], ledger: Ledger, blobs: Blobs,
    settings: Settings, clock: Callable[[], datetime], again: bool = False,
) -> UploadAnswer:
    """Register a job that waits for its file and answer the form that uploads it.

    Raises BAD_REQUEST, UNSUPPORTED_TYPE, FILE_TOO_LARGE or EMPTY_FILE.
    """
    check(request, pipelines, settings)
    upload = begin_upload(
        owner=caller.owner, subject=caller.subject, pipeline=request.pipeline, file_name=request.file_name,
        file_type=request.file_type or DEFAULT_TYPE, file_size=request.file_size or 0,
        options=checked_options(request.pipeline, request.options),
        again=again or request.again, ledger=ledger, blobs=blobs, settings=settings, clock=clock)
    job_id = upload.job.job_id
    return UploadAnswer(
        upload_url=upload.url, fields=upload.fields, file_key=upload.job.file_key, job_id=job_id, upload_id=job_id,
        file_id=job_id, expires_in=settings.upload_expires, max_file_size=settings.max_upload_bytes,
        supported_types=supported_types(request.pipeline))


def supported_types(pipeline: str) -> tuple[str, ...]:
    """Endings that a file for this pipeline may have."""
    return IMAGE_TYPES if pipeline == "images" else SUPPORTED_TYPES


def checked_options(pipeline: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a client tells the pipeline, only what is set. Raises BAD_REQUEST naming the options."""
    checked = parsed(OPTIONS[pipeline], options, within="options").as_json(only_set=True)
    known = {*mappable(pipeline, checked), ""}
    unknown = sorted({str(name) for name in checked.get("mapping", {}).values()} - known)
    if unknown:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The mapping names fields that this pipeline does not have.",
                             unknown=unknown, fields=sorted(known - {""}))
    return checked


def mappable(pipeline: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that a column may be mapped to; pictures have no columns."""
    if pipeline == "images":
        return ()
    if pipeline == "products":
        from chalicelib.pipelines.products.fields import FIELDS

        return tuple(spec.name for spec in FIELDS)
    if pipeline == "prices":
        from chalicelib.pipelines.prices.fields import BILL, PRICE_LIST

        return PRICE_LIST if options.get("priceList") else BILL
    return get_args(ContentField)


def check(request: UploadRequest, pipelines: Mapping[str, Any], settings: Settings) -> None:
    """Raises BAD_REQUEST, UNSUPPORTED_TYPE, FILE_TOO_LARGE or EMPTY_FILE for what would not be taken."""
    if request.pipeline not in pipelines:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "There is no such pipeline.", pipelines=sorted(pipelines))
    ending = PurePosixPath(request.file_name.replace("\\", "/")).suffix.lower()
    if ending not in (supported := supported_types(request.pipeline)):
        raise RequestRefused(RequestProblem.UNSUPPORTED_TYPE, "Files with this ending are not accepted.",
                             supportedTypes=supported)
    if request.file_type and not _MEDIA_TYPE.fullmatch(request.file_type):
        raise RequestRefused(RequestProblem.BAD_REQUEST, "fileType is not a media type, such as text/csv.")
    if request.file_size == 0:
        raise FileRefused(FileProblem.EMPTY_FILE)
    if (request.file_size or 0) > settings.max_upload_bytes:
        raise FileRefused(FileProblem.FILE_TOO_LARGE, maxFileSize=settings.max_upload_bytes)
