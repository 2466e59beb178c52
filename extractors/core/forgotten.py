"""People who were forgotten stay away: rows are cleaned before they are written, whatever source sends them again.

`ops.forgotten_identifiers` holds salted hashes and, for each, random text that stands in its place. The same text each
time, so rows that belonged together still do, keys stay keys, and sums stay sums. A row that carries an identifier of a
forgotten person loses its names, dates of birth, recordings and free text with it. `warehouse.forget` cleans what is
landed already with the same code, so a reload finds nothing to change.

What a column holds is told by its name, the same in all sources; a test holds that every text column has its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg

from extractors.core.rows import RejectedRow, Row
from extractors.phones import to_e164

Role = Literal["phone", "email", "patient", "client", "crm", "name", "deal"]

# A column beside its normalised form.
PHONES = {"phone": "phone_e164", "phones": "phones_e164"}
IDENTIFIERS: dict[str, Role] = {
    **dict.fromkeys(("phone_e164", "phones_e164"), "phone"),
    **dict.fromkeys(("email", "emails"), "email"),
    **dict.fromkeys(("patient_id", "patient_num", "patient_ids", "merged_into_patient_id", "replaced_by"), "patient"),
    **dict.fromkeys(
        ("client_id", "ya_client_id", "ym_client_id", "ga_client_id", "ct_client_id", "ua_client_id", "visitor_id"),
        "client",
    ),
}  # fmt: skip
# In these tables `contact_id` is a CRM's card of a person; elsewhere it is one call or message.
CRM_TABLES = frozenset(
    {"amocrm__contacts", "amocrm__leads", "bitrix24__contacts", "bitrix24__leads", "bitrix24__deals"}
)
# A deal's own number. It stays, and tells whose words a deal has that names its client nowhere: a lead of it does.
DEALS = {"files__deals": "deal_id", "bitrix24__deals": "deal_id", "amocrm__leads": "lead_id"}
# Emptied in a row of a forgotten person.
PRIVATE = frozenset({
    "full_name", "client_name", "first_name", "second_name", "last_name", "birth_date", "note", "recording_url",
    "recordings", "first_request", "subject", "status_details", "session_date_as_written", "field_value", "heading",
    "cancel_reason", "source_description", "person_id", "communication_number", "_extra",
})  # fmt: skip
PRIVATE_IN: dict[str, frozenset[str]] = {
    "amocrm__contacts": frozenset({"name"}),
    "amocrm__leads": frozenset({"name"}),
    "files__deals": frozenset({"name"}),
    "bitrix24__deals": frozenset({"title"}),
    **dict.fromkeys(
        ("int_deals", "fct_deals_personal", "deal_journal_personal", "top_deals_personal"), frozenset({"name"})
    ),
}
ADDRESSES = frozenset({"url", "landing_page", "referrer", "entrance_page", "request_url", "page"})
CLICKS = frozenset({"click_id", "yclid", "gclid", "ymclid"})
# Lists of the clinic's own people and numbers are nobody's private record.
NOT_ABOUT_PEOPLE = frozenset({"files__employees", "files__counterparties", "files__tracking_addresses"})

FORGOTTEN = "forgotten"
REASON_FORGOTTEN = "not understood; the row is of somebody who was forgotten, so it is not kept"
_PHONE = re.compile(r"(?<!\d)\+?\d(?:[\s().\-\u2010-\u2015\u00a0]{0,3}\d){9,14}(?!\d)")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_KEPT_PARAMETER = re.compile(r"utm_[a-z]+=")
_CLICK_PARAMETER = re.compile(r"([a-z_]*clid|rb_clickid|click_id)=", re.IGNORECASE)
_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that is an identifier of a forgotten person, and what stands for it."""

    person: int
    replacement: str


@dataclass(slots=True)
class Forgotten:
    """The list, as one transaction read it. `known` remembers answers, so a value that repeats is hashed once.

    `stand_ins`: by person a phone and an e-mail for those that nobody knew when he was forgotten.
    """

    salt: str
    hashes: Mapping[str, Hit]
    stand_ins: Mapping[int, tuple[str, str]]
    known: dict[str, Hit | None] = field(default_factory=dict)

    def find(self, role: Role, value: str) -> Hit | None:
        key = f"{role}:{value}"
        if key in self.known:
            return self.known[key]
        if len(self.known) > _REMEMBERED:
            self.known.clear()
        hit = self.known[key] = self.hashes.get(identifier_hash(self.salt, role, value))
        return hit

    def clean_text(self, text: str) -> str:
        """Phones and e-mails of forgotten people inside a longer text are replaced."""

        def replaced(match: re.Match[str]) -> str:
            found = match[0]
            hit = self.find("email", found.lower()) if "@" in found else self._phone(found)
            return hit.replacement if hit else found

        if "@" in text:
            text = _EMAIL.sub(replaced, text)
        return _PHONE.sub(replaced, text)

    def _phone(self, written: str) -> Hit | None:
        number = to_e164(written)
        return self.find("phone", number) if number else None

    def concerns(self, source: str, value: object) -> bool:
        """Whether anything inside a row as it came (a rejected one) is an identifier or the name of such a person."""
        if isinstance(value, Mapping):
            return any(
                self.concerns(source, part) or (_names_a_deal(key) and self.find("deal", str(part).strip()) is not None)
                for key, part in value.items()
            )
        if isinstance(value, list | tuple):
            return any(self.concerns(source, part) for part in value)
        if not isinstance(value, str | int) or isinstance(value, bool):
            return False
        text = str(value).strip()
        return bool(
            self.find("patient", text)
            or self.find("patient", f"{source}:{text}")
            or self.find("client", text)
            or self.find("crm", f"{source}:{text}")
            or self.find("name", plain_name(text))
            or self.clean_text(text) != text
        )


def prefix_of(role: Role, source: str) -> str:
    """What stands before an identifier in the list: numbers that are of one source alone are told with it."""
    return f"{source}:" if role == "crm" or (role in ("patient", "deal") and source != "files") else ""


def _names_a_deal(header: object) -> bool:
    """Whether a column as an import file has it may hold a deal's number: short numbers stand in other columns too."""
    return any(word in str(header).casefold() for word in ("deal", "сделк"))


def identifier_hash(salt: str, role: Role, value: str) -> str:
    """As `ops.opaque_key('forgotten', role || ':' || value)` has it."""
    return FORGOTTEN + ":" + sha256(f"{salt}|{role}:{value}".encode()).hexdigest()[:20]


def plain_name(name: str) -> str:
    """A name without case, ё and spare blanks."""
    return " ".join(name.casefold().replace("ё", "е").split())


def read_forgotten(connection: psycopg.Connection[Any]) -> Forgotten | None:
    """The list, or null where nobody was forgotten: then a load costs one small query more."""
    rows = connection.execute(
        "select identifier_hash, person_number, replacement from ops.forgotten_identifiers"
    ).fetchall()
    if not rows:
        return None
    (salt,) = connection.execute("select salt from ops.key_salt").fetchone() or ("",)
    people = connection.execute("select person_number, phone, email from ops.forgotten_people").fetchall()
    return Forgotten(salt, {row[0]: Hit(row[1], row[2]) for row in rows}, {row[0]: (row[1], row[2]) for row in people})


def cleaned(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], batches: Iterable[list[Row]]
) -> Iterable[list[Row]]:
    """The same batches of rows of `columns` of a landed table, without what belongs to forgotten people."""
    forgotten = read_forgotten(connection)
    clean = None if forgotten is None else cleaner(forgotten, table, columns)
    if clean is None:
        return batches
    return _each(clean, batches)


def not_of_forgotten(
    connection: psycopg.Connection[Any], source: str, rejected: Sequence[RejectedRow]
) -> Sequence[RejectedRow]:
    """Rows that were set aside; of those about forgotten people only that they were."""
    forgotten = read_forgotten(connection) if rejected else None
    if forgotten is None:
        return rejected
    return [
        replace(row, row={FORGOTTEN: True}, reason=REASON_FORGOTTEN) if forgotten.concerns(source, row.row) else row
        for row in rejected
    ]


def _each(clean: Callable[[Row], Row], batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
    for batch in batches:
        yield [clean(row) for row in batch]


def cleaner(forgotten: Forgotten, table: str, columns: Sequence[str]) -> Callable[[Row], Row] | None:
    """A function that cleans one row; null for a table that is not about people."""
    source = table.partition("__")[0]
    places = {name: place for place, name in enumerate(columns)}
    identifiers: list[tuple[int, Role]] = []
    private = PRIVATE | PRIVATE_IN.get(table, frozenset())
    for name, place in places.items():
        if (role := IDENTIFIERS.get(name)) is not None:
            identifiers.append((place, role))
        elif name == "contact_id" and table in CRM_TABLES:
            identifiers.append((place, "crm"))
        elif name == DEALS.get(table):
            identifiers.append((place, "deal"))
    if (not identifiers and "resource_id" not in places) or table in NOT_ABOUT_PEOPLE:
        return None
    texts = [place for name, place in places.items() if name in private | ADDRESSES]
    written = {places[name]: places[e164] for name, e164 in PHONES.items() if name in places and e164 in places}

    def in_list(role: Role, value: str) -> Hit | None:
        value = prefix_of(role, source) + value
        return forgotten.find(role, value.lower().strip() if role == "email" else value)

    def said(role: Role, hit: Hit, value: str) -> str:
        if role == "deal":
            return value
        return hit.replacement.removeprefix(prefix_of(role, source)) if role == "patient" else hit.replacement

    def roles_of(row: Row) -> list[tuple[int, Role]]:
        """Two tables say in one column what another one means."""
        if "resource_id" in places and row[places["resource"]] == "Patient":
            return [*identifiers, (places["resource_id"], "patient")]
        if "field_value" in places and row[places["field_name"]] == "MergedInto":
            return [*identifiers, (places["field_value"], "patient")]
        return identifiers

    def clean(row: Row) -> Row:
        hits: dict[str, Hit] = {}
        others = False  # the row names a patient who was not forgotten
        roles = roles_of(row)
        for place, role in roles:
            value = row[place]
            for one in value if isinstance(value, list | tuple) else (value,):
                if one is None:
                    continue
                hit = in_list(role, one)
                if hit is not None:
                    hits[f"{role}:{one}"] = hit
                elif role == "patient":
                    others = True
        if not hits:
            changed = {
                place: text for place in texts
                if isinstance(row[place], str) and (text := forgotten.clean_text(row[place])) != row[place]
            }  # fmt: skip
            return tuple(changed.get(place, value) for place, value in enumerate(row)) if changed else row
        phone, email = forgotten.stand_ins[next(iter(hits.values())).person]
        new = list(row)
        kept = {place for place, _ in roles}
        for place, role in roles:

            def stand_in(one: Any, role: Role = role) -> Any:  # noqa: ANN401 - a value of any column
                hit = hits.get(f"{role}:{one}")
                if hit is not None:
                    return said(role, hit, one)
                # An address that came later, or one that others share: in this row it is the forgotten person's.
                if others or one is None or role not in ("phone", "email"):
                    return one
                return phone if role == "phone" else email

            value = row[place]
            new[place] = [stand_in(one) for one in value] if isinstance(value, list | tuple) else stand_in(value)
        for raw, e164 in written.items():
            if row[raw] is not None and (new[e164] != row[e164] or not others):
                new[raw] = new[e164]
        for name, place in places.items():
            value = new[place]
            if value is None or place in kept:
                continue
            if name in private:
                new[place] = None
            elif name in ADDRESSES:
                new[place] = bare_address(value)
            elif name in CLICKS:
                new[place] = bare_click(value)
        return tuple(new)

    return clean


def bare_address(url: str) -> str:
    """A URL with nothing of the visitor: host, path, UTM tags, and of click ids only which kind it was."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return FORGOTTEN
    query = []
    for part in parts.query.split("&"):
        if _KEPT_PARAMETER.match(part):
            query.append(part)
        elif match := _CLICK_PARAMETER.match(part):
            query.append(f"{match[1]}={FORGOTTEN}")
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, query="&".join(query), fragment="").geturl()


def bare_click(click_id: str) -> str:
    kind, colon, _ = click_id.rpartition(":")
    return f"{kind}{colon}{FORGOTTEN}"
