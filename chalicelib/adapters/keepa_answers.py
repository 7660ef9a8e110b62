"""Keepa's answers, read: how the account stands, which products came, and which code each of them belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from chalicelib.adapters.http import Reply
from chalicelib.errors import Transient
from chalicelib.logs import log
from chalicelib.pipelines.products.codes import Code, Parameter
from chalicelib.pipelines.products.keepa_product import KeepaProduct


@dataclass(frozen=True, slots=True)
class Tokens:
    """What Keepa says of the account: tokens left (negative: owed), seconds until the next come, tokens a minute."""

    left: int = 0
    refill_in: float = 0.0
    rate: float = 0.0
    consumed: int = 0

    @property
    def wait(self) -> float:
        """Seconds until a refused request may be tried again: until the next refill, and until debts are paid."""
        owed = -self.left if self.left < 0 else 0
        return self.refill_in + (owed / self.rate * 60 if self.rate > 0 else 0.0)


@dataclass(frozen=True, slots=True)
class KeepaAnswer:
    """What came of one look-up. Of `products`, each code is in exactly one of `found`, `missing`, `refused`, `unasked`.

    `found` has the products that carry a code, by `Code.key`: mostly one, sometimes several, in Keepa's order.
    `missing`: Keepa knows no product. `refused`: Keepa calls the code malformed. `unasked`: an error came when some
    codes were answered and paid for; ask again for these. `products` are all that came, `dropped` counts what was
    unreadable.
    """

    products: tuple[KeepaProduct, ...] = ()
    found: Mapping[str, tuple[KeepaProduct, ...]] = field(default_factory=dict)
    missing: tuple[Code, ...] = ()
    refused: tuple[Code, ...] = ()
    unasked: tuple[Code, ...] = ()
    dropped: int = 0

    def __add__(self, other: KeepaAnswer) -> KeepaAnswer:
        return KeepaAnswer(
            self.products + other.products, {**self.found, **other.found}, self.missing + other.missing,
            self.refused + other.refused, self.unasked + other.unasked, self.dropped + other.dropped)


class Told(BaseModel):
    """What stands in every answer of Keepa's, refusals included."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    tokens_left: int
    refill_in: float = 0.0
    refill_rate: float = 0.0
    tokens_consumed: int = 0
    products: list[Any] | None = None

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.tokens_left, self.refill_in / 1000, self.refill_rate, self.tokens_consumed)


def told(reply: Reply) -> Told | None:
    """None for what is not Keepa's own: a proxy's page, half an answer."""
    try:
        return Told.model_validate(reply.json())
    except (Transient, ValidationError):
        return None


def products_of(answer: Told) -> tuple[tuple[KeepaProduct, ...], int]:
    """The readable products, and how many were not; one that is not takes no other with it."""
    products: list[KeepaProduct] = []
    for each in answer.products or []:
        try:
            products.append(KeepaProduct.model_validate(each))
        except ValidationError:
            log.warning("keepa product unreadable")
    return tuple(products), len(answer.products or []) - len(products)


def matched(codes: Sequence[Code], products: Sequence[KeepaProduct], dropped: int) -> KeepaAnswer:
    """Products under the codes that they carry; Keepa promises no order.

    A single code's products are its own even when their lists do not say so: it was all that was asked for.
    """
    known = [product for product in products if product.known]
    alone = len(codes) == 1 and codes[0].parameter is Parameter.CODE
    found = {code.key: tuple(product for product in known if alone or code.key in product.keys) for code in codes}
    return KeepaAnswer(
        tuple(products), {key: several for key, several in found.items() if several},
        missing=tuple(code for code in codes if not found[code.key]), dropped=dropped)
