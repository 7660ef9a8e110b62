"""The fields of a product, and the headers by which wholesalers call them in the languages of Europe.

What a column holds helps where its header does not: codes prove themselves by their check digits, ASINs by their form,
pictures by their addresses. A lone text that stands apart is taken for the heading of a section, not for a product.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from chalicelib.pipelines.products.codes import CodeKind, repaired
from chalicelib.tables.columns import Evidence, FieldSpec

NAMES = ("name", "description", "category", "brand", "sku", "upc", "asin", "price", "currency", "quantity", "unit",
         "image")
"""The content of a product, in the order in which people see it. `upc` is any barcode number: UPC, EAN, GTIN, ISBN."""

LIMITS: Mapping[str, int] = MappingProxyType({
    "name": 500, "description": 5000, "category": 300, "brand": 200, "sku": 100, "upc": 64, "asin": 64, "price": 64,
    "currency": 20, "quantity": 64, "unit": 50, "image": 2048})
"""Most characters of a field; what is longer is cut, and stays whole in the original data."""

OTHER_PRICES = ("wholesale", "wholesale price", "dealer price", "net price", "cost", "cost price", "rrp", "srp",
                "msrp", "list price", "retail price", "recommended retail price", "uvp", "ek", "vk", "pvp", "ppc")
"""Headers that are a price where a row has no better one, best first; beside an offer price they are other prices."""

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "name": (
        "product name", "item name", "style name", "article name", "product title", "item title", "title", "product",
        "style", "model name", "name of product", "item", "produktname", "produktbezeichnung", "artikelname",
        "artikelbezeichnung", "bezeichnung", "artikel", "produkt", "nom du produit", "nom produit", "nom", "produit",
        "désignation", "libellé", "libellé produit", "intitulé", "nombre", "nombre del producto", "nombre producto",
        "producto", "artículo", "denominación", "nome prodotto", "nome", "prodotto", "articolo", "denominazione",
        "productnaam", "artikelnaam", "naam", "omschrijving artikel", "nome do produto", "produto", "artigo",
        "nazwa", "nazwa produktu", "nazwa towaru", "towar", "produktnamn", "artikelnamn", "benämning", "varenavn",
        "produktnavn", "tuotenimi", "tuote", "název", "název produktu", "název zboží", "termék", "terméknév",
        "denumire", "denumire produs", "produs", "ürün adı", "наименование", "название", "товар"),
    "description": (
        "product description", "item description", "long description", "short description", "desc", "details",
        "product details", "features", "beschreibung", "produktbeschreibung", "artikelbeschreibung", "langtext",
        "description du produit", "description produit", "descriptif", "descripción", "descripción del producto",
        "descrizione", "descrizione prodotto", "descrizione articolo", "omschrijving", "beschrijving",
        "productomschrijving", "descrição", "descrição do produto", "opis", "opis produktu", "beskrivning",
        "produktbeskrivning", "beskrivelse", "varebeskrivelse", "kuvaus", "popis", "leírás", "descriere", "açıklama",
        "описание"),
    "category": (
        "product category", "item category", "department", "product type", "product group", "class", "type",
        "collection", "division", "kategorie", "warengruppe", "produktgruppe", "artikelgruppe", "produkttyp",
        "catégorie", "famille", "rayon", "categoría", "familia", "categoria", "famiglia", "reparto",
        "categorie", "productgroep", "kategoria", "grupa", "grupa towarowa", "kategori", "varugrupp", "varegruppe",
        "tuoteryhmä", "termékcsoport", "kategória", "категория"),
    "brand": (
        "brand name", "manufacturer", "maker", "label", "vendor", "marke", "hersteller", "markenname", "marque",
        "fabricant", "marca", "fabricante", "produttore", "merk", "fabrikant", "marka", "producent", "varumärke",
        "tillverkare", "mærke", "merke", "produsent", "merkki", "valmistaja", "značka", "výrobce", "márka", "gyártó",
        "producător", "бренд", "производитель"),
    "sku": (
        "sku code", "sku number", "item number", "item no", "item code", "item id", "product code", "product number",
        "product no", "product id", "article number", "article no", "article code", "style number", "style no",
        "style code", "model", "model number", "part number", "mpn", "reference", "ref", "stock code", "vendor sku",
        "seller sku", "artikelnummer", "artikelnr", "art nr", "artikel nr", "bestellnummer", "produktnummer",
        "référence", "réf", "référence produit", "code article", "code produit", "referencia", "código",
        "código de producto", "código artículo", "codice", "codice articolo", "codice prodotto", "riferimento",
        "artikelcode", "productcode", "referência", "código do produto", "kod produktu", "indeks", "symbol",
        "artikelnummer", "varenummer", "varenr", "tuotekoodi", "kód", "kód produktu", "objednací číslo", "cikkszám",
        "cod produs", "артикул"),
    "upc": (
        "upc code", "upc number", "upc a", "upc ean", "ean upc", "upc/ean", "ean", "ean code", "ean number", "ean13",
        "ean 13", "ean8", "gtin", "gtin12", "gtin13", "gtin14", "isbn", "isbn13", "isbn10", "jan", "barcode",
        "bar code", "barcode number", "ean nummer", "gtin nummer", "strichcode", "strichcodenummer", "code barre",
        "code barres", "code à barres", "code ean", "gencod", "gencode", "código de barras", "código ean",
        "codice a barre", "codice ean", "barcodenummer", "streepjescode", "kod kreskowy", "kod ean", "streckkod",
        "stregkode", "strekkode", "viivakoodi", "čárový kód", "vonalkód", "cod de bare", "barkod", "штрихкод",
        "штрих код"),
    "asin": ("amazon asin", "asin code", "amazon id", "parent asin", "child asin"),
    "price": (
        "offer price", "sale price", "selling price", "sales price", "unit price", "price per unit", "price each",
        "our price", "special price", "current price", "preis", "verkaufspreis", "angebotspreis", "einzelpreis",
        "stückpreis", "prix", "prix unitaire", "prix de vente", "pu", "tarif", "precio", "precio unitario",
        "precio de venta", "precio oferta", "prezzo", "prezzo unitario", "prezzo di vendita", "prijs",
        "verkoopprijs", "stuksprijs", "preço", "preço unitário", "preço de venda", "cena", "cena jednostkowa",
        "cena sprzedaży", "pris", "försäljningspris", "salgspris", "hinta", "ár", "egységár", "preț", "fiyat",
        "цена"),
    "currency": ("currency code", "curr", "ccy", "währung", "devise", "monnaie", "moneda", "divisa", "valuta", "moeda",
                 "waluta", "valuutta", "měna", "pénznem", "monedă", "para birimi", "валюта"),
    "quantity": (
        "qty", "quantity available", "available quantity", "available", "qty available", "stock", "in stock",
        "stock quantity", "on hand", "qty on hand", "inventory", "units available", "pieces", "ats", "menge",
        "anzahl", "bestand", "lagerbestand", "stückzahl", "verfügbar", "quantité", "qté", "quantité disponible",
        "cantidad", "existencias", "cantidad disponible", "quantità", "giacenza", "disponibilità",
        "aantal", "voorraad", "hoeveelheid", "quantidade", "estoque", "ilość", "stan", "stan magazynowy", "antal",
        "lager", "lagersaldo", "antall", "beholdning", "määrä", "varasto", "množství", "sklad", "mennyiség",
        "készlet", "cantitate", "stoc", "miktar", "stok", "количество", "остаток"),
    "unit": ("uom", "unit of measure", "units", "measure", "einheit", "mengeneinheit", "me", "unité", "unidad", "unità",
             "unità di misura", "um", "eenheid", "unidade", "jednostka", "jm", "enhet", "enhed", "yksikkö",
             "jednotka", "mértékegység", "egység", "unitate", "birim", "единица", "ед изм"),
    "image": ("image url", "image link", "image", "images", "main image", "photo", "photo url", "picture",
              "picture url", "img", "bild", "bild url", "bildlink", "foto", "photo produit", "lien image", "imagen",
              "url imagen", "immagine", "url immagine", "afbeelding", "imagem", "zdjęcie", "obraz", "bilde", "billede",
              "kuva", "obrázek", "kép", "imagine", "resim", "изображение", "фото"),
})
"""Headers by field; the field's own name is one too."""

_FILLER = frozenset({
    "the", "of", "de", "des", "du", "del", "della", "di", "do", "da", "la", "le", "a", "per", "in", "optional",
    "required", "mandatory", "field", "value", "text", "full", "product", "item", "article", "artikel", "produkt",
    "produit", "producto", "prodotto", "total", "usd", "eur", "gbp", "net", "netto", "excl", "incl", "vat", "main",
})
_TURNS = frozenset({
    "color", "colour", "farbe", "couleur", "kleur", "colore", "size", "grösse", "taille", "talla", "taglia", "maat",
    "supplier", "customer", "kunde", "contact", "company", "first", "last", "user", "file", "sheet", "season", "date",
    "weight", "gewicht", "poids", "peso", "width", "height", "length", "depth", "gender", "country", "material",
    "fabric", "care", "warehouse", "store", "minimum", "min", "max", "ordered", "reserved", "sold", "tax", "status",
    "rank", "rating", "count", "discount", "shipping", "margin", "was", "old",
})
_GENERIC = frozenset({"name", "title", "item", "product", "style", "model", "type", "class", "label", "code", "ref",
                      "reference", "symbol", "units", "measure", "available", "artikel", "produkt", "number", "stock",
                      "details", "nom", "nome", "nombre", "naam", "stan", "collection", "division", "me", "um", "pu",
                      "ár", "jan", "vendor"})
"""Words that name a field only by themselves."""
_FEW = 3
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_AMOUNT = re.compile(r"[^\d\s]{0,4}\s?\d[\d.,'\s]*\s?[^\d\s]{0,4}")
_COUNT = re.compile(r"[<>]?\s?\d{1,9}(?:[.,]\d{1,3})?\+?")


def looks_like_code(text: str) -> bool:
    """True for a barcode number that its check digit proves."""
    code = repaired(text)
    return code is not None and not code.computed and code.kind not in (CodeKind.ASIN, CodeKind.ISBN10)


def looks_like_asin(text: str) -> bool:
    code = repaired(text)
    return code is not None and code.kind is CodeKind.ASIN


def _stands_for_nothing(_text: str) -> bool:
    """A lone name, set apart by a blank row, is a heading; a product says more of itself."""
    return False


def _by(looks_like: Callable[[str], bool], *, alone: float) -> Callable[[Sequence[str]], Evidence]:
    """A judge by the share of cells that look like the field; `alone` is how far they are believed without a header."""
    def judge(values: Sequence[str]) -> Evidence:
        share = sum(1 for value in values if looks_like(value.strip())) / max(1, len(values))
        sure = share >= 0.8 and len(values) >= _FEW
        return Evidence(share, alone=alone * share if sure else 0.0, stubborn=sure and alone > 0)
    return judge


def _words_and_no_numbers(values: Sequence[str]) -> Evidence:
    numbers = sum(1 for value in values if _AMOUNT.fullmatch(value.strip())) / max(1, len(values))
    return Evidence(1 - numbers, numbers, "numbers")


def _numbers_and_no_words(pattern: re.Pattern[str]) -> Callable[[Sequence[str]], Evidence]:
    def judge(values: Sequence[str]) -> Evidence:
        share = sum(1 for value in values if pattern.fullmatch(value.strip())) / max(1, len(values))
        return Evidence(share, 1 - share, "no numbers")
    return judge


_JUDGES: Mapping[str, Callable[[Sequence[str]], Evidence]] = {
    "name": _words_and_no_numbers, "upc": _by(looks_like_code, alone=0.8), "asin": _by(looks_like_asin, alone=0.9),
    "price": _numbers_and_no_words(_AMOUNT), "quantity": _numbers_and_no_words(_COUNT),
    "image": _by(lambda text: _ADDRESS.fullmatch(text) is not None, alone=0.0)}
_LOOKS: Mapping[str, Callable[[str], bool]] = {
    "name": _stands_for_nothing, "description": _stands_for_nothing, "upc": looks_like_code, "asin": looks_like_asin}


def _spec(name: str) -> FieldSpec:
    return FieldSpec(name, SYNONYMS[name], _LOOKS.get(name), _JUDGES.get(name), generic=_GENERIC, beside=_FILLER,
                     turns=_TURNS)


FIELDS: tuple[FieldSpec, ...] = tuple(map(_spec, NAMES))
"""The products pipeline's fields for the column mapper."""
