"""The two sample catalogues' shapes: header on row 4, sizes in columns, codes with leading zeros."""

from __future__ import annotations

from pathlib import Path

from chalicelib.tables.columns import FieldSpec
from chalicelib.tables.reading import Reading, read_table
from tests.fixtures.catalogues import LIST_HEADER, LIST_ROWS, SIZES, price_list, size_matrix, upc

PRODUCTS = (
    FieldSpec("name", ("style name", "style", "product name")),
    FieldSpec("color", ("color name", "color", "colour")),
    FieldSpec("size", ("size",)),
    FieldSpec("upc", ("upc", "ean", "barcode")),
    FieldSpec("sku", ("sku",)),
    FieldSpec("price", ("offer price", "wholesale")),
    FieldSpec("quantity", ("quantity available", "quantity")),
)


def read(path: Path) -> Reading:
    return read_table(str(path), path.name, fields=PRODUCTS)


def test_all_five_hundred_codes_keep_their_zeros(tmp_path: Path) -> None:
    items = list(read(price_list(tmp_path / "offer.xlsx")))
    assert [item["UPC"] for item in items] == [upc(row) for row in range(1, LIST_ROWS + 1)]
    assert all(item["UPC"].startswith("00") and len(item["UPC"]) == 12 for item in items)
    assert items[0]["SKU"] == "00001-S"
    assert (items[0]["Wholesale"], items[0]["RRP"], items[0]["Offer Price"]) == ("44.5", "89.99", "29")
    assert [name for name in items[0] if not name.startswith("_")] == list(LIST_HEADER)


def test_a_header_on_row_four_is_found_and_every_size_is_a_column(tmp_path: Path) -> None:
    reading = read(size_matrix(tmp_path / "ats.xlsx"))
    items = list(reading)
    sheet = reading.sheets[0]
    assert (sheet.header_row, sheet.header, sheet.rows, sheet.blank) == (4, 1, 12, 1)
    assert sheet.skipped == {"preamble": 2, "totals": 1}
    assert {name: items[1][name] for name in SIZES} == dict(zip(SIZES, "012340", strict=True))
    assert items[1]["UPC"] == upc(2)
    assert reading.columns["ATS"]["UPC"] == "upc"


def test_sizes_below_a_merged_heading_are_columns_too(tmp_path: Path) -> None:
    reading = read(size_matrix(tmp_path / "ats.xlsx", grouped=True))
    items = list(reading)
    sheet = reading.sheets[0]
    assert (sheet.header_row, sheet.header, sheet.rows) == (4, 2, 12)
    assert {name: items[1][f"Sizes {name}"] for name in SIZES} == dict(zip(SIZES, "012340", strict=True))
    assert (items[0]["Style"], items[0]["_row"]) == ("Style 0", 6)
