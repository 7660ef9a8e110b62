"""How large a package is as Lambda counts it, by distribution, and whether that may be deployed.

Limits are those of AWS's page of Lambda quotas: 50 MB for a zip in a request, 250 MB unpacked with all layers, both
with 1 MB = 1,048,576 bytes. A margin is kept for the app's own code and for the next release of pandas.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.deploy.package.strip import DATE, FILE_MODE
from chalicelib.deploy.package.wheels import Installed
from chalicelib.errors import PackageRefused

MB = 1024 * 1024
DIRECT_UPLOAD = 50 * MB
MARGIN = 3 * MB
UNPACKED = 240 * MB


@dataclass(frozen=True, slots=True)
class Share:
    """What one distribution adds, in bytes."""

    name: str
    zipped: int
    unzipped: int


def archive(folder: Path, into: Path) -> Path:
    """Write `folder` as a zip, in the order of names: the same content gives the same bytes."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in _files(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), date_time=_DATE_TIME)
            entry.external_attr = FILE_MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, file.read_bytes())
    return into


def shares(archived: Path, installed: Sequence[Installed]) -> tuple[Share, ...]:
    """The distributions of a zip, the largest first; what belongs to none is named after its folder."""
    owner = {top: each.name for each in installed for top in each.tops}
    zipped: Counter[str] = Counter()
    unzipped: Counter[str] = Counter()
    with zipfile.ZipFile(archived) as opened:
        for entry in opened.infolist():
            top = entry.filename.partition("/")[0]
            zipped[owner.get(top, top)] += entry.compress_size
            unzipped[owner.get(top, top)] += entry.file_size
    return tuple(Share(name, size, unzipped[name]) for name, size in zipped.most_common())


def check(zipped: int, unzipped: int, *, direct: bool) -> None:
    """Raises PackageRefused above a limit. `direct`: it is uploaded in one request, not through a bucket."""
    if direct and zipped > DIRECT_UPLOAD - MARGIN:
        raise PackageRefused(
            f"the package has {zipped / MB:.1f} MB zipped and may have {(DIRECT_UPLOAD - MARGIN) / MB:.0f} where it is "
            "uploaded directly; take something out of requirements.txt, or deploy with --road template")
    if unzipped > UNPACKED:
        raise PackageRefused(f"the package has {unzipped / MB:.1f} MB unpacked and may have {UNPACKED / MB:.0f}")


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _date_time(seconds: int) -> tuple[int, int, int, int, int, int]:
    import time

    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    return year, month, day, hour, minute, second


_DATE_TIME = _date_time(DATE)
