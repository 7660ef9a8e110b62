"""Units as people write them."""

from __future__ import annotations

import pytest

from chalicelib.matching.model import Units
from chalicelib.matching.units import unit_of, units


@pytest.mark.parametrize(("written", "unit"), [
    ("m", "m"), ("M.", "m"), ("lm", "m"), ("Rm", "m"), ("Lin. m", "m"), ("linear metre", "m"), ("m²", "m2"),
    ("m^2", "m2"), ("M2", "m2"), ("Sq. m", "m2"), ("SQM", "m2"), ("m³", "m3"), ("Cum", "m3"), ("cu.m.", "m3"),
    ("Nos.", "nr"), ("No", "nr"), ("EACH", "nr"), ("pc(s)", "nr"), ("pcs", "nr"), ("Stück", "stück"), ("KG", "kg"),
    ("t", "t"), ("Tonne", "t"), ("hrs", "hr"), ("per day", "day"), ("SET", "set"), ("L.S.", "sum"), ("Lump sum", "sum"),
    ("fathom", "fathom"), ("", ""), ("  ", ""),
])
def test_unit_has_one_name_however_it_is_written(written, unit):
    assert unit_of(written) == unit


@pytest.mark.parametrize(("first", "second", "relation"), [
    ("m", "lm", Units.EQUAL), ("Nos", "each", Units.EQUAL), ("m", "mm", Units.COMPATIBLE),
    ("kg", "t", Units.COMPATIBLE), ("m", "m2", Units.DIFFERENT), ("nr", "set", Units.DIFFERENT),
    ("ls", "nr", Units.DIFFERENT), ("", "m", Units.UNKNOWN), ("m", "fathom", Units.UNKNOWN),
    ("fathom", "Fathom", Units.EQUAL),
])
def test_units_are_equal_or_compatible_or_different_or_unknown(first, second, relation):
    assert units(first, second) is relation
    assert units(second, first) is relation
