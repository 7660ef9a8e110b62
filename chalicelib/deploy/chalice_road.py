"""Runs `chalice` on a rendered project, as people would, and believes neither its exit code nor its silence alone.

Its own process: Chalice puts a stage's variables into `os.environ` and imports `app.py` as a top-level module.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chalicelib.deploy.target import DeployFailed, Target
from chalicelib.settings import Settings

_BAD = ("Could not install", "missing dependencies")
"""Said with exit code 0 (`deploy/packager.py`)."""
_PROGRAM = "import sys; from chalice.cli import main; sys.exit(main())"
_COVERING = {"PROCESSING_QUEUE_URL", "SQS_QUEUE_URL", "AWS_S3_BUCKET", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
"""Variables that would win over what we tell."""
_IMPATIENT = "import time; wait = time.sleep; time.sleep = lambda seconds: wait(min(seconds, 0.2)); "
"""Chalice looks every five seconds whether a function is ready; an emulator's always is."""


def deploy(target: Target, folder: Path) -> str:
    """`chalice deploy`: functions, mappings, schedules, the bucket's notification and the API. Answers what it said.

    Raises `DeployFailed` with its last lines.
    """
    return _chalice(target, folder, "deploy", "--stage", target.stage, "--connection-timeout", "300")


def package(target: Target, folder: Path, out: Path) -> str:
    """`chalice package` into `out`: `sam.json` and `deployment.zip`."""
    return _chalice(target, folder, "package", "--stage", target.stage, str(out))


def _chalice(target: Target, folder: Path, *arguments: str) -> str:
    program = (_IMPATIENT if target.endpoint else "") + _PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, env=_environment(target, folder), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode or any(words in done.stdout for words in _BAD):
        raise DeployFailed(f"chalice {arguments[0]} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def _environment(target: Target, folder: Path) -> Mapping[str, str]:
    """The session's own credentials, wherever it had them from; no variable of ours that could cover the stage's."""
    ours = {alias for field in Settings.model_fields.values() if isinstance(alias := field.alias, str)
            if not alias.startswith("AWS_")} | _COVERING
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, **_credentials(target), "AWS_DEFAULT_REGION": target.region, "AWS_REGION": target.region,
            "PYTHONPATH": str(folder), "STAGE": target.stage}


def _credentials(target: Target) -> dict[str, str]:
    found = target.session.get_credentials()
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    told = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_SESSION_TOKEN": keys.token, "AWS_ENDPOINT_URL": target.endpoint}
    return {name: value for name, value in told.items() if value}
