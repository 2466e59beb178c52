"""Deals: RULES section 8 and section 12, items 16 and 25."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.people import People, by_component, listed_person
from tests.oracle.rows import Data, Row
from tests.oracle.spend import half_up, in_reporting_currency
from tests.oracle.world import World, world

SAME_VISIT = timedelta(minutes=30)


def person_of_deal(w: World, deal: Row) -> str | None:
    """Whom the deal's phone and e-mail mean: a listed employee or counterparty, the only owner, the component or the
    shared identifier's own person, be it that nobody else has it (section 1, step 4). A deal that says nothing of its
    client, or only what links nobody: the first of its leads that tells somebody, by its contact if that is of one
    person, else by its own phone and e-mail at the deal's clinic. None: unknown."""
    people = w.people
    if person := whom_it_means(deal, people):
        return person
    leads = [lead for lead in w.data["deal_leads"] if lead["deal_id"] == deal["deal_id"]]
    for lead in sorted(leads, key=lambda row: (row["created_at"] is None, row["created_at"], row["lead_id"])):
        persons = people.of_contact.get(lead["contact_id"], [])
        if len(persons) == 1:
            return persons[0]
        if person := whom_it_means({**lead, "clinic_id": deal["clinic_id"]}, people):
            return person
    return None


def whom_it_means(row: Row, people: People) -> str | None:
    """Of a deal or lead by its phone and e-mail. None: nobody."""
    if listed := listed_person(row, people):
        return listed
    patients = people.owners.of_contact(row)
    if len(patients) == 1:
        return "patient:" + patients.pop()
    return by_component(row, "", people.owners, people.person_of) or None


def sessions_before_contact(w: World, person: str | None, deal: Row) -> int | None:
    """12.16: sessions begun before the person's first inbound contact ever, without the one it was made in."""
    if person is None:
        return None
    sessions = [row for row in w.data["sessions"] if w.people.of_session[row["session_id"]] == person]
    contacts = [
        row
        for row in w.data["contacts"]
        if row["direction"] == "inbound" and person in w.people.of_contact[row["contact_id"]]
    ]
    if not contacts:
        return len([session for session in sessions if session["started_at"] < deal["created_at"]])
    first = min(contacts, key=lambda row: (row["occurred_at"], row["contact_id"]))
    last = w.sources.session_of_contact(first)
    made_in = last if last and first["occurred_at"] - last["started_at"] <= SAME_VISIT else None
    return len([s for s in sessions if s["started_at"] < first["occurred_at"] and s is not made_in])


def deal_journal(data: Data) -> list[dict[str, Any]]:
    """One row per deal, with what the rules compute about it beside what the file says."""
    w = world(data)
    rows = []
    for deal in sorted(data["deals"], key=lambda row: str(row["deal_id"])):
        created_on = data.local_date(deal["created_at"], deal["clinic_id"])
        closed_on = data.local_date(deal["closed_at"], deal["clinic_id"]) if deal["closed_at"] else None
        amount = in_reporting_currency(data, deal["amount"], deal["currency"], closed_on or created_on)
        person = person_of_deal(w, deal)
        rows.append(
            {
                **deal,
                "person_key": person,
                "amount": None if amount is None else half_up(amount),
                "exact_amount": amount or Fraction(0),
                "created_on": created_on,
                "closed_on": closed_on,
                "days_to_close": (closed_on - created_on).days if closed_on else None,
                "sessions_before_contact": sessions_before_contact(w, person, deal),
            }
        )
    return rows


def won_deals(data: Data, date_from: date, date_to: date) -> list[dict[str, Any]]:
    """Won deals of a period, by the day they were closed, best first; a tie goes to the one closed earlier (12.25)."""
    won = [
        row
        for row in deal_journal(data)
        if row["stage_kind"] == "won" and row["closed_on"] and date_from <= row["closed_on"] <= date_to
    ]
    return sorted(won, key=lambda row: (-row["exact_amount"], row["closed_at"], row["deal_id"]))


def deals_of_period(data: Data, date_from: date, date_to: date) -> list[dict[str, Any]]:
    """Deals of a period of any status, by the day they were created (12.25)."""
    return [row for row in deal_journal(data) if date_from <= row["created_on"] <= date_to]
