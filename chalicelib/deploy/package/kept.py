"""Remembers what a built package was made of, so that a second deployment of the same does not build it again.

The note lies beside the package and counts only while both are as they were: its sources, its builder, and its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BUILDER = Path(__file__).parent


def key(project: Path, **chosen: object) -> str:
    """Says the same for the same requirements, sources, builder and choices."""
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True, default=str).encode())
    sources = [project / "requirements.txt", project / "app.py", *(project / "chalicelib").rglob("*.py")]
    _add(digest, project, sources)
    _add(digest, BUILDER, BUILDER.glob("*.py"))
    return digest.hexdigest()


def recall(target: Path, made_of: str) -> Mapping[str, Any] | None:
    """The report of `target` if it was made of that and nobody has changed it since."""
    note = _note(target)
    if not note.is_file() or not target.is_dir():
        return None
    kept = json.loads(note.read_text(encoding="utf-8"))
    same = kept["key"] == made_of and kept["content"] == _content(target)
    report: Mapping[str, Any] | None = kept["report"] if same else None
    return report


def remember(target: Path, made_of: str, report: Mapping[str, Any]) -> None:
    kept = {"key": made_of, "content": _content(target), "report": report}
    _note(target).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    _add(digest, folder, (path for path in folder.rglob("*") if path.is_file()))
    return digest.hexdigest()


def _add(digest: Any, root: Path, files: Iterable[Path]) -> None:
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
