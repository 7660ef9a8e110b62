"""Words around a header: which add nothing, which make it mean something else, which say too little alone.

`Work e-mail (required)` is an e-mail, `E-mail opt-in` is none, and `Name` is a person's name only by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

FILLER = frozenset({
    "attendee", "client", "complete", "crm", "current", "customer", "da", "de", "del", "delegate", "della", "der",
    "des", "di", "do", "du", "field", "full", "guest", "hs", "if", "known", "kunde", "kunden", "la", "le", "lead",
    "leads", "mandatory", "member", "obligatoire", "obligatorio", "of", "optional", "participant", "pflicht",
    "pflichtfeld", "properties", "prospect", "raw", "required", "subscriber", "text", "the", "user", "value", "van",
    "your",
})
"""Words beside a header that add nothing."""

KIND = frozenset({
    "account", "ansprechpartner", "arbeid", "arbejde", "arbete", "azienda", "aziendale", "bedrijf", "beruflich",
    "billing", "bureau", "business", "ceges", "comercial", "company", "contact", "contacto", "contacts", "contato",
    "corporate", "decision", "default", "dienstlich", "direct", "empresa", "entreprise", "firm", "firma", "firmen",
    "firmowy", "foretag", "geschaeftlich", "geschaftlich", "haupt", "home", "interlocuteur", "jobb", "kontakt",
    "lavoro", "main", "maker", "munkahelyi", "office", "oficina", "org", "organisation", "organization", "people",
    "perso", "person", "personal", "personale", "personnel", "pracovni", "primary", "privat", "private", "prive",
    "pro", "professional", "professionnel", "professionnelle", "prywatny", "referente", "sluzbowy", "societe",
    "soukromy", "trabajo", "trabalho", "travail", "tyo", "ufficio", "werk", "work", "yritys", "zakelijk", "zakelijke",
    "zentrale",
})
"""Words that say whose e-mail or phone it is: the person's either way."""

TURNS = frozenset({
    "activity", "added", "address", "adres", "adress", "adresse", "age", "agent", "alias", "alt", "alter", "am",
    "amount", "anrede", "anzahl", "article", "artikel", "assistant", "assistants", "assistent", "assistentin", "at",
    "author", "bank", "best", "betreuer", "birth", "birthday", "book", "boss", "bounce", "bounced", "branch", "brand",
    "budget", "by", "called", "case", "cat", "category", "changed", "child", "children", "childs", "cim", "city",
    "clicked", "clicks", "code", "confirmed", "consent", "consentement", "contacted", "contract", "contracts", "cost",
    "count", "country", "course", "created", "data", "date", "dato", "datum", "deal", "direccion", "do", "dog",
    "domain", "domaine", "dont", "einwilligung", "emergency", "employee", "employees", "erstellt", "event", "ex",
    "ext", "extension", "facebook", "father", "fathers", "favorite", "favourite", "fax", "fecha", "file", "format",
    "former", "furigana", "gdpr", "geandert", "geburtsdatum", "geburtsname", "geburtstag", "gender", "geschlecht",
    "group", "guardian", "guid", "hash", "headcount", "heure", "homepage", "hotel", "husband", "iban", "id", "ids",
    "image", "in", "index", "indirizzo", "initial", "initials", "instagram", "interest", "invalid", "invoice", "item",
    "key", "kid", "kind", "land", "language", "le", "lifecycle", "link", "linkedin", "list", "login", "logo",
    "maiden", "manager", "managers", "middle", "mitarbeiter", "mitarbeiterzahl", "model", "modified", "mother",
    "mothers", "movie", "newsletter", "nickname", "no", "nombre", "not", "nr", "num", "number", "numero", "nummer",
    "old", "on", "open", "opened", "opens", "opportunity", "opt", "optin", "optout", "order", "ort", "out", "owner",
    "page", "parent", "partner", "partners", "password", "passwort", "past", "permission", "pet", "phonetic", "photo",
    "picture", "plz", "post", "postcode", "posted", "preference", "preferences", "preferred", "prefix", "preis",
    "prev", "previous", "price", "priority", "prix", "product", "producto", "produit", "produkt", "project",
    "pronunciation", "quantity", "rank", "rating", "reason", "recipient", "referee", "referral", "referred",
    "referrer", "region", "rep", "representative", "revenue", "room", "salary", "salesperson", "salutation", "school",
    "score", "scoring", "secretary", "seen", "segment", "seller", "sender", "sent", "sheet", "since", "site", "size",
    "sku", "skype", "slack", "song", "sponsor", "spouse", "spouses", "sprache", "stadt", "stage", "state", "status",
    "strasse", "street", "subscribed", "suffix", "supervisor", "sync", "synced", "tag", "tags", "task", "tax",
    "telefax", "test", "ticket", "tier", "time", "timestamp", "touch", "touched", "town", "twitter", "typ", "type",
    "uid", "umsatz", "unsubscribed", "until", "updated", "url", "user", "username", "uuid", "valid", "validation",
    "vat", "verification", "verified", "verify", "vertriebsmitarbeiter", "visit", "visited", "votes", "web",
    "webseite", "website", "wife", "www", "xing", "yomi", "zeit", "zip",
})
"""Words that make a header be about something else."""

BESIDE: Mapping[str, frozenset[str]] = {
    "email": KIND | {"address", "adresse", "addr", "id", "adres", "adress", "direccion", "indirizzo", "e", "mail"},
    "phone": KIND | {"number", "no", "num", "nr", "numero", "nummer", "n", "line", "o", "mobile", "cell", "mobil",
                      "numer", "mobiel", "movil", "portable", "cellulare", "landline", "fixe", "daytime", "cislo",
                      "broj"},
    "company": frozenset({"name", "names", "account", "firma", "company", "contact", "kontakt", "legal", "registered"}),
    "name": frozenset({"contact", "contacts", "person", "kontakt", "first", "last", "and", "und", "et"}),
    "firstName": frozenset({"contact", "person", "kontakt", "kontaktperson", "ansprechpartner", "legal", "own"}),
    "lastName": frozenset({"contact", "person", "kontakt", "kontaktperson", "ansprechpartner", "legal"}),
    "title": frozenset({"contact", "person", "job", "current", "professional", "company", "firma"}),
    "industry": frozenset({"company", "account", "primary", "main", "firma", "organization", "business"}),
    "source": frozenset({"original", "latest", "first", "primary", "contact", "marketing", "main"}),
    "remarks": frozenset({"sales", "internal", "interne", "general", "other", "additional", "my", "our", "customer",
                          "call", "meeting", "extra", "further", "special", "contact", "company", "account", "any",
                          "field", "event"}),
}
"""Words beside a header that leave it meaning its field, as all of `FILLER` do."""

GENERIC = frozenset({
    "account", "activite", "ad", "ala", "asema", "besked", "bron", "business", "campaign", "canal", "canale", "cargo",
    "cell", "cep", "channel", "comment", "company", "contact", "contacto", "contato", "contatto", "description",
    "domeniu", "emploi", "ente", "entidad", "firma", "first", "fon", "fonction", "fonte", "fuente", "function",
    "funktion", "giro", "gsm", "herkunft", "ime", "isim", "job", "kalla", "kanal", "kilde", "kontakt", "last", "lead",
    "mail", "melding", "memo", "message", "mob", "naam", "name", "names", "namn", "navn", "nev", "nimi", "nom",
    "nombre", "nome", "nota", "notas", "notat", "note", "notes", "number", "nume", "obor", "opis", "org", "organisme",
    "origem", "origen", "origin", "origine", "person", "position", "post", "poste", "puesto", "puh", "quelle", "ramo",
    "rol", "role", "roll", "rolle", "sector", "segmento", "sektor", "source", "stelle", "stellung", "structure",
    "teilnehmer", "tel", "titel", "title", "titre", "titulo", "vertical", "zdroj",
})
"""Words that mean a field alone, and too little among others: `product name` is no person's name."""

REMARKS_TURNS = frozenset({"id", "date", "datum", "count", "number", "url", "by", "author", "created", "updated", "at",
                            "type", "status", "owner", "time"})
"""Remarks may be about anything, but a remark's date is no remark."""
