"""Which headings stand over an item."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.prices.sections import LONGEST_HEADING, MOST_LEVELS, Sections, style_of


def paths(*lines: str) -> list[tuple[str, ...]]:
    """The path over each item; a line that begins with `-` is an item, all others are headings."""
    sections, found = Sections(), []
    for line in lines:
        if line.startswith("-"):
            found.append(sections.path())
        else:
            sections.add(line)
    return found


def test_headings_without_an_item_between_them_are_nested() -> None:
    assert paths("Earthworks", "Excavation", "- a", "- b") == [("Earthworks", "Excavation")] * 2


def test_a_single_heading_replaces_the_innermost() -> None:
    assert paths("Earthworks", "Excavation", "- a", "Filling", "- b")[-1] == ("Earthworks", "Filling")


def test_two_headings_replace_two() -> None:
    assert paths("Earthworks", "Filling", "- a", "Concrete", "Formwork", "- b")[-1] == ("Concrete", "Formwork")


def test_a_heading_in_capitals_closes_the_one_in_capitals() -> None:
    found = paths("EARTHWORKS", "Excavation", "- a", "Filling", "- b", "CONCRETE", "- c")
    assert found == [("EARTHWORKS", "Excavation"), ("EARTHWORKS", "Filling"), ("CONCRETE",)]


def test_numbers_tell_levels() -> None:
    found = paths("1 Ground", "1.1 Excavation", "- a", "1.2 Filling", "- b", "2 Concrete", "2.1 Slabs", "- c")
    assert found == [("1 Ground", "1.1 Excavation"), ("1 Ground", "1.2 Filling"), ("2 Concrete", "2.1 Slabs")]


def test_an_empty_numbered_section_leaves_nothing_behind() -> None:
    assert paths("1 Nothing here", "2 Concrete", "- a") == [("2 Concrete",)]


def test_a_mark_in_its_own_column_counts_as_a_number() -> None:
    sections = Sections()
    sections.add("Earthworks", "A")
    sections.add("Trenches", "A.1")
    assert sections.path() == ("Earthworks", "Trenches")
    sections.add("Concrete", "B")
    assert sections.path() == ("Concrete",)


def test_another_sheet_begins_with_nothing() -> None:
    sections = Sections()
    sections.add("Earthworks")
    sections.path()
    sections.clear()
    assert sections.path() == ()


def test_what_travels_with_an_item_is_bounded() -> None:
    sections = Sections()
    for number in range(500):
        sections.add(f"heading {'very long ' * 100}{number}")
    path = sections.path()
    assert len(path) <= MOST_LEVELS
    assert max(map(len, path)) <= LONGEST_HEADING


@pytest.mark.parametrize(("text", "style"), [
    ("1 Ground", "number 1"), ("1.2.3 Filling", "number 3"), ("A. Earthworks", "number letter"),
    ("Section B - Concrete", "number letter"), ("IV Roofs", "number roman"), ("EARTHWORKS", "capitals"),
    ("Earthworks", "plain"), ("a new wall", "plain"), ("掘削工", "plain")])
def test_how_a_heading_is_written(text: str, style: str) -> None:
    assert style_of(text) == style
