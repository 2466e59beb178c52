"""One source's view of the city: a vendor knows its own clinics' rows and nothing else."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import get_args

from simulators.world.advertising import Platform
from simulators.world.model import Contact, Session, World

NOBODY = frozenset[str]()
PLATFORMS: tuple[str, ...] = get_args(Platform)


def clinics_of(world: World, source: str) -> frozenset[str]:
    """Ids of the clinics that use the source for something."""
    return frozenset(clinic_id for clinic_id, systems in world.systems.items() if source in astuple(systems))


def serves(contact: Contact, source: str) -> bool:
    """Whether that source carries the contact. What no vendor carries is the desk's, in import files."""
    return contact.system == source or contact.system.startswith(f"{source}_")


def seen_by(world: World, source: str) -> World:
    """See `World.seen_by`."""
    used = {part: _using(world, part, source) for part in ("calls", "crm", "clinic", "site")}
    contacts = tuple(contact for contact in world.contacts if serves(contact, source))
    clinics = clinics_of(world, source) | {contact.clinic_id for contact in contacts}
    campaigns = tuple(campaign for campaign in world.campaigns if campaign.platform == source)
    if source in PLATFORMS:
        clinics = frozenset(world.systems)
    numbers = {campaign.campaign_id for campaign in campaigns}
    deals = tuple(deal for deal in world.deals if deal.clinic_id in used["crm"])
    deal_nums = {deal.deal_num for deal in deals}
    plans = tuple(plan for plan in world.plans if plan.clinic_id in used["clinic"])
    plan_nums = {plan.plan_num for plan in plans}
    staff = {"doctors": used["clinic"], "managers": used["crm"], "administrators": used["calls"]}
    return replace(
        world,
        clinics=tuple(clinic for clinic in world.clinics if clinic.clinic_id in clinics),
        employees=tuple(one for one in world.employees if one.clinic_id in staff.get(one.group, NOBODY)),
        counterparties=(),
        patients=tuple(one for one in world.patients if one.clinic_id in used["clinic"]),
        campaigns=campaigns,
        ad_days=tuple(ad for ad in world.ad_days if ad.campaign_id in numbers),
        hand_spend=(),
        tracking_addresses=(),
        sessions=_sessions(world, contacts, used["site"]),
        contacts=contacts,
        appointments=tuple(one for one in world.appointments if one.clinic_id in used["clinic"]),
        procedures=tuple(one for one in world.procedures if one.clinic_id in used["clinic"]),
        payments=tuple(one for one in world.payments if one.clinic_id in used["clinic"]),
        pay_splits=tuple(one for one in world.pay_splits if one.clinic_id in used["clinic"]),
        plans=plans,
        plan_stages=tuple(one for one in world.plan_stages if one.plan_num in plan_nums),
        crm_contacts=tuple(one for one in world.crm_contacts if one.system == source),
        deals=deals,
        deal_stages=tuple(one for one in world.deal_stages if one.deal_num in deal_nums),
        deal_items=tuple(one for one in world.deal_items if one.deal_num in deal_nums),
        slots=tuple(one for one in world.slots if one.clinic_id in used["clinic"]),
        currency_rates=world.currency_rates if source == "currency_rates" else (),
        households=(),
    )


def _using(world: World, part: str, source: str) -> frozenset[str]:
    return frozenset(clinic_id for clinic_id, systems in world.systems.items() if getattr(systems, part) == source)


def _sessions(world: World, contacts: tuple[Contact, ...], sites: frozenset[str]) -> tuple[Session, ...]:
    """Visits behind its contacts; of the sites that it counts every visit."""
    behind = {number for contact in contacts for number in contact.session_ids}
    return tuple(
        one
        for one in world.sessions
        if one.session_id in behind or (one.clinic_id in sites and one.started_at < world.now)
    )
