"""The exception tree: every way Dropmill says no.

An error class carries how it is presented (HTTP status, documented code) and whether trying again can help, so that
nobody downstream matches on message text. Adapters translate the errors of their library into these; nobody else does.

    DropmillError
    |-- RequestRefused          the caller's request cannot be served (4xx); code from `RequestProblem`
    |-- FileRefused             the dropped file cannot be read; code from `FileProblem`
    |-- RowRefused              one row cannot be stored; code from `RowProblem`; becomes a reject, never an HTTP answer
    |-- Transient               try again later: network, throttling, provider hiccup
    |   `-- Conflict            somebody else wrote first: read again and decide anew
    |-- Unavailable             a provider refuses for good until a person acts (bad key, empty balance)
    |-- ContentRefused          the provider chokes on the content of these items: bisect
    |-- Malformed               a queue message that nobody can process: straight to the dead letters
    |-- PackageRefused          the package for Lambda is not what it must be; nothing may be deployed
    `-- Waiting                 not a failure: hand the message back and come again in `seconds`
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class Problem(StrEnum):
    """A documented code with its HTTP status and its meaning for a person; members are `(code, status, sentence)`."""

    status_code: int
    sentence: str

    def __new__(cls, code: str, status_code: int, sentence: str) -> Problem:
        member = str.__new__(cls, code)
        member._value_ = code
        member.status_code = status_code
        member.sentence = sentence
        return member


class RequestProblem(Problem):
    """Codes of the error body for requests."""

    BAD_REQUEST = "BAD_REQUEST", 400, "The request is not what this route expects; details name the fields."
    BAD_CURSOR = "BAD_CURSOR", 400, "The cursor is not one this route gave out, or belongs to another query."
    UNKNOWN_PROVIDER = "UNKNOWN_PROVIDER", 400, "There is no such provider; details list those that there are."
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE", 415, "The content type is not accepted here."
    LENGTH_REQUIRED = "LENGTH_REQUIRED", 411, "Send a Content-Length; chunked bodies do not pass the gateway."
    UNAUTHORIZED = "UNAUTHORIZED", 401, "The bearer token or API key is missing, malformed, expired or not ours."
    BAD_SIGNATURE = "BAD_SIGNATURE", 401, "The signature is missing, or not that of the body with our app's secret."
    FORBIDDEN = "FORBIDDEN", 403, "The token or key does not carry the role this route asks for."
    NOT_FOUND = "NOT_FOUND", 404, "There is no such thing, or it belongs to somebody else."
    UPLOAD_NOT_FOUND = "UPLOAD_NOT_FOUND", 404, "There is no such job, or it belongs to somebody else."
    CATALOG_NOT_FOUND = "CATALOG_NOT_FOUND", 404, "There is no such catalogue, or it belongs to somebody else."
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED", 405, "The route exists, but not with this method."
    CANNOT_CANCEL = "CANNOT_CANCEL", 409, "The job has already ended; there is nothing left to cancel."
    CANNOT_RESUME = "CANNOT_RESUME", 409, "Only a cancelled or paused job can be resumed."
    CANNOT_RETRY = "CANNOT_RETRY", 409, "The job has no failed batches, or is still running."
    CANNOT_UNDO = "CANNOT_UNDO", 409, "Only a job that has ended can be undone; cancel it first."
    CANNOT_FORCE = "CANNOT_FORCE", 400, "The total is unknown or nothing is missing, so there is nothing to force."
    NO_PRICE_LIST = "NO_PRICE_LIST", 409, "There is no price list to match with; send one to POST /price-lists."
    METHOD_UNAVAILABLE = "METHOD_UNAVAILABLE", 400, "The method needs a service that is not set up here."
    CANNOT_REMATCH = "CANNOT_REMATCH", 409, "The job has not ended, or another re-match of it is running."
    CANNOT_EXPORT = "CANNOT_EXPORT", 409, "The job has no results that could be written into its file yet."
    RESULT_CHANGED = "RESULT_CHANGED", 409, "The row has changed since it was read; read it again, then decide."
    TOO_MANY_KEYS = "TOO_MANY_KEYS", 409, "There are as many API keys as an owner may have; revoke one first."
    LEAD_CHANGED = "LEAD_CHANGED", 412, "The lead has changed since it was read; read it again, then decide."
    STATUS_BACKWARDS = "STATUS_BACKWARDS", 409, "A status only moves forward."
    EMAIL_TAKEN = "EMAIL_TAKEN", 409, "Another lead of yours already has this e-mail."
    CATALOG_NOT_READY = "CATALOG_NOT_READY", 409, "The catalogue is still being imported, or was not imported."
    ENRICHMENT_RUNNING = "ENRICHMENT_RUNNING", 409, "An enrichment of this catalogue is running; wait for its end."
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH", 409, "This Idempotency-Key was used for a different request."
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE", 413, "The body is larger than the gateway carries; use POST /upload."
    DROPBOX_NOT_CONFIGURED = "DROPBOX_NOT_CONFIGURED", 409, "No Dropbox app is set up here; see DROPBOX_CLIENT_ID."
    INVALID_LEAD = "INVALID_LEAD", 422, "The changed lead would not be a valid lead."
    RATE_LIMITED = "RATE_LIMITED", 429, "Too many requests; wait for Retry-After seconds."
    INTERNAL = "INTERNAL", 500, "Something broke on our side; the request id finds it in the logs."
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE", 503, "The provider cannot be asked: it has no key here."
    UNAVAILABLE = "UNAVAILABLE", 503, "A service we need does not answer; try again after Retry-After seconds."


class FileProblem(Problem):
    """Codes for a file that cannot become rows; the job ends `error` with one of these."""

    EMPTY_FILE = "EMPTY_FILE", 422, "The file has no bytes."
    NO_ROWS = "NO_ROWS", 422, "The file has no data rows."
    NO_HEADER = "NO_HEADER", 422, "No row looks like a header that we recognise."
    ENCRYPTED_WORKBOOK = "ENCRYPTED_WORKBOOK", 422, "The workbook is protected by a password; save it without one."
    CORRUPT_FILE = "CORRUPT_FILE", 422, "The file is damaged or cut short."
    NOT_A_SPREADSHEET = "NOT_A_SPREADSHEET", 422, "The content is not a spreadsheet that we read."
    HTML_NOT_WORKBOOK = "HTML_NOT_WORKBOOK", 422, "This is a web page named like a workbook; open and save it as .xlsx."
    PICTURE_NOT_SPREADSHEET = "PICTURE_NOT_SPREADSHEET", 422, "This is a picture; drop it under uploads/images/."
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT", 422, "We recognise this format but do not read it."
    FILE_TOO_LARGE = "FILE_TOO_LARGE", 413, "The file is larger than the limit."
    TOO_MANY_ROWS = "TOO_MANY_ROWS", 422, "The file has more rows than the limit."
    TOO_MANY_COLUMNS = "TOO_MANY_COLUMNS", 422, "A sheet has more columns than the limit."
    TOO_MANY_FILES = "TOO_MANY_FILES", 422, "The archive holds more files than the limit."
    CELL_TOO_LONG = "CELL_TOO_LONG", 422, "A cell is longer than the limit."
    ARCHIVE_BOMB = "ARCHIVE_BOMB", 422, "The file unpacks to far more than its size allows."
    ENTITY_BOMB = "ENTITY_BOMB", 422, "The file declares XML entities, which no honest workbook needs."
    NO_PRICE_LIST = "NO_PRICE_LIST", 422, "There is no price list to match with; drop one, then retry."
    FILE_EXPIRED = "FILE_EXPIRED", 422, "The dropped file is no longer kept, so nothing can be written into it."
    UPLOAD_NEVER_FINISHED = "UPLOAD_NEVER_FINISHED", 422, "The upload link expired before a file arrived."
    SPLIT_FAILED = "SPLIT_FAILED", 422, "The file could not be split in three attempts; retry, or send us the job id."
    ALL_BATCHES_FAILED = "ALL_BATCHES_FAILED", 422, "Every batch failed; the events say why, retry runs them again."


class RowProblem(Problem):
    """Codes of rejects: a row that cannot be stored, kept with its reason."""

    TOO_FEW_FIELDS = "TOO_FEW_FIELDS", 422, "A lead needs two of first name, last name, e-mail, phone, company."
    NO_PRODUCT = "NO_PRODUCT", 422, "A product needs a name, a description, an SKU, or a code (UPC, EAN, ASIN)."
    INVALID_CODE = "INVALID_CODE", 422, "The code is none, and nothing else names the product."
    FIELD_TOO_LONG = "FIELD_TOO_LONG", 422, "A field is longer than the limit."
    ROW_TOO_LARGE = "ROW_TOO_LARGE", 422, "The row is larger than the limit."
    POISON_ROW = "POISON_ROW", 422, "The provider fails on this row alone, again and again."
    MALFORMED_ROW = "MALFORMED_ROW", 422, "The row is not an object of named texts."
    NO_DESCRIPTION = "NO_DESCRIPTION", 422, "The row has a number but says not of what: its description is missing."
    NO_RATE = "NO_RATE", 422, "An item of a price list needs a rate."
    NOT_A_NUMBER = "NOT_A_NUMBER", 422, "A quantity or rate is not a number that can be read in one way only."
    PRICE_LIST_GONE = "PRICE_LIST_GONE", 422, "The price list of the job is there no more."
    EMPTY_FILE = "EMPTY_FILE", 422, "The file has no bytes."
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT", 422, "This is no picture, or of a kind that we do not read."
    NO_PREVIEW = "NO_PREVIEW", 422, "The camera's raw file holds no preview of use; export it as JPEG."
    CORRUPT_IMAGE = "CORRUPT_IMAGE", 422, "The picture is damaged."
    TRUNCATED_IMAGE = "TRUNCATED_IMAGE", 422, "The picture is cut short: its end is missing."
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS", 422, "The picture has more pixels than there is memory or time for."
    FILE_TOO_LARGE = "FILE_TOO_LARGE", 413, "The file is larger than the limit."
    UNSAFE_NAME = "UNSAFE_NAME", 422, "The name leads out of its archive, or is none."
    NAME_TOO_LONG = "NAME_TOO_LONG", 422, "The file's path is longer than we keep."
    ENCRYPTED_ENTRY = "ENCRYPTED_ENTRY", 422, "The file in the archive is protected by a password."
    CORRUPT_ENTRY = "CORRUPT_ENTRY", 422, "The file in the archive is damaged."
    NOT_DOWNLOADABLE = "NOT_DOWNLOADABLE", 422, "Dropbox does not hand this file out."
    SOURCE_GONE = "SOURCE_GONE", 422, "The dropped file is no longer kept."


class DropmillError(Exception):
    """Base of everything we raise on purpose."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details


class CodedError(DropmillError):
    """An error with a documented code; `message` defaults to the code's own sentence."""

    def __init__(self, code: Problem, message: str | None = None, **details: Any) -> None:
        super().__init__(message or code.sentence, **details)
        self.code = code

    @property
    def status_code(self) -> int:
        return self.code.status_code


class RequestRefused(CodedError):
    """The caller's request cannot be served; `retry_after` (seconds) becomes the header of that name."""

    def __init__(
        self, code: RequestProblem, message: str | None = None, *, retry_after: int | None = None, **details: Any
    ) -> None:
        super().__init__(code, message, **details)
        self.retry_after = retry_after


class FileRefused(CodedError):
    """The dropped file cannot be read; the job ends `error` with this code.

    `recoverable`: it is not the file's fault, so that reading it again later can end better.
    """

    def __init__(
        self, code: Problem, message: str | None = None, *, recoverable: bool = False, **details: Any
    ) -> None:
        super().__init__(code, message, **details)
        self.recoverable = recoverable


class RowRefused(CodedError):
    """One row cannot be stored; `field` names the culprit where there is one."""

    def __init__(self, code: RowProblem, message: str | None = None, *, field: str = "", **details: Any) -> None:
        super().__init__(code, message, **details)
        self.field = field


class Transient(DropmillError):
    """Trying again later can help."""

    retryable = True


class Conflict(Transient):
    """Somebody else wrote first; read again and decide anew."""


class Unavailable(DropmillError):
    """A provider refuses until a person acts (bad key, empty balance); opens the circuit."""


class ContentRefused(DropmillError):
    """The provider fails on the content of these items; halving finds the one at fault."""


class Malformed(DropmillError):
    """A queue message that cannot be understood; it belongs with the dead letters, untouched."""


class PackageRefused(DropmillError):
    """The package for Lambda is not what it must be; nothing may be deployed with it."""


class Waiting(DropmillError):
    """Not a failure: come again in `seconds`. `reason` is one of tokens, circuit, lease, deadline, disk,
    tidying, budget_exhausted, keys."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(f"waiting {seconds:.1f} s for {reason}")
        self.seconds = seconds
        self.reason = reason
