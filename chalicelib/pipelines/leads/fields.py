"""The words of a lead: its content fields, their limits, and the headers by which people call them.

Fields and limits are those of the systems behind the seeds (100/100/150/200/255/50/1000 characters); `name`, `industry`
and `source` are ours. Synonyms are written as a person writes a header; matching ignores case, accents and punctuation.
Light on purpose: the HTTP edge reads limits here without loading a phone or name library.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from chalicelib.tables.columns import FieldSpec

CONTENT = ("firstName", "lastName", "name", "email", "phone", "company", "title", "industry", "source", "remarks")
"""Content fields, in the order in which exports show them. What is missing is absent, never None and never "N/A"."""

EVIDENCE = ("firstName", "lastName", "email", "phone", "company")
"""A lead needs two of these."""

LIMITS: Mapping[str, int] = MappingProxyType({
    "firstName": 100, "lastName": 100, "name": 200, "email": 255, "phone": 50,
    "company": 200, "title": 150, "industry": 100, "source": 100, "remarks": 1000,
})
"""Most characters of a field."""

PLACEHOLDERS = frozenset({
    "", "n/a", "n.a.", "#n/a", "n / a", "-", "--", "---", "–", "—", ".", "?", "not available", "not provided",
})
"""What nobody is called: stands for "nothing" in every column."""

MISSING = PLACEHOLDERS | {"na", "null", "none", "nil", "nan", "unknown"}
"""Also "nothing" in a column of e-mails, phones or companies; yet people are called Na, Null and None."""

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "firstName": (
        "first name", "firstname", "first", "fname", "f name", "given name", "given names", "givenname", "forename",
        "christian name", "contact first name", "lead first name", "customer first name",
        "Vorname", "Vornamen", "Rufname", "prénom", "prénoms", "primer nombre", "nombre", "nombres", "nombre de pila",
        "nome", "primo nome", "nome proprio", "primeiro nome", "nome próprio", "voornaam", "roepnaam", "imię", "imiona",
        "förnamn", "tilltalsnamn",
    ),
    "lastName": (
        "last name", "lastname", "last", "lname", "l name", "surname", "family name", "familyname", "second name",
        "contact last name", "lead last name", "customer last name",
        "Nachname", "Nachnamen", "Familienname", "Zuname", "nom", "nom de famille", "patronyme", "apellido",
        "apellidos", "primer apellido", "cognome", "cognomi", "sobrenome", "apelido", "apelidos", "último nome",
        "achternaam", "familienaam", "nazwisko", "efternamn", "släktnamn",
    ),
    "name": (
        "name", "full name", "fullname", "contact", "contact name", "contact person", "person", "person name",
        "lead name", "lead", "customer name", "client name", "display name", "attendee", "attendee name",
        "Ansprechpartner", "Ansprechpartnerin", "Kontakt", "Kontaktperson", "vollständiger Name", "Kundenname",
        "Vor- und Nachname", "nom complet", "nom et prénom", "nom prénom", "prénom et nom", "interlocuteur",
        "nombre completo", "nombre y apellidos", "nombre y apellido", "contacto", "persona de contacto",
        "nome completo", "nome e cognome", "cognome e nome", "nominativo", "referente", "contatto", "contato",
        "pessoa de contato", "pessoa de contacto", "nome e sobrenome", "naam", "volledige naam", "contactpersoon",
        "imię i nazwisko", "nazwisko i imię", "osoba kontaktowa", "namn", "fullständigt namn", "kontaktperson",
    ),
    "email": (
        "email", "e-mail", "mail", "email address", "e-mail address", "emailaddress", "mail address", "email id",
        "work email", "business email", "personal email", "primary email", "contact email", "company email", "email 1",
        "E-Mail-Adresse", "Mailadresse", "Emailadresse", "E-Mail geschäftlich", "courriel", "adresse e-mail",
        "adresse email", "adresse mail", "adresse électronique", "mél", "correo", "correo electrónico", "correo-e",
        "dirección de correo", "dirección de correo electrónico", "posta elettronica", "indirizzo e-mail",
        "indirizzo email", "correio eletrônico", "correio eletrónico", "endereço de e-mail", "e-mailadres",
        "mailadres", "adres e-mail", "adres email", "poczta elektroniczna", "e-post", "epost", "e-postadress",
        "mejl", "mejladress",
    ),
    "phone": (
        "phone", "phone number", "phonenumber", "phone no", "phone #", "telephone", "telephone number", "tel", "tel no",
        "tel number", "mobile", "mobile phone", "mobile number", "mobile no", "cell", "cell phone", "cellphone",
        "cell number", "work phone", "business phone", "office phone", "direct phone", "direct dial", "home phone",
        "contact number", "contact no", "contact phone", "primary phone", "company phone", "main phone", "phone 1",
        "whatsapp", "Telefon", "Telefonnummer", "Telefonnr", "Tel.-Nr.", "Rufnummer", "Handy", "Handynummer", "Mobil",
        "Mobilnummer", "Mobiltelefon", "Festnetz", "téléphone", "numéro de téléphone", "n° de téléphone", "portable",
        "tél portable", "tél", "teléfono", "número de teléfono", "móvil", "celular", "teléfono móvil", "telefono",
        "numero di telefono", "cellulare", "telefono cellulare", "recapito telefonico", "telefone",
        "número de telefone", "telemóvel", "telefoon", "telefoonnummer", "mobiel", "mobiel nummer", "gsm",
        "numer telefonu", "nr telefonu", "komórka", "telefon komórkowy", "telefonnummer", "mobiltelefon",
        "mobilnummer",
    ),
    "company": (
        "company", "company name", "companyname", "organization", "organisation", "organization name", "org",
        "organisation name", "business", "business name", "firm", "firm name", "employer", "account", "account name",
        "corporation", "institution", "company / account",
        "Firma", "Firmenname", "Unternehmen", "Unternehmensname", "Betrieb", "Gesellschaft", "Arbeitgeber", "société",
        "entreprise", "nom de la société", "nom de l'entreprise", "raison sociale", "organisme", "employeur",
        "empresa", "nombre de la empresa", "compañía", "razón social", "organización", "azienda", "società",
        "ragione sociale", "nome azienda", "impresa", "nome da empresa", "razão social", "companhia", "organização",
        "bedrijf", "bedrijfsnaam", "organisatie", "onderneming", "werkgever", "nazwa firmy", "przedsiębiorstwo",
        "pracodawca", "företag", "företagsnamn", "bolag", "arbetsgivare",
    ),
    "title": (
        "title", "job title", "jobtitle", "job", "position", "role", "job role", "job position", "designation",
        "occupation", "function", "profession", "contact title",
        "Berufsbezeichnung", "Funktion", "Stelle", "Stellenbezeichnung", "Rolle", "Beruf", "Jobtitel", "Tätigkeit",
        "fonction", "poste", "intitulé du poste", "titre", "titre du poste", "métier", "cargo", "puesto",
        "puesto de trabajo", "título", "ocupación", "posizione", "ruolo", "qualifica", "mansione", "professione",
        "função", "posição", "profissão", "functie", "functietitel", "beroep", "stanowisko", "funkcja", "zawód",
        "titel", "befattning", "yrke", "arbetstitel", "yrkestitel",
    ),
    "industry": (
        "industry", "sector", "industry sector", "vertical", "line of business", "business sector", "industry type",
        "Branche", "Industrie", "Wirtschaftszweig", "Geschäftsfeld", "secteur", "secteur d'activité", "branche",
        "industria", "sector de actividad", "rubro", "settore", "settore di attività", "setor", "ramo",
        "ramo de atividade", "setor de atividade", "bedrijfstak", "sektor", "branża", "bransch", "näringsgren",
    ),
    "source": (
        "source", "lead source", "leadsource", "origin", "lead origin", "channel", "campaign", "referral source",
        "how did you hear about us", "Quelle", "Leadquelle", "Herkunft", "Kanal", "Kampagne", "origine", "provenance",
        "source du lead", "canal", "campagne", "origen", "fuente", "procedencia", "campaña", "fonte", "provenienza",
        "canale", "origem", "campanha", "bron", "herkomst", "kanaal", "źródło", "pochodzenie", "kanał", "källa",
        "ursprung", "kampanj",
    ),
    "remarks": (
        "remarks", "remark", "notes", "note", "comments", "comment", "description", "additional information",
        "additional info", "memo", "message", "Bemerkung", "Bemerkungen", "Notiz", "Notizen", "Kommentar",
        "Anmerkung", "Anmerkungen", "Beschreibung", "Nachricht", "remarque", "remarques", "commentaire",
        "commentaires", "observation", "observations", "observación", "observaciones", "nota", "notas", "comentario",
        "comentarios", "descripción", "osservazioni", "annotazioni", "commenti", "descrizione", "observação",
        "observações", "comentários", "descrição", "opmerking", "opmerkingen", "notitie", "notities", "toelichting",
        "uwagi", "uwaga", "notatki", "komentarz", "opis", "anmärkning", "anmärkningar", "anteckning", "anteckningar",
        "kommentarer", "beskrivning",
    ),
})
"""Headers that mean a field: English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish."""

_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]{2,}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_DIALLED = re.compile(r"'?\+?[\d\s().\-/]{7,25}(?:\s*(?:x|ext\.?|;ext=)\s*\d{1,6})?", re.IGNORECASE)


def looks_like_email(text: str) -> bool:
    """True for a cell that holds an e-mail address, alone or as `Jane Doe <jane@example.com>`."""
    return "@" in text and _ADDRESS.search(text) is not None


def looks_like_phone(text: str) -> bool:
    """True for a cell that could be dialled: 7 to 15 digits with the usual punctuation, and not a date."""
    text = text.strip()
    if not _DIALLED.fullmatch(text) or _DATE.match(text):
        return False
    return 7 <= sum(map(str.isdigit, text)) <= 20


FIELDS: tuple[FieldSpec, ...] = tuple(
    FieldSpec(name, SYNONYMS[name], {"email": looks_like_email, "phone": looks_like_phone}.get(name))
    for name in CONTENT
)
"""The leads pipeline's fields for the column mapper."""


@lru_cache(maxsize=4096)
def field_of(header: str) -> str | None:
    """The field that a header names outright ("Email 2" too), for rows whose sender sent no mapping."""
    said, known = _plain(header), _field_by_header()
    return known.get(said) or known.get(said.rstrip("0123456789 "))


def is_missing(text: str) -> bool:
    """True where an e-mail, phone, company or job title cell says "nothing"."""
    return text.strip().casefold() in MISSING


def is_placeholder(text: str) -> bool:
    """True where any cell says "nothing", a name included."""
    return text.strip().casefold() in PLACEHOLDERS


@lru_cache(maxsize=1)
def _field_by_header() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name in CONTENT:
        for header in (name, *SYNONYMS[name]):
            known.setdefault(_plain(header), name)
    return known


def _plain(header: str) -> str:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    letters = unicodedata.normalize("NFKD", parted.casefold())
    return " ".join("".join(mark if mark.isalnum() else " " for mark in letters
                            if not unicodedata.combining(mark)).split())
