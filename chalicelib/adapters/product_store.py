"""What a product and a catalogue are, and what a place to keep products must do: DynamoDB and MongoDB do it alike.

A product is one row of its catalogue. Its id says where it stands (`{catalogue}-{sheet + 1}-{row}`), unless a batch
from outside gave an id of its own. Pages follow the file: first the rows by sheet and number, then the products with
ids of their own by the batch and place that they came with.

Values of `content` and `enrichment` are texts, truth values, whole numbers of 64 bits, finite floats, and lists and
mappings of these; None means absent. `checked` refuses all else before it reaches a library.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from chalicelib.errors import DropmillError
from chalicelib.jobs.model import Job, RowId
from chalicelib.jobs.pipeline import Effects, Undone

MAX_PRODUCT_BYTES = 180_000
"""Largest product, as `bytes_of` counts: with its newest prior image it stays below the 400 KB of a DynamoDB item."""
ORIGINAL = "original_data"
"""The part of a product's content that holds the columns of the file, in its order."""
ROWS_A_BLOCK = 1_000
BATCHES_A_GROUP = 20
_LAST = "~"
"""Sorts behind every digit."""


class Source(StrEnum):
    """Where a product's enrichment came from; a product that nobody enriched yet has none."""

    NONE = ""
    REAL_DATA = "real_data"
    MOCK_DATA = "mock_data"
    CACHE = "cache"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Product:
    """A product as stored. Whoever decides what it becomes fills `content` and what follows; the store fills the rest.

    `job_id` is the job that changed it last. `version` grows with every row that won it, changed or not.
    """

    owner: str = ""
    catalog_id: str = ""
    product_id: str = ""
    sheet: int = 0
    row: int = 0
    worksheet: str = ""
    version: str = ""
    created_at: str = ""
    updated_at: str = ""
    job_id: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    enrichment: Mapping[str, Any] = field(default_factory=dict)
    source: Source = Source.NONE
    enriched_at: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands among the products of its catalogue; places sort as texts and are unique."""
        if place_in_file(self.catalog_id, self.product_id) is not None:
            return row_place(self.sheet, self.row)
        return f"{_LAST}{row_place(self.sheet, self.row)}:{_digest(self.product_id)[:16]}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row that wants something of a product.

    `decide` is pure: from the product as it was before the job (None: there was none) to the one that is wanted. None
    wants nothing. It may be called more than once.
    """

    row: RowId
    worksheet: str
    product_id: str
    decide: Callable[[Product | None], Product | None]


class SheetExtent(NamedTuple):
    """How far a sheet of a catalogue reaches: its index from 0, its name, the number of its last row."""

    sheet: int
    name: str
    last_row: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue. `sheets` are known once its file is planned; `batches_outside` counts batches without a file.

    `enrich_job` is the latest enrichment, whether it still runs or not.
    """

    catalog_id: str
    owner: str
    name: str
    created_at: str
    description: str = ""
    file_name: str = ""
    file_key: str = ""
    bucket: str = ""
    version_id: str = ""
    sha256: str = ""
    sheets: tuple[SheetExtent, ...] = ()
    products: int = 0
    enrich_job: str = ""
    batches_outside: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Products in order. `cursor` continues behind them and is "" at the end; a page may be short before it."""

    products: tuple[Product, ...]
    cursor: str


class ProductStore(Protocol):
    """Where products live. Nothing crosses owners. Every method raises Transient where the database does not answer."""

    def effects(self, job: Job, batch_number: int, proposals: Sequence[Proposal]) -> Effects:
        """What a batch comes to, judged against the present state; called again after every lost settling.

        Per job and product the latest row wins, in whatever order batches come, and is `new`, `updated` or `unchanged`
        against the state before the job; all others are superseded. `writes` belong into the settling transaction;
        where products live elsewhere they are stored already, and whoever asks again is told the same.
        `marks` are ids of products. Raises DropmillError for a product that `checked` refuses.
        """
        ...

    def get(self, owner: str, catalog_id: str, product_id: str) -> Product | None: ...

    def page(self, owner: str, catalogue: Catalogue, *, limit: int, cursor: str = "", source: str = "") -> Page:
        """Products behind the place `cursor`, only those of `source` if given, in a bounded number of reads."""
        ...

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        """Undo what the job did to these products, each once however often it is asked, unless changed since."""
        ...


def catalogue_of(job: Job) -> str:
    """The catalogue that a job is about: an import makes one of its own, other jobs name theirs."""
    return str(job.options.get("catalog") or job.job_id)


def product_id_at(catalog_id: str, row: RowId) -> str:
    """The id of the product in that row of a catalogue."""
    return f"{catalog_id}-{row.sheet + 1}-{row.row}"


def place_in_file(catalog_id: str, product_id: str) -> RowId | None:
    """The row that an id tells; None for an id of somebody else's making."""
    sheet, _, row = product_id.removeprefix(f"{catalog_id}-").partition("-")
    if not (_short_number(sheet, 5) and _short_number(row, 8)):
        return None
    place = RowId(int(sheet) - 1, int(row))
    return place if product_id_at(catalog_id, place) == product_id and place.sheet >= 0 else None


def row_place(sheet: int, row: int) -> str:
    """The place of a row of the file, in the words of `Product.place`."""
    return f"{sheet:05d}:{row:08d}"


def group_end(group: int) -> str:
    """A place behind all products with ids of their own that came with the batches of a group."""
    return f"{_LAST}{(group + 1) * BATCHES_A_GROUP - 1:05d}:{_LAST}"


def key_of(*parts: str) -> str:
    """A key that no choice of owner, catalogue or product id can make equal to another's."""
    return _digest(json.dumps(parts))


def checked(product: Product) -> Product:
    """The product in plain values, absent ones left out. Raises DropmillError for what no store takes."""
    try:
        plain = replace(product, content=_content(product.content), enrichment=_plain(product.enrichment))
        size = bytes_of(plain)
    except ValueError as error:
        raise DropmillError("the product cannot be stored", product_id=product.product_id, why=str(error)) from None
    if size > MAX_PRODUCT_BYTES:
        raise DropmillError("the product is too large", product_id=product.product_id, bytes=size)
    return plain


def bytes_of(product: Product) -> int:
    """How much `MAX_PRODUCT_BYTES` looks at. Raises ValueError for values that are no JSON."""
    told = [product.content, product.enrichment, product.warnings, product.product_id, product.worksheet]
    try:
        return len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
    except TypeError as error:
        raise ValueError(str(error)) from None


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    """A person's own columns may have any name, for they are stored as pairs."""
    plain: dict[str, Any] = _plain({name: value for name, value in content.items() if name != ORIGINAL})
    if isinstance(original := content.get(ORIGINAL), Mapping):
        plain[ORIGINAL] = {str(name): _plain(value) for name, value in original.items() if value is not None}
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_name(name): _plain(entry) for name, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, int) and not -2 ** 63 <= value < 2 ** 63:
        raise ValueError("a whole number of more than 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is none")
    return str(value) if isinstance(value, str) else value


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError("a name that no database takes")
    return str(name)


def _short_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
