"""The parts around the sheets that must follow when cells are filled: the outline, and the chain of formulas.

Every formula is computed again when a program opens the workbook; until then readers of cached values see the old ones.
"""

from __future__ import annotations

import posixpath
import re

from chalicelib.tables.archive import Archive
from chalicelib.tables.package import first_of, relations_of, workbook_part
from chalicelib.tables.patch_xml import attributes, local_tag, shadow_of, spliced, whole, without

_PROPERTIES = local_tag(b"workbookPr")
_CALCULATION = local_tag(b"calcPr")
_NAMES = rb"((?:[\w.-]+:)?)(?:sheets|functionGroups|externalReferences|definedNames)"
_BEFORE = re.compile(rb"</" + _NAMES + rb"\s*>|<" + _NAMES + rb"(?=[\s/])[^>]*/>")
"""What `calcPr` follows in the outline (ECMA-376 part 1, 18.2.27)."""
_RELATION = local_tag(b"Relationship")
_OVERRIDE = local_tag(b"Override")
_TYPES = "[Content_Types].xml"


class Outline:
    """Names of the parts, and those among them that change, as bytes by name."""

    def __init__(self, archive: Archive, *, formulas_go: bool) -> None:
        self.part = workbook_part(archive)
        relations = relations_of(archive, self.part)
        self.styles_part = first_of(relations, "styles")
        raw = whole(archive.chunks(self.part))
        shadow, _whole = shadow_of(raw)
        properties = _PROPERTIES.search(shadow)
        given = attributes(properties[2]).get(b"date1904", b"") if properties else b""
        self.from_1904 = given.lower() in (b"1", b"true", b"on")
        self.changed = {self.part: _recalculated(raw, shadow)}
        self.dropped = ""
        chain = first_of(relations, "calcChain")
        if formulas_go and chain in archive:
            # Excel calls a workbook damaged whose chain names a formula that is gone, and makes a missing one anew.
            self.dropped = chain
            self._forget(archive, chain)

    def _forget(self, archive: Archive, part: str) -> None:
        folder, name = posixpath.split(self.part)
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        self.changed[source] = _lacking(whole(archive.chunks(source)), _RELATION, b"Type", b"/calcchain")
        if _TYPES in archive:
            types = whole(archive.chunks(_TYPES))
            self.changed[_TYPES] = _lacking(types, _OVERRIDE, b"PartName", f"/{part}".lower().encode())


def _recalculated(raw: bytes, shadow: bytes) -> bytes:
    found = _CALCULATION.search(shadow)
    if found is not None:
        end = found.end(2) - found[2].endswith(b"/")
        kept = without(raw[found.start(2) : end], b"fullCalcOnLoad").rstrip()
        return spliced(raw, [(found.start(2), end, kept + b' fullCalcOnLoad="1"')])
    places = list(_BEFORE.finditer(shadow))
    if not places:
        return raw
    at, prefix = places[-1].end(), places[-1][1] or places[-1][2] or b""
    return spliced(raw, [(at, at, b'<%scalcPr fullCalcOnLoad="1"/>' % prefix)])


def _lacking(raw: bytes, element: re.Pattern[bytes], name: bytes, ending: bytes) -> bytes:
    """Without the (empty) elements whose attribute ends so."""
    shadow, _whole = shadow_of(raw)
    gone = []
    for found in element.finditer(shadow):
        if attributes(found[2]).get(name, b"").lower().endswith(ending):
            end = found.end()
            if not found[2].endswith(b"/"):
                end = shadow.find(b">", end) + 1
            gone.append((found.start(), end, b""))
    return spliced(raw, gone)
