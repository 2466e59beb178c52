"""What the warehouse must hold after everything was extracted; docs/sources/simulators.md is the mapping in words."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from extractors.kinds import KIND_BY_NAME, KINDS
from simulators.world.model import Contact, Session, World
from simulators.world.vocabulary import STAGES

Row = dict[str, Any]
STAGE_NAMES = {code: name for code, name, _ in STAGES}
CURRENCY = "RUB"
CONTACT_KINDS = {
    "CALL": "call",
    "WEBFORM": "form",
    "CALLBACK": "callback_order",
    "EMAIL": "email",
    "PARTNER": "aggregator",
}
STAGE_KINDS = {"P": "open", "S": "won", "F": "lost"}
BROKEN_CODES = ("D9986", "D9987")
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def neutral_rows(world: World) -> dict[str, list[Row]]:
    """Every kind of `extractors.kinds`, in its columns; a kind without rows is an empty list."""
    sessions = {session.session_id: session for session in world.sessions}
    made: dict[str, list[Row]] = {
        "clinics": [{"clinic_id": c.clinic_id, "name": c.name, "time_zone": c.time_zone} for c in world.clinics],
        "employees": _employees(world),
        "counterparties": [
            {"name": name, "phones": [phone], "emails": None, "phones_e164": [phone]}
            for name, phone in world.counterparties
        ],
        "patients": _patients(world),
        "contacts": [_contact(contact, sessions) for contact in world.contacts],
        "sessions": _sessions(world),
        "tracking_addresses": _addresses(world),
        "ad_spend": _direct_spend(world) + _hand_spend(world),
        "appointments": _appointments(world),
        "sales": _sales(world),
        "payments": _payments(world),
        "treatment_stages": _treatment_stages(world),
        "schedule_slots": [
            {
                "slot_id": s.slot_id,
                "clinic_id": s.clinic_id,
                "direction": s.direction,
                "doctor_id": s.doctor_id,
                "starts_at": s.starts_at,
                "ends_at": s.ends_at,
            }
            for s in world.slots
        ],
        "deals": _deals(world),
        "deal_stages": _deal_stages(world),
        "deal_items": [
            {
                "deal_id": f"bitrix24:{i.deal_num}",
                "item_kind": None,
                "item": i.name,
                "quantity": Decimal(i.quantity),
                "amount": i.price * i.quantity,
            }
            for i in world.deal_items
        ],
    }
    return {kind.name: [_complete(kind.name, row) for row in made.get(kind.name, [])] for kind in KINDS}


def _complete(kind: str, row: Row) -> Row:
    """The row in the kind's own columns and order; a column that the source cannot fill is null."""
    names = [column.name for column in KIND_BY_NAME[kind].columns]
    unknown = set(row) - set(names)
    if unknown:
        raise KeyError(f"{kind}: {sorted(unknown)} are not columns of the kind")
    return {name: row.get(name) for name in names}


def midnight(world_zone: str, day: date) -> datetime:
    """A vendor's bare date: midnight there, as an instant in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(world_zone)).astimezone(UTC)


def _zones(world: World) -> dict[str, str]:
    return {clinic.clinic_id: clinic.time_zone for clinic in world.clinics}


def _employees(world: World) -> list[Row]:
    return [
        {
            "employee_id": e.employee_id,
            "full_name": e.full_name,
            "clinic_id": e.clinic_id,
            "group": e.group,
            "phones": [e.phone] if e.phone else None,
            "database_role": e.database_role,
            "phones_e164": [e.phone] if e.phone else None,
        }
        for e in world.employees
    ]


def _patients(world: World) -> list[Row]:
    zones = _zones(world)
    rows = []
    for p in world.patients:
        phones = [phone for phone in (p.mobile, p.landline) if phone]
        rows.append(
            {
                "patient_id": f"open_dental:{p.pat_num}",
                "clinic_id": p.clinic_id,
                "full_name": f"{p.last_name} {p.first_name}",
                "birth_date": p.birth_date,
                "phones": phones or None,
                "emails": [p.email] if p.email else None,
                "how_learned": p.how_learned,
                "registered_at": midnight(zones[p.clinic_id], p.registered_on),
                "merged_into_patient_id": f"open_dental:{p.merged_into}" if p.merged_into else None,
                "phones_e164": phones or None,
            }
        )
    return rows


def stated_tags(contact: Contact) -> list[str]:
    """What the administrator said, as the tags that the clinic sets by hand at the call tracker."""
    words = (
        ("group", contact.people_group),
        ("topic", contact.topic),
        ("outcome", contact.outcome),
        ("refusal", contact.refusal_reason),
        ("learned", contact.how_learned),
    )
    return [f"{word}:{value}" for word, value in words if value]


def plain_tags(contact: Contact) -> list[str]:
    """The other tags of a call tracker's record: what it says by itself, then what the clinic added."""
    own: list[str] = []
    if contact.kind == "callback_order":
        own = ["Обратный звонок с формы"]
    elif contact.system == "calltouch_call":
        own = ["статика"] if contact.static_number else ["звонок", "динамика"]
    return [*own, *contact.tags]


def _contact(c: Contact, sessions: dict[int, Session]) -> Row:
    vendor = c.system != "desk"
    session = sessions[c.session_ids[-1]] if c.session_ids else None
    digits = c.phone.removeprefix("+") if c.phone else None
    row: Row = {
        "contact_id": c.contact_id,
        "clinic_id": c.clinic_id,
        "occurred_at": c.occurred_at,
        "kind": c.kind,
        "direction": c.direction,
        "phone": digits if vendor else c.phone,
        "email": c.email,
        "client_id": c.client_id,
        "patient_ids": [f"open_dental:{number}" for number in c.named_patients] or None,
        "administrator_id": c.administrator_id,
        "people_group": c.people_group,
        "topic": c.topic,
        "how_learned": c.how_learned,
        "outcome": c.outcome,
        "refusal_reason": c.refusal_reason,
        "is_answered": c.is_answered,
        "talk_seconds": c.talk_seconds,
        "called_address": c.called_address.removeprefix("+") if vendor and c.called_address else c.called_address,
        "tags": (plain_tags(c) if vendor else list(c.tags)) or None,
        "note": c.note,
        "phone_e164": c.phone,
        "called_address_e164": c.called_address if c.called_address and c.called_address.startswith("+") else None,
    }
    if session is not None:
        row |= {name: getattr(session, name) for name in UTM}
        row |= {"landing_page": session.landing_page, "referrer": session.referrer}
    return row


def _sessions(world: World) -> list[Row]:
    """Only visits behind a contact: the call tracker shows no others."""
    served = {number for contact in world.contacts for number in contact.session_ids}
    return [
        {
            "session_id": f"calltouch:session:{s.session_id}",
            "client_id": s.client_id,
            "started_at": s.started_at,
            "site": urlsplit(s.landing_page).hostname,
            "landing_page": s.landing_page,
            "referrer": s.referrer,
            **{name: getattr(s, name) for name in UTM},
        }
        for s in world.sessions
        if s.session_id in served
    ]


def _addresses(world: World) -> list[Row]:
    return [
        {
            "address": a.address,
            "channel": a.channel,
            "source": a.source,
            "medium": a.medium,
            "campaign": a.campaign,
            "clinic_id": a.clinic_id,
            "valid_from": a.valid_from,
            "valid_to": a.valid_to,
            "address_e164": a.address if a.address.startswith("+") else None,
        }
        for a in world.tracking_addresses
    ]


def _direct_spend(world: World) -> list[Row]:
    campaigns = {campaign.campaign_id: campaign for campaign in world.campaigns}
    sums: dict[tuple[date, int], list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
    for ad in world.ad_days:
        total = sums[ad.day, ad.campaign_id]
        total[0] += ad.cost
        total[1] += ad.impressions
        total[2] += ad.clicks
    return [
        {
            "date_from": day,
            "date_to": day,
            "channel": "paid_search",
            "source": "yandex",
            "medium": "cpc",
            "campaign": campaigns[number].name,
            "clinic_id": campaigns[number].clinic_id,
            "amount": cost,
            "currency": CURRENCY,
            "includes_vat": True,
            "impressions": shown,
            "clicks": clicks,
        }
        for (day, number), (cost, shown, clicks) in sorted(sums.items())
    ]


def _hand_spend(world: World) -> list[Row]:
    return [
        {
            "date_from": h.date_from,
            "date_to": h.date_to,
            "channel": h.channel,
            "source": h.source,
            "medium": h.medium,
            "campaign": h.campaign,
            "clinic_id": h.clinic_id,
            "amount": h.amount,
            "currency": CURRENCY,
            "includes_vat": h.includes_vat,
            "note": h.note,
            "entered_by": h.entered_by,
        }
        for h in world.hand_spend
    ]


def _appointments(world: World) -> list[Row]:
    return [
        {
            "appointment_id": f"open_dental:{a.apt_num}",
            "patient_id": f"open_dental:{a.pat_num}",
            "clinic_id": a.clinic_id,
            "direction": a.direction,
            "doctor_id": f"open_dental:{a.prov_num}",
            "created_at": a.created_at,
            "starts_at": a.starts_at,
            "status": a.status,
            "not_arrived_reason": a.not_arrived_reason,
        }
        for a in world.appointments
        if not a.is_note
    ]


def _sales(world: World) -> list[Row]:
    zones = _zones(world)
    return [
        {
            "sale_id": f"open_dental:{p.proc_num}",
            "sold_at": midnight(zones[p.clinic_id], p.day),
            "patient_id": f"open_dental:{p.pat_num}",
            "clinic_id": p.clinic_id,
            "appointment_id": f"open_dental:{p.apt_num}" if p.apt_num else None,
            "item_kind": "service",
            "item": p.descript,
            "quantity": Decimal(p.quantity),
            "amount": p.fee,
            "currency": CURRENCY,
        }
        for p in world.procedures
        if p.status == "C" and p.code not in BROKEN_CODES
    ]


def _payments(world: World) -> list[Row]:
    zones = _zones(world)
    appointment_of = {p.proc_num: p.apt_num for p in world.procedures}
    paid: dict[int, set[int]] = defaultdict(set)
    for split in world.pay_splits:
        paid[split.pay_num].add(appointment_of[split.proc_num])
    rows = []
    for p in world.payments:
        appointments = paid[p.pay_num] - {0}
        only = appointments.pop() if len(appointments) == 1 else None
        rows.append(
            {
                "payment_id": f"open_dental:{p.pay_num}",
                "paid_at": midnight(zones[p.clinic_id], p.day),
                "patient_id": f"open_dental:{p.pat_num}",
                "clinic_id": p.clinic_id,
                "appointment_id": f"open_dental:{only}" if only else None,
                "amount": p.amount,
                "currency": CURRENCY,
            }
        )
    return rows


def _treatment_stages(world: World) -> list[Row]:
    zones = _zones(world)
    plans = {plan.plan_num: plan for plan in world.plans}
    procedures = {procedure.proc_num: procedure for procedure in world.procedures}
    rows = []
    for stage in world.plan_stages:
        plan, procedure = plans[stage.plan_num], procedures[stage.proc_num]
        zone = zones[plan.clinic_id]
        rows.append(
            {
                "stage_id": f"open_dental:{stage.attach_num}",
                "plan_id": f"open_dental:{stage.plan_num}",
                "patient_id": f"open_dental:{plan.pat_num}",
                "clinic_id": procedure.clinic_id,
                "direction": plan.direction,
                "opened_at": midnight(zone, plan.opened_on),
                "stage_number": stage.number,
                "stage": procedure.descript,
                "done_at": midnight(zone, procedure.day) if procedure.status == "C" else None,
            }
        )
    return rows


def _deals(world: World) -> list[Row]:
    contacts = {contact.contact_num: contact for contact in world.crm_contacts}
    pipelines = {clinic.category_id: pipeline_name(clinic.category_id, clinic.name) for clinic in world.clinics}
    rows = []
    for d in world.deals:
        if d.is_template:
            continue
        client = contacts[d.contact_num]
        rows.append(
            {
                "deal_id": f"bitrix24:{d.deal_num}",
                "name": d.title,
                "created_at": d.created_at,
                "closed_at": None if d.semantic == "P" else d.moved_at,
                "created_via": "crm_integration",
                "pipeline": pipelines[d.category_id],
                "stage": _stage_name(d.stage, d.category_id),
                "stage_kind": STAGE_KINDS[d.semantic],
                "amount": d.amount,
                "currency": CURRENCY,
                "manager_id": f"bitrix24:{d.manager_num}",
                "clinic_id": d.clinic_id,
                "client_name": f"{client.first_name} {client.last_name}",
                "phone": client.phones[0],
                "email": client.email,
                "contact_kind": CONTACT_KINDS.get(d.source_id),
                "utm_source": d.utm_source,
                "utm_medium": d.utm_medium,
                "utm_campaign": d.utm_campaign,
                "first_request": d.first_request,
                "tags": list(d.tags) or None,
                "lost_reason": d.lost_reason,
                "phone_e164": client.phones[0],
            }
        )
    return rows


def pipeline_name(category_id: int, clinic_name: str) -> str:
    return "Общая" if category_id == 0 else f"Воронка {clinic_name}"


def stage_id(stage: str, category_id: int) -> str:
    """Stages of every funnel but the default one carry its number."""
    return stage if category_id == 0 else f"C{category_id}:{stage}"


def _stage_name(stage: str, category_id: int) -> str:
    return STAGE_NAMES.get(stage, stage_id(stage, category_id))


def _deal_stages(world: World) -> list[Row]:
    return [
        {"deal_id": f"bitrix24:{s.deal_num}", "stage": _stage_name(s.stage, s.category_id), "entered_at": s.entered_at}
        for s in world.deal_stages
    ]
