"""What the price routes take and answer, in the names of seed 000.

Amounts are exact decimals inside and JSON numbers outside: 12.35 is sent as `12.35`, never as `12.350000000000001`. A
JSON number carries 15 digits everywhere, so more than that is not taken, and what a file holds beyond it is rounded in
the answer only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, PlainSerializer, StringConstraints, model_validator

from chalicelib.api.inputs import Calls, Dollars, ShortText
from chalicelib.api.models import JobError, Moment, Wire
from chalicelib.jobs.model import Status

DIGITS = 15
"""What every reader of JSON keeps of a number (IEEE 754 double precision)."""

ListName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Mapped = dict[ShortText, ShortText]


def number(amount: Decimal) -> int | float:
    """An amount as the number that JSON shows with the same digits."""
    whole = amount.to_integral_value()
    return int(whole) if whole == amount and abs(whole) < 10**DIGITS else float(amount)


SeedStatus = Literal["pending", "parsing", "matching", "completed", "failed", "cancelled"]
"""Where a price job is, in seed 000's words."""

Amount = Annotated[Decimal, PlainSerializer(number, return_type=int | float)]
Rate = Annotated[Decimal, Field(max_digits=DIGITS, allow_inf_nan=False)]


class MatchForm(Wire):
    """Fields of the form of upload-and-match beside `file`. `priceList` is the id or the name of a list of yours."""

    method: ShortText | None = Field(None, validation_alias=AliasChoices("method", "matchingMethod"))
    client_name: ShortText = "Default Client"
    client_id: ShortText | None = None
    project_name: ShortText | None = None
    price_list: ShortText | None = None
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: Mapped | None = Field(None, max_length=500)
    max_ai_calls: Calls | None = None
    max_usd: Dollars | None = None
    again: bool = False


class ListForm(Wire):
    """Fields of the form of a price list beside `file`; the name defaults to the file's."""

    name: ListName | None = None
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: Mapped | None = Field(None, max_length=500)
    again: bool = False


class Tier(StrEnum):
    """What is to be done with a result row. `manual` are those that a person edited."""

    ACCEPTED = "accepted"
    REVIEW = "review"
    UNMATCHED = "unmatched"
    MANUAL = "manual"


class MethodView(Wire):
    """A way of matching, and whether it is set up here."""

    method: str
    available: bool
    description: str


class MethodsAnswer(Wire):
    """All methods, and the one that is used where none is named."""

    default: str
    methods: tuple[MethodView, ...]


class ResultQuery(Wire):
    """Query of GET /{id}/results."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str = ""
    tier: Tier | None = None


class CandidateView(Wire):
    """An item of the list that may be meant; `score` compares within one row only."""

    item_id: str
    code: str | None
    description: str
    unit: str | None
    rate: Amount | None
    score: float
    reasons: tuple[str, ...]


class ResultRow(Wire):
    """One row of a bill with what it was matched to. `confidence` 0 to 1; `version` grows with every change.

    Amounts are exact: `totalPrice` is `originalQuantity` times `matchedRate`. `unitMismatch`: the two units differ.
    """

    result_id: str
    job_id: str
    worksheet: str | None = Field(serialization_alias="_worksheet")
    row_number: int
    original_description: str | None
    original_code: str | None
    original_quantity: Amount | None
    original_unit: str | None
    original_row_data: Mapping[str, Any]
    context_headers: tuple[str, ...]
    list_id: str | None
    matched_item_id: str | None
    matched_description: str | None
    matched_code: str | None
    matched_unit: str | None
    matched_rate: Amount | None
    confidence: float
    tier: Tier
    match_method: str | None
    unit_mismatch: bool
    is_manually_edited: bool
    is_learned_match: bool
    total_price: Amount | None
    notes: str | None
    candidates: tuple[CandidateView, ...]
    rematched_by: str | None
    version: int


class ResultDifference(Wire):
    """A field in which the two ways of working on a job (`mode: parallel`) differ."""

    result_id: str
    worksheet: str | None = Field(serialization_alias="_worksheet")
    row_number: int
    field: str
    sync: Any
    asynchronous: Any = Field(serialization_alias="async")


class ResultPage(Wire):
    """Rows in file order. `cursor` continues; a page of a filtered list may be short, or empty, and have one."""

    job_id: str
    duplicate_of: str | None
    results: tuple[ResultRow, ...]
    cursor: str | None
    differences: tuple[ResultDifference, ...] | None = None


class MatchingStatus(Wire):
    """A price job in the words of seed 000; `jobStatus` is ours. `progress` in whole per cent.

    `tallies` count result rows by tier. A duplicate tells of the job whose file it was.
    """

    id: str = Field(serialization_alias="_id")
    job_id: str
    status: SeedStatus
    job_status: Status
    progress: int
    progress_message: str
    file_name: str
    client_name: str | None
    project_name: str | None
    method: str | None
    list_id: str | None
    item_count: int
    matched_count: int
    rejected_count: int
    tallies: Mapping[str, int]
    error: JobError | None
    duplicate_of: str | None
    rematch_of: str | None
    mode: str | None
    differences: tuple[ResultDifference, ...] | None = None
    started_at: Moment | None
    completed_at: Moment | None
    retry_after_ms: int | None


class MatchAnswer(MatchingStatus):
    """The answer of upload-and-match: with all rows as `results` where the request did the work itself.

    Null where it did not, and where they are too long for an answer: `resultsUrl` has them.
    """

    start_time: Moment
    status_url: str
    results_url: str
    results: tuple[ResultRow, ...] | None


class ResultPatch(Wire):
    """Body of PATCH /results/{id}: `itemId` of the job's list, or own values, or `clear`; `notes` with any of them.

    `version` is that of the row as you saw it; the change is refused where somebody has changed the row since. Without
    one the last word counts.
    """

    item_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    rate: Rate | None = None
    unit: ShortText | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    code: ShortText | None = None
    notes: Annotated[str, StringConstraints(max_length=2000)] | None = None
    clear: bool = False
    version: int | None = Field(None, ge=0)

    @property
    def own(self) -> dict[str, Any]:
        """The own values that the body names, by field."""
        return {name: getattr(self, name) for name in ("rate", "unit", "description", "code")
                if name in self.model_fields_set}

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum((self.item_id is not None, bool(self.own), self.clear)) > 1:
            raise ValueError("Name an itemId, or own values, or clear; not two of them")
        if self.item_id is None and not self.own and not self.clear and "notes" not in self.model_fields_set:
            raise ValueError("Name an itemId, own values, notes, or clear")
        return self


class RematchRequest(Wire):
    """Body of POST /{id}/rematch: another list or method; absent, those of the job."""

    list_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")] | None = None
    method: ShortText | None = None


class RematchAnswer(Wire):
    """What a re-match came to: `started` with its job, or `none` where nothing is unmatched."""

    action: Literal["started", "none"]
    message: str
    job_id: str | None
    rematch_of: str
    status_url: str | None


class PriceListQuery(Wire):
    """Query of GET /price-lists; `name` asks for the versions of one list."""

    name: ShortText = ""
    limit: int = Field(50, ge=1, le=200)
    cursor: str = ""


class PriceListAnswer(Wire):
    """One version of a price list. `number` counts the versions of its name from 1, `items` what is stored so far.

    `status` is that of its import; it can be matched with once that is `completed`.
    """

    list_id: str
    job_id: str
    name: str
    number: int
    file_name: str
    items: int
    rejected: int | None
    status: Status | None
    duplicate_of: str | None = None
    created_at: Moment
    status_url: str


class PriceListView(Wire):
    """A price list: its newest version first."""

    name: str
    versions: tuple[PriceListAnswer, ...]


class PriceListPage(Wire):
    price_lists: tuple[PriceListView, ...]
    cursor: str | None
