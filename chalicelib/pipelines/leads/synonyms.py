"""Headers that mean a field, as people write them in the larger European languages.

One block a language, one line a field, so that a native speaker can mend his own. Case, accents and punctuation do not
matter; a header stands in one field only. Words that two languages use for different fields are with the more frequent
use, and the column's cells decide where they can.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "English": {
        "firstName": "first name, firstname, first, fname, f name, given name, given names, givenname, forename, "
                     "christian name, contact first name, lead first name, customer first name, name first",
        "lastName": "last name, lastname, last, lname, l name, surname, family name, familyname, second name, "
                    "contact last name, lead last name, customer last name, name last",
        "name": "name, full name, fullname, contact, contact name, contact person, person, person name, lead name, "
                "lead, customer name, client name, display name, attendee, attendee name, first and last name, "
                "name and surname, participant, participant name, subscriber name, member name, your name",
        "email": "email, e-mail, mail, email address, e-mail address, emailaddress, mail address, email id, "
                 "work email, business email, personal email, primary email, contact email, company email, email 1, "
                 "corporate email, e-mail id, e-mail work",
        "phone": "phone, phone number, phonenumber, phone no, phone #, telephone, telephone number, tel, tel no, "
                 "tel number, mobile, mobile phone, mobile number, mobile no, cell, cell phone, cellphone, "
                 "cell number, work phone, business phone, office phone, direct phone, direct dial, home phone, "
                 "contact number, contact no, contact phone, primary phone, company phone, main phone, phone 1, "
                 "whatsapp, whatsapp number, direct line, direct number, daytime phone, phone work, phone mobile, "
                 "telephone no, ph no, mob, mob no, tel mobile",
        "company": "company, company name, companyname, organization, organisation, organization name, org, "
                   "organisation name, business, business name, firm, firm name, employer, account, account name, "
                   "corporation, institution, company / account, associated company, organization 1 name, "
                   "company organization, employer name, current company, workplace",
        "title": "title, job title, jobtitle, job, position, role, job role, job position, designation, occupation, "
                 "function, profession, contact title, organization title, current position, position title, "
                 "business title, job function",
        "industry": "industry, sector, industry sector, vertical, line of business, business sector, industry type, "
                    "market sector, company industry, industry vertical",
        "source": "source, lead source, leadsource, origin, lead origin, channel, campaign, referral source, "
                  "how did you hear about us, original source, source campaign, utm source, acquisition channel, "
                  "campaign name, source of lead, heard about us from",
        "remarks": "remarks, remark, notes, note, comments, comment, description, additional information, "
                   "additional info, memo, message, your message, lead notes, general comments, other information",
    },
    "German": {
        "firstName": "Vorname, Vornamen, Rufname, Vorname Kontakt",
        "lastName": "Nachname, Nachnamen, Familienname, Zuname, Nachname Kontakt",
        "name": "Ansprechpartner, Ansprechpartnerin, Kontakt, Kontaktperson, vollständiger Name, Kundenname, "
                "Vor- und Nachname, Vor- und Zuname, Ansprechperson, Teilnehmer, Teilnehmername, Kontaktname",
        "email": "E-Mail-Adresse, Mailadresse, Emailadresse, E-Mail geschäftlich, E-Mail privat, Mail-Adresse, "
                 "elektronische Post",
        "phone": "Telefon, Telefonnummer, Telefonnr, Tel.-Nr., Rufnummer, Handy, Handynummer, Mobil, Mobilnummer, "
                 "Mobiltelefon, Festnetz, Telefon geschäftlich, Telefon privat, Durchwahl, Mobilfunk, "
                 "Mobilfunknummer, Fon, Fernsprecher, Handynr",
        "company": "Firma, Firmenname, Unternehmen, Unternehmensname, Betrieb, Gesellschaft, Arbeitgeber, "
                   "Name der Firma, Name des Unternehmens, Firmenbezeichnung, Organisation / Firma, Einrichtung",
        "title": "Berufsbezeichnung, Funktion, Stelle, Stellenbezeichnung, Rolle, Beruf, Jobtitel, Tätigkeit, "
                 "Stellung, Position im Unternehmen, Funktionsbezeichnung",
        "industry": "Branche, Industrie, Wirtschaftszweig, Geschäftsfeld, Branchenbezeichnung, Industriezweig",
        "source": "Quelle, Leadquelle, Herkunft, Kanal, Kampagne, Lead-Herkunft, Leadursprung, Kontaktquelle",
        "remarks": "Bemerkung, Bemerkungen, Notiz, Notizen, Kommentar, Kommentare, Anmerkung, Anmerkungen, "
                   "Beschreibung, Nachricht, Hinweis, Hinweise",
    },
    "French": {
        "firstName": "prénom, prénoms, prénom du contact",
        "lastName": "nom, nom de famille, patronyme, nom du contact, nom d'usage",
        "name": "nom complet, nom et prénom, nom prénom, prénom et nom, interlocuteur, prénom nom, "
                "personne de contact, nom du client, nom et prénoms, contact principal",
        "email": "courriel, adresse e-mail, adresse email, adresse mail, adresse électronique, mél, "
                 "adresse de messagerie, e-mail professionnel, email pro, adresse courriel",
        "phone": "téléphone, numéro de téléphone, n° de téléphone, portable, tél portable, tél, téléphone portable, "
                 "téléphone mobile, téléphone fixe, ligne directe, n° tél, numéro de portable, tél fixe, "
                 "téléphone professionnel, numéro de mobile",
        "company": "société, entreprise, nom de la société, nom de l'entreprise, raison sociale, organisme, employeur, "
                   "nom société, établissement, structure, compagnie",
        "title": "fonction, poste, intitulé du poste, titre, titre du poste, métier, poste occupé, profession / poste, "
                 "emploi, intitulé de poste",
        "industry": "secteur, secteur d'activité, domaine d'activité, activité",
        "source": "provenance, source du lead, canal, campagne, origine, origine du contact, source du contact, "
                  "comment nous avez-vous connu",
        "remarks": "remarque, remarques, commentaire, commentaires, observation, observations, précisions",
    },
    "Spanish": {
        "firstName": "primer nombre, nombre, nombres, nombre de pila",
        "lastName": "apellido, apellidos, primer apellido, apellido paterno",
        "name": "nombre completo, nombre y apellidos, nombre y apellido, contacto, persona de contacto, "
                "apellidos y nombre, nombre del contacto, nombre del cliente",
        "email": "correo, correo electrónico, correo-e, dirección de correo, dirección de correo electrónico, "
                 "e-mail de contacto, mail de contacto",
        "phone": "teléfono, número de teléfono, móvil, celular, teléfono móvil, teléfono celular, teléfono fijo, "
                 "nº de teléfono, número de móvil, teléfono de contacto, número de celular, tel. de contacto",
        "company": "empresa, nombre de la empresa, compañía, razón social, organización, nombre empresa, "
                   "nombre de la compañía, institución, entidad",
        "title": "cargo, puesto, puesto de trabajo, título, ocupación, cargo en la empresa, profesión",
        "industry": "industria, sector de actividad, rubro, giro, sector empresarial",
        "source": "origen, fuente, procedencia, campaña, fuente del lead, origen del contacto, medio de contacto",
        "remarks": "observación, observaciones, nota, notas, comentario, comentarios, descripción, mensaje",
    },
    "Italian": {
        "firstName": "nome, primo nome, nome proprio, nome di battesimo",
        "lastName": "cognome, cognomi",
        "name": "nome completo, nome e cognome, cognome e nome, nominativo, referente, contatto, nome cognome, "
                "cognome nome, persona di riferimento, nome contatto",
        "email": "posta elettronica, indirizzo e-mail, indirizzo email, indirizzo mail, "
                 "indirizzo di posta elettronica, e-mail aziendale",
        "phone": "telefono, numero di telefono, cellulare, telefono cellulare, recapito telefonico, telefono fisso, "
                 "numero telefono, numero di cellulare, n. telefono, cell., recapito",
        "company": "azienda, società, ragione sociale, nome azienda, impresa, ditta, nome della società, ente, "
                   "datore di lavoro",
        "title": "posizione, ruolo, qualifica, mansione, professione, ruolo aziendale, titolo, carica",
        "industry": "settore, settore di attività, settore merceologico, comparto",
        "source": "fonte, provenienza, canale, campagna, fonte del contatto, origine contatto",
        "remarks": "osservazioni, annotazioni, commenti, descrizione, commento, messaggio, annotazione",
    },
    "Portuguese": {
        "firstName": "primeiro nome, nome próprio, prenome",
        "lastName": "sobrenome, apelido, apelidos, último nome",
        "name": "contato, pessoa de contato, pessoa de contacto, nome e sobrenome, nome do contato, nome do contacto, "
                "nome do cliente, nome e apelido",
        "email": "correio eletrônico, correio eletrónico, endereço de e-mail, endereço eletrônico, endereço de email",
        "phone": "telefone, número de telefone, telemóvel, telefone celular, telefone fixo, nº de telefone, "
                 "telefone de contato, número de celular, número de telemóvel",
        "company": "nome da empresa, razão social, companhia, organização, nome fantasia, instituição, "
                   "entidade patronal",
        "title": "função, posição, profissão, ocupação, cargo atual",
        "industry": "setor, ramo, ramo de atividade, setor de atividade, segmento, indústria",
        "source": "origem, campanha, origem do lead, como nos conheceu",
        "remarks": "observação, observações, comentários, descrição, mensagem, anotações",
    },
    "Dutch": {
        "firstName": "voornaam, roepnaam, voornamen",
        "lastName": "achternaam, familienaam",
        "name": "naam, volledige naam, contactpersoon, naam contactpersoon, voor- en achternaam, klantnaam",
        "email": "e-mailadres, mailadres, e-mail zakelijk",
        "phone": "telefoon, telefoonnummer, mobiel, mobiel nummer, gsm, tel.nr., mobiele telefoon, gsm-nummer, "
                 "telefoon zakelijk, vaste telefoon",
        "company": "bedrijf, bedrijfsnaam, organisatie, onderneming, werkgever, naam bedrijf, instelling",
        "title": "functie, functietitel, beroep, functieomschrijving, rol",
        "industry": "bedrijfstak, sector / branche",
        "source": "bron, herkomst, kanaal, leadbron, campagnenaam",
        "remarks": "opmerking, opmerkingen, notitie, notities, toelichting, bericht, omschrijving",
    },
    "Polish": {
        "firstName": "imię, imiona",
        "lastName": "nazwisko, nazwiska",
        "name": "imię i nazwisko, nazwisko i imię, osoba kontaktowa, imię nazwisko, osoba do kontaktu",
        "email": "adres e-mail, adres email, poczta elektroniczna, adres poczty elektronicznej, adres mailowy",
        "phone": "numer telefonu, nr telefonu, komórka, telefon komórkowy, tel. komórkowy, telefon kontaktowy, "
                 "numer komórki, telefon stacjonarny, nr tel",
        "company": "nazwa firmy, przedsiębiorstwo, pracodawca, nazwa przedsiębiorstwa, spółka, organizacja",
        "title": "stanowisko, funkcja, zawód, stanowisko pracy",
        "industry": "branża, sektor, branża firmy",
        "source": "źródło, pochodzenie, źródło leada, kampania, źródło kontaktu",
        "remarks": "uwagi, uwaga, notatki, komentarz, opis, wiadomość, notatka",
    },
    "Swedish": {
        "firstName": "förnamn, tilltalsnamn",
        "lastName": "efternamn, släktnamn",
        "name": "namn, fullständigt namn, kontaktperson, för- och efternamn, kontaktnamn",
        "email": "e-post, epost, e-postadress, mejl, mejladress, mailadress, epostadress",
        "phone": "telefonnummer, mobiltelefon, mobilnummer, mobilnr, telefonnr, arbetstelefon, tfn, hemtelefon",
        "company": "företag, företagsnamn, bolag, arbetsgivare, bolagsnamn",
        "title": "titel, befattning, yrke, arbetstitel, yrkestitel, roll, tjänstetitel",
        "industry": "bransch, näringsgren, näringslivssektor",
        "source": "kanal, källa, ursprung, kampanj, leadkälla",
        "remarks": "anmärkning, anmärkningar, anteckning, anteckningar, kommentarer, beskrivning, meddelande",
    },
    "Danish and Norwegian": {
        "firstName": "fornavn, fornavne, kaldenavn",
        "lastName": "efternavn, etternavn, efternavne, slektsnavn",
        "name": "navn, fulde navn, fullt navn, kontaktnavn, for- og efternavn, for- og etternavn",
        "email": "e-mailadresse, mailadresse, e-postadresse, epostadresse, mail-adresse",
        "phone": "mobilnummer, mobiltelefon, tlf, tlf.nr., telefon nr, telefon arbejde, telefon arbeid, mobil nr",
        "company": "virksomhed, virksomhedsnavn, firmanavn, bedrift, bedriftsnavn, selskab, selskap, arbejdsgiver, "
                   "arbeidsgiver, foretak",
        "title": "stilling, stillingsbetegnelse, stillingstittel, jobtitel, yrke, tittel, rolle",
        "industry": "bransje, næring, sektor",
        "source": "kilde, leadkilde, opprinnelse, oprindelse, kampagne, kampanje",
        "remarks": "bemærkning, bemærkninger, merknad, merknader, notat, notater, noter, kommentar, besked, melding",
    },
    "Finnish": {
        "firstName": "etunimi, etunimet, kutsumanimi",
        "lastName": "sukunimi",
        "name": "nimi, koko nimi, yhteyshenkilö, kontaktihenkilö, asiakkaan nimi",
        "email": "sähköposti, sähköpostiosoite, s-posti, e-mail osoite",
        "phone": "puhelin, puhelinnumero, puh, matkapuhelin, puh.nro, kännykkä, gsm-numero",
        "company": "yritys, yrityksen nimi, organisaatio, työnantaja, toiminimi, yhtiö",
        "title": "titteli, tehtävänimike, ammatti, asema, työtehtävä, nimike",
        "industry": "toimiala, ala",
        "source": "lähde, kampanja, alkuperä",
        "remarks": "huomautus, huomautukset, huomiot, lisätiedot, kommentit, kommentti, muistiinpanot, kuvaus",
    },
    "Czech and Slovak": {
        "firstName": "jméno, křestní jméno, meno, krstné meno",
        "lastName": "příjmení, priezvisko",
        "name": "jméno a příjmení, celé jméno, meno a priezvisko, kontaktní osoba, kontaktná osoba, celé meno",
        "email": "e-mailová adresa, emailová adresa, elektronická pošta, adresa elektronické pošty",
        "phone": "telefonní číslo, mobilní telefon, telefónne číslo, telefón, mobilní číslo, tel. číslo, "
                 "mobilný telefón",
        "company": "společnost, název firmy, název společnosti, spoločnosť, názov firmy, názov spoločnosti, podnik, "
                   "zaměstnavatel, zamestnávateľ",
        "title": "pozice, pracovní pozice, pracovní zařazení, povolání, pracovná pozícia, pozícia, funkce, profese",
        "industry": "odvětví, obor, oblast podnikání, odvetvie",
        "source": "zdroj, zdroj leadu, kampaň, původ, zdroj kontaktu",
        "remarks": "poznámka, poznámky, komentář, popis, zpráva, komentár, správa",
    },
    "Hungarian": {
        "firstName": "keresztnév, utónév",
        "lastName": "vezetéknév, családnév, családi név",
        "name": "név, teljes név, kapcsolattartó, kapcsolattartó neve, ügyfél neve",
        "email": "e-mail cím, email cím, elektronikus levél, e-mail-cím",
        "phone": "telefonszám, mobilszám, mobiltelefonszám, vezetékes telefon, mobil telefon",
        "company": "cég, cégnév, vállalat, cég neve, vállalkozás, munkáltató, szervezet",
        "title": "beosztás, munkakör, pozíció, foglalkozás",
        "industry": "iparág, ágazat, szektor, tevékenységi kör",
        "source": "forrás, kampány, származás",
        "remarks": "megjegyzés, megjegyzések, jegyzet, leírás, üzenet",
    },
    "Romanian": {
        "firstName": "prenume",
        "lastName": "nume, nume de familie",
        "name": "nume complet, nume și prenume, numele și prenumele, persoană de contact",
        "email": "adresă de email, adresă e-mail, adresa de e-mail, poștă electronică",
        "phone": "număr de telefon, nr. telefon, telefon mobil, număr telefon, telefon fix",
        "company": "companie, nume firmă, denumire firmă, societate, firmă, angajator, denumirea companiei",
        "title": "funcție, funcția, post, profesie, poziție",
        "industry": "domeniu de activitate, industrie, domeniu",
        "source": "sursă, sursa, proveniență, campanie",
        "remarks": "observații, mențiuni, note și comentarii, comentarii, descriere, mesaj",
    },
    "Greek": {
        "firstName": "όνομα, μικρό όνομα",
        "lastName": "επώνυμο, επίθετο",
        "name": "ονοματεπώνυμο, πλήρες όνομα, υπεύθυνος επικοινωνίας",
        "email": "ηλεκτρονική διεύθυνση, διεύθυνση email, ηλεκτρονικό ταχυδρομείο, ηλ. ταχυδρομείο",
        "phone": "τηλέφωνο, κινητό, αριθμός τηλεφώνου, κινητό τηλέφωνο, τηλ, σταθερό τηλέφωνο",
        "company": "εταιρεία, εταιρία, επωνυμία, επιχείρηση, όνομα εταιρείας, οργανισμός",
        "title": "θέση, θέση εργασίας, επάγγελμα, ιδιότητα",
        "industry": "κλάδος, τομέας, κλάδος δραστηριότητας",
        "source": "πηγή, προέλευση, καμπάνια",
        "remarks": "σχόλια, παρατηρήσεις, σημειώσεις, περιγραφή, μήνυμα",
    },
    "Turkish": {
        "firstName": "ad, adı, isim",
        "lastName": "soyad, soyadı, soyisim",
        "name": "ad soyad, adı soyadı, isim soyisim, ilgili kişi, yetkili kişi",
        "email": "e-posta, eposta, e-posta adresi, eposta adresi, mail adresi",
        "phone": "telefon numarası, cep telefonu, gsm no, telefon no, iş telefonu",
        "company": "şirket, şirket adı, firma adı, kurum, işyeri",
        "title": "ünvan, unvan, görev, görevi, pozisyon, meslek",
        "industry": "sektör, endüstri, faaliyet alanı",
        "source": "kaynak, kampanya, müşteri kaynağı",
        "remarks": "açıklama, notlar, yorum, yorumlar, mesaj",
    },
    "Russian and Ukrainian": {
        "firstName": "имя, ім'я",
        "lastName": "фамилия, прізвище",
        "name": "ФИО, Ф.И.О., полное имя, контактное лицо, ПІБ, повне ім'я, контактна особа, имя и фамилия",
        "email": "электронная почта, адрес электронной почты, эл. почта, почта, емейл, імейл, електронна пошта, "
                 "електронна адреса, имейл",
        "phone": "телефон, номер телефона, мобильный телефон, мобильный, номер телефону, мобільний телефон, моб. тел., "
                 "контактный телефон, рабочий телефон",
        "company": "компания, организация, название компании, фирма, предприятие, компанія, організація, "
                   "назва компанії, підприємство",
        "title": "должность, посада, профессия",
        "industry": "отрасль, сфера деятельности, галузь, сфера діяльності",
        "source": "источник, джерело, кампания, источник лида",
        "remarks": "примечание, примечания, комментарий, комментарии, заметки, примітка, примітки, коментар, "
                   "описание, опис",
    },
    "Croatian and Serbian": {
        "firstName": "ime",
        "lastName": "prezime",
        "name": "ime i prezime, puno ime, kontakt osoba",
        "email": "e-mail adresa, adresa e-pošte, e-pošta, elektronička pošta",
        "phone": "broj telefona, mobitel, broj mobitela, mobilni telefon, kontakt telefon",
        "company": "tvrtka, naziv tvrtke, poduzeće, preduzeće, naziv firme, kompanija",
        "title": "radno mjesto, pozicija, zanimanje",
        "industry": "djelatnost, grana djelatnosti, delatnost",
        "source": "izvor, porijeklo, kampanja izvora",
        "remarks": "napomena, napomene, bilješke, komentari, poruka",
    },
}


def _by_field() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for fields in _LANGUAGES.values():
        for name, headers in fields.items():
            found.setdefault(name, {}).update(dict.fromkeys(headers.split(", ")))
    return {name: tuple(headers) for name, headers in found.items()}


SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(_by_field())
"""Field -> the headers that mean it, of all languages."""
