"""Tells the whole story once and numbers it by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from simulators.world import dealing, model
from simulators.world.care import notes, past_visits
from simulators.world.city import City
from simulators.world.crm import template
from simulators.world.setting import SYSTEMS, currency_rates, set_the_stage
from simulators.world.story import tell
from simulators.world.vocabulary import COUNTERPARTIES

# What carries a contact → (prefix of its id, its first number there)
NUMBERS: dict[model.ContactSystem, tuple[str, int]] = {
    "calltouch_call": ("calltouch:call", 20_000_001),
    "calltouch_request": ("calltouch:request", 9_000_001),
    "uis_call": ("uis:call", 3_100_000_001),
    "uis_request": ("uis:request", 510_001),
    "uis_chat": ("uis:chat", 72_001),
    "aggregators": ("aggregators", 40_001),
    "desk": ("desk", 1),
}
RATES_BEFORE = 10  # days: the first day may be a Sunday, whose rate is Saturday's
FIRST_SESSION = 1_900_000_001
FIRST_HISTORY = 7_001
LARGEST = 1_500  # more people would not fit into the fictional range of 10,000 mobile numbers


def build_world(
    seed: int,
    *,
    date_from: date,
    days: int,
    clinics: int = 3,
    scale: float = 1.0,
    systems: Sequence[model.Systems] = SYSTEMS,
) -> model.World:
    """The city of that seed from `date_from` for `days` days (at least 1). Same arguments, same world.

    `clinics` is 1 to 9; they take their systems from `systems` in turn. `scale` multiplies the inquiries a day; 1.0
    with 90 days and three clinics gives about 1,500 contacts. Raises ValueError outside those bounds.
    """
    if days < 1 or not 1 <= clinics <= 9 or scale <= 0 or scale * clinics * days > LARGEST:
        raise ValueError(f"build_world: days >= 1, 1 <= clinics <= 9, scale > 0, scale * clinics * days <= {LARGEST}")
    city = City(seed, date_from, days, scale)
    set_the_stage(city, clinics, systems)
    past_visits(city, max(4, round(40 * clinics * scale)))
    tell(city)
    notes(city)
    template(city)
    sessions, session_ids = _number_sessions(city)
    contacts, contact_ids = _number_contacts(city, session_ids)
    return model.World(
        seed=seed,
        date_from=city.date_from,
        date_to=city.date_to,
        now=city.now,
        clinics=tuple(city.clinics),
        employees=tuple(city.employees),
        counterparties=tuple((name, f"+74950009{index:03d}") for index, name in enumerate(COUNTERPARTIES, start=1)),
        patients=tuple(city.patients.values()),
        campaigns=tuple(city.campaigns),
        ad_days=tuple(city.ad_days),
        hand_spend=tuple(city.hand_spend),
        tracking_addresses=tuple(city.addresses),
        sessions=sessions,
        contacts=contacts,
        appointments=tuple(
            replace(appointment, booked_by_contact=contact_ids.get(appointment.booked_by_contact or ""))
            for appointment in city.appointments
        ),
        procedures=tuple(city.procedures),
        payments=tuple(city.payments),
        pay_splits=tuple(city.splits),
        plans=tuple(city.plans),
        plan_stages=tuple(city.plan_stages),
        crm_contacts=tuple(city.crm_contacts),
        deals=tuple(city.deals),
        deal_stages=_number_history(city),
        deal_items=tuple(city.deal_items),
        slots=tuple(city.slots),
        systems=dict(city.systems),
        currency_rates=currency_rates(seed, city.date_from - timedelta(days=RATES_BEFORE), city.date_to),
        households=tuple(
            model.Household(
                phones=tuple(phone for phone in (household.phone, household.second_phone) if phone),
                email=household.email,
                client_id=household.client_id,
                cards=tuple(tuple(member.cards.values()) for member in household.members),
            )
            for household in city.households
        ),
    )


def _number_sessions(city: City) -> tuple[tuple[model.Session, ...], dict[int, int]]:
    """Session ids grow with time, as the call tracker's do."""
    ordered = sorted(city.sessions, key=lambda session: (session.started_at, session.session_id))
    ids = {session.session_id: FIRST_SESSION + index for index, session in enumerate(ordered)}
    return tuple(replace(session, session_id=ids[session.session_id]) for session in ordered), ids


def _number_contacts(city: City, session_ids: dict[int, int]) -> tuple[tuple[model.Contact, ...], dict[str, str]]:
    next_num = {system: first for system, (_, first) in NUMBERS.items()}
    numbered: list[model.Contact] = []
    names: dict[str, str] = {}
    for contact in sorted(city.contacts, key=lambda contact: (contact.occurred_at, contact.vendor_num)):
        number = next_num[contact.system]
        next_num[contact.system] += 1
        names[contact.contact_id] = f"{NUMBERS[contact.system][0]}:{number}"
        ids = tuple(sorted(session_ids[index] for index in contact.session_ids))
        numbered.append(replace(contact, contact_id=names[contact.contact_id], vendor_num=number, session_ids=ids))
    return tuple(numbered), names


def _number_history(city: City) -> tuple[dealing.DealStage, ...]:
    ordered = sorted(city.deal_stages, key=lambda stage: (stage.entered_at, stage.deal_num))
    return tuple(replace(stage, history_num=FIRST_HISTORY + index) for index, stage in enumerate(ordered))
