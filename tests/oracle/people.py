"""Who a contact or a session is about: RULES section 1 "Person" and section 12, items 1 to 3.

A person is named by a text: `patient:<id after merges>`, `employee:<id>`, `counterparty:<name>`,
`component:<smallest identifier>`, `shared:<identifier>`, `contact:<id>`, `session:<id>`.
An identifier is a pair: ("phone", E.164), ("email", address) or ("client", site client id).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from tests.oracle.rows import Data, Row

Identifier = tuple[str, str]
TOO_MANY_PEOPLE = 8  # more than this many patients: the identifier links nobody
BOOKING_WINDOW = timedelta(hours=2)


@dataclass
class Owners:
    """Which patients (after merges) own an identifier, and which identifiers may join."""

    owners: dict[Identifier, set[str]]
    clinics_of: dict[str, set[str]]
    listed: set[Identifier]

    def is_blocked(self, identifier: Identifier) -> bool:
        return identifier in self.listed or len(self.owners.get(identifier, set())) > TOO_MANY_PEOPLE

    def is_shared(self, identifier: Identifier) -> bool:
        return len(self.owners.get(identifier, set())) > 1

    def may_join(self, identifier: Identifier) -> bool:
        return not self.is_blocked(identifier) and not self.is_shared(identifier)

    def at_clinic(self, identifier: Identifier, clinic_id: str | None) -> set[str]:
        """Owners who are patients of the clinic; only if there are none, of the network. Blocked: nobody."""
        if self.is_blocked(identifier):
            return set()
        everybody = self.owners.get(identifier, set())
        here = {patient for patient in everybody if clinic_id in self.clinics_of[patient]}
        return here or everybody

    def of_contact(self, contact: Row) -> set[str]:
        """Owners of the phone, of the e-mail, or of both where both have owners (12.1)."""
        by_phone = self.at_clinic(("phone", contact["phone"]), contact["clinic_id"]) if contact["phone"] else set()
        by_email = self.at_clinic(("email", contact["email"]), contact["clinic_id"]) if contact["email"] else set()
        return by_phone & by_email if by_phone and by_email else by_phone | by_email


@dataclass
class People:
    """Persons of every contact (one or several) and of every session (one)."""

    root: dict[str, str] = field(default_factory=dict)
    of_contact: dict[str, list[str]] = field(default_factory=dict)
    of_session: dict[str, str] = field(default_factory=dict)
    employee_of: dict[Identifier, str] = field(default_factory=dict)
    counterparty_of: dict[Identifier, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=lambda: Owners({}, {}, set()))
    person_of: dict[Identifier, str] = field(default_factory=dict)  # of the identifiers that may join

    def patient(self, patient_id: str) -> str:
        """The person of a patient card, after merges."""
        return "patient:" + self.root.get(patient_id, patient_id)


def merged_roots(data: Data) -> dict[str, str]:
    """Every card with the card that it was merged into, followed to the end; a circle ends in its smallest id."""
    target = {card["patient_id"]: card["merged_into_patient_id"] for card in data["patients"]}
    roots: dict[str, str] = {}
    for card in target:
        seen = [card]
        while target.get(seen[-1]) and target[seen[-1]] not in seen:
            seen.append(target[seen[-1]])
        following = target.get(seen[-1])
        roots[card] = min(seen[seen.index(following) :]) if following in seen else seen[-1]
    return roots


def identifiers_of(row: Row) -> list[Identifier]:
    """Identifiers written on a contact, a session, a deal or a lead; these two have no client id."""
    found: list[Identifier] = []
    if row["phone"]:
        found.append(("phone", row["phone"]))
    if row["email"]:
        found.append(("email", row["email"]))
    if row.get("client_id"):
        found.append(("client", row["client_id"]))
    return found


def identifiers_of_card(card: Row) -> list[Identifier]:
    return [("phone", phone) for phone in card["phones"]] + [("email", email) for email in card["emails"]]


def find_owners(data: Data, people: People) -> Owners:
    owners: dict[Identifier, set[str]] = {}
    clinics_of: dict[str, set[str]] = {}
    for card in data["patients"]:
        root = people.root[card["patient_id"]]
        clinics_of.setdefault(root, set()).add(card["clinic_id"])
        for identifier in identifiers_of_card(card):
            owners.setdefault(identifier, set()).add(root)
    return Owners(owners, clinics_of, set(people.employee_of) | set(people.counterparty_of))


def components(data: Data, owners: Owners) -> dict[Identifier, str]:
    """Person of every identifier that may join: those seen together on one contact, session, deal or lead (section 1
    says "CRM contacts") are one component."""
    neighbours: dict[Identifier, set[Identifier]] = {}
    for row in data["contacts"] + data["sessions"] + data["deals"] + data["deal_leads"]:
        usable = [identifier for identifier in identifiers_of(row) if owners.may_join(identifier)]
        for identifier in usable:
            neighbours.setdefault(identifier, set()).update(usable)
    person_of: dict[Identifier, str] = {}
    for start in sorted(neighbours):
        if start in person_of:
            continue
        component, waiting = {start}, [start]
        while waiting:
            for identifier in neighbours[waiting.pop()]:
                if identifier not in component:
                    component.add(identifier)
                    waiting.append(identifier)
        patients = {patient for identifier in component for patient in owners.owners.get(identifier, set())}
        person = "patient:" + patients.pop() if len(patients) == 1 else "component:" + ":".join(start)
        for identifier in component:
            person_of[identifier] = person
    return person_of


def by_component(row: Row, own_key: str, owners: Owners, person_of: dict[Identifier, str]) -> str:
    """Step 4: the component; a shared identifier's own person; a person of its own (12.2)."""
    identifiers = identifiers_of(row)
    for identifier in identifiers:
        if owners.may_join(identifier):
            return person_of[identifier]
    for identifier in identifiers:
        if not owners.is_blocked(identifier):
            return "shared:" + ":".join(identifier)
    return own_key


def booked_within_two_hours(contact: Row, candidates: set[str], data: Data, people: People) -> set[str]:
    """The patient of the only unlinked appointment created for an owner at that clinic within 0 to 2 hours (12.7)."""
    found: list[str] = []
    for appointment in data["appointments"]:
        patient = people.root.get(appointment["patient_id"], appointment["patient_id"])
        if (
            appointment["contact_id"] is None
            and appointment["created_at"] is not None
            and appointment["clinic_id"] == contact["clinic_id"]
            and patient in candidates
            and timedelta(0) <= appointment["created_at"] - contact["occurred_at"] <= BOOKING_WINDOW
        ):
            found.append(patient)
    return set(found) if len(found) == 1 else set()


def listed_person(row: Row, people: People) -> str | None:
    """The employee, else the counterparty, whose phone or e-mail is written on the row (12.3)."""
    for kind, listed in (("employee", people.employee_of), ("counterparty", people.counterparty_of)):
        for identifier in identifiers_of(row):
            if identifier in listed:
                return f"{kind}:{listed[identifier]}"
    return None


def persons_of_contact(
    contact: Row, data: Data, people: People, owners: Owners, person_of: dict[Identifier, str]
) -> list[str]:
    named = {people.patient(patient_id) for patient_id in contact["patient_ids"]}
    if named:
        return sorted(named)
    linked = {
        people.patient(appointment["patient_id"])
        for appointment in data["appointments"]
        if appointment["contact_id"] == contact["contact_id"]
    }
    if linked:
        return sorted(linked)
    if listed := listed_person(contact, people):
        return [listed]
    candidates = owners.of_contact(contact)
    booked = booked_within_two_hours(contact, candidates, data, people)
    if booked:
        return ["patient:" + patient for patient in booked]
    if len(candidates) == 1:
        return ["patient:" + patient for patient in candidates]
    return [by_component(contact, "contact:" + contact["contact_id"], owners, person_of)]


def resolve_people(data: Data) -> People:
    people = People(root=merged_roots(data))
    for employee in sorted(data["employees"], key=lambda row: str(row["employee_id"]), reverse=True):
        for phone in employee["phones"]:
            people.employee_of[("phone", phone)] = employee["employee_id"]
    for counterparty in sorted(data["counterparties"], key=lambda row: str(row["name"]), reverse=True):
        for identifier in identifiers_of_card(counterparty):
            people.counterparty_of[identifier] = counterparty["name"]
    people.owners = owners = find_owners(data, people)
    people.person_of = person_of = components(data, owners)
    for contact in data["contacts"]:
        people.of_contact[contact["contact_id"]] = persons_of_contact(contact, data, people, owners, person_of)
    for session in data["sessions"]:
        own_key = "session:" + session["session_id"]
        alone = by_component(session, own_key, owners, person_of)
        people.of_session[session["session_id"]] = listed_person(session, people) or alone
    return people
