"""Settings by whom they are for: what one pipeline or one provider's adapter gets, a snapshot of `Settings`.

A provider's key may be one that is read when it is used: validation would read it at once, so it is skipped.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, SecretStr, SkipValidation


class LeadsSettings(BaseModel):
    """The leads pipeline (seeds 002 and 004). Frozen: a snapshot of `Settings`."""

    batch_size: int | Literal["auto"]
    standardizer: Literal["local", "deepseek"]
    default_region: str
    max_concurrency: int


class DeepSeekSettings(BaseModel):
    """How we speak to DeepSeek; the limits hold over all workers together."""

    url: str
    key: Annotated[SecretStr, SkipValidation]
    model: str
    thinking: bool
    max_tokens: int
    call_timeout: float
    max_concurrency: int
    spacing_seconds: float
    cache_days: int
    usd_prompt: float
    usd_cache_hit: float
    usd_completion: float


class KeepaSettings(BaseModel):
    """How we speak to Keepa; the limits hold over all workers together. `tokens_per_minute` is the plan's."""

    url: str
    key: Annotated[SecretStr, SkipValidation]
    domain: int
    tokens_per_minute: float
    max_concurrency: int
    call_timeout: float
    cache_days: int
    missing_days: int
    """Life of "there is no such product"."""
    title_search: bool
    stats_days: int


class MongoSettings(BaseModel):
    """Where products live instead of DynamoDB. `timeout` in seconds, of finding a server."""

    uri: Annotated[SecretStr, SkipValidation]
    database: str
    timeout: float


class ConvexSettings(BaseModel):
    """How we speak to Convex; the pacing (seed 000) holds over all workers together. All gaps in seconds."""

    url: str
    key: Annotated[SecretStr, SkipValidation]
    mutation: str
    status_mutation: str
    max_in_flight: int
    spacing_seconds: float
    batch_gap_seconds: float
    status_gap_seconds: float
    call_timeout: float


class DropboxSettings(BaseModel):
    """How we speak to Dropbox; the limits hold over all workers together. `folder` is watched; empty: all of it.

    `client_secret` signs webhooks as well. `call_timeout` in seconds, of all calls but downloads.
    """

    model_config = ConfigDict(frozen=True)

    api_url: str = "https://api.dropboxapi.com"
    content_url: str = "https://content.dropboxapi.com"
    client_id: str
    client_secret: Annotated[SecretStr, SkipValidation]
    refresh_token: Annotated[SecretStr, SkipValidation]
    folder: str = ""
    call_timeout: float = 30.0
    max_concurrency: int = 100


class ProductsSettings(BaseModel):
    """The products pipeline (seed 001)."""

    batch_size: int | Literal["auto"]
    max_concurrency: int
    mode: Literal["sync", "parallel", "async"]


class PricesSettings(BaseModel):
    """The prices pipeline (seed 000)."""

    batch_size: int
    max_concurrency: int
    mode: Literal["sync", "parallel", "async"]
