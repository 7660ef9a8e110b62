"""What the compiled modules of a folder ask of the system that loads them, held against what a runtime has.

A wheel's tag is a promise; this looks. A symbol that is newer than the runtime's, or a library that nobody brings,
fails only when the module is imported, which with late imports is in the middle of some night's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.deploy.package.runtimes import Runtime, Version
from chalicelib.errors import PackageRefused

ELF = b"\x7fELF"
ORIGIN = "$ORIGIN"
LIBRARIES = ".libs"
"""Where wheels keep foreign libraries. They find each other by the path of the module that loads them (DT_RPATH)."""


def check(folder: Path, runtime: Runtime) -> int:
    """The number of compiled files in `folder`. Raises PackageRefused naming every one that cannot be loaded there."""
    compiled = [file for file in sorted(folder.rglob("*")) if _is_elf(file)]
    if wrong := [f"{file.relative_to(folder)} {problem}" for file in compiled for problem in problems(file, runtime)]:
        raise PackageRefused(f"not for {runtime.system}: " + "; ".join(wrong))
    return len(compiled)


def problems(file: Path, runtime: Runtime) -> Iterator[str]:
    """Why the runtime could not load `file`; nothing if it can."""
    from elftools.elf.elffile import ELFFile

    with file.open("rb") as stream:
        elf = ELFFile(stream)
        if elf["e_machine"] != "EM_X86_64":
            yield f"is for another machine ({elf['e_machine']})"
            return
        yield from _missing_libraries(elf, file, runtime)
        yield from _newer_symbols(elf, runtime)


def _is_elf(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(4) == ELF


def _missing_libraries(elf: Any, file: Path, runtime: Runtime) -> Iterator[str]:
    """Libraries are found beside the file or where it says, relative to itself, and in the system."""
    tags = [tag for segment in elf.iter_segments("PT_DYNAMIC") for tag in segment.iter_tags()]
    said = [entry for tag in tags for kind in ("rpath", "runpath") if hasattr(tag, kind)
            for entry in getattr(tag, kind).split(":")]
    places = [Path(entry.replace(ORIGIN, str(file.parent))) for entry in said if entry.startswith(ORIGIN)]
    if file.parent.suffix == LIBRARIES:
        places.append(file.parent)
    for name in (tag.needed for tag in tags if hasattr(tag, "needed")):
        if name not in runtime.libraries and not any((place / name).is_file() for place in places):
            yield f"links {name}, which neither the runtime nor the package brings"


def _newer_symbols(elf: Any, runtime: Runtime) -> Iterator[str]:
    """Only what the system's own libraries provide; a library of the package has been built with those that use it."""
    from elftools.elf.gnuversions import GNUVerNeedSection

    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for library, symbols in section.iter_versions():
                for symbol in symbols if library.name in runtime.libraries else ():
                    if not _has(runtime, symbol.name):
                        yield f"needs {symbol.name} of {library.name}"


def _has(runtime: Runtime, symbol: str) -> bool:
    family, _, number = symbol.rpartition("_")
    digits = number.split(".")
    if family not in runtime.symbols or not all(map(str.isdecimal, digits)):
        return False
    version: Version = tuple(map(int, digits))
    return version <= runtime.symbols[family]
