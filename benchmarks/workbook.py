"""The workbook that the splitter benchmark reads: like a contact export, made once and kept in the temporary folder.

Texts repeat as they do in real exports (companies, titles, industries) and are awkward as they are there: other
scripts, quotes, line breaks, characters that XML escapes, blank cells. Excel's own form: shared strings.
"""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import in_fresh_process

SHEETS = ("Leads", "Trade fair", "Old list")
HEADER = ("Name", "Email", "Phone", "Company", "Title", "Industry", "Source", "Notes")
_FORM = 1
"""Raised whenever the content changes, so that a kept workbook of an older form is not taken."""
_FIRST = ("Ada", "Zoë", "José", "Łukasz", "Chloé", "Nuño", "李", "Олена", "Anne-Marie", "NA")
_LAST = ("Byron", "O'Neil", "Müller", "García", "Nowak", "van der Berg", "王", "Коваль", "Smith")
_TITLES = ("CEO", "Head of Sales", "Purchasing Manager", "Ingénieur", "Sachbearbeiterin")
_INDUSTRIES = ("Retail", "Machinery & Plant", "Software", "Food <fresh>", "Logistics")
_SOURCES = ("Web form", "Fair 2025", "Referral", "Newsletter")
_NOTES = ("call back\nnext week", 'says "maybe"', "prefers e-mail <not phone>", "R&D budget in March", "met in Köln")
_BLANK_NOTES = 0.4


def workbook(rows: int) -> Path:
    """The path of a workbook with `rows` data rows on three sheets; made on the first call."""
    folder = Path(tempfile.gettempdir()) / f"dropmill-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"contacts-{rows}-form{_FORM}.xlsx"
    if not path.exists():
        print(f"making {path.name} (once)", flush=True)
        in_fresh_process("benchmarks.workbook:make", path=str(path), rows=rows)
    return path


def delimited(rows: int) -> Path:
    """The path of a csv file of `rows` such rows, without sheets; made on the first call."""
    folder = Path(tempfile.gettempdir()) / f"dropmill-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"contacts-{rows}-form{_FORM}.csv"
    if not path.exists():
        print(f"making {path.name} (once)", flush=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(HEADER)
            for place in range(len(SHEETS)):
                out.writerows(_rows(place, rows))
        part.rename(path)
    return path


def make(path: str, rows: int) -> None:
    """Write the workbook; it gets its name when it is complete."""
    import xlsxwriter  # type: ignore[import-untyped]

    part = f"{path}.part"
    with xlsxwriter.Workbook(part, {"strings_to_numbers": False, "strings_to_urls": False}) as book:
        for place, name in enumerate(SHEETS):
            sheet = book.add_worksheet(name)
            for number, cells in enumerate([HEADER, *_rows(place, rows)]):
                for column, cell in enumerate(cells):
                    if cell:
                        sheet.write_string(number, column, cell)
    Path(part).rename(path)


def _rows(place: int, rows: int) -> Iterator[tuple[str, ...]]:
    dice = random.Random(place)
    share = [rows * (each + 1) // len(SHEETS) - rows * each // len(SHEETS) for each in range(len(SHEETS))]
    first = sum(share[:place])
    for number in range(first, first + share[place]):
        given, family = dice.choice(_FIRST), dice.choice(_LAST)
        company = f"Company {dice.randrange(rows // 10 + 1)} & Co"
        note = "" if dice.random() < _BLANK_NOTES else f"{dice.choice(_NOTES)} #{dice.randrange(1000)}"
        yield (f"{given} {family}", f"person{number}@example{dice.randrange(500)}.com",
               f"0041{dice.randrange(10**9):09d}", company, dice.choice(_TITLES), dice.choice(_INDUSTRIES),
               dice.choice(_SOURCES), note)
