"""Single rows of a random month: tags of a visit to the site, sessions, contacts, appointments and their money."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from tests.oracle.random_people import HOW_LEARNED, Actor, Month

TOPICS = ("", "therapy", "implants", "hygiene")
UTMS = (
    ("yandex", "cpc", "implants"),
    ("yandex", "cpc", "therapy"),
    ("google", "cpc", "brand"),
    ("vk", "social", "family"),
    ("vk", "cpc", "promo"),
    ("яндекс", "cpc", "имплантация зубов"),
    ("newsletter", "email", ""),
    ("2gis", "cpc", ""),
    ("partner", "banner", "summer"),
    ("strange", "thing", ""),
)
REFERRERS = (
    "https://yandex.ru/search/?text=dentist",
    "https://www.google.com/",
    "https://vk.com/away.php",
    "https://t.me/clinic",
    "https://2gis.ru/moscow",
    "https://www.prodoctorov.ru/clinic",
    "https://www.blog.example/post",
    "https://clinic.example/prices",
    "",
    "",
)
TRACKED = {"banner": "+74950009001", "flyer": "+74950009002", "mail": "radio@example.org"}


def tags(m: Month) -> dict[str, str]:
    """Everything on a visit to the site that may tell a source, in one of the ways in which it is written."""
    rng, way = m.rng, m.rng.random()
    source, medium, campaign = rng.choice(UTMS)
    written = f"utm_source={quote(source)}&utm_medium={medium}&utm_campaign={quote(campaign)}"
    kind, value = rng.choice(("yclid", "gclid", "fbclid", "rb_clickid")), str(rng.randint(10**9, 10**10))
    if way < 0.25:
        return {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign, "landing_page": "/"}
    if way < 0.35:
        return {"landing_page": f"https://clinic.example/?{written}"}
    if way < 0.42:
        return {"landing_page": f"/implants?{written}&{kind}={value}"}
    if way < 0.48:
        return {"click_id": f"{kind}:{value}", "utm_campaign": campaign, "utm_medium": medium}
    if way < 0.54:
        return {
            "click_id": value,
            "landing_page": f"https://clinic.example/?{kind}={value}&utm_campaign={quote(campaign)}",
        }
    if way < 0.58:
        return {"click_id": value, "utm_source": source, "utm_medium": medium}
    if way < 0.8:
        return {"referrer": rng.choice(REFERRERS), "landing_page": "https://www.clinic.example/therapy"}
    return {}


def add_sessions(m: Month, actor: Actor, until: datetime) -> None:
    """Sessions of the actor's browsers before a contact; some within half an hour, some long ago, a few later."""
    for client in actor.clients:
        for _ in range(m.rng.randint(0, 3)):
            minutes = m.rng.choice((-90, 7, 20, 45, 600, 3000, 20000, 80000, 150000)) + m.rng.randint(0, 6)
            m.add(
                "sessions",
                session_id=m.number("W"),
                client_id=client,
                started_at=m.stamp(until - timedelta(minutes=minutes, seconds=m.rng.randint(1, 50))),
                site="clinic.example",
                phone=m.written_phone(actor.phones[0]) if actor.phones and m.maybe(0.3) else "",
                email=actor.emails[0] if actor.emails and m.maybe(0.2) else "",
                **tags(m),
            )


def add_contact(m: Month, actor: Actor, clinic_id: str, at: datetime, direction: str, **extra: str) -> dict[str, str]:
    rng = m.rng
    outbound = direction == "outbound"
    kinds = ("call", "call", "call", "form", "message", "email", "callback_order", "aggregator", "front_desk")
    kind = "call" if outbound else rng.choice(kinds)
    values: dict[str, str] = {
        "contact_id": m.number("E"),
        "clinic_id": clinic_id,
        "occurred_at": m.stamp(at, clinic_id),
        "kind": kind,
        "direction": direction,
        "topic": rng.choice(TOPICS),
        "administrator_id": rng.choice(("", "anna", "boris", "vera", "gone")),
        "people_group": rng.choice(("",) * 8 + ("wants_to_book",) * 5 + ("already_booked", "other", "employee")),
        "outcome": rng.choice(("",) * 10 + ("booked", "declined", "declined", "request_saved", "waiting_list", "spam")),
        "how_learned": rng.choice(HOW_LEARNED) if m.maybe(0.3) else "",
    }
    if values["outcome"] == "declined":
        values["refusal_reason"] = rng.choice(("expensive", "far", "thinking"))
    if kind == "call":
        values["is_answered"] = rng.choice(("true", "true", "false", ""))
        values["recording_url"] = f"https://calls.example/{values['contact_id']}"
    if actor.phones and kind != "email" and m.maybe(0.9):
        values["phone"] = m.written_phone(rng.choice(actor.phones))
    if actor.emails and (kind in {"form", "email"} or m.maybe(0.2)):
        values["email"] = rng.choice(actor.emails)
    if actor.clients and kind in {"call", "form", "message"} and m.maybe(0.75):
        values["client_id"] = rng.choice(actor.clients)
    if actor.patients and m.maybe(0.45):
        many = rng.randint(1, min(2, len(actor.patients)))
        values["patient_ids"] = ";".join(rng.sample(actor.patients, many))
    if kind in {"call", "email"} and m.maybe(0.25):
        values["called_address"] = rng.choice([m.written_phone(TRACKED["banner"]), TRACKED["flyer"], TRACKED["mail"]])
    if kind in {"form", "callback_order", "message", "aggregator"} and m.maybe(0.65):
        values |= tags(m)
    return m.add("contacts", **(values | extra))


def add_visit_and_money(m: Month, patient_id: str, clinic_id: str, created: datetime, contact_id: str) -> None:
    """An appointment and what followed: a visit or not, instalments, refunds, sales, a plan of treatment."""
    rng = m.rng
    status = rng.choice(
        ("planned", "waiting_list", "arrived", "arrived", "completed", "completed", "completed", "no_show", "cancelled")
    )
    starts = m.working_time(clinic_id, (created + timedelta(days=rng.choice((0, 1, 3, 9, 40)))).date())
    if starts <= created:
        starts = created + timedelta(hours=3)
    direction = rng.choice(TOPICS)
    id_ = m.number("A")
    m.add(
        "appointments",
        appointment_id=id_,
        patient_id=patient_id,
        clinic_id=clinic_id,
        direction=direction,
        created_at=m.stamp(created, clinic_id),
        created_by=rng.choice(("anna", "boris", "")),
        contact_id=contact_id,
        starts_at="" if status == "waiting_list" else m.stamp(starts, clinic_id),
        status=status,
        not_arrived_reason="fell ill" if status in {"no_show", "cancelled"} and m.maybe(0.7) else "",
    )
    came = status in {"arrived", "completed"}
    payer = rng.choice(sorted(m.card_clinic)) if m.maybe(0.03) else patient_id
    if came and m.maybe(0.8):
        total = rng.randint(1000, 90000)
        parts = [total] if m.maybe(0.6) else [total // 3, total - total // 3]
        parts += [-total] if m.maybe(0.1) else [-total // 4] if m.maybe(0.1) else []
        for place, part in enumerate(parts):
            paid_at = starts + timedelta(days=20 * place, hours=1, minutes=rng.randint(0, 50))
            on = id_ if m.maybe(0.75) else ""
            where = clinic_id if m.maybe(0.85) else m.clinic()
            add_payment(m, payer, where, paid_at, part, on)
        if m.maybe(0.85):
            add_sales(m, patient_id, clinic_id, starts, id_, total)
    elif m.maybe(0.2):  # a prepayment
        add_payment(m, patient_id, clinic_id, created + timedelta(minutes=30), rng.randint(500, 5000), "")
    if came and m.maybe(0.5):
        plan, stages = m.number("T"), rng.randint(1, 3)
        done = stages if m.maybe(0.6) else stages - 1
        opened = starts + timedelta(days=rng.choice((-5, 0, 0, 10)))
        plan_direction = direction if m.maybe(0.7) else rng.choice(TOPICS)
        for stage in range(1, stages + 1):
            m.add(
                "treatment_stages",
                stage_id=f"{plan}-{stage}",
                plan_id=plan,
                patient_id=patient_id,
                clinic_id=clinic_id,
                direction=plan_direction,
                opened_at=m.stamp(opened, clinic_id),
                stage_number=stage,
                done_at=m.stamp(opened + timedelta(days=7 * stage), clinic_id) if stage <= done else "",
            )


def add_payment(m: Month, patient_id: str, clinic_id: str, at: datetime, amount: int, appointment_id: str) -> None:
    euros = m.maybe(0.05)
    m.add(
        "payments",
        payment_id=m.number("M"),
        paid_at=m.stamp(at, clinic_id),
        patient_id=patient_id,
        clinic_id=clinic_id,
        appointment_id=appointment_id,
        amount=f"{amount / 100:.2f}" if euros else f"{amount}.50",
        currency="EUR" if euros else "RUB",
    )


def add_sales(m: Month, patient_id: str, clinic_id: str, at: datetime, appointment_id: str, total: int) -> None:
    for _ in range(m.rng.randint(1, 2)):
        m.add(
            "sales",
            sale_id=m.number("S"),
            sold_at=m.stamp(at + timedelta(minutes=30), clinic_id),
            patient_id=patient_id,
            clinic_id=clinic_id,
            appointment_id=appointment_id,
            item_kind="service",
            item_type="therapy",
            item="Filling",
            quantity=m.rng.randint(1, 4),
            amount=total,
            cost="" if m.maybe(0.03) else f"{total * 0.3:.2f}",
            currency="RUB",
        )
