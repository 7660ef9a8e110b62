"""The columns of bills, enquiries and price lists, and the headers by which people call them.

Two sets: a bill (bill of quantities, enquiry, order) asks for things, a price list offers them. Both know the same
words; what differs is which fields there are, so that a list's `Amount` is its rate and a bill's is its total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from chalicelib.pipelines.prices.numbers import number
from chalicelib.tables.columns import Evidence, FieldSpec
from chalicelib.tables.wording import is_nameless, squeezed, words

_SYNONYMS: Mapping[str, str] = {
    "description": """
        description; descriptions; desc; item description; description of item; description of work; description of
        works; work description; product description; material description; goods description; details; particulars;
        item name; product name; name; product; article; material; materials; item; items; scope; work; works; text;
        short text; long text; designation; title; specification; bill description; boq description; bezeichnung;
        beschreibung; artikelbezeichnung; artikel; leistung; leistungsbeschreibung; leistungstext; kurztext; langtext;
        positionstext; benennung; produktbezeichnung; produkt; libellé; désignation; désignation des ouvrages;
        désignation des travaux; intitulé; descriptif; article désignation; produit; descripción; descripcion;
        concepto; partida; denominación; producto; artículo; descrição; designação; produto; artigo; descrizione;
        voce; articolo; prodotto; omschrijving; beschrijving; artikelomschrijving; opis; nazwa; nazwa towaru; popis;
        název; megnevezés; leírás; beskrivelse; beskrivning; benämning; kuvaus; nimike; tanım; açıklama; наименование;
        описание; 品名; 名称; 描述; 품명; الوصف; البيان
    """,
    "code": """
        item; items; article; articles; artikel; artículo; artigo; articolo; code; item code; product code; article
        code; material code; article number; article no; item no; item number; item nr; item ref; ref; reference; ref
        no; part no; part number; sku; catalogue no; catalog number; catalogue number; model; model no; model number;
        bill ref; no; nr; s no; sl no; sr no; serial; position; pos; pos no; line; line no; oz; ordnungszahl;
        artikelnummer; artikel nr; art nr; bestellnummer; materialnummer; positionsnummer; positions nr; lfd nr;
        référence; réf; code article; numéro; n°; num; código; codigo; referencia; nº; código artículo; codice; codice
        articolo; riferimento; artikelcode; bestelnummer; kod; indeks; kód; cikkszám; varenummer; artikelnummer;
        tuotenumero; koodi; kodu; ürün kodu; код; артикул; 编号; 料号; 型号; 品番; 품번; رقم البند
    """,
    "unit": """
        unit; units; uom; unit of measure; unit of measurement; measure; u m; um; unt; meas; einheit; mengeneinheit;
        me; eh; maßeinheit; ve; unité; unités; unité de mesure; u; unidad; unidades; unidad de medida; ud; uds; und;
        unidade; unità; unità di misura; u m; eenheid; jednostka; jm; j m; jednotka; mj; egység; me egység; enhet;
        enhed; yksikkö; birim; ед изм; единица; единица измерения; 单位; 單位; 単位; 단위; الوحدة
    """,
    "quantity": """
        quantity; quantities; units; qty; qnty; quant; qtty; quantity required; qty required; required quantity; order
        quantity; ordered quantity; bill quantity; boq quantity; boq qty; estimated quantity; no of units; count;
        volume; menge; mengen; anzahl; stückzahl; bestellmenge; lv menge; quantité; quantités; qté; qte; nombre;
        cantidad; cantidades; cant; medición; quantidade; qtd; quantità; qta; q tà; hoeveelheid; aantal; ilość; ilosc;
        množství; mennyiség; antal; mängd; mengde; määrä; miktar; кол во; количество; 数量; 數量; 수량; الكمية
    """,
    "rate": """
        rate; unit rate; unit price; price; price per unit; price each; each; unit cost; cost per unit; cost; list
        price; net price; sell price; selling price; sale price; retail price; trade price; basic rate; all in rate;
        rate per unit; rrp; msrp; einheitspreis; e preis; ep; stückpreis; listenpreis; nettopreis; preis; preis pro
        einheit; verkaufspreis; vk; prix; prix unitaire; pu; p u; prix unitaire ht; pu ht; prix ht; tarif; precio;
        precio unitario; p unitario; precio unidad; precio ud; tarifa; preço; preço unitário; valor unitário; prezzo;
        prezzo unitario; prezzo di listino; prijs; eenheidsprijs; stukprijs; cena; cena jednostkowa; jednotková cena;
        cena za jednotku; egységár; ár; enhetspris; enhedspris; pris; á pris; hinta; yksikköhinta; birim fiyat; fiyat;
        цена; цена за единицу; расценка; 单价; 單價; 単価; 价格; 단가; السعر; سعر الوحدة
    """,
    "total": """
        total; amount; total amount; total price; total cost; line total; line amount; extended price; extension;
        value; total value; sum; net amount; gesamt; gesamtpreis; gp; gesamtbetrag; betrag; positionspreis; summe; g
        preis; total ht; montant; montant ht; montant total; prix total; pt; p t; importe; importe total; precio
        total; valor total; montante; totale; importo; prezzo totale; totaal; totaalprijs; bedrag; wartość; kwota;
        celkem; cena celkem; összesen; érték; sum total; belopp; beløb; summa; yhteensä; tutar; toplam; сумма;
        стоимость; итого; 金额; 合价; 合計; 金額; 금액; المبلغ; الاجمالي
    """,
    "supplier": """
        supplier; suppliers; supplier name; vendor; vendor name; manufacturer; maker; make; brand; mfr; mfg; producer;
        lieferant; hersteller; marke; fabrikat; fournisseur; fabricant; marque; proveedor; fabricante; marca;
        fornecedor; fornitore; produttore; leverancier; fabrikant; merk; dostawca; producent; dodavatel; výrobce;
        leverandør; leverantör; toimittaja; tedarikçi; marka; поставщик; производитель; 供应商; 品牌; メーカー; المورد
    """,
    "keywords": """
        description; details; specification; specifications; long text; langtext; descripción; beschreibung;
        descriptif; keywords; keyword; tags; search terms; remark; remarks; note; notes; comment; comments; additional
        information; further information; long description; extended description; technical description; features;
        bemerkung; bemerkungen; anmerkung; stichworte; schlagworte; zusatztext; hinweis; remarques; remarque; mots
        clés; observations; observaciones; notas; palabras clave; observações; osservazioni; opmerkingen; uwagi;
        poznámka; megjegyzés; anmärkning; bemærkning; huomautus; açıklamalar; примечание; 备注; 備考; 비고; ملاحظات
    """,
    "category": """
        category; main category; product category; product group; group; trade; division; section; chapter; class;
        family; material type; warengruppe; hauptgruppe; kategorie; gewerk; produktgruppe; gruppe; catégorie; famille;
        lot; chapitre; categoría; capítulo; familia; categoria; gruppo; famiglia; categorie; kategoria; grupa;
        kategorie; skupina; kategória; kategori; varegruppe; tuoteryhmä; категория; группа; 类别; 分类; カテゴリ; الفئة
    """,
    "subcategory": """
        subcategory; sub category; sub group; subgroup; sub section; subsection; sub trade; type; untergruppe;
        unterkategorie; untergewerk; sous catégorie; sous famille; sous chapitre; subcategoría; subcapítulo;
        subfamilia; subcategoria; sottocategoria; subcategorie; podkategoria; podkategorie; alkategória;
        underkategori; alaryhmä; alt kategori; подкатегория; 子类别; 小分类
    """,
}
_FILLER = frozenset(words("""
    of the a per in no ht excl incl ex vat tax net mwst ttc hors taxe usd eur gbp chf aed sar qar omr kwd egp inr rs aud
    cad sgd zar try pln czk huf sek nok dkk brl mxn jpy cny euro euros dollars der des de la le du pro je en
"""))
_GENERIC = frozenset(map(squeezed, (
    "name", "item", "items", "product", "article", "material", "materials", "work", "works", "text", "title", "scope",
    "details", "no", "nr", "ref", "reference", "position", "pos", "line", "serial", "model", "u", "um", "me", "measure",
    "count", "volume", "each", "cost", "value", "sum", "total", "note", "notes", "type", "group", "class", "section",
    "lot", "make", "number", "num", "code", "price", "preis", "prix", "precio", "amount", "unit", "units")))
_OTHERS = frozenset(words("""
    date datum fecha valid currency währung waehrung devise moneda weight gewicht poids peso image photo picture link
    url stock available availability lead delivery minimum min max discount rabatt remise margin markup vat status id
    labour labor
"""))
BILL = ("description", "code", "unit", "quantity", "rate", "total", "supplier", "keywords")
PRICE_LIST = ("description", "code", "unit", "rate", "category", "subcategory", "supplier", "keywords")
_AMOUNTS = ("amount", "value", "betrag", "montant", "importe", "importo", "valor")
_NUMBERS = ("quantity", "rate", "total")


def _is_number(text: str) -> bool:
    return number(text) is not None


def _judge_number(values: Sequence[str]) -> Evidence:
    """Words below a header of numbers speak against it; but a price column may say "on request" here and there."""
    share = sum(1 for value in values if _is_number(value)) / len(values)
    return Evidence(support=share, against=1 - share if share < 0.2 else 0.0, what="words")


def _judge_words(values: Sequence[str]) -> Evidence:
    """A description is no column of numbers."""
    numbers = sum(1 for value in values if _is_number(value) and not any(each.isalpha() for each in value))
    return Evidence(support=1 - numbers / len(values), against=numbers / len(values), what="numbers")


def _judge_unit(values: Sequence[str]) -> Evidence:
    """Units are short and few; a column of numbers under `Units` is a quantity."""
    bare = sum(1 for value in values if _is_number(value) and value.strip()[:1].isdigit()) / len(values)
    return Evidence(support=1 - bare, against=bare, what="numbers")


def _judge_code(values: Sequence[str]) -> Evidence:
    """`Item` may head codes or descriptions; a code is one word or two."""
    wordy = sum(1 for value in values if len(value.split()) > 2) / len(values)
    return Evidence(support=1 - wordy, against=wordy, what="texts")


_JUDGES = {"description": _judge_words, "unit": _judge_unit, "code": _judge_code}


def _spec(name: str, more: tuple[str, ...] = ()) -> FieldSpec:
    judge = _judge_number if name in _NUMBERS else _JUDGES.get(name)
    return FieldSpec(name, _synonyms(name) + more, None, judge, generic=_GENERIC, beside=_FILLER, turns=_OTHERS)


def _synonyms(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(text.split()) for text in _SYNONYMS[name].split(";") if text.strip()))


BILL_FIELDS: tuple[FieldSpec, ...] = tuple(map(_spec, BILL))
"""For the column mapper: the rows of a bill or an enquiry."""
LIST_FIELDS: tuple[FieldSpec, ...] = tuple(_spec(name, _AMOUNTS if name == "rate" else ()) for name in PRICE_LIST)
"""For the column mapper: the rows of a price list."""


@lru_cache(maxsize=4096)
def field_of(header: str) -> str | None:
    """The field of a bill that a header names outright, for rows whose sender sent no mapping."""
    return _by_header().get(squeezed(header))


def is_label(field: str, text: str) -> bool:
    """Whether a cell below a column holds a label of that column: a header that was repeated in other words."""
    return squeezed(text[:80]) in _labels(field)


def short_names(
    headers: Sequence[str], fields: Sequence[FieldSpec], settled: Mapping[str, str]
) -> dict[str, str]:
    """Squeezed header -> field for headers of one or two letters that name a field of these outright.

    The mapper takes such headers for names of columns (`EP` stands between `EO` and `EQ`). Here they count where the
    sheet also has a longer header that we know, and none that names the same field; `settled` fields are left alone.
    """
    longer = {name for header in headers if not is_nameless(header) for name in _named(header, fields)}
    free = [spec.name for spec in fields if spec.name not in longer and spec.name not in settled.values()]
    found: dict[str, str] = {}
    for header in headers if longer else ():
        if is_nameless(header) and squeezed(header) not in settled:
            name = next((name for name in free if name in _named(header, fields)), "")
            if name:
                free.remove(name)
                found[squeezed(header)] = name
    return found


def _named(header: str, fields: Sequence[FieldSpec]) -> list[str]:
    said = squeezed(header)
    return [spec.name for spec in fields if said and said in _labels(spec.name)]


@lru_cache(maxsize=16)
def _labels(field: str) -> frozenset[str]:
    return frozenset(squeezed(header) for header in (field, *_synonyms(field)))


@lru_cache(maxsize=1)
def _by_header() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name in dict.fromkeys((*BILL, *PRICE_LIST)):
        for header in _labels(name):
            known.setdefault(header, name)
    return known
