"""What the registry says of an operation that its view does not say by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from chalicelib.api.models import Wire
from chalicelib.errors import Problem

JSON = "application/json"
FORM = "multipart/form-data"


class Tag(Enum):
    """An area of the API: its name, and what it is about."""

    JOBS = "Jobs", "Files become jobs: announce, follow, steer, account for every row."
    LEADS = "Leads", "People, as the files told of them: read, ask about, change, export, erase."
    PRODUCTS = "Products", "Catalogues and the enrichment of their products."
    PRICES = "Prices", "Price lists, and bills that are matched with them."
    IMAGES = "Images", "Pictures made ready for the web, dropped or followed in Dropbox."
    ACCESS = "Access", "API keys, for programs."
    OPERATORS = "Operators", "Queues and their dead letters, the figures of a day, the settings; over all owners."
    SERVICE = "Service", "The service itself: health, the console, this description."

    @property
    def title(self) -> str:
        return self.value[0]

    @property
    def about(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation answers; without `models` there is no body, or one of another `media` type."""

    status: int
    models: tuple[type[Wire], ...] = ()
    media: str | None = None
    headers: tuple[str, ...] = ()


def ok(*models: type[Wire], headers: tuple[str, ...] = ()) -> Answer:
    """200 with one of these."""
    return Answer(200, models, JSON, headers)


def created(*models: type[Wire]) -> Answer:
    """201, and where it is."""
    return Answer(201, models, JSON, ("Location",))


def accepted(*models: type[Wire], headers: tuple[str, ...] = ("Location",)) -> Answer:
    """202, and where to ask how it goes on."""
    return Answer(202, models, JSON, headers)


def other(media: str, *headers: str) -> Answer:
    """200 with a body that is not JSON, or JSON without a model."""
    return Answer(200, (), media, headers)


NOTHING = Answer(204)
NOT_MODIFIED = Answer(304, headers=("ETag",))


@dataclass(frozen=True, slots=True)
class Operation:
    """A route's query string, body, answers, and the error codes of its own.

    Left out is what follows from rules: the view's words, path parameters, security, and the codes that every route of
    its kind may answer. `form` are the fields of a form beside its `file`; `seen` is a body as an example.
    """

    tag: Tag
    answers: tuple[Answer, ...]
    query: type[Wire] | None = None
    filters: tuple[str, ...] = ()
    body: type[Wire] | None = None
    body_required: bool = True
    form: type[Wire] | None = None
    headers: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()
    operators: bool = False
    seen: Mapping[str, Any] | None = None
