"""Names of files: what is litter, what is no picture, where a picture belongs, and what its result is called."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from chalicelib.adapters.image_records import Place, digest

_OTHERS = (
    ".mp4 .m4v .mov .avi .mkv .webm .wmv .flv .mpg .mpeg .m2ts .mts .3gp .ts .ogv .insv .lrv "
    ".mp3 .m4a .wav .flac .ogg .aac .wma .aif .aiff .opus "
    ".txt .md .rtf .pdf .doc .docx .odt .pages .xls .xlsx .xlsm .xlsb .ods .numbers .csv .tsv .ppt .pptx .key .odp "
    ".html .htm .xml .json .jsonl .yaml .yml .ini .log .css .js .py .java .c .h .sh .bat .ps1 .sql .db .sqlite "
    ".zip .gz .tgz .tar .bz2 .xz .7z .rar .iso .dmg .exe .dll .msi .pkg .apk .jar .bin .ttf .otf .woff .woff2 "
    ".eml .msg .ics .vcf .url .lnk .webloc .torrent .xmp .aae .thm .lrcat .lrdata .ai .eps .indd .sketch .blend")
OTHERS = frozenset(_OTHERS.split())
"""Endings of what is surely no picture that we read: such files are refused by name, before they are fetched."""
_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin",
                     "system volume information", "icon\r"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_FOLDER, _MOST_NAME = 300, 120


def is_other(name: str) -> bool:
    """Whether the ending says that it is no picture; files without a known ending are looked into."""
    return PurePosixPath(name).suffix.lower() in OTHERS


def is_litter(path: str) -> bool:
    """Whether it is what systems leave behind: hidden files, previews, resource forks."""
    return any(part.lower() in _LITTER or part.startswith(".") for part in path.split("/") if part not in (".", ".."))


def parts_of(path: str) -> tuple[str, ...]:
    """Folders and name of a path, as a person knows them. Raises ValueError for one that leads elsewhere or nowhere."""
    plain = unicodedata.normalize("NFC", path.replace("\\", "/"))
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    if not parts or ".." in parts or plain.startswith("/") or re.match("[A-Za-z]:", plain):
        raise ValueError("a path that leads out of its folder")
    if any(unicodedata.category(letter) == "Cc" for part in parts for letter in part):
        raise ValueError("a path with control characters")
    return parts


def result_key(place: Place, path: str, *, job_id: str, row: int) -> str:
    """The object of what a row of a job made: readable, safe in a URL, nobody else's, and the same again.

    `images/{owner}/{folder}/{name with its ending}.{16 letters}.jpg`.
    """
    folder, _, name = path.strip("/").rpartition("/")
    mark = digest(place.owner, place.space.value, place.path, job_id, str(row))[:16]
    folders = "/".join(filter(None, map(_safe, folder.split("/"))))[:_MOST_FOLDER].strip("/")
    return "/".join(("images", _owner(place.owner), *([folders] if folders else []),
                     f"{_safe(name)[-_MOST_NAME:] or 'picture'}.{mark}.jpg"))


def _owner(owner: str) -> str:
    """An owner's own folder, whatever he is called."""
    safe = _safe(owner)[:64]
    return safe if safe == owner else f"{safe or 'owner'}-{digest(owner)[:12]}"


def _safe(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("_", plain or name).strip("._") if plain or name else ""
