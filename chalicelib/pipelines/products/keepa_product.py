"""A product as Keepa tells it, and how its numbers are read.

Fields follow Keepa's product object (github.com/keepacom/api_backend, Product.java and Stats.java). A field that is not
what it should be counts as not told, and the rest of the product stands; without an ASIN it is no product.

Prices are whole numbers of the marketplace's smallest unit, ratings go from 0 to 50, times are minutes since 2011; -1
says that there is no offer, -2 that nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel

from chalicelib.pipelines.products.codes import asin_key, gtin_key

MAX_MINUTES = 100_000_000
"""Later moments (after the year 2200) are no moments."""


class Csv(IntEnum):
    """What stands at an index of `csv` and of each list in `stats`."""

    AMAZON = 0
    NEW = 1
    USED = 2
    SALES = 3
    LISTPRICE = 4
    COLLECTIBLE = 5
    REFURBISHED = 6
    NEW_FBM_SHIPPING = 7
    LIGHTNING_DEAL = 8
    WAREHOUSE = 9
    NEW_FBA = 10
    COUNT_NEW = 11
    COUNT_USED = 12
    COUNT_REFURBISHED = 13
    COUNT_COLLECTIBLE = 14
    EXTRA_INFO_UPDATES = 15
    RATING = 16
    COUNT_REVIEWS = 17
    BUY_BOX_SHIPPING = 18
    USED_NEW_SHIPPING = 19
    USED_VERY_GOOD_SHIPPING = 20
    USED_GOOD_SHIPPING = 21
    USED_ACCEPTABLE_SHIPPING = 22
    COLLECTIBLE_NEW_SHIPPING = 23
    COLLECTIBLE_VERY_GOOD_SHIPPING = 24
    COLLECTIBLE_GOOD_SHIPPING = 25
    COLLECTIBLE_ACCEPTABLE_SHIPPING = 26
    REFURBISHED_SHIPPING = 27
    EBAY_NEW_SHIPPING = 28
    EBAY_USED_SHIPPING = 29
    TRADE_IN = 30
    RENT = 31
    BUY_BOX_USED_SHIPPING = 32
    PRIME_EXCL = 33
    COUNT_NEW_FBA = 34
    COUNT_NEW_FBM = 35

    @property
    def with_shipping(self) -> bool:
        """Its history is of triples: time, price, shipping; that of all others is of pairs."""
        return self.name.endswith("_SHIPPING")


@dataclass(frozen=True, slots=True)
class Marketplace:
    """An Amazon: the end of its host's name, its currency, and the decimals of that."""

    suffix: str
    currency: str
    decimals: int = 2

    def amount(self, smallest: int) -> str:
        """Currency units as a decimal text."""
        return str(Decimal(smallest).scaleb(-self.decimals))

    def url(self, asin: str) -> str:
        return f"https://www.amazon.{self.suffix}/dp/{asin}"


MARKETPLACES = {
    1: Marketplace("com", "USD"), 2: Marketplace("co.uk", "GBP"), 3: Marketplace("de", "EUR"),
    4: Marketplace("fr", "EUR"), 5: Marketplace("co.jp", "JPY", 0), 6: Marketplace("ca", "CAD"),
    8: Marketplace("it", "EUR"), 9: Marketplace("es", "EUR"), 10: Marketplace("in", "INR"),
    11: Marketplace("com.mx", "MXN"), 12: Marketplace("com.br", "BRL")}
"""By Keepa's domain number; there is no 7."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True,
                              coerce_numbers_to_str=True)


class Stats(_Told):
    """Figures of the interval that was asked for; lists by `Csv`."""

    current: list[int | None] = []


class Picture(_Told):
    """File names of a picture's sizes."""

    l: str = ""  # noqa: E741
    m: str = ""


class Category(_Told):
    name: str = ""


class KeepaProduct(_Told):
    """The part of a product object that we use."""

    asin: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{10}$")]
    title: str = ""
    brand: str = ""
    manufacturer: str = ""
    model: str = ""
    part_number: str = ""
    mpn: str = ""
    upc_list: list[str] = []
    ean_list: list[str] = []
    gtin_list: list[str] = []
    images: list[Picture] = []
    images_csv: str = Field("", alias="imagesCSV")
    category_tree: list[Category] = []
    features: list[str | None] = []
    product_type: int = 0
    last_update: Annotated[int, Field(ge=0, le=MAX_MINUTES)] = 0
    stats: Stats | None = None
    csv: list[list[int] | None] = []

    @field_validator("*", mode="wrap")
    @classmethod
    def _as_told(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        try:
            return handler(value)
        except ValidationError:
            if name == "asin":
                raise
            return cls.model_fields[name].get_default()

    @property
    def known(self) -> bool:
        """Whether Keepa knows it: an unknown ASIN can come back as a product with nothing in it."""
        return bool(self.title.strip())

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all codes that mean this product. Keepa's lists may have lost zeros, as ours may."""
        digits = [text.strip() for text in (*self.upc_list, *self.ean_list, *self.gtin_list)]
        return frozenset([asin_key(self.asin), *(gtin_key(text) for text in digits if text.isdecimal())])

    def current(self, kind: Csv) -> int | None:
        """The present value of a kind: from the statistics, else the last one of the history."""
        told = self.stats.current if self.stats else []
        value = told[kind] if kind < len(told) else None
        if value is None and kind < len(self.csv):
            value = last(self.csv[kind] or [], kind)
        return value if value is not None and value >= 0 else None


def last(series: Sequence[int], kind: Csv) -> int | None:
    """The value of one list of `csv` that came last. What is left over where the list was cut off does not count."""
    width = 3 if kind.with_shipping else 2
    entries = len(series) // width
    return series[(entries - 1) * width + 1] if entries else None


def moment(minutes: int) -> datetime:
    """Keepa's time: minutes since the first of January 2011, UTC."""
    return datetime.fromtimestamp((minutes + 21_564_000) * 60, UTC)
