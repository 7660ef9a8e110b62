"""Settings of who may come in: tokens of a shared secret, tokens of an identity service with a key set."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from chalicelib.settings.references import SecretReference

ALGORITHMS = ("HS256", "RS256", "ES256")


class AccessSettings(BaseSettings):
    """A part of `Settings`."""

    jwt_secret: SecretStr = Field(SecretStr(""), alias="JWT_SECRET",
                                  description="HS256 key, at least 32 bytes; or a reference. It seals cursors too")
    jwt_secret_previous: SecretStr = Field(SecretStr(""), alias="JWT_SECRET_PREVIOUS",
                                           description="Counts beside `JWT_SECRET` while that is rotated")
    jwt_issuer: str = Field("dropmill", alias="JWT_ISSUER", description="Accepted issuer of HS256 tokens")
    jwt_audience: str = Field("dropmill", alias="JWT_AUDIENCE", description="Accepted audience of HS256 tokens")
    jwt_algorithms: str = Field(",".join(ALGORITHMS), alias="JWT_ALGORITHMS",
                                description="Accepted algorithms; RS256 and ES256 only with a key set")
    jwt_jwks_url: str = Field("", alias="JWT_JWKS_URL",
                              description="Key set (JWKS) of an identity service, by https; empty = none")
    jwt_jwks_issuer: str = Field("", alias="JWT_JWKS_ISSUER", description="Accepted issuer of its tokens")
    jwt_jwks_audience: str = Field("", alias="JWT_JWKS_AUDIENCE", description="Accepted audience of its tokens")
    jwt_audience_claim: Literal["aud", "client_id"] = Field(
        "aud", alias="JWT_AUDIENCE_CLAIM",
        description="Claim of its tokens that names the audience; `client_id` for Cognito's access tokens")
    jwt_roles_claim: str = Field("roles", alias="JWT_ROLES_CLAIM", min_length=1,
                                 description="Claim of its tokens that lists roles; `cognito:groups` for Cognito")
    jwt_owner_claim: str = Field("org", alias="JWT_OWNER_CLAIM", min_length=1,
                                 description="Claim of its tokens that names the owner; absent = `sub`")
    jwt_jwks_seconds: float = Field(3600.0, alias="JWT_JWKS_SECONDS", gt=0, description="Life of fetched keys")
    jwt_jwks_stale_seconds: float = Field(86_400.0, alias="JWT_JWKS_STALE_SECONDS", ge=0,
                                          description="How much longer they count while the issuer does not answer")
    jwt_jwks_refetch_seconds: float = Field(
        30.0, alias="JWT_JWKS_REFETCH_SECONDS", gt=0,
        description="Least time between two fetches, also for tokens with unknown keys")

    api_rate: int = Field(100, alias="API_RATE", ge=1, le=10_000,
                          description="Requests a second to each route that the gateway lets through; by deployments")
    api_burst: int = Field(200, alias="API_BURST", ge=1, le=5_000,
                           description="Requests to each route at once above that; by deployments")

    @field_validator("jwt_secret", "jwt_secret_previous")
    @classmethod
    def _whole_reference_of_key(cls, secret: SecretStr) -> SecretStr:
        SecretReference.of(secret)
        return secret

    @field_validator("jwt_algorithms")
    @classmethod
    def _known_algorithms(cls, names: str) -> str:
        if not (chosen := names.replace(" ", "").split(",")) or not set(chosen) <= set(ALGORITHMS):
            raise ValueError(f"algorithms are some of {', '.join(ALGORITHMS)}")
        return ",".join(chosen)

    @field_validator("jwt_jwks_url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        """Whoever can change the keys on their way can sign tokens."""
        parts = urlsplit(url)
        if url and (not parts.hostname or parts.username is not None or parts.fragment
                    or not (parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)))):
            raise ValueError("a key set is fetched by https; by http from this machine only")
        return url

    @model_validator(mode="after")
    def _told_whose_tokens(self) -> Self:
        """The service signs tokens for others too, so an issuer alone, or none, must not do."""
        if self.jwt_jwks_url and not (self.jwt_jwks_issuer and self.jwt_jwks_audience):
            raise ValueError("JWT_JWKS_URL wants JWT_JWKS_ISSUER and JWT_JWKS_AUDIENCE")
        return self


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
