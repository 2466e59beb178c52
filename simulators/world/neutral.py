"""What the warehouse must hold after everything was extracted; docs/sources/simulators.md is the mapping in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from extractors.kinds import KIND_BY_NAME, KINDS
from simulators.world.model import Contact, Session, World
from simulators.world.neutral_clinic import (
    CURRENCY,
    Sourced,
    appointments,
    patients,
    payments,
    sales,
    schedule_slots,
    treatment_stages,
)
from simulators.world.neutral_crm import deal_items, deal_stages, deals

Row = dict[str, Any]
# Platform → what its rows of spend say: channel, source, medium, whether the amount includes VAT.
SPEND = {
    "yandex_direct": ("paid_search", "yandex", "cpc", True),
    "google_ads": ("paid_search", "google", "cpc", False),
    "meta_ads": ("paid_social", "facebook", "cpc", False),
    "vk_ads": ("paid_social", "vk", "cpc", True),
}
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def neutral_rows(world: World) -> dict[str, list[Row]]:
    """Every kind of `extractors.kinds`, in its columns; a kind without rows is an empty list."""
    return {kind: [row for _, row in rows] for kind, rows in sourced_rows(world).items()}


def rows_of(world: World, source: str) -> dict[str, list[Row]]:
    """The same of one source; `files` is the source of what no vendor carries."""
    return {kind: [row for owner, row in rows if owner == source] for kind, rows in sourced_rows(world).items()}


def sourced_rows(world: World) -> dict[str, list[tuple[str, Row]]]:
    """Kind → (source, row); the source `files` has what no vendor could carry."""
    sessions = {session.session_id: session for session in world.sessions}
    made: dict[str, list[tuple[str, Row]]] = {
        "clinics": _files(
            {"clinic_id": c.clinic_id, "name": c.name, "time_zone": c.time_zone} for c in world.clinics
        ),
        "employees": _files(_employees(world)),
        "counterparties": _files(
            {"name": name, "phones": [phone], "emails": None, "phones_e164": [phone]}
            for name, phone in world.counterparties
        ),
        "patients": patients(world),
        "contacts": [(_carrier(contact), _contact(world, contact, sessions)) for contact in world.contacts],
        "sessions": _sessions(world),
        "tracking_addresses": _files(_addresses(world)),
        "ad_spend": _platform_spend(world) + _files(_hand_spend(world)),
        "appointments": appointments(world),
        "sales": sales(world),
        "payments": payments(world),
        "treatment_stages": treatment_stages(world),
        "schedule_slots": schedule_slots(world),
        "deals": deals(world),
        "deal_stages": deal_stages(world),
        "deal_items": deal_items(world),
        "currency_rates": [
            ("currency_rates", {"date": r.day, "currency": r.currency, "rate": r.value / r.nominal})
            for r in world.currency_rates
        ],
    }
    return {
        kind.name: [(owner, _complete(kind.name, row)) for owner, row in made.get(kind.name, [])] for kind in KINDS
    }


def _files(rows: Iterable[Row]) -> Sourced:
    return [("files", row) for row in rows]


def _complete(kind: str, row: Row) -> Row:
    """The row in the kind's own columns and order; a column that the source cannot fill is null."""
    names = [column.name for column in KIND_BY_NAME[kind].columns]
    unknown = set(row) - set(names)
    if unknown:
        raise KeyError(f"{kind}: {sorted(unknown)} are not columns of the kind")
    return {name: row.get(name) for name in names}


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


def stated_tags(world: World, contact: Contact) -> list[str]:
    """What the administrator said, as the tags that the clinic sets by hand at the call tracker."""
    words = (
        ("group", contact.people_group),
        ("topic", contact.topic),
        ("outcome", contact.outcome),
        ("refusal", contact.refusal_reason),
        ("learned", contact.how_learned),
    )
    named = [f"patient:{card}" for card in _named(world, contact)]
    return [f"{word}:{value}" for word, value in words if value] + named


def _named(world: World, contact: Contact) -> list[str]:
    """The cards that the administrator named, by the ids that the warehouse gives them."""
    return [f"{world.systems[contact.clinic_id].clinic}:{number}" for number in contact.named_patients]


def plain_tags(contact: Contact) -> list[str]:
    """The other tags of a call tracker's record: what it says by itself, then what the clinic added."""
    own: list[str] = []
    if contact.kind == "callback_order":
        own = ["Обратный звонок с формы"]
    elif contact.system == "calltouch_call":
        own = ["статика"] if contact.static_number else ["звонок", "динамика"]
    return [*own, *contact.tags]


def _carrier(contact: Contact) -> str:
    """The source that carries a contact."""
    return "files" if contact.system == "desk" else contact.system.partition("_")[0]


def _contact(world: World, c: Contact, sessions: dict[int, Session]) -> Row:
    vendor = c.system not in ("desk", "aggregators")  # call trackers write digits only
    lost_at_uis = c.system == "uis_call" and c.is_answered is False  # it counts no talk of a call that nobody took
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
        "patient_ids": _named(world, c) or None,
        "administrator_id": c.administrator_id,
        "people_group": c.people_group,
        "topic": c.topic,
        "how_learned": c.how_learned,
        "outcome": c.outcome,
        "refusal_reason": c.refusal_reason,
        "is_answered": c.is_answered,
        "talk_seconds": None if lost_at_uis else c.talk_seconds,
        "called_address": c.called_address.removeprefix("+") if vendor and c.called_address else c.called_address,
        "tags": (plain_tags(c) if vendor else list(c.tags)) or None,
        "note": c.note,
        "phone_e164": c.phone,
        "called_address_e164": c.called_address if c.called_address and c.called_address.startswith("+") else None,
    }
    if c.aggregator is not None:
        row |= {"utm_source": c.aggregator, "utm_medium": "aggregator"}
    if session is not None:
        row |= {name: getattr(session, name) for name in UTM}
        row |= {"landing_page": session.landing_page, "referrer": session.referrer}
    return row


def _sessions(world: World) -> Sourced:
    """Of a site that the call tracker counts only visits behind a contact (it shows no others), of others all."""
    served = {number for contact in world.contacts for number in contact.session_ids}
    prefix = {"calltouch": "calltouch:session", "yandex_metrica": "yandex_metrica"}
    counted = [
        (world.systems[s.clinic_id].site, s)
        for s in world.sessions
        if (s.session_id in served if world.systems[s.clinic_id].site == "calltouch" else s.started_at < world.now)
    ]
    return [
        (site, {
            "session_id": f"{prefix[site]}:{s.session_id}",
            "client_id": s.client_id,
            "started_at": s.started_at,
            "site": urlsplit(s.landing_page).hostname,
            "landing_page": s.landing_page,
            "referrer": s.referrer,
            **{name: getattr(s, name) for name in UTM},
        })
        for site, s in counted
    ]  # fmt: skip


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


def _platform_spend(world: World) -> Sourced:
    campaigns = {campaign.campaign_id: campaign for campaign in world.campaigns}
    sums: dict[tuple[date, int], list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
    for ad in world.ad_days:
        total = sums[ad.day, ad.campaign_id]
        total[0] += ad.cost
        total[1] += ad.impressions
        total[2] += ad.clicks
    rows: Sourced = []
    for (day, number), (cost, shown, clicks) in sorted(sums.items()):
        campaign = campaigns[number]
        channel, source, medium, includes_vat = SPEND[campaign.platform]
        row = {
            "date_from": day,
            "date_to": day,
            "channel": channel,
            "source": source,
            "medium": medium,
            "campaign": campaign.name,
            "clinic_id": campaign.clinic_id,
            "amount": cost,
            "currency": campaign.currency,
            "includes_vat": includes_vat,
            "impressions": shown,
            "clicks": clicks,
        }
        rows.append((campaign.platform, row))
    return rows


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
