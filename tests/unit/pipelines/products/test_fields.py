"""Headers of wholesalers, as they call their columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.pipelines.products.fields import FIELDS, NAMES, SYNONYMS
from chalicelib.tables.columns import map_columns
from chalicelib.tables.reading import read_table
from tests.fixtures.catalogues import LIST_HEADER, MATRIX_HEADER_ROW, price_list, size_matrix, upc


def mapped(*headers: str, **samples: list[str]) -> dict[str, str]:
    return {name: header for header, name in map_columns(headers, samples, FIELDS).fields.items()}


def test_the_seeds_own_headers_are_understood():
    assert mapped(*LIST_HEADER) == {
        "name": "Style Name", "upc": "UPC", "sku": "SKU", "currency": "Currency", "price": "Offer Price",
        "quantity": "Quantity Available"}


@pytest.mark.parametrize(("headers", "wanted"), [
    ("Artikelnummer|Bezeichnung|EAN|Preis|Währung|Lagerbestand|Marke", "sku name upc price currency quantity brand"),
    ("Réf.|Désignation|Code à barres|Prix unitaire HT|Qté|Marque", "sku name upc price quantity brand"),
    ("Referencia|Producto|Código de barras|Precio|Cantidad|Marca", "sku name upc price quantity brand"),
    ("Codice articolo|Descrizione|Codice a barre|Prezzo|Quantità", "sku description upc price quantity"),
    ("Artikelcode|Productnaam|Barcode|Prijs|Voorraad|Merk", "sku name upc price quantity brand"),
    ("Kod produktu|Nazwa|Kod kreskowy|Cena|Ilość|Producent", "sku name upc price quantity brand"),
    ("Artikelnummer|Benämning|Streckkod|Pris|Lagersaldo", "sku name upc price quantity"),
    ("Product Title|ASIN|UPC/EAN|Unit Price (USD)|UOM|Image URL", "name asin upc price unit image")])
def test_headers_in_the_languages_of_europe(headers: str, wanted: str):
    assert mapped(*headers.split("|")) == dict(zip(wanted.split(), headers.split("|"), strict=True))


def test_a_color_a_size_and_a_supplier_are_none_of_our_fields():
    assert mapped("Style Name", "Color Name", "Size", "Supplier Name", "Item Weight") == {"name": "Style Name"}


def test_codes_and_asins_are_found_by_what_they_are_below_a_header_that_does_not_say_so():
    codes = [upc(number) for number in range(1, 9)]
    assert mapped("Name", "Column1", **{"Name": ["a", "b", "c"], "Column1": codes})["upc"] == "Column1"
    asins = ["B0088PUEPK", "B07XJ8C8F5", "B000000001"]
    assert mapped("Name", "Link id", **{"Name": ["a", "b", "c"], "Link id": asins})["asin"] == "Link id"


def test_prices_and_counts_need_numbers():
    assert "price" not in mapped("Name", "Cost", **{"Name": ["a"], "Cost": ["high", "low", "high"]})
    told = mapped("Name", "Price note", "Price", **{"Name": ["a"], "Price note": ["from", "x"], "Price": ["1", "2"]})
    assert told["price"] == "Price"


def test_every_field_has_its_own_name_among_its_headers_and_no_header_means_two():
    assert [spec.name for spec in FIELDS] == list(NAMES) == list(SYNONYMS)
    seen: dict[str, str] = {}
    for name, headers in SYNONYMS.items():
        for header in headers:
            assert seen.setdefault(header.casefold(), name) == name, header


def test_the_list_and_the_size_matrix_are_read_with_their_zeros_and_without_their_total(tmp_path: Path):
    listed = list(read_table(str(price_list(tmp_path / "list.xlsx")), "list.xlsx", fields=FIELDS))
    assert [item["UPC"] for item in listed] == [upc(row) for row in range(1, 501)]
    for grouped in (False, True):
        reading = read_table(str(size_matrix(tmp_path / "m.xlsx", grouped=grouped)), "m.xlsx", fields=FIELDS)
        rows = list(reading)
        assert (len(rows), reading.sheets[0].header_row) == (12, MATRIX_HEADER_ROW)
        assert reading.columns["ATS"] == {"PHOTO": "image", "Style": "name", "UPC": "upc"}


def test_a_lone_text_that_stands_apart_heads_a_section(tmp_path: Path):
    path = tmp_path / "sections.csv"
    path.write_text("Name,UPC,Price\nJacket,012345678905,9\n,,\nTROUSERS,,\nJeans,036000291452,8\n")
    reading = read_table(str(path), "sections.csv", fields=FIELDS)
    assert [item["Name"] for item in reading] == ["Jacket", "Jeans"]
    assert reading.sheets[0].skipped == {"section": 1}
