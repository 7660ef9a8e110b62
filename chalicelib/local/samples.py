"""The workbook that a first `make run` drops: small, and messy in the ways that people's workbooks are."""

from __future__ import annotations

from pathlib import Path

SAMPLE_NAME = "sample-leads.xlsx"


def write_sample(path: Path) -> None:
    """Three sheets with leads and an empty one. The header stands on row 4; some people are in two sheets, the later
    row wins; phones begin with zeros; somebody is called NA; one row has too little to be a lead."""
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in _SHEETS.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)


_SHEETS: dict[str, list[list[str]]] = {
    "Trade fair": [
        ["Contacts of the spring fair, hall 4"],
        [],
        ["collected at the booth, do not forward"],
        ["First Name", "Last Name", "E-Mail", "Phone", "Company", "Job Title", "Met at"],
        ["Ada", "Lovelace", "ada@analytical.example", "0044 20 7946 0958", "Analytical Engines Ltd", "Mathematician",
         "booth 12"],
        ["GRACE", "HOPPER", "Grace.Hopper@Navy.Example", "(202) 555-0143", "US Navy", "Rear Admiral", "keynote"],
        ["Christopher", "NA", "chris.na@example.com", "0412 345 678", "NA Consulting", "", "coffee"],
        ["Jean-Luc", "van der Berg", "jl@vanderberg.example", "+31 20 624 1111", "van der Berg BV", "Owner", ""],
        ["", "", "", "", "", "", "left no name"],
        ["Margaret", "O'Neil", "moneil@apollo.example", "202-555-0186", "Apollo Software", "Director", "booth 7"],
    ],
    "Web form": [
        ["Full name", "Email address", "Telephone", "Organisation", "Message"],
        ["Hopper, Grace", "grace.hopper@navy.example", "202 555 0143", "Compiler Works", "moved to a new company"],
        ["Alan Turing", "alan@bletchley.example", "01908 640404", "Bletchley Park", "=1+1 is no formula here"],
        ["Katherine Johnson", "katherine(at)orbits", "757 555 0101", "Orbits Inc", "please call, do not write"],
        ["Linus Pauling", "", "", "Caltech", "has a company, but no address"],
    ],
    "Partners": [
        ["Name", "Mail", "Mobile", "Firma", "Branche"],
        ["Ada Lovelace", "ADA@analytical.example", "+44 20 7946 0958", "Analytical Engines Ltd", "Computing"],
        ["Dr. Hedy Lamarr", "hedy@spectrum.example", "+43 1 534 660", "Spectrum GmbH", "Radio"],
        ["Null, Jane", "jane.null@example.com", "(303) 555-0170", "None of Your Business LLC", "Law"],
    ],
    "Notes": [],
}
