"""A random month of import files, the same for the same seed, made to hit every rule of RULES section 12.

`random_month(7, folder)` writes the files; also `python -m tests.oracle.random_month 7 <folder>`.
Left out on purpose, because the rules do not decide them: two spend rows of one source and campaign in different
channels, a currency before its first rate, click ids of unknown kinds, local times in the hour of a clock change.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.oracle.random_people import Actor, Month, add_card, add_people
from tests.oracle.random_rows import TRACKED, UTMS, add_contact, add_payment, add_sessions, add_visit_and_money
from tests.oracle.random_sales import add_studio

EPISODES = (70, 170)
ANSWERED = ("true", "false", "false", "")


def add_episode(m: Month) -> None:
    """One actor gets in touch: sessions before, contacts of a day or two, callbacks later, perhaps a booking."""
    rng = m.rng
    actor = rng.choice([actor for actor in m.actors if actor.patients] if m.maybe(0.5) else m.actors)
    clinic_id = m.clinic()
    if actor.patients and m.maybe(0.7):
        clinic_id = m.card_clinic[rng.choice(actor.patients)]
    day = m.first + timedelta(days=rng.randint(-12, 33) if m.maybe(0.9) else rng.randint(-110, -13))
    at = m.working_time(clinic_id, day)
    if m.maybe(0.08):  # the last second of a day, and the first of the next
        at = m.local(clinic_id, day, 23, 59, 59)
    elif m.maybe(0.05):
        at = m.local(clinic_id, day, 0, 0, rng.randint(0, 1))
    add_sessions(m, actor, at)
    answered = {"kind": "call", "is_answered": "false", "outcome": ""} if m.maybe(0.15) else {}
    direction = "outbound" if m.maybe(0.06) else "inbound"
    contacts = [(at, add_contact(m, actor, clinic_id, at, direction, **answered))]
    if m.maybe(0.05):  # the clinic rang first, the same day
        earlier = at - timedelta(minutes=rng.randint(5, 500))
        add_contact(m, actor, clinic_id, earlier, "outbound", outcome="")
    if m.maybe(0.35):  # again: soon, the same day, or on one of the next days
        again = at + timedelta(minutes=rng.choice((1, 40, 300, 1500, 4000, 9000)), seconds=rng.randint(1, 20))
        contacts.append((again, add_contact(m, actor, clinic_id, again, "inbound")))
    for _ in range(2):
        if m.maybe(0.25):  # called back: within the day, some days or about thirty days later
            back = at + timedelta(minutes=rng.choice((15, 90, 1440 * rng.randint(1, 9), 1440 * rng.randint(27, 33))))
            back += timedelta(seconds=rng.randint(21, 50))
            extra = {
                "outcome": rng.choice(("", "", "booked", "declined", "request_saved")),
                "is_answered": rng.choice(ANSWERED),
            }
            contacts.append((back, add_contact(m, actor, clinic_id, back, "outbound", **extra)))
    if actor.patients and m.maybe(0.7):
        add_booking(m, actor, clinic_id, contacts)


def add_booking(m: Month, actor: Actor, clinic_id: str, contacts: list[tuple[datetime, dict[str, str]]]) -> None:
    """An appointment (or one for each of a family) linked to the contact, soon after it, in a week, or too late."""
    rng = m.rng
    at, contact = rng.choice(contacts)
    named = [patient for patient in contact.get("patient_ids", "").split(";") if patient]
    patients = named if named and m.maybe(0.8) else [rng.choice(actor.patients)]
    delay = timedelta(minutes=rng.choice((0, 1, 5, 119, 120, 121, 1440, 10079, 10080, 10081, 60000, 128000, 131000)))
    link = contact["contact_id"] if m.maybe(0.5) else ""
    if link and m.maybe(0.8):
        delay = timedelta(minutes=4)
    for patient_id in patients:
        where = clinic_id if m.maybe(0.92) else m.clinic()
        add_visit_and_money(m, patient_id, where, at + delay, link)
        if m.maybe(0.1):  # a second appointment, unlinked
            add_visit_and_money(m, patient_id, where, at + delay + timedelta(minutes=7), "")


def add_earlier_visits(m: Month) -> None:
    """Patients of last year; and future appointments that were made before the month."""
    for patient_id, clinic_id in sorted(m.card_clinic.items()):
        if m.maybe(0.2):
            created = m.working_time(clinic_id, m.first - timedelta(days=m.rng.randint(40, 400)))
            add_visit_and_money(m, patient_id, clinic_id, created, "")
        if m.maybe(0.07):
            created = m.working_time(clinic_id, m.first - timedelta(days=m.rng.randint(1, 20)))
            add_visit_and_money(m, patient_id, clinic_id, created, "")


def add_tracking(m: Month) -> None:
    """The banner's phone passes to the radio in the middle of the month; the flyer's is one clinic's."""
    middle = m.first + timedelta(days=14)
    m.add("tracking_addresses", address=TRACKED["banner"], channel="offline", source="banner", medium="outdoor",
          campaign="ring road", valid_to=middle.isoformat())  # fmt: skip
    m.add("tracking_addresses", address=m.written_phone(TRACKED["banner"]), channel="offline", source="radio",
          medium="radio", campaign="drive time", valid_from=(middle + timedelta(days=1)).isoformat())  # fmt: skip
    m.add("tracking_addresses", address=TRACKED["flyer"], source="flyer", medium="print", campaign="spring",
          clinic_id=m.clinic(), valid_from=(m.first - timedelta(days=30)).isoformat(),
          valid_to=(m.first + timedelta(days=40)).isoformat())  # fmt: skip
    m.add("tracking_addresses", address=TRACKED["mail"].upper(), channel="offline", source="radio", campaign="mail")


def add_spend(m: Month) -> None:
    """Platforms by day, hand-entered periods (some over New Year), VAT or not, other currencies, network or clinic."""
    rng = m.rng
    # The channel of a source and campaign is the same on all its rows.
    lines = [("paid_search", *UTMS[0]), ("paid_search", *UTMS[1]), ("", *UTMS[2]), ("paid_social", *UTMS[3]),
             ("display", *UTMS[8]), ("paid_search", *UTMS[5]), ("offline", "banner", "outdoor", "ring road"),
             ("offline", "radio", "", "drive time"), ("offline", "fair", "event", "")]  # fmt: skip
    for channel, source, medium, campaign in lines:
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            begins = m.first + timedelta(days=rng.randint(-20, 27))
            ends = begins + timedelta(days=rng.choice((0, 0, 2, 6, 13, 29)))
            m.add(
                "ad_spend",
                date_from=begins.isoformat(),
                date_to=ends.isoformat(),
                channel=channel,
                source=source,
                medium=medium,
                campaign=campaign,
                clinic_id=rng.choice(("", m.clinic(), m.clinic())),
                amount=f"{rng.randint(0, 5000000) / 100:.2f}",
                currency=rng.choice(("RUB", "RUB", "RUB", "EUR", "USD")),
                includes_vat=rng.choice(("true", "false", "false", "")),
                entered_by=rng.choice(("", "boris")),
            )


def add_rates(m: Month) -> None:
    """Rates of working days with holes, from long before the first amount."""
    day: date = m.first - timedelta(days=480)
    while day < m.first + timedelta(days=150):
        if (day.weekday() < 5 and m.maybe(0.9)) or day == m.first - timedelta(days=480):
            for currency, base in (("EUR", 95), ("USD", 88)):
                rate = f"{base + m.rng.randint(-400, 400) / 100:.4f}"
                m.add("currency_rates", date=day.isoformat(), currency=currency, rate=rate)
        day += timedelta(days=1)


def add_deals(m: Month) -> None:
    rng = m.rng
    for _ in range(rng.randint(5, 20)):
        actor = rng.choice(m.actors)
        clinic_id = rng.choice(("", m.clinic()))
        created = m.working_time(m.clinic(), m.first + timedelta(days=rng.randint(-20, 29)))
        kind = rng.choice(("open", "won", "won", "lost"))
        deal_id = m.number("D")
        # a client of the CRM alone; one who left both; somebody of whom only the lead knows
        phone = m.written_phone(actor.phones[0]) if actor.phones else ""
        client = rng.choice(("known", "known", "both", "nobody else", "unknown"))
        if client in ("nobody else", "unknown"):
            phone = f"+7900000{rng.randint(9000, 9999)}" if client == "nobody else" else ""
        emails = actor.emails if client == "both" or (client == "known" and not phone) else ()
        closed = created + timedelta(days=rng.choice((0, 1, 7, 7, 30)), hours=rng.randint(0, 9))
        m.add(
            "deals",
            deal_id=deal_id,
            name="Implant",
            created_at=m.stamp(created),
            closed_at="" if kind == "open" else m.stamp(closed),
            created_via=rng.choice(("crm_integration", "api", "manual", "spreadsheet")),
            stage={"open": "negotiation", "won": "paid", "lost": "refused"}[kind],
            stage_kind=kind,
            amount=rng.choice((30000, 50000, 80000, 80000, 120000)),
            currency="RUB",
            manager_id=rng.choice(("M1", "M2", "")),
            clinic_id=clinic_id,
            client_name="Client",
            phone=phone,
            email=emails[0] if emails else "",
            contact_kind=rng.choice(("call", "form", "aggregator")),
            tags=rng.choice(("", "hot", "hot;vip")),
        )
        if m.maybe(0.4):
            contact = rng.choice(m.rows["contacts"])["contact_id"] if m.rows["contacts"] else ""
            m.add("deal_leads", lead_id=m.number("L"), deal_id=deal_id, created_at=m.stamp(created), contact_id=contact)


def add_shared_visits(m: Month) -> None:
    """Visits that two people pay for; appointments prepaid, asked about again, and then paid back."""
    for row in [row for row in m.rows["payments"] if row["appointment_id"]]:
        if m.maybe(0.05):
            payer = m.rng.choice(sorted(m.card_clinic))
            m.add("payments", **(row | {"payment_id": m.number("M"), "patient_id": payer}))
    missed = [row for row in m.rows["appointments"] if row["status"] in {"no_show", "cancelled"}]
    for row in m.rng.sample(missed, min(4, len(missed))):
        clinic_id = row["clinic_id"]
        prepaid = m.working_time(clinic_id, m.first + timedelta(days=m.rng.randint(3, 12)))
        again = m.working_time(clinic_id, m.first + timedelta(days=m.rng.randint(13, 18)))
        add_payment(m, row["patient_id"], clinic_id, prepaid, 900, row["appointment_id"])
        for at in (prepaid - timedelta(minutes=5), again):
            m.add("contacts", contact_id=m.number("E"), clinic_id=clinic_id, occurred_at=m.stamp(at, clinic_id),
                  kind="call", direction="inbound", patient_ids=row["patient_id"], people_group="wants_to_book",
                  utm_source=m.rng.choice(("vk", "yandex")))  # fmt: skip
        add_payment(m, row["patient_id"], clinic_id, again + timedelta(hours=2), -900, row["appointment_id"])


def add_phones_of_merged_cards(m: Month) -> None:
    """A phone that a patient of one clinic shares with a card of another, which was merged into a card of the first."""
    for _ in range(3):
        phone, here, elsewhere = m.phone(), m.clinic(), m.clinic()
        add_card(m, [phone], [], here if m.maybe(0.5) else None)
        stays, goes = add_card(m, [m.phone()], [], here), add_card(m, [phone], [], elsewhere)
        next(row for row in m.rows["patients"] if row["patient_id"] == goes)["merged_into_patient_id"] = stays
        at = m.working_time(here, m.first + timedelta(days=m.rng.randint(0, 27)))
        m.add("contacts", contact_id=m.number("E"), clinic_id=here, occurred_at=m.stamp(at, here), kind="call",
              direction="inbound", phone=phone)  # fmt: skip


def add_what_nobody_wrote_down(m: Month) -> None:
    """Deals whose client only a lead tells, by a phone of one or of several patients; bookings without the moment they
    were made at, of a contact or of none; visits that took place nobody knows when."""
    people = [actor for actor in m.actors if actor.phones]
    for row in [row for row in m.rows["deals"] if not row["phone"] and not row["email"]]:
        phone = m.written_phone(m.rng.choice(people).phones[0]) if m.maybe(0.8) else ""
        m.add("deal_leads", lead_id=m.number("L"), deal_id=row["deal_id"], created_at=row["created_at"], phone=phone)
    for row in m.rows["appointments"]:
        if m.maybe(0.3 if row["contact_id"] else 0.03):
            row["created_at"] = ""
        if m.maybe(0.03):
            row["starts_at"] = ""


def random_month(seed: int, folder: Path) -> date:
    """Writes the files of a month into the folder; returns its first day."""
    m = Month(seed)
    add_people(m)
    add_earlier_visits(m)
    for _ in range(m.rng.randint(*EPISODES)):
        add_episode(m)
    for adder in (add_tracking, add_spend, add_rates, add_deals):
        adder(m)
    for kind in ("contacts", "appointments", "payments", "sessions"):
        m.rng.shuffle(m.rows[kind])  # the order of rows in a file says nothing
    add_studio(m)
    add_shared_visits(m)
    add_phones_of_merged_cards(m)
    add_what_nobody_wrote_down(m)
    m.write(folder)
    return m.first


if __name__ == "__main__":
    random_month(int(sys.argv[1]), Path(sys.argv[2]))
