"""Secrets that live in Parameter Store or Secrets Manager: read when they are used, kept for a short while.

A setting whose value is a reference (`ssm:/dropmill/dev/JWT_SECRET`, `secretsmanager:dropmill/dev#deepseek`) becomes a
`LiveSecret`, which every reader takes for the `SecretStr` that it is. So no reader can use the reference itself as a
key, and a rotated secret is in use everywhere within `SECRETS_SECONDS`. Values are never logged, names are.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from chalicelib.errors import DropmillError, Transient, Unavailable
from chalicelib.logs import log
from chalicelib.settings import SecretReference, SecretSource, Settings

PARAMETERS = 10
"""Most names of one GetParameters (Systems Manager API reference)."""
_ABSENT = frozenset({"ParameterNotFound", "ResourceNotFoundException"})
_PASSING = frozenset({"ThrottlingException", "TooManyUpdates", "InternalServiceError", "InternalServerError"})


class LiveSecret(SecretStr):
    """A `SecretStr` that is fetched when its value is asked for; length, equality and hash are the reference's."""

    def __init__(self, reference: str, fetch: Callable[[], str]) -> None:
        super().__init__(reference)
        self._fetch = fetch

    @property
    def source(self) -> SecretSource:
        """Where it lies; asks nobody for its value."""
        return SecretSource(self._secret_value.partition(":")[0])

    def get_secret_value(self) -> str:
        """The value as of at most `SECRETS_SECONDS` ago. Raises Transient, or Unavailable until a person acts."""
        return self._fetch()


@dataclass(frozen=True, slots=True)
class _Known:
    value: str
    at: float


class Secrets:
    """The secrets that a container refers to. Clients are made when the first is asked for; threads may share one."""

    def __init__(
        self, client: Callable[[str], Any], *, seconds: float, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._seconds = seconds
        self._monotonic = monotonic
        self._references: list[SecretReference] = []
        self._known: dict[SecretReference, _Known] = {}
        self._lock = threading.Lock()

    def bring_to_life(self, chosen: Settings) -> Settings:
        """`chosen` with a live secret in the place of every reference; nothing is fetched yet."""
        told = {name: value for name, value in chosen if isinstance(value, SecretStr)}
        found = {name: SecretReference.of(value) for name, value in told.items()}
        alive = {name: self.live(reference) for name, reference in found.items() if reference is not None}
        return chosen.model_copy(update=alive) if alive else chosen

    def live(self, reference: SecretReference) -> LiveSecret:
        """A secret that is fetched together with all others that this container refers to."""
        if reference not in self._references:
            self._references.append(reference)
        return LiveSecret(str(reference), lambda: self.value(reference))

    def value(self, reference: SecretReference) -> str:
        """The secret's value, at most `seconds` old.

        While the service does not answer, a value known before goes on serving. Raises Transient when none is known,
        Unavailable for what is absent, denied or without its key: there a person must act.
        """
        with self._lock:
            known = self._known.get(reference)
            if known is None or self._stale(known):
                try:
                    self._fetch(reference)
                except Transient as error:
                    if known is None:
                        raise
                    log.warning("a secret could not be read anew", extra={"secret": str(reference),
                                                                          "cause": error.message})
            return self._known[reference].value

    def _stale(self, known: _Known | None) -> bool:
        return known is None or self._monotonic() - known.at >= self._seconds

    def _fetch(self, reference: SecretReference) -> None:
        if reference.source is SecretSource.SSM:
            due = [each for each in self._references if each.source is SecretSource.SSM and each != reference
                   and self._stale(self._known.get(each))]
            found = self._parameters([reference, *due][:PARAMETERS])
        else:
            found = {reference: self._managed(reference)}
        if reference not in found:
            raise Unavailable(f"there is no secret {reference}", secret=str(reference))
        now = self._monotonic()
        self._known |= {each: _Known(value, now) for each, value in found.items()}

    def _parameters(self, references: Iterable[SecretReference]) -> Mapping[SecretReference, str]:
        """Those that exist. A name that is not there, or not ours to read, must not take the others with it."""
        by_name = {each.name: each for each in references}
        try:
            return self._get_parameters(by_name)
        except Unavailable:
            if len(by_name) == 1:
                raise
            first = next(iter(by_name.items()))
            return self._get_parameters(dict([first]))

    def _get_parameters(self, by_name: Mapping[str, SecretReference]) -> Mapping[SecretReference, str]:
        with _translated(", ".join(map(str, by_name.values()))):
            answer = self._client("ssm").get_parameters(Names=list(by_name), WithDecryption=True)
        return {by_name[found["Name"]]: str(found["Value"]) for found in answer["Parameters"]}

    def _managed(self, reference: SecretReference) -> str:
        with _translated(str(reference)):
            answer = self._client("secretsmanager").get_secret_value(SecretId=reference.name)
        text = str(answer.get("SecretString", ""))
        return _member(text, reference) if reference.key else text


def _member(text: str, reference: SecretReference) -> str:
    try:
        found = json.loads(text)[reference.key]
    except (ValueError, TypeError, KeyError):
        found = None
    if not isinstance(found, str):
        # From None: the library's message would quote the secret.
        raise Unavailable(f"the secret {reference} has no text under its key", secret=str(reference)) from None
    return found


@contextmanager
def _translated(names: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _in_our_words(error, names) from error
    except BotoCoreError as error:
        raise Transient(f"the store of secrets did not answer: {type(error).__name__}") from error


def _in_our_words(error: ClientError, names: str) -> DropmillError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in _PASSING or status >= 500:
        return Transient(f"the store of secrets is busy: {code}")
    if code in _ABSENT:
        return Unavailable(f"there is no secret {names}", secret=names)
    return Unavailable(f"the secret {names} cannot be read: {code}", secret=names, cause=code)
