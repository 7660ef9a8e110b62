"""The files that a first `make run` drops: small, and messy in the ways that people's files are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEADS, CATALOGUE, PRICE_LIST, BILL, PHOTO = (
    "sample-leads.xlsx", "sample-catalogue.xlsx", "sample-price-list.xlsx", "sample-bill.xlsx", "sample-photo.jpg")

Rows = list[list[Any]]


def write_samples(folder: Path) -> None:
    """Write all five into `folder`.

    Leads: three sheets and an empty one; the header stands on row 4; some people are in two sheets, the later row wins;
    phones begin with zeros; somebody is called NA; one row has too little to be a lead. Catalogue: codes that lost
    their zeros, and colours of one shoe that share a code. Price list and bill: sections, units, a bill that asks for
    what the list does not have. Photo: larger than the web wants, and lying on its side.
    """
    for name, sheets in ((LEADS, _LEADS), (CATALOGUE, _CATALOGUE), (PRICE_LIST, _PRICE_LIST), (BILL, _BILL)):
        _write(folder / name, sheets)
    _photograph(folder / PHOTO)


def _photograph(path: Path) -> None:
    from PIL import Image

    photo = Image.effect_mandelbrot((4500, 3000), (-2.2, -1.2, 1.4, 1.2), 40).convert("RGB")
    turned = photo.getexif()
    turned[0x0112] = 6  # orientation: the camera was held upright
    photo.save(path, quality=92, exif=turned)


def _write(path: Path, sheets: Mapping[str, Rows]) -> None:
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)


_CATALOGUE: Mapping[str, Rows] = {"Autumn": [
    ["Autumn range, net prices"], [],
    ["Style Name", "Color Name", "Size", "UPC", "SKU", "Currency", "Wholesale", "RRP", "Quantity Available"],
    ["Trail Runner", "Moss", "42", 12345678905, "TR-MO-42", "USD", 41.5, 89.95, 12],
    ["Trail Runner", "Moss", "43", "012345678905", "TR-MO-43", "USD", 41.5, 89.95, 7],
    ["Trail Runner", "Ink", "42", "0 12345 67890 5", "TR-IN-42", "USD", 41.5, 89.95, 0],
    ["Field Jacket", "Sand", "M", "4006381333931", "FJ-SA-M", "USD", 72, 159, 30],
    ["Field Jacket", "Sand", "L", 4006381333931, "FJ-SA-L", "USD", 72, 159, 28],
    ["Wool Cap", "Grey", "", "", "WC-GR", "USD", 9.9, 24.5, 100],
    ["", "", "", "", "", "", "", "", 4],
]}
_PRICE_LIST: Mapping[str, Rows] = {"Rates 2026": [
    ["Code", "Description", "Unit", "Rate"],
    ["", "Concrete works"],
    ["C-2530", "Ready-mix concrete C25/30, pumped", "m3", 142.5],
    ["C-3037", "Ready-mix concrete C30/37, pumped", "m3", 155],
    ["C-FORM", "Formwork to walls, fair faced", "m2", 48.2],
    ["C-BAR", "Reinforcement bar B500B, cut and bent", "kg", 1.85],
    ["", "Masonry"],
    ["M-24", "Clay block wall 24 cm, mortar included", "m2", 79.9],
    ["M-115", "Clay block partition 11.5 cm", "m2", 46],
    ["", "Drainage"],
    ["D-110", "PVC pipe DN 110, laid in trench", "m", 18.4],
    ["D-160", "PVC pipe DN 160, laid in trench", "m", 27.9],
    ["D-INS", "Inspection chamber 600 mm with cover", "pcs", 410],
]}
_BILL: Mapping[str, Rows] = {
    "Block A": [
        ["Bill of quantities, block A"], [],
        ["Pos", "Description", "Qty", "Unit", "Rate", "Total"],
        ["1", "Concrete works"],
        ["1.1", "Concrete C25/30 for foundations, pumped", 84, "m3", None, "=C5*E5"],
        ["1.2", "Wall formwork, fair faced", 310, "m2", None, "=C6*E6"],
        ["1.3", "Reinforcement B500B", 7.4, "t", None, "=C7*E7"],
        ["2", "Masonry"],
        ["2.1", "Clay block wall, 24 cm", 126.5, "m2", None, "=C9*E9"],
    ],
    "Outside": [
        ["Pos", "Description", "Qty", "Unit", "Rate"],
        ["1", "Drainage"],
        ["1.1", "PVC drain pipe DN 160 in trench", 45, "m"],
        ["1.2", "Inspection chamber with cover, 600 mm", 3, "pcs"],
        ["1.3", "Flagpole, 8 m, hot-dip galvanised", 1, "pcs"],
    ],
}
_LEADS: Mapping[str, Rows] = {
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
