"""Settings whose value is not the secret itself but says where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr


class SecretSource(StrEnum):
    SSM = "ssm"
    SECRETS_MANAGER = "secretsmanager"


_REFERENCE = re.compile(r"(ssm|secretsmanager):([A-Za-z0-9/_+=.@:-]+)(?:#([A-Za-z0-9_.-]+))?")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret lies: `ssm:/name`, or `secretsmanager:name#key` for one text of a JSON object."""

    source: SecretSource
    name: str
    key: str = ""

    @classmethod
    def of(cls, secret: SecretStr) -> SecretReference | None:
        """The reference that a setting's value is, None for a plain secret. Raises ValueError for half a reference."""
        text = secret.get_secret_value()
        if not text.startswith(tuple(f"{source}:" for source in SecretSource)):
            return None
        match = _REFERENCE.fullmatch(text)
        if match is None or (match[1] == SecretSource.SSM and match[3]):
            raise ValueError("a reference to a secret is ssm:/name, secretsmanager:name or secretsmanager:name#key")
        return cls(SecretSource(match[1]), match[2], match[3] or "")

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" + (f"#{self.key}" if self.key else "")
