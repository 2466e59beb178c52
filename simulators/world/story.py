"""The days of the city: who turned to a clinic, how, what the administrator heard and what came of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from simulators.world import model
from simulators.world.city import City, Household, topic_of
from simulators.world.conversation import add, resolve
from simulators.world.setting import busy_topic
from simulators.world.vocabulary import REFUSALS, TOPICS, Topic
from simulators.world.web import browse

INQUIRIES_A_DAY = 3.7  # per clinic at scale 1.0; with repeats and callbacks about 5.6 contacts
AGGREGATORS = ("napopravku.ru", "32top.ru")
ENTRANCES = (
    ("site_call", 38),
    ("form", 17),
    ("callback_order", 5),
    ("static_call", 13),
    ("maps_call", 8),
    ("main_call", 4),
    ("message", 6),
    ("email", 2),
    ("aggregator", 3),
    ("front_desk", 6),
)


def tell(city: City) -> None:
    for offset in range((city.date_to - city.date_from).days + 1):
        day = city.date_from + timedelta(days=offset)
        for clinic in city.clinics:
            mean = INQUIRIES_A_DAY * city.scale * sum(topic.demand * city.season(topic, day) for topic in TOPICS)
            for _ in range(city.count(mean)):
                _inquiry(city, clinic, day)
            for _ in range(city.count(0.6 * city.scale)):
                _other_contact(city, clinic, day)


def _moment(city: City, clinic_id: str, day: date, *, night: bool) -> datetime:
    """Opening hours; forms also come a minute around midnight, where two local days meet."""
    rng = city.rng
    if night and city.chance(0.05):
        hour, minute = rng.choice(((23, 59), (0, 1), (23, 58), (0, 0)))
        return city.at(clinic_id, day, hour, minute, rng.randrange(60))
    return city.at(clinic_id, day, rng.randrange(9, 20), rng.randrange(60), rng.randrange(60))


def _inquiry(city: City, clinic: model.Clinic, day: date) -> None:
    rng = city.rng
    topic = busy_topic(city, day)
    known = [household for household in city.households[-400:] if not household.crm_contacts]
    if known and city.chance(0.28):
        household = rng.choice(known)
        if len(household.members) > 1 and city.chance(0.4):
            topic = topic_of("paediatrics")
    else:
        household = city.new_household(day, family=topic.word == "paediatrics")
    entrance = city.weighted(ENTRANCES)
    administrator = rng.choice(city.staff(clinic.clinic_id, "administrators")).employee_id
    if entrance.endswith("_call"):
        _call(city, clinic, day, household, topic, entrance, administrator)
    elif entrance in ("form", "callback_order", "aggregator"):
        _request(city, clinic, day, household, topic, entrance, administrator)
    else:
        _desk(city, clinic, day, household, topic, entrance, administrator)


def _number_called(city: City, clinic: model.Clinic, entrance: str, day: date) -> tuple[str, bool]:
    if entrance == "site_call":
        return f"+74950001{clinic.clinic_num % 10}{city.rng.randrange(100):02d}", False
    if entrance == "main_call":
        return clinic.main_phone, True
    channel = "maps" if entrance == "maps_call" else "offline"
    for address in city.addresses:
        if (
            address.clinic_id == clinic.clinic_id
            and address.channel == channel
            and address.address.startswith("+")
            and address.valid_from <= day <= (address.valid_to or day)
        ):
            return address.address, True
    return clinic.main_phone, True


def _call(
    city: City, clinic: model.Clinic, day: date, household: Household, topic: Topic, entrance: str, administrator: str
) -> None:
    rng = city.rng
    at = _moment(city, clinic.clinic_id, day, night=False)
    called, static = _number_called(city, clinic, entrance, day)
    sessions = browse(city, household, clinic.clinic_id, topic, at) if entrance == "site_call" else ()
    phone = household.next_phone()
    pool = ("hot",) if topic.deal_share > 0.4 and city.chance(0.1) else ()
    if city.chance(0.12):
        add(
            city,
            clinic,
            "call",
            at,
            phone=phone,
            household=household,
            session_ids=sessions,
            answered=False,
            talk=0,
            called=called,
            static=static,
        )
        if city.chance(0.65):
            later = at + timedelta(minutes=rng.randrange(3, 200))
            resolve(city, clinic, household, topic, "call", later, administrator, phone=phone, direction="outbound")
        return
    resolve(
        city,
        clinic,
        household,
        topic,
        "call",
        at,
        administrator,
        phone=phone,
        called=called,
        static=static,
        sessions=sessions,
        tags=pool,
    )
    if city.chance(0.08):
        # The same person again: somebody else answers, and may hear something else.
        outcome = rng.choice((None, None, "request_saved", "declined"))
        add(
            city,
            clinic,
            "call",
            at + timedelta(minutes=rng.randrange(8, 240)),
            phone=phone,
            household=household,
            session_ids=sessions,
            administrator=rng.choice(city.staff(clinic.clinic_id, "administrators")).employee_id,
            group="wants_to_book" if outcome else None,
            topic=topic.word,
            outcome=outcome,
            refusal=rng.choice(REFUSALS) if outcome == "declined" else None,
            answered=True,
            talk=rng.randrange(15, 90),
            called=called,
            static=static,
        )


def _request(
    city: City, clinic: model.Clinic, day: date, household: Household, topic: Topic, kind: str, administrator: str
) -> None:
    """A form, a callback order or an aggregator's request: nobody has spoken yet; the outcome is of the call back."""
    at = _moment(city, clinic.clinic_id, day, night=True)
    aggregator = city.rng.choice(AGGREGATORS) if kind == "aggregator" else None
    sessions = () if aggregator else browse(city, household, clinic.clinic_id, topic, at)
    phone = household.next_phone()
    adult = household.members[0]
    made = add(
        city,
        clinic,
        kind,
        at,
        phone=phone,
        email=household.email,
        household=household,
        session_ids=sessions,
        client_name=f"{adult.last_name} {adult.first_name}",
        topic=topic.word if city.chance(0.7) else None,
        aggregator=aggregator,
    )
    if made is not None and city.chance(0.88):
        later = at + timedelta(minutes=city.rng.randrange(4, 150))
        if later.astimezone(city.zones[clinic.clinic_id]).hour < 9:
            later = city.at(clinic.clinic_id, city.local_day(clinic.clinic_id, later), 9, city.rng.randrange(5, 50))
        resolve(city, clinic, household, topic, "call", later, administrator, phone=phone, direction="outbound")


def _desk(
    city: City, clinic: model.Clinic, day: date, household: Household, topic: Topic, kind: str, administrator: str
) -> None:
    at = _moment(city, clinic.clinic_id, day, night=kind in ("message", "email"))
    # Some write from a social network and leave no number: a person nobody can join to anything.
    silent = (kind == "email" and household.email is not None) or (kind == "message" and city.chance(0.25))
    phone = None if silent else household.next_phone()
    called = f"ask-{clinic.clinic_id.lower()}@example.org" if kind == "email" else None
    resolve(
        city,
        clinic,
        household,
        topic,
        kind,
        at,
        administrator,
        phone=phone,
        called=called,
        email=household.email if kind == "email" else None,
    )


def _other_contact(city: City, clinic: model.Clinic, day: date) -> None:
    """Confirmations by those already booked, colleagues, suppliers and wrong numbers."""
    rng = city.rng
    at = _moment(city, clinic.clinic_id, day, night=False)
    administrator = rng.choice(city.staff(clinic.clinic_id, "administrators")).employee_id
    called, static = clinic.main_phone, True
    kind = city.weighted((("confirm", 60.0), ("employee", 12.0), ("supplier", 14.0), ("wrong", 14.0)))
    group: str | None = "other"
    phone: str | None = None
    if kind == "confirm":
        booked = [
            appointment
            for appointment in city.appointments[-120:]
            if appointment.clinic_id == clinic.clinic_id
            and appointment.created_at < at
            and appointment.starts_at is not None
            and appointment.starts_at > at
            and appointment.status not in ("cancelled", "waiting_list")
        ]
        if not booked:
            return
        patient = city.patients[rng.choice(booked).pat_num]
        phone, group = patient.mobile or patient.landline, "already_booked" if city.chance(0.85) else None
    elif kind == "employee":
        phones = [person.phone for person in city.employees if person.phone and person.clinic_id == clinic.clinic_id]
        phone, group = (rng.choice(phones), "employee" if city.chance(0.5) else None) if phones else (None, "employee")
    elif kind == "supplier":
        phone, group = f"+74950009{rng.randrange(1, 4):03d}", None if city.chance(0.5) else "other"
    else:
        phone = city.new_mobile()
    add(
        city,
        clinic,
        "call",
        at,
        phone=phone,
        administrator=administrator,
        group=group,
        answered=True,
        talk=rng.randrange(10, 120),
        called=called,
        static=static,
    )
