"""The dependencies as one Lambda layer of the stage, uploaded when they changed and never per function.

Chalice's own `automatic_layer` uploads 45 MB and makes a new version at every deployment, changed or not, and cannot go
through S3. A version here says in its description what it holds, so an equal one is found again from any machine.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.deploy.artefacts import Artefacts
from chalicelib.deploy.target import Target

_ROOT = "python"
"""Where Lambda looks for modules in a layer."""
_THEN = (2020, 1, 1, 0, 0, 0)


def runtime() -> str:
    """Lambda's name for the Python that runs now; Chalice deploys for it, too."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def publish(target: Target, artefacts: Artefacts, packages: Path) -> tuple[str, bool]:
    """The ARN of the layer version that holds `packages`, and whether it had to be made."""
    client = target.client("lambda")
    wanted = fingerprint(packages)
    for version in _versions(client, target):
        if version.get("Description") == wanted:
            return str(version["LayerVersionArn"]), False
    key = f"code/{wanted}-layer.zip"
    artefacts.put(key, archive(packages, _ROOT))
    made = client.publish_layer_version(
        LayerName=target.layer, Description=wanted, Content={"S3Bucket": artefacts.bucket, "S3Key": key},
        CompatibleRuntimes=[runtime()])
    return str(made["LayerVersionArn"]), True


def remove_others(target: Target, keep: str = "") -> int:
    """Delete all versions but `keep`. Functions that still hold one go on running with it (AWS DeleteLayerVersion)."""
    client = target.client("lambda")
    old = [each for each in _versions(client, target) if each["LayerVersionArn"] != keep]
    for version in old:
        client.delete_layer_version(LayerName=target.layer, VersionNumber=version["Version"])
    return len(old)


def fingerprint(folder: Path) -> str:
    """Says the same for the same files and runtime, whenever and in whatever order they were written."""
    digest = hashlib.sha256(runtime().encode())
    for path in _files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def archive(folder: Path, root: str = "") -> bytes:
    """A zip of `folder`, the same bytes for the same files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for path in _files(folder):
            entry = zipfile.ZipInfo((Path(root) / path.relative_to(folder)).as_posix(), _THEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Lambda runs as another user, who must be able to read everything and to load shared objects.
            entry.external_attr = 0o755 << 16
            packed.writestr(entry, path.read_bytes())
    return held.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _versions(client: Any, target: Target) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=target.layer)
    return [each for page in pages for each in page["LayerVersions"]]
