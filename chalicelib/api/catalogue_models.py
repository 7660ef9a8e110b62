"""What catalogues, products and enrichments look like over the wire.

camelCase like everything, and where users of seed 001 know a name (`catalog_id`, `tracking_id`, `total_products`) that
one beside ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from chalicelib.api.inputs import ShortText
from chalicelib.api.models import Moment, Wire

SourceName = Literal["real_data", "mock_data", "cache", "not_found", "none"]
"""`none` are products that nobody enriched yet."""


ALSO = {"catalog_id": "catalogId", "total_items": "totalItems", "tracking_id": "trackingId",
        "total_products": "totalProducts", "total_batches": "totalBatches", "product_id": "productId",
        "enriched_data": "enrichedData", "original_data": "originalData"}
"""Seed 001's name -> ours."""


class SeedNamed(Wire):
    """Says some things under seed 001's names, too."""

    @model_serializer(mode="wrap")
    def _under_both_names(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = write(self)
        return told | {theirs: told[ours] for theirs, ours in ALSO.items() if ours in told}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Of the fields, and of what the serializer adds, which pydantic cannot see."""
        plain: Any = {name: part for name, part in core.items() if name != "serialization"}
        told = handler(plain)
        schema = handler.resolve_ref_schema(told)
        twice = {theirs: ours for theirs, ours in ALSO.items() if ours in schema["properties"]}
        schema["properties"] |= {theirs: schema["properties"][ours] for theirs, ours in twice.items()}
        schema["required"] = [*schema.get("required", ()), *twice]
        return told


class CatalogueQuery(Wire):
    """Query of GET /catalogs."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str = ""


class ProductQuery(Wire):
    """Query of GET /catalogs/{id}/products."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str = ""
    source: Literal["", "real_data", "mock_data", "cache", "not_found"] = ""


class EnrichQuery(Wire):
    """Query of POST /catalogs/{id}/enrich. `strict` refuses mock data where Keepa cannot be asked."""

    provider: ShortText = "keepa"
    strict: bool = False


class CatalogueForm(Wire):
    """The fields of POST /catalogs beside `file`, as in `ProductsOptions`; `mapping` is JSON.

    `again` imports a file anew that was imported before.
    """

    name: ShortText | None = None
    description: str | None = Field(None, max_length=2000)
    header_row: int | None = Field(None, ge=1, le=1_048_576)
    mapping: dict[ShortText, ShortText] | None = Field(None, max_length=500)
    again: bool = False


class CatalogueTaken(SeedNamed):
    """Answer of POST /catalogs. `totalItems` is null while the file is not read; `duplicateOf` names the same file."""

    message: str
    catalog_id: str
    job_id: str
    filename: str
    total_items: int | None
    products: int
    rejected: int
    status: str
    status_url: str
    duplicate_of: str | None


class CatalogueAnswer(SeedNamed):
    """One catalogue. `sources` counts products by where their data came from, as the last enrichment left them."""

    catalog_id: str
    name: str
    description: str | None
    filename: str | None
    status: str
    total_items: int
    products: int
    rejected: int
    sheets: tuple[str, ...]
    sources: Mapping[str, int]
    enrichment: Mapping[str, Any] | None
    created_at: Moment
    status_url: str | None


class CatalogueSummary(SeedNamed):
    """One line of GET /catalogs."""

    catalog_id: str
    name: str
    description: str | None
    filename: str | None
    products: int
    tracking_id: str | None
    created_at: Moment


class CataloguePage(Wire):
    catalogs: tuple[CatalogueSummary, ...]
    cursor: str | None


class ProductView(SeedNamed):
    """One product: its fields as the file gave them, its columns as they were, and what an enrichment put beside."""

    product_id: str
    catalog_id: str
    worksheet: str = Field(alias="_worksheet")
    row: int
    name: str | None
    description: str | None
    category: str | None
    brand: str | None
    sku: str | None
    upc: str | None
    asin: str | None
    price: str | None
    currency: str | None
    quantity: str | None
    unit: str | None
    image: str | None
    original_data: Mapping[str, Any]
    enriched_data: Mapping[str, Any] | None
    source: SourceName
    enriched_at: Moment | None
    warnings: tuple[str, ...]
    job_id: str
    created_at: Moment
    updated_at: Moment


class ProductPage(Wire):
    products: tuple[ProductView, ...]
    cursor: str | None


class ProviderView(Wire):
    """A provider of product data, and whether it can be asked here."""

    name: str
    available: bool
    description: str


class ProvidersAnswer(Wire):
    """The providers by name, the default one under seed 001's name and ours, and what each is."""

    providers: tuple[str, ...]
    default_provider: str
    seed_default: str = Field(serialization_alias="default_provider")
    details: tuple[ProviderView, ...]


class EnrichAnswer(Wire):
    """Answer of POST /catalogs/{id}/enrich, in seed 001's own spelling."""

    message: str
    tracking_id: str = Field(alias="tracking_id")
    total_products: int = Field(alias="total_products")
    total_batches: int = Field(alias="total_batches")
    status: str | None = None


class EnrichedBatch(Wire):
    """One batch of an enrichment, as seed 001's table has it."""

    batch_number: int
    status: str
    products: int
    sources: Mapping[str, int]
    updated_at: Moment


class ProductDifference(Wire):
    """A product of which the two ways of `PROCESSING_MODE=parallel` say different things."""

    product_id: str
    fields: tuple[str, ...]


class EnrichmentStatus(SeedNamed):
    """Answer of GET /catalogs/{id}/enrichment-status. Without an enrichment `status` is `none`.

    `parallel` is null except under `PROCESSING_MODE=parallel`: then how the request's own run ended, and `differences`
    lists what it says differently (null while the queue's run goes on).
    """

    catalog_id: str
    tracking_id: str | None
    status: str
    paused: str | None
    provider: str | None
    strict: bool
    total_products: int
    total_batches: int
    completed_batches: int
    failed_batches: int
    percentage: int
    updated: int
    unchanged: int
    failed: int
    rejected: int
    sources: Mapping[str, int]
    batches: tuple[EnrichedBatch, ...]
    more_batches: bool
    parallel: str | None
    differences: tuple[ProductDifference, ...] | None
    started_at: Moment | None
    completed_at: Moment | None
