"""How the local stack, its functions and the tests reach the emulator."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"
LOCAL_SECRET_KEY = "local"  # noqa: S105 - the emulator checks no signatures


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one account of the emulator; a twelve-digit access key is its own account there."""

    endpoint: str
    account: str = LOCAL_ACCOUNT
    region: str = LOCAL_REGION

    @property
    def environment(self) -> dict[str, str]:
        """What a function's environment needs so that every boto3 client reaches this account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": LOCAL_SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCOUNT_ID": self.account,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of this account; `config` goes to botocore's `Config`."""
        s3 = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}} if service == "s3" else {}
        with _MAKING:
            return _session().client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=self.account,
                aws_secret_access_key=LOCAL_SECRET_KEY,
                config=Config(**{**s3, "retries": {"mode": "standard"}, **config}),
            )


_SHARED: list[boto3.Session] = []
_MAKING = threading.Lock()
"""Clients may be used by many threads, but not made by many."""


def _session() -> boto3.Session:
    """One session for the process: it caches the service models, which cost more than all our calls."""
    if not _SHARED:
        _SHARED.append(boto3.Session())
    return _SHARED[0]
