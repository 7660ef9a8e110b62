"""Headers of bills and price lists, in many languages."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.prices.fields import BILL_FIELDS, LIST_FIELDS, field_of, is_label, short_names
from chalicelib.tables.columns import map_columns


def mapped(headers: list[str], fields=BILL_FIELDS, samples: dict[str, list[str]] | None = None) -> list[str]:
    found = map_columns(headers, samples or {}, fields, None, short_names(headers, fields, {}))
    return [found.fields.get(header, "") for header in headers]


CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL = "code", "description", "unit", "quantity", "rate", "total"


@pytest.mark.parametrize(("headers", "fields"), [
    (["Item", "Description", "Unit", "Qty", "Rate", "Amount"], [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Ref", "Description of Works", "Qty", "Unit", "Rate (AED)", "Total (AED)"],
     [CODE, TEXT, QUANTITY, UNIT, RATE, TOTAL]),
    (["S.No", "Particulars", "Unit", "Qty.", "Rate Rs.", "Amount Rs."], [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Pos", "Bezeichnung", "Menge", "Einheit", "EP", "GP"], [CODE, TEXT, QUANTITY, UNIT, RATE, TOTAL]),
    (["OZ", "Kurztext", "Menge", "ME", "Einheitspreis in EUR", "Gesamtpreis"],
     [CODE, TEXT, QUANTITY, UNIT, RATE, TOTAL]),
    (["N°", "Désignation", "Unité", "Quantité", "Prix unitaire", "Montant"], [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Article", "Libellé", "Qté", "U", "P.U. HT", "Total HT"], [CODE, TEXT, QUANTITY, UNIT, RATE, TOTAL]),
    (["Código", "Descripción", "Ud", "Cantidad", "Precio", "Importe"], [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Codice", "Descrizione", "U.M.", "Quantità", "Prezzo unitario", "Importo"],
     [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Item No.", "Item", "UOM", "Quantity", "Unit Price (USD)", "Total (USD)"],
     [CODE, TEXT, UNIT, QUANTITY, RATE, TOTAL]),
    (["Item", "Qty"], [TEXT, QUANTITY]),
    (["Product", "SKU", "Quantity", "Price", "Manufacturer"], [TEXT, CODE, QUANTITY, RATE, "supplier"])])
def test_the_columns_of_a_bill_are_found(headers: list[str], fields: list[str]) -> None:
    assert mapped(headers) == fields


@pytest.mark.parametrize(("headers", "fields"), [
    (["id", "code", "description", "category", "subcategory", "unit", "rate", "supplier"],
     ["", CODE, TEXT, "category", "subcategory", UNIT, RATE, "supplier"]),
    (["Artikelnummer", "Bezeichnung", "Warengruppe", "Einheit", "Listenpreis", "Lieferant"],
     [CODE, TEXT, "category", UNIT, RATE, "supplier"]),
    (["Description", "Remarks", "Amount"], [TEXT, "keywords", RATE]),
    (["Name", "Description", "Price"], [TEXT, "keywords", RATE])])
def test_the_columns_of_a_price_list_are_found(headers: list[str], fields: list[str]) -> None:
    assert mapped(headers, LIST_FIELDS) == fields


def test_a_column_of_numbers_under_units_is_a_quantity() -> None:
    samples = {"Material": ["Cement in bags", "Sand", "Gravel 16/32"], "Units": ["12", "40", "7.5"]}
    assert mapped(["Material", "Units"], samples=samples) == [TEXT, QUANTITY]


def test_letters_of_columns_are_no_headers_where_nothing_else_is() -> None:
    assert short_names(["EP", "GP", "EQ"], BILL_FIELDS, {}) == {}


def test_a_short_header_gives_way_to_a_long_one_and_to_a_person() -> None:
    assert short_names(["ME", "Einheit", "Menge"], BILL_FIELDS, {}) == {}
    assert short_names(["ME", "Menge"], BILL_FIELDS, {"column": "unit"}) == {}
    assert short_names(["ME", "Menge"], BILL_FIELDS, {}) == {"me": "unit"}


def test_headers_that_came_without_a_mapping_name_their_fields_outright() -> None:
    said = ("Description", "qty", "UNIT PRICE", "Colour")
    assert [field_of(header) for header in said] == [TEXT, QUANTITY, RATE, None]


def test_a_label_in_a_cell_is_known() -> None:
    assert is_label("quantity", "QTY.")
    assert not is_label("quantity", "12")
