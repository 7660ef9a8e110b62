"""The parts of an OOXML workbook: which sheets there are, where they lie, and how their numbers are formatted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import Archive
from chalicelib.tables.cells import BUILT_IN, Show, formats
from chalicelib.tables.markup import Attributes, attribute, walk


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A worksheet and the archive member that holds it. `index` counts every sheet, charts too, from 0."""

    index: int
    name: str
    hidden: bool
    part: str


@dataclass(frozen=True, slots=True)
class Workbook:
    """The outline of a workbook; `shows` tells by cell style how a number is shown."""

    sheets: tuple[SheetPart, ...]
    strings_part: str
    shows: tuple[Show | None, ...]


@dataclass(frozen=True, slots=True)
class _Relation:
    kind: str
    target: str


def open_workbook(archive: Archive) -> Workbook:
    """Read the outline. Raises FileRefused: CORRUPT_FILE where a part that is named is missing."""
    part = workbook_part(archive)
    relations = relations_of(archive, part)
    outline = _Outline()
    walk(archive.chunks(part), outline.start)
    styles = first_of(relations, "styles")
    strings = first_of(relations, "sharedStrings")
    return Workbook(
        sheets=tuple(_worksheets(archive, outline, relations)),
        strings_part=strings if strings in archive else "",
        shows=tuple(_shows(archive, styles, from_1904=outline.from_1904)),
    )


class _Outline:
    """Collects `<sheet>` and `<workbookPr>`."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.entries.append((attributes.get("name", ""), attributes.get("state", "visible"), relation))
        elif name == "workbookPr":
            self.from_1904 = attribute(attributes, "date1904").lower() in ("1", "true", "on")


def _worksheets(archive: Archive, outline: _Outline, relations: Mapping[str, _Relation]) -> Iterator[SheetPart]:
    for index, (name, state, relation_id) in enumerate(outline.entries):
        relation = relations.get(relation_id)
        if relation is None:
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The workbook does not say where its sheet {name!r} is.")
        if relation.kind != "worksheet":
            continue  # Chart, dialog and macro sheets hold no table.
        if relation.target not in archive:
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The sheet {name!r} is missing from the workbook.")
        yield SheetPart(index, name, state != "visible", relation.target)


def workbook_part(archive: Archive) -> str:
    """The name of the part that lists the sheets. Raises FileRefused where nothing says."""
    roots = relations_of(archive, "")
    found = first_of(roots, "officeDocument")
    if found in archive:
        return found
    if "xl/workbook.xml" in archive:
        return "xl/workbook.xml"
    raise FileRefused(FileProblem.CORRUPT_FILE, "The archive does not say where its workbook is.")


def relations_of(archive: Archive, part: str) -> dict[str, _Relation]:
    """The parts that a part refers to, by id; targets are names in the archive."""
    folder, name = posixpath.split(part)
    source = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, _Relation] = {}

    def start(element: str, attributes: Attributes) -> None:
        if element == "Relationship":
            kind = attributes.get("Type", "").rsplit("/", 1)[-1]
            target = attributes.get("Target", "").replace("\\", "/")
            found[attributes.get("Id", "")] = _Relation(kind, _resolve(folder, target))

    if source in archive:
        walk(archive.chunks(source), start)
    return found


def _resolve(folder: str, target: str) -> str:
    joined = target if target.startswith("/") else posixpath.join(folder, target)
    return posixpath.normpath(joined).lstrip("/")


def first_of(relations: Mapping[str, _Relation], kind: str) -> str:
    """The first part of a kind (`styles`, `sharedStrings`), "" where there is none."""
    return next((relation.target for relation in relations.values() if relation.kind == kind), "")


class _Styles:
    """Collects the number format id of every cell style, and the formats that the workbook defines itself."""

    def __init__(self) -> None:
        self.codes: dict[int, str] = dict(BUILT_IN)
        self.ids: list[int] = []
        self._list = ""

    def start(self, name: str, attributes: Attributes) -> None:
        """Differential styles have `numFmt` elements too, and named styles `xf`: only those in their own list count."""
        if name in ("numFmts", "cellXfs", "cellStyleXfs", "dxfs"):
            self._list = name
        elif name == "numFmt" and self._list == "numFmts":
            self.codes[_int(attribute(attributes, "numFmtId"))] = attribute(attributes, "formatCode")
        elif name == "xf" and self._list == "cellXfs":
            self.ids.append(_int(attribute(attributes, "numFmtId")))

    def end(self, name: str) -> None:
        if name == self._list:
            self._list = ""


def _shows(archive: Archive, part: str, *, from_1904: bool) -> list[Show | None]:
    if part not in archive:
        return []
    styles = _Styles()
    walk(archive.chunks(part), styles.start, styles.end)
    return formats([styles.codes.get(number, "") for number in styles.ids], from_1904=from_1904)


def _int(text: str) -> int:
    return int(text) if text.isdigit() else 0
