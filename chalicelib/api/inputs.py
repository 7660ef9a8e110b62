"""What comes in over the wire: bodies and query strings. Fields that we do not know are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from chalicelib.api.models import FileFormat, SortBy, SortOrder, Wire

ShortText = Annotated[str, StringConstraints(max_length=200)]
Calls = Annotated[int, Field(ge=1, le=1_000_000_000)]
Dollars = Annotated[float, Field(ge=0.000001, le=1_000_000, allow_inf_nan=False)]
"""DynamoDB keeps 38 digits down to 1e-130; a millionth is as little as anybody means."""

ContentField = Literal["firstName", "lastName", "name", "email", "phone", "company", "title", "industry", "source",
                       "remarks"]


class UploadRequest(Wire):
    """Body of POST /upload. `fileSize` in bytes binds the upload link; absent, the general limit does."""

    file_name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    file_type: ShortText = ""
    file_size: int | None = Field(None, ge=0)
    pipeline: ShortText = "leads"
    options: dict[str, Any] = Field(default_factory=dict)
    again: bool = False


class LeadsOptions(Wire):
    """What a leads job may be told beside its file.

    `dedupe` says what a later row does to a lead that is there, `headerRow` (from 1) where the header stands on every
    sheet, `mapping` which field a column is (empty: none).
    `maxAiCalls` and `maxUsd` cap what the job may spend on AI; it pauses there.
    """

    dedupe: Literal["overwrite", "fill_blanks", "skip"] | None = None
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: dict[ShortText, ContentField | Literal[""]] | None = Field(None, max_length=500)
    max_ai_calls: Calls | None = None
    max_usd: Dollars | None = None


class ProductsOptions(Wire):
    """What the import of a catalogue may be told beside its file: a name for people, and as in `LeadsOptions`."""

    name: ShortText | None = None
    description: str | None = Field(None, max_length=2000)
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: dict[ShortText, ShortText] | None = Field(None, max_length=500)


class PricesOptions(Wire):
    """What a price job may be told beside its file.

    With `priceList` the file is a version of the list of that name; else its rows are matched by `method` with the
    version `listId` (absent: the caller's newest list). `maxAiCalls` and `maxUsd` cap what an AI method may spend.
    """

    price_list: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    list_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")] | None = None
    method: ShortText | None = None
    client_name: ShortText | None = None
    project_name: ShortText | None = None
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: dict[ShortText, ShortText] | None = Field(None, max_length=500)
    max_ai_calls: Calls | None = None
    max_usd: Dollars | None = None


class ImagesOptions(Wire):
    """What an images job may be told: the folder that its pictures belong to, such as `weddings/2026`."""

    folder: Annotated[str, StringConstraints(
        max_length=500, pattern=r"^[^\x00-\x1f\\/]+(/[^\x00-\x1f\\/]+)*$")] | None = None

    @field_validator("folder")
    @classmethod
    def _stays_inside(cls, folder: str | None) -> str | None:
        if folder and {".", ".."} & set(folder.split("/")):
            raise ValueError("A folder leads to itself or out of the folder")
        return folder


class ResumeRequest(Wire):
    """Body of POST /status/{id}/resume: caps that replace the job's own. No body resumes it as it is."""

    max_ai_calls: Calls | None = None
    max_usd: Dollars | None = None


class UploadQuery(Wire):
    """Query of POST /upload: `again=true` runs a file anew that was dropped before, `dryRun=true` only looks at it."""

    again: bool = False
    dry_run: bool = False


class DryRunForm(Wire):
    """Fields of the form of POST /dry-run beside `file`, as an upload would say them; `options` is JSON."""

    pipeline: ShortText = "leads"
    options: dict[str, Any] = Field(default_factory=dict)


class DryRunRequest(DryRunForm):
    """Body of POST /dry-run: a file in the bucket, and what an upload would say of it."""

    file_key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class StatusReport(Wire):
    """Body of PUT /status/{id}. Seed 002's browser sends more than `status`; the rest is not a client's to say."""

    model_config = ConfigDict(extra="ignore")

    status: ShortText


class LeadPatch(Wire):
    """Body of PATCH /leads/{id}: the fields to change; null or an empty text clears one."""

    first_name: str | None = Field(None, max_length=1000)
    last_name: str | None = Field(None, max_length=1000)
    name: str | None = Field(None, max_length=1000)
    email: str | None = Field(None, max_length=1000)
    phone: str | None = Field(None, max_length=1000)
    company: str | None = Field(None, max_length=1000)
    title: str | None = Field(None, max_length=1000)
    industry: str | None = Field(None, max_length=1000)
    source: str | None = Field(None, max_length=1000)
    remarks: str | None = Field(None, max_length=1000)

    def changes(self) -> dict[str, str | None]:
        """Only what the body names, by field."""
        sent: dict[str, str | None] = self.model_dump(by_alias=True, exclude_unset=True)
        return {field: (value or "").strip() or None for field, value in sent.items()}


class ErasureRequest(Wire):
    """Body of POST /erasure: whom to delete, wherever the owner's files brought this address."""

    email: str = Field(min_length=3, max_length=1000)


class ExportRequest(Wire):
    """Body of POST /export; filters as in GET /leads, without the prefix. `bom` is for spreadsheets that need it."""

    format: FileFormat = FileFormat.CSV
    filters: dict[str, ShortText] = Field(default_factory=dict)
    sort_by: SortBy = SortBy.EMAIL
    sort_order: SortOrder = SortOrder.ASC
    bom: bool = False

    @field_validator("format")
    @classmethod
    def _has_rows(cls, value: FileFormat) -> FileFormat:
        if value is FileFormat.JSON:
            raise ValueError("Leads come as csv, xlsx or jsonl")
        return value


class LeadQuery(Wire):
    """Query of GET /leads, its `filter_<field>` parameters gathered into `filters`."""

    page: int | None = Field(None, ge=1)
    page_size: int = Field(50, ge=1, le=100)
    sort_by: SortBy = SortBy.UPDATED_AT
    sort_order: SortOrder = SortOrder.DESC
    cursor: str = ""
    filters: dict[str, ShortText] = Field(default_factory=dict)


class JobQuery(Wire):
    """Query of GET /status."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str = ""
    status: ShortText = ""
    pipeline: ShortText = ""


class EventQuery(Wire):
    """Query of GET /status/{id}/events."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: str = ""


class ReportQuery(Wire):
    """Query of GET /status/{id}/report. `fromBatch` pages through the batches of a long job."""

    format: Literal["json", "xlsx"] = "json"
    from_batch: int = Field(1, ge=1, le=10_000_000)


class RejectQuery(Wire):
    """Query of GET /status/{id}/rejects."""

    format: Literal["csv", "xlsx"] = "csv"
    bom: bool = False
