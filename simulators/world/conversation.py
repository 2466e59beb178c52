"""One conversation and what it decides: written down as a contact, followed by visits and deals."""

from __future__ import annotations

from datetime import datetime, timedelta

from simulators.world import model
from simulators.world.care import book
from simulators.world.city import City, Household, Member
from simulators.world.crm import follow_deal
from simulators.world.vocabulary import REFUSALS, Topic

# Call tracker of the clinic → (kind, direction) → what carries such a contact; all others are the desk's.
SYSTEMS: dict[str, dict[tuple[str, str], model.ContactSystem]] = {
    "calltouch": {
        ("call", "inbound"): "calltouch_call",
        ("form", "inbound"): "calltouch_request",
        ("callback_order", "inbound"): "calltouch_request",
    },
    "uis": {
        ("call", "inbound"): "uis_call",
        ("call", "outbound"): "uis_call",
        ("form", "inbound"): "uis_request",
        ("callback_order", "inbound"): "uis_request",
        ("message", "inbound"): "uis_chat",
    },
}


def add(
    city: City,
    clinic: model.Clinic,
    kind: str,
    at: datetime,
    *,
    direction: str = "inbound",
    phone: str | None = None,
    email: str | None = None,
    client_name: str | None = None,
    household: Household | None = None,
    session_ids: tuple[int, ...] = (),
    administrator: str | None = None,
    group: str | None = None,
    topic: str | None = None,
    learned: str | None = None,
    outcome: str | None = None,
    refusal: str | None = None,
    answered: bool | None = None,
    talk: int | None = None,
    called: str | None = None,
    static: bool = False,
    tags: tuple[str, ...] = (),
    note: str | None = None,
    patients: tuple[int, ...] = (),
    aggregator: str | None = None,
) -> model.Contact | None:
    """Writes a contact down, unless it would lie after the vendors were asked."""
    if at >= city.now:
        return None
    carriers = SYSTEMS[city.systems[clinic.clinic_id].calls]
    system = carriers.get((kind, direction), "desk") if aggregator is None else "aggregators"
    number = len(city.contacts)
    contact = model.Contact(
        contact_id=f"draft:{number}",
        system=system,
        vendor_num=number,
        clinic_id=clinic.clinic_id,
        occurred_at=at.replace(microsecond=0),
        kind=kind,
        direction=direction,
        phone=phone,
        email=email,
        client_name=client_name,
        client_id=household.client_id if household and session_ids else None,
        session_ids=session_ids,
        named_patients=patients,
        administrator_id=administrator,
        people_group=group,
        topic=topic,
        how_learned=learned,
        outcome=outcome,
        refusal_reason=refusal,
        is_answered=answered,
        talk_seconds=talk,
        called_address=called,
        static_number=static,
        tags=tags,
        note=note,
        aggregator=aggregator,
    )
    city.contacts.append(contact)
    return contact


def _visitors(city: City, household: Household, topic: Topic) -> list[Member]:
    """Whom they book: a parent two children in one call, herself and a child, or herself."""
    children = [member for member in household.members if member.child]
    if topic.word == "paediatrics" and children:
        return children if city.chance(0.6) else children[:1]
    if children and city.chance(0.3):
        return [household.members[0], children[0]]
    return household.members[:1]


def resolve(
    city: City,
    clinic: model.Clinic,
    household: Household,
    topic: Topic,
    kind: str,
    at: datetime,
    administrator: str,
    *,
    phone: str | None,
    direction: str = "inbound",
    called: str | None = None,
    static: bool = False,
    sessions: tuple[int, ...] = (),
    email: str | None = None,
    tags: tuple[str, ...] = (),
    note: str | None = None,
) -> None:
    """The conversation that decides: booked, waiting list, to be called back, declined or spam."""
    rng = city.rng
    if at >= city.now:
        return
    skill = 0.85 + 0.1 * (int(administrator.removeprefix("admin")) % 3)
    chance = min(0.9, topic.booking * skill)
    outcome = city.weighted(
        (
            ("booked", chance),
            ("waiting_list", 0.04),
            ("request_saved", 0.09),
            ("spam", 0.015),
            ("declined", max(0.05, 0.86 - chance)),
        )
    )
    group = "other" if outcome == "spam" else ("wants_to_book" if city.chance(0.9) else None)
    visitors = _visitors(city, household, topic) if outcome in ("booked", "waiting_list") else []
    new_patient = not any(member.cards for member in visitors)
    created = (at + timedelta(minutes=rng.randrange(1, 9))).replace(microsecond=0)
    appointments = [
        book(
            city,
            household,
            member,
            clinic.clinic_id,
            topic.word,
            created,
            f"draft:{len(city.contacts)}",
            waiting=outcome == "waiting_list",
        )
        for member in visitors
    ]
    cards = tuple(appointment.pat_num for appointment in appointments)
    # one visitor of a call is found by the phone; where several are booked the administrator names them, mostly
    is_named = kind == "front_desk" or (len(cards) > 1 and appointments[0].apt_num % 10 > 0)
    add(
        city,
        clinic,
        kind,
        at,
        direction=direction,
        phone=phone,
        email=email,
        household=household,
        session_ids=sessions,
        administrator=administrator,
        group=group,
        topic=topic.word if city.chance(0.93) else None,
        learned=household.how_learned if outcome == "booked" and new_patient and city.chance(0.8) else None,
        outcome=outcome if city.chance(0.92) else None,
        refusal=rng.choice(REFUSALS) if outcome == "declined" else None,
        answered=True if kind == "call" else None,
        talk=rng.randrange(40, 600) if kind == "call" and not city.chance(0.025) else None,
        called=called,
        static=static,
        tags=tags,
        note=note,
        patients=cards if is_named else (),
    )
    if topic.deal_share and city.chance(topic.deal_share) and outcome in ("booked", "request_saved", "declined"):
        source = city.sessions[sessions[-1]] if sessions else None
        follow_deal(
            city,
            clinic,
            household,
            topic,
            at,
            kind,
            source,
            appointments,
            declined=outcome == "declined",
            hot="hot" in tags,
        )
