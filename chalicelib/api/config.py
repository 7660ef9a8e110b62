"""The settings of a stage as its API sees them, for operators. Of a secret only whether there is one, and where."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from chalicelib.adapters.secrets import LiveSecret
from chalicelib.api.auth import Caller, Role
from chalicelib.api.models import Wire
from chalicelib.settings import SecretSource, Settings

Plain: TypeAlias = str | int | float | bool | None

HIDDEN = frozenset({"aws_access_key_id"})
"""Plain in the settings, and yet nobody's business: in AWS it is the function's own key of the hour."""
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


class SecretView(Wire):
    """Whether a secret is set, and whether as a reference. Neither its text nor its length."""

    present: bool
    reference: SecretSource | None


class SettingView(Wire):
    """One setting by its environment names. Of a secret `value` and `default` are null."""

    names: tuple[str, ...]
    value: Plain
    default: Plain
    meaning: str
    secret: SecretView | None


class ConfigAnswer(Wire):
    """All settings, in the order of the README's table."""

    app: str
    stage: str
    commit: str
    settings: tuple[SettingView, ...]


def show(caller: Caller, *, settings: Settings) -> ConfigAnswer:
    """Raises FORBIDDEN."""
    caller.require(Role.OPERATOR)
    views = (_view(name, field, getattr(settings, name)) for name, field in Settings.model_fields.items())
    return ConfigAnswer(app=settings.app, stage=settings.stage, commit=settings.commit, settings=tuple(views))


def _view(name: str, field: FieldInfo, value: Any) -> SettingView:
    secret = _secret(value) if isinstance(value, SecretStr) or name in HIDDEN else None
    return SettingView(names=_names(field), value=None if secret else _plain(value),
                       default=None if secret else _plain(field.default), meaning=str(field.description), secret=secret)


def _secret(value: Any) -> SecretView:
    return SecretView(present=len(value) > 0, reference=value.source if isinstance(value, LiveSecret) else None)


def _plain(value: Any) -> Plain:
    """A base address may carry a user and a password; it is shown without."""
    return _CREDENTIALS.sub("//***@", value) if isinstance(value, str) else value


def _names(field: FieldInfo) -> tuple[str, ...]:
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(map(str, field.validation_alias.choices))
    return (str(field.alias),)
