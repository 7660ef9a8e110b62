"""The screens at which pages are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class View:
    """A screen and what its owner prefers."""

    width: int = 1280
    height: int = 800
    scheme: Scheme = "light"
    reduced_motion: bool = False

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"

    @property
    def context(self) -> dict[str, Any]:
        """Arguments of Playwright's `new_context`."""
        return {"viewport": {"width": self.width, "height": self.height}, "color_scheme": self.scheme,
                "reduced_motion": "reduce" if self.reduced_motion else "no-preference"}


DESK = View()
PHONE = View(width=390, height=844)
EVERY = tuple(View(width, height, scheme) for (width, height), scheme in product(((1280, 800), (390, 844)),
                                                                                ("light", "dark")))
"""For `@pytest.mark.parametrize("view", EVERY, ids=str)`."""
