"""Who a file is: the same bytes of the same owner for the same pipeline, with the same options that change results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.jobs.model import Job


def claim_of(job: Job, sha256: str, result_options: Sequence[str]) -> str:
    """The key that only one live job may hold. `sha256` is the file's, in hex."""
    return f"{job.owner}#{job.pipeline}#{sha256}#{_options_digest(job.options, result_options)}"


def drop_id(bucket: str, key: str, version: str) -> str:
    """The id of a job that nobody announced: the same object version always makes the same job."""
    return hashlib.sha256(f"{bucket}\n{key}\n{version}".encode()).hexdigest()[:32]


def _options_digest(options: Mapping[str, Any], names: Sequence[str]) -> str:
    chosen = {name: options[name] for name in names if options.get(name) not in (None, "")}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=str).encode()).hexdigest()[:16]
