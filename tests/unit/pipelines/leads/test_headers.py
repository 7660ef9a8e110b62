"""Headers that people really write, and the field that each means; many come from exports of well-known systems."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.leads.fields import FIELDS
from chalicelib.tables.columns import ColumnMap, map_columns

MEANT = {
    "firstName": (
        "First Name*", "FIRST_NAME", "firstname", "fname", "Given Name", "Legal First Name", "hs_firstname",
        "properties.firstname", "Contact: First Name", "Frist Name", "Vorname", "Vorname (Pflichtfeld)", "VORNAME 1",
        "Prénom", "prenom", "Prénom du contact", "Nombres", "Nombre de pila", "Primeiro nome", "Voornaam", "Imię",
        "Imie", "Förnamn", "Fornavn", "Etunimi", "Křestní jméno", "Krstné meno", "Keresztnév", "Prenume", "Όνομα",
        "Adı", "Имя", "Ім'я", "First name (required)", "Lead First Name"),
    "lastName": (
        "Last Name", "lastName", "LNAME", "Surname", "Family name", "Last Nmae", "Nachname", "NACHNAME*",
        "Familienname", "Nom de famille", "Apellidos", "Primer apellido", "Cognome", "Sobrenome", "Achternaam",
        "Nazwisko", "Efternamn", "Efternavn", "Etternavn", "Sukunimi", "Příjmení", "Priezvisko", "Vezetéknév",
        "Επώνυμο", "Soyadı", "Фамилия", "Прізвище", "Prezime", "Contact Last Name"),
    "name": (
        "Name", "Full Name", "Full name (as on passport)", "Contact Person", "Contact name", "Person - Name",
        "Attendee Name", "Your name", "Ansprechpartner", "Vor- und Nachname", "Nom et prénom", "Nombre y apellidos",
        "Nome e cognome", "Nominativo", "Contactpersoon", "Naam", "Imię i nazwisko", "Fullständigt namn", "Navn",
        "Koko nimi", "Jméno a příjmení", "Név", "Nume și prenume", "Ονοματεπώνυμο", "Ad Soyad", "ФИО", "Kontakt osoba"),
    "email": (
        "Email", "E-Mail", "e mail", "EMAIL_ADDRESS", "Email Address*", "E-mail 1 - Value", "E-mail Address",
        "Work Email", "Email (work)", "Business E-mail", "Person - Email - Work", "hs_email", "lead.email",
        "Your e-mail", "Emial", "Emailadress", "Contact Email Address", "Mail", "Mailadresse",
        "E-Mail-Adresse geschäftlich", "Firmenemail", "Kontakt E-Mail", "Kunden-E-Mail", "Courriel", "Adresse mail",
        "Adresse e-mail pro", "Email professionnel", "Correo electrónico", "CORREO ELECTRONICO",
        "Dirección de correo", "Indirizzo email", "Posta elettronica", "Endereço de e-mail", "Correio eletrônico",
        "E-mailadres", "Adres e-mail", "E-postadress", "E-post", "E-mailadresse", "Sähköposti", "Emailová adresa",
        "E-mail cím", "Adresă de email", "Ηλεκτρονική διεύθυνση", "E-posta", "Электронная почта", "Електронна пошта",
        "E-mail adresa"),
    "phone": (
        "Phone", "Phone Number", "phone_no", "Phone #", "Telephone No.", "Tel", "Tel.:", "Mobile", "Mobile Phone",
        "Cell Phone", "Cell #", "Work phone", "Business Phone", "Direct Dial", "Phone 1 - Value",
        "Person - Phone - Work", "Contact number", "Phonenumber (mobile)", "Telphone", "WhatsApp", "Telefon",
        "Telefonnummer", "Tel.-Nr.", "Handynummer", "Mobil", "Telefon geschäftlich", "Firmentelefon",
        "Telefon (privat)", "Rufnummer", "Téléphone", "TELEPHONE PORTABLE", "N° de téléphone", "Tél. pro", "Teléfono",
        "Teléfono móvil", "Celular", "Móvil", "Numero di telefono", "Cellulare", "Telefone", "Telemóvel",
        "Telefoonnummer", "Mobiel nummer", "Numer telefonu", "Telefon komórkowy", "Mobilnummer", "Tlf.nr.",
        "Puhelinnumero", "Telefonní číslo", "Telefonszám", "Număr de telefon", "Τηλέφωνο", "Cep telefonu", "Телефон",
        "Номер телефону", "Broj telefona", "Company phone"),
    "company": (
        "Company", "Company Name", "Organisation", "Organization 1 - Name", "Organization - Name", "Account Name",
        "Employer", "Business name", "Company / Account", "Compnay", "Firma", "Firmenname", "Unternehmen",
        "Name des Unternehmens", "Société", "Raison sociale", "Entreprise", "Nom de l'entreprise", "Empresa",
        "Razón social", "Azienda", "Ragione sociale", "Nome da empresa", "Bedrijf", "Bedrijfsnaam", "Nazwa firmy",
        "Företag", "Virksomhed", "Firmanavn", "Yritys", "Společnost", "Cégnév", "Companie", "Εταιρεία", "Şirket",
        "Компания", "Компанія", "Tvrtka"),
    "title": (
        "Job Title", "jobtitle", "Position", "Role", "Designation", "Organization 1 - Title", "Current Position",
        "Berufsbezeichnung", "Funktion", "Stellenbezeichnung", "Fonction", "Intitulé du poste", "Puesto", "Cargo",
        "Ruolo", "Qualifica", "Função", "Functie", "Stanowisko", "Befattning", "Stilling", "Tehtävänimike",
        "Pracovní pozice", "Beosztás", "Funcție", "Θέση εργασίας", "Görev", "Должность", "Посада"),
    "industry": (
        "Industry", "Company Industry", "Sector", "Branche", "Secteur d'activité", "Settore", "Branża", "Toimiala",
        "Отрасль"),
    "source": (
        "Lead Source", "Source", "Original Source", "utm_source", "Quelle", "Herkunft", "Origen del contacto", "Bron",
        "Źródło", "How did you hear about us?"),
    "remarks": (
        "Notes", "Comments", "Remarks", "Sales notes", "Bemerkungen", "Commentaires", "Observaciones", "Note",
        "Opmerkingen", "Uwagi", "Anteckningar", "Lisätiedot", "Poznámka", "Megjegyzés", "Примечание"),
}
"""Field -> headers that mean it."""

MEANT_OTHERWISE = (
    "Email opt-in", "Email Opt Out", "E-Mail Status", "Email verified", "Email sent at", "Emails opened",
        "Email domain",
    "Email Type", "E-mail 1 - Type", "E-Mail-Einwilligung", "Assistant's Email", "Manager email", "Phone type",
    "Phone country code", "Phone verified", "Do not call", "Fax", "Fax number", "Telefax", "Headcount",
    "Name of pet", "Pet name", "Product name", "File name", "Username", "Middle Name", "Nickname",
        "Mother's maiden name",
    "Spouse name", "Emergency contact name", "Event name", "Campaign ID", "Ad name", "Ad ID", "Last contacted",
    "Last modified", "Last Activity", "Last login", "First seen", "First contact date", "First purchase", "Contact ID",
    "Contact owner", "Lead owner", "Lead Status", "Lead ID", "Lead score", "Account ID", "Account manager",
    "Company size", "Company ID", "Company website", "Company city", "Company address", "Number of employees",
    "Previous company", "Industry code", "Source date", "Created by", "Created at", "Date added", "Connected On",
    "Job number", "Order number", "Product title", "Page title", "Anrede", "Salutation", "Prefix", "Street", "City",
    "Ort", "PLZ", "Zip", "Country", "Land", "Geburtsdatum", "Age", "Gender", "Website", "URL", "LinkedIn profile",
    "Member rating", "Optin time", "Revenue", "Umsatz", "Quantity", "Price", "SKU", "UPC", "Consent", "GDPR consent",
    "Newsletter", "Tags", "Lifecycle stage", "Branch", "Contract", "Votes", "Note date", "Yomi name", "Deal - Title",
)
"""Headers that hold a known word and are about something else, or about nothing that a lead has."""


def mapped(*headers: str, **samples: list[str]) -> ColumnMap:
    return map_columns(headers, samples, FIELDS)


@pytest.mark.parametrize(("header", "field"), [
    (header, field) for field, headers in MEANT.items() for header in headers])
def test_a_header_names_its_field(header: str, field: str) -> None:
    assert mapped(header).fields == {header: field}


@pytest.mark.parametrize("header", MEANT_OTHERWISE)
def test_a_header_about_something_else_is_not_mapped(header: str) -> None:
    assert mapped(header).fields == {}
