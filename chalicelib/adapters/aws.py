"""Clients of AWS, or of the emulator that stands in for it: one way to make them all."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.settings import Settings

if TYPE_CHECKING:
    import boto3


class Aws:
    """Makes clients from the settings, with a session of its own unless it is given one."""

    def __init__(self, settings: Settings, session: boto3.Session | None = None) -> None:
        self._settings = settings
        self._given = session

    def client(self, service: str, *, accelerated: bool = False) -> Any:
        """A client with short connection times and the library's standard retries, on the emulator where one is set.

        S3 signs with version 4 (boto3's presigned posts default to 2 in some regions).
        """
        from botocore.config import Config

        endpoint = self._settings.aws_endpoint_url or None
        special: dict[str, Any] = {}
        if service == "s3":
            special = {"signature_version": "s3v4", "s3": {"addressing_style": "path" if endpoint else "virtual",
                                                           "use_accelerate_endpoint": accelerated}}
        # AWS validates what we send; doing it here as well was a quarter of the client's CPU of settling a batch,
        # by the settling benchmark.
        config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=3, read_timeout=30,
                        max_pool_connections=25, parameter_validation=False, **special)
        return self.session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]

    @cached_property
    def session(self) -> boto3.Session:
        if self._given is not None:
            return self._given
        import boto3

        chosen = self._settings
        if not chosen.local:
            # Lambda's own are temporary: they are worth nothing without their session token, which boto3 finds itself.
            return boto3.Session(region_name=chosen.region)
        return boto3.Session(
            region_name=chosen.region, aws_access_key_id=chosen.aws_access_key_id or None,
            aws_secret_access_key=chosen.aws_secret_access_key.get_secret_value() or None)
