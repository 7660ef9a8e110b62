"""The words that people ask with: fields and groups by their many names, verbs, connectives, and what says nothing."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.asking.dates import MONTHS, UNITS, WEEKDAYS
from chalicelib.asking.model import Field, Group, SortKey
from chalicelib.asking.tokens import Phrases


def _named(names: Mapping[str, str]) -> Phrases:
    """Names separated by commas for each meaning, with their plurals."""
    return Phrases({form: meaning for meaning, several in names.items() for name in several.split(",")
                    for form in _forms(name.strip())})


def _forms(name: str) -> tuple[str, str]:
    ending = "ies" if name.endswith("y") else "es" if name.endswith("ss") else "s"
    return name, (name[:-1] if name.endswith("y") else name) + ending


FIELDS = _named({
    Field.FIRST_NAME: "first name, firstname, given name, forename",
    Field.LAST_NAME: "last name, lastname, surname, family name, second name",
    Field.NAME: "name, full name, fullname",
    Field.EMAIL: "email, mail, emails address, email address, mail address, email id, email adress",
    Field.PHONE: "phone, phone number, telephone, telephone number, tel, mobile, mobile number, mobile phone, cell,"
                 "cell phone, cellphone, cell number, contact number, number",
    Field.COMPANY: "company, firm, organisation, organization, employer, business, company name, corporation,"
                   "organisation name, organization name, enterprise",
    Field.TITLE: "title, job title, position, role, job, job position, job role, function, occupation, profession",
    Field.INDUSTRY: "industry, sector, line of business, vertical, branch",
    Field.SOURCE: "source, lead source, channel, campaign, origin",
    Field.REMARKS: "remark, note, comment",
    Field.SOURCE_FILE: "file, source file, file name, filename, spreadsheet, workbook, sourcefile",
    Field.WORKSHEET: "worksheet, sheet, tab, sheet name, worksheet name",
    Field.JOB_ID: "job id, jobid, upload id",
})

TIME_FIELDS = Phrases({
    **dict.fromkeys(("created at", "createdat", "creation date", "created date", "date added", "date created",
                     "date of creation", "creation time"), Field.CREATED_AT),
    **dict.fromkeys(("updated at", "updatedat", "update date", "updated date", "date updated", "last update",
                     "date of update", "last change"), Field.UPDATED_AT)})

DOMAIN = _named({"domain": "domain, email domain, mail domain, email provider, mail provider"})

GROUPS: Mapping[str, Group] = {
    Field.COMPANY: Group.COMPANY, Field.TITLE: Group.TITLE, Field.INDUSTRY: Group.INDUSTRY, Field.SOURCE: Group.SOURCE,
    Field.SOURCE_FILE: Group.SOURCE_FILE, Field.WORKSHEET: Group.WORKSHEET, Field.JOB_ID: Group.JOB_ID,
    Field.FIRST_NAME: Group.FIRST_NAME, Field.LAST_NAME: Group.LAST_NAME}
"""Fields that say something as groups; nobody counts by phone."""

PERIODS: Mapping[tuple[str, str], Group] = {
    (field, unit): Group(f"{field.removesuffix('At')}{unit.capitalize()}")
    for field in (Field.CREATED_AT, Field.UPDATED_AT) for unit in ("day", "week", "month", "year")}
PERIOD_WORDS = _named({"day": "day, date, calendar day", "week": "week, calendar week",
                       "month": "month, calendar month", "year": "year, calendar year"})
EVERY_PERIOD = Phrases({"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"})

SORTS: Mapping[str, SortKey] = {
    Field.FIRST_NAME: SortKey.FIRST_NAME, Field.LAST_NAME: SortKey.LAST_NAME, Field.NAME: SortKey.NAME,
    Field.EMAIL: SortKey.EMAIL, Field.COMPANY: SortKey.COMPANY, Field.TITLE: SortKey.TITLE,
    Field.CREATED_AT: SortKey.CREATED_AT, Field.UPDATED_AT: SortKey.UPDATED_AT}

LEADS = _named({
    "lead": "lead, contact, prospect, record, entry, customer, client, individual, folk, employee, person,"
            "people, everybody, everything, everyone, anyone, anybody, somebody, someone, staff, guys, those,"
            "lead record, contact record"})

CHANGES = Phrases.of(
    "delete, remove, erase, drop, destroy, purge, wipe, update, change, edit, modify, rename, set, add, insert, create,"
    "import, upload, merge, deduplicate, dedupe, overwrite, replace, assign, move, undo, restore, clear, truncate,"
    "send, fix, correct, save")
"""Orders that chat does not take, where a verb stands."""
ORDERED_AFTER = frozenset({"and", "then", "to", "also", "now", ",", "please", "just", "should"})

EXPORTING = Phrases.of("export, download")
COUNTING = Phrases.of(
    "how many, how much, number of, the number of, total number of, the total number of, count of, the count of, count,"
    "count up, total count of, total of, the total of, amount of, the amount of, what number of, quantity of")
SHOWING = Phrases.of(
    "show, list, display, break down, breakdown of, a breakdown of, distribution of, split, give, get, fetch, print,"
    "return, see, view, bring up, pull up, pull, select, out, find all,"
    "find every, list of, a list of, the list of, which, what are, what is, what, who are, all, every, each, any")
SEEKING = Phrases.of(
    "find, search, search for, look for, look up, lookup, locate, where is, who is, looking for, searching for, seek,"
    "find me, find someone named, is there")

MOST = Phrases.of("most common, most frequent, most popular, biggest, largest, most, commonest, most often, main, top")
FEWEST = Phrases.of("least common, least frequent, smallest, rarest, fewest, least")
HAVING_MOST = Phrases.of(
    "has the most, have the most, with the most, has most, have most, with most, having the most, having most,"
    "brings the most, brought the most, brought most, gave the most, gave us the most, brought us the most,"
    "brings us the most, is most common, are most common, is the most common, are the most common, has the highest,"
    "with the highest, occurs most, occur most, appears most, appear most, provided the most, provides the most,"
    "contributed the most, contributes the most, has the largest, with the largest, generated the most, sent the most")
HAVING_FEWEST = Phrases.of(
    "has the fewest, have the fewest, with the fewest, has the least, have the least, with the least,"
    "brought the fewest, has fewest, has least, have least, have fewest, is least common, are least common,"
    "has the lowest,"
    "with the lowest")
DISTINCT = Phrases.of("different, distinct, unique, various, separate, individual, other")
MORE_THAN = Phrases({"more than": "1", "over": "1", "at least": "0", "greater than": "1", "no less than": "0",
                     "above": "1"})

PER = Phrases.of(
    "per, for each, for every, in each, in every, at each, at every, from each, from every, each, every,"
    "grouped by, group by, group them by, broken down by, break down by, breakdown by, split by, by, across,"
    "divided by,"
    "summarised by, summarized by, according to, by each, aggregated by, counted by, and group by, and count by,"
    "and group them by")
SORTED = Phrases.of(
    "sorted by, sort by, ordered by, order by, sorted on, in order of, sort on, sort them by, order them by,"
    "and sort by, and order by, and sort them by, ranked by")
UP = Phrases.of("ascending, asc, a to z, a-z, in ascending order, alphabetically, oldest first, earliest first")
DOWN = Phrases.of("descending, desc, z to a, z-a, in descending order, newest first, latest first, most recent first")
NEWEST = Phrases.of(
    "newest, latest, most recent, recent, recently added, recently created, most recently added, most recently created,"
    "last added, last created, newly added, new, freshly added, recently imported, newest first, latest first,"
    "most recent first, recently uploaded, sorted by newest, sorted by latest, sorted by most recent, the newest")
CHANGED_LAST = Phrases.of("recently updated, most recently updated, last updated, recently changed, latest updated,"
                          "most recently changed, recently modified, most recently modified, last changed")
OLDEST = Phrases.of("oldest, earliest, oldest first, earliest first, sorted by oldest, first added, first created")
ALPHABETICALLY = Phrases.of("alphabetically, in alphabetical order, sorted alphabetically, ordered alphabetically")
LIMITING = Phrases.of("limit, limit to, limited to, at most, up to, no more than, maximum, max, a maximum of, only,"
                      "not more than, first, top, the first, the top")

CREATED = Phrases.of(
    "added, created, imported, uploaded, came in, come in, received, entered, inserted, collected, arrived, registered,"
    "generated, captured, acquired, came, new, loaded, coming in, dropped, signed up, joined, gathered, appeared, add,"
    "import, upload, receive, create, collect")
UPDATED = Phrases.of("updated, changed, modified, edited, touched, altered, last updated, last changed, last modified,"
                     "last edited, last touched, refreshed, update, change, modify, edit")
AUXILIARY = Phrases.of(
    "were, was, are, is, been, have been, has been, had been, did, we, i, which were, that were, got, who were,"
    "that was, which was, who was, get, be, have, has, did we, did i")

LACKING = Phrases.of(
    "without, with no, with out, without any, without a, without an, having no, has no, have no, had no, has not,"
    "have not, lacking, lack, lacks, missing, no, do not have, does not have, did not have, have not got,"
    "has not got, not having, with missing, with empty, with blank, with a missing, with an empty, who miss,"
    "where there is no, there is no, with an unknown, with unknown, that miss, missing an, missing a, are missing,"
    "is missing, have missing, not any, have an empty, has an empty, have empty, has empty, have got no, has got no,"
    "with neither, have neither, has neither, do not list, without their, without the, does not list, not with,"
    "do not have any")
HAVING = Phrases.of("with, having, has, have, had, have got, has got, do have, does have, using, use, uses, including,"
                    "with known, with existing, own, with both")
EMPTY = Phrases.of("missing, empty, blank, null, unknown, unset, not set, not given, not known, not there, not present,"
                   "not filled, not filled in, absent, not available, n/a, lacking, none, not provided")
FILLED = Phrases.of(
    "present, set, given, known, filled, filled in, not empty, not missing, not blank, there, available,"
    "not null, provided, exists, exist, not unknown")

CONTAINING = Phrases.of(
    "contains, contain, containing, includes, include, including, like, contained, having, mentions, mention,"
    "mentioning, with, has, matches, matching, match")
STARTING = Phrases.of("starts with, start with, starting with, begins with, begin with, beginning with, started with,"
                      "starts by, starting in, beginning by, starts in, start in, begins in")
ENDING = Phrases.of("ends with, end with, ending with, ends in, end in, ending in, ends on, ending on, finishing with,"
                    "end on, finishes with")
EXACTLY = Phrases.of("equals, equal to, equal, exactly, is exactly, is equal to, identical to, the same as, equalling")
BEING = Phrases.of(
    "is, are, was, were, being, as, called, named, is called, is named, are called, are named, of, title is,"
    "is one of, is either, either, one of, are one of, be, is like, is the")
NOT = Phrases.of(
    "not, is not, are not, was not, were not, does not, do not, did not, other than, is other than,"
    "different from, is different from, differs from, except, excluding, is none of, never, are other than")

AT_COMPANY = Phrases.of(
    "from, at, of, for, working at, working for, works at, works for, work at, work for, employed by, employed at,"
    "who work for, who works for, who work at, who works at, belonging to, belong to, belongs to, worked at,"
    "worked for, representing, that work at, that work for, that works at, that works for")
VIA = Phrases.of("via, through, coming via, came via, coming through, came through, that came via, that came through,"
                 "who came via, who came through, sourced from, sourced via, sourced through")
EXCEPT = Phrases.of("except, excluding, apart from, other than, but not, except for, not counting, besides, ignoring,"
                    "leaving out, excepting")
NAMED = Phrases.of("named, called, with the name, with name, by the name of, whose name is, by the name, name is,"
                   "who are called, who is called, who are named, who is named, that are called, goes by")
WHOSE = Phrases.of(
    "whose, where, where the, whose the, with the, with a, with an, with, having, who have, who has, that have,"
    "that has, which have, in which, for which, where their, with their, has, have, and whose, having a,"
    "having an, having the, has the, has a, has an, have the, have a, have an, in whose, of which, by, using, under")
HOUSEMATES = Phrases.of("gmail, googlemail, yahoo, hotmail, outlook, icloud, aol, gmx, live, msn, protonmail, proton,"
                        "yandex, zoho, web.de, qq, mail.ru, comcast").words
"""Where private people have their e-mail."""
ALSO_COMPANIES = frozenset({"yahoo", "outlook", "aol", "live", "proton", "yandex", "zoho", "qq", "comcast"})
"""Of those, the ones that `at` may mean as a company."""
MAILBOX = Phrases.of(
    "address, addresses, email, emails, mail, mails, account, accounts, email address, email addresses,"
    "mail address, mail addresses, email account, email accounts, domain, user, users, mailbox, adress")
LEGAL = frozenset({"inc", "ltd", "llc", "llp", "gmbh", "corp", "co", "plc", "ag", "sa", "bv", "kg", "limited", "pty"})

ROLES = _named({"role": (
    "ceo, cto, cfo, coo, cmo, cio, ciso, cpo, vp, svp, evp, director, manager, engineer, developer, programmer,"
    "founder, cofounder, co-founder, owner, president, chairman, chairwoman, head, consultant, analyst,"
    "accountant, architect, buyer, designer, marketer, officer, executive, assistant, secretary, administrator,"
    "supervisor, coordinator, specialist, technician, scientist, researcher, lawyer, attorney, doctor, nurse,"
    "teacher, professor, recruiter, salesperson, salesman, representative, rep, partner, principal, treasurer,"
    "controller, auditor, planner, strategist, intern, trainee, student, freelancer, contractor, operator,"
    "editor, writer, journalist, photographer, advisor, adviser, broker, agent, clerk, cashier, driver, mechanic,"
    "electrician, plumber, chef, pilot")}).words
"""The last word of what people are: `marketing directors` have such a title."""

DEPARTMENTS = Phrases.of(
    "sales, marketing, engineering, finance, operations, hr, human, it, product, products, technology,"
    "procurement, purchasing, research, development, legal, business, customer, people, design, communications,"
    "information, security, data, strategy, education, growth, supply, logistics, quality, accounting,"
    "administration, public, account, key, general,"
    "software, hardware, manufacturing, production, maintenance, facilities, training,"
    "support, service, services").words
"""What people are directors of."""

DETERMINERS = Phrases.of("the, a, an, any, some, their, his, her, its, all, our, my, of the, of all, all the, both a,"
                         "both an, both the, of our, of my, all of the, all of our, any of the, each of the, both,"
                         "the word, the words")

SAYING_NOTHING = Phrases.of(
    "please, kindly, thanks, thank you, thx, many thanks, can you, could you, would you, will you, can u,"
    "could we, can we, can i, could i, may i, i want to know, i want to see, i want, i would like to know,"
    "i would like to see, i would like, i need to know, i need to see, i need, i wish to see, tell me, let me know,"
    "let us, do you know, i wonder, wondering, show me, give me, get me, show us, give us, tell us, let me see, for me,"
    "for us, do we have, do i have, do you have, have we got, have i got, do we know, are there, is there, there are,"
    "there is, we have, i have, we got, have you got, exist, in total, altogether, so far, right now, currently,"
    "at the moment, at present, in the database, in the system, in the table, in the list, in the crm,"
    "in our database, in our system, in our list, in our crm, in my list, in my database, in dropmill, overall,"
    "by any chance, actually, really, i am looking for, we are looking for, i am searching for,"
    "if possible, if you can, would love to see, go ahead and, hello there, good morning, good afternoon,"
    "on file, in store, on record, out there, and how, do we get, do i get, have been,"
    "i am interested in, we need, we want, how about, what about, you have, in stock, what do you know,"
    "what do we know, are in there, in there, in my leads, in our leads, among our leads, among my leads, just,"
    "together, did we get, did i get, did we have, have we received, have we gotten, have we had, anything")
SHOWN = {"show me", "give me", "get me", "show us", "give us", "let me see", "i am looking for", "i am searching for",
         "we are looking for"}
"""Of those, the ones that say what is wanted."""

GREETINGS = frozenset({"hi", "hello", "hey", "ok", "okay", "so", "now", "well", "then", "also", "and", "but"})

FILLER = Phrases.of(
    "the, a, an, of, to, me, us, our, my, some, also, there, in, total, do, does, did, all, any, it, them, their, 's,"
    "and, for, that, who, which, are, is, ones, whole, entire, only, then, full, about").words | {","}
"""What may be passed over between clauses."""

STOPS = frozenset({
    "with", "without", "whose", "where", "who", "that", "which", "having", "has", "have", "had", "but", "sorted",
    "ordered", "sort", "order", "per", "added", "created", "updated", "modified", "changed", "imported", "uploaded",
    "since", "missing", "lacking", "except", "excluding", "not", "grouped", "group", "named", "called", "from", "at",
    "limit", "limited", "via", "between", "before", "after", "until", "newest", "does", "do", "working", "works",
    "work", "employed", "is", "are", "was", "were", "came", "received", "broken", "alphabetically", "apart", "by", "'s",
    "earlier", "later"})
"""Words that end a value which is not in quotes."""

GUESSABLE = frozenset(
    word for phrases in (FIELDS, LEADS, DOMAIN) for word in phrases.words if len(word) > 3) - {
    "those", "guys", "folk", "folks", "staff", "second", "line", "given", "full", "entry", "family", "business"} | {
    "without", "containing", "contains", "missing", "updated", "created", "starting", "starts", "grouped", "sorted",
    "since", "yesterday", "whose", "which", "newest", "latest", "industries", "companies"}
"""Words that a typing error may hide."""

KNOWN = frozenset().union(*(each.words for each in (
    FIELDS, TIME_FIELDS, DOMAIN, LEADS, PERIOD_WORDS, EVERY_PERIOD, CHANGES, COUNTING, SHOWING, SEEKING, MOST,
    FEWEST, HAVING_MOST, HAVING_FEWEST, DISTINCT, PER, SORTED, UP, DOWN, NEWEST, OLDEST, LIMITING, CREATED, UPDATED,
    AUXILIARY, LACKING, HAVING, EMPTY, FILLED, CONTAINING, STARTING, ENDING, EXACTLY, BEING, NOT, AT_COMPANY, VIA,
    EXCEPT, NAMED, WHOSE, MAILBOX, DETERMINERS, SAYING_NOTHING)), MONTHS, WEEKDAYS, UNITS, ROLES, HOUSEMATES, FILLER,
    STOPS, GREETINGS)
"""Words that are what they are, and no typing error for another."""
