"""The CRM's part of the neutral rows: deals, their stages and products."""

from __future__ import annotations

from decimal import Decimal

from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY, Sourced
from simulators.world.vocabulary import STAGES

STAGE_NAMES = {code: name for code, name, _ in STAGES}
CONTACT_KINDS = {
    "CALL": "call",
    "WEBFORM": "form",
    "CALLBACK": "callback_order",
    "EMAIL": "email",
    "PARTNER": "aggregator",
}
STAGE_KINDS = {"P": "open", "S": "won", "F": "lost"}


def pipeline_name(category_id: int, clinic_name: str) -> str:
    return "Общая" if category_id == 0 else f"Воронка {clinic_name}"


def stage_id(stage: str, category_id: int) -> str:
    """Stages of every funnel but the default one carry its number."""
    return stage if category_id == 0 else f"C{category_id}:{stage}"


def deals(world: World) -> Sourced:
    contacts = {contact.contact_num: contact for contact in world.crm_contacts}
    pipelines = {clinic.category_id: pipeline_name(clinic.category_id, clinic.name) for clinic in world.clinics}
    rows: Sourced = []
    for d in world.deals:
        if d.is_template:
            continue
        client = contacts[d.contact_num]
        crm = world.systems[d.clinic_id].crm
        rows.append(
            (crm, {
                "deal_id": f"{crm}:{d.deal_num}",
                "name": d.title,
                "created_at": d.created_at,
                "closed_at": None if d.semantic == "P" else d.moved_at,
                "created_via": "crm_integration",
                "pipeline": pipelines[d.category_id],
                "stage": _stage_name(d.stage, d.category_id),
                "stage_kind": STAGE_KINDS[d.semantic],
                "amount": d.amount,
                "currency": CURRENCY,
                "manager_id": f"{crm}:{d.manager_num}",
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
            })
        )  # fmt: skip
    return rows


def _stage_name(stage: str, category_id: int) -> str:
    return STAGE_NAMES.get(stage, stage_id(stage, category_id))


def _crm_of(world: World) -> dict[int, str]:
    return {deal.deal_num: world.systems[deal.clinic_id].crm for deal in world.deals}


def deal_stages(world: World) -> Sourced:
    crm = _crm_of(world)
    return [
        (crm[s.deal_num], {
            "deal_id": f"{crm[s.deal_num]}:{s.deal_num}",
            "stage": _stage_name(s.stage, s.category_id),
            "entered_at": s.entered_at,
        })
        for s in world.deal_stages
    ]  # fmt: skip


def deal_items(world: World) -> Sourced:
    """amoCRM keeps products in catalogues, which are not taken: its deals have none."""
    crm = _crm_of(world)
    return [
        (crm[i.deal_num], {
            "deal_id": f"{crm[i.deal_num]}:{i.deal_num}",
            "item_kind": None,
            "item": i.name,
            "quantity": Decimal(i.quantity),
            "amount": i.price * i.quantity,
        })
        for i in world.deal_items
    ]  # fmt: skip
