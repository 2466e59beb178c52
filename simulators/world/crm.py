"""Deals of the CRM: the expensive topics, with the history of their stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from simulators.world import dealing, model, treatment
from simulators.world.city import City, Household
from simulators.world.vocabulary import PRODUCTS, REFUSALS, REMOVED_STAGE, STAGES, Topic

SOURCE_IDS = {
    "call": "CALL",
    "form": "WEBFORM",
    "callback_order": "CALLBACK",
    "email": "EMAIL",
    "aggregator": "PARTNER",
}
OPEN_STAGES = tuple(code for code, _, semantic in STAGES if semantic == "P")
SEMANTICS: dict[str, Literal["P", "S", "F"]] = {"WON": "S", "LOSE": "F", "APOLOGY": "F"}


def follow_deal(
    city: City,
    clinic: model.Clinic,
    household: Household,
    topic: Topic,
    at: datetime,
    kind: str,
    session: model.Session | None,
    appointments: Sequence[treatment.Appointment],
    *,
    declined: bool,
    hot: bool,
) -> None:
    rng = city.rng
    created = (at + timedelta(minutes=rng.randrange(3, 40))).replace(microsecond=0)
    if created >= city.now:
        return
    crm = city.systems[clinic.clinic_id].crm
    contact_num = _crm_contact(city, household, created, crm)
    managers = city.staff(clinic.clinic_id, "managers")
    price = Decimal(rng.randrange(40_000, 260_000)) if topic.deal_share > 0.4 else Decimal(rng.randrange(8_000, 40_000))
    kopecks = Decimal(rng.choice((0, 0, 50))) / 100
    if crm == "bitrix24":  # amoCRM's prices are whole
        price += kopecks
    visited = any(appointment.status == "completed" for appointment in appointments)
    end = "LOSE" if declined else ("WON" if visited and city.chance(0.65) else "")
    deal_num = len(city.deals) + 1
    stages = _walk(city, deal_num, clinic, created, end)
    last = stages[-1]
    city.deal_stages.extend(stages)
    products = PRODUCTS.get(topic.word, ())
    city.deals.append(
        dealing.Deal(
            deal_num=deal_num,
            title=f"{products[0] if products else topic.word} №{deal_num}",
            category_id=clinic.category_id,
            clinic_id=clinic.clinic_id,
            stage=last.stage,
            semantic=last.semantic,
            amount=price,
            manager_num=rng.choice(managers).vendor_num,
            contact_num=contact_num,
            created_at=created,
            moved_at=last.entered_at,
            changed_at=last.entered_at,
            planned_close=(created + timedelta(days=30)).date(),
            source_id=SOURCE_IDS.get(kind, "OTHER"),
            first_request=topic.search_word if city.chance(0.6) else None,
            utm_source=session.utm_source if session else None,
            utm_medium=session.utm_medium if session else None,
            utm_campaign=session.utm_campaign if session else None,
            tags=("hot",) if hot or city.chance(0.08) else (),
            lost_reason=rng.choice(REFUSALS) if last.semantic == "F" and city.chance(0.8) else None,
        )
    )
    if products and last.semantic == "S" and crm == "bitrix24":
        first = (price * Decimal("0.7")).quantize(Decimal(1))
        prices = (first, price - first) if len(products) > 1 else (price,)
        for name, part in zip(products, prices, strict=True):
            city.deal_items.append(dealing.DealItem(len(city.deal_items) + 1, deal_num, 400 + len(name), name, 1, part))


def _crm_contact(city: City, household: Household, created: datetime, crm: dealing.CrmSystem) -> int:
    if crm not in household.crm_contacts:
        adult = household.members[0]
        phones = (household.phone, household.second_phone) if household.second_phone else (household.phone,)
        number = len(city.crm_contacts) + 1
        city.crm_contacts.append(
            dealing.CrmContact(
                number,
                adult.first_name,
                adult.last_name,
                tuple(phone for phone in phones if phone),
                household.email,
                created,
                crm,
            )
        )
        household.crm_contacts[crm] = number
    return household.crm_contacts[crm]


def _walk(city: City, deal_num: int, clinic: model.Clinic, created: datetime, end: str) -> list[dealing.DealStage]:
    """Stage after stage until the end or the present. History numbers are provisional."""
    rng = city.rng
    path = list(OPEN_STAGES[: rng.randrange(1, len(OPEN_STAGES) + 1)])
    if city.chance(0.03) and city.systems[clinic.clinic_id].crm == "bitrix24":
        path.insert(1, REMOVED_STAGE)
    if end:
        path.append(end)
    entered: list[dealing.DealStage] = []
    moment = created
    for index, stage in enumerate(path):
        if moment >= city.now:
            break
        semantic = SEMANTICS.get(stage, "P")
        type_id = 1 if index == 0 else (2 if semantic == "P" else 3)
        entered.append(
            dealing.DealStage(0, deal_num, clinic.category_id, stage, semantic, type_id, moment.replace(microsecond=0))
        )
        moment = moment + timedelta(hours=rng.uniform(3, 24 * 8))
    return entered


def template(city: City) -> None:
    """A recurring template, which is no sale: the vendor lists it among the deals."""
    first = next((deal for deal in city.deals if city.systems[deal.clinic_id].crm == "bitrix24"), None)
    if first is not None:
        city.deals.append(
            dealing.Deal(
                deal_num=len(city.deals) + 1,
                title="Шаблон: гигиена раз в полгода",
                category_id=first.category_id,
                clinic_id=first.clinic_id,
                stage="NEW",
                semantic="P",
                amount=Decimal(4900),
                manager_num=first.manager_num,
                contact_num=first.contact_num,
                created_at=first.created_at,
                moved_at=first.created_at,
                changed_at=first.created_at,
                planned_close=first.planned_close,
                source_id="OTHER",
                first_request=None,
                utm_source=None,
                utm_medium=None,
                utm_campaign=None,
                tags=(),
                lost_reason=None,
                is_template=True,
            )
        )
