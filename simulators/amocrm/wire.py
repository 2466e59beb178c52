"""Rows in amoCRM's JSON: Unix seconds, whole prices, and everything particular in custom fields."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from simulators.world.dealing import CrmContact, Deal, DealStage
from simulators.world.model import Clinic, World
from simulators.world.neutral_crm import CONTACT_KINDS, pipeline_name
from simulators.world.vocabulary import REFUSALS, STAGES

Row = dict[str, Any]
WON, LOST = 142, 143  # in every funnel of every account
ACCOUNT = 5_135_160
FIRST_REQUEST_FIELD = 771_001
SOURCES = {code: 5_101 + index for index, code in enumerate(CONTACT_KINDS)}
REASONS = {name: 9_201 + index for index, name in enumerate(REFUSALS)}
UTM_FIELDS = {f"utm_{part}": 3 + index for index, part in enumerate(("source", "medium", "campaign"))}
ORDER = {code: index for index, (code, _, _) in enumerate(STAGES)}
FORGOTTEN = 999  # a stage that the dictionary has lost


def pipeline_id(category_id: int) -> int:
    return 1_300 + category_id


def status_id(stage: str, category_id: int) -> int:
    """Stages have numbers of their own in each funnel, but for the last two."""
    if stage in ("WON", "LOSE"):
        return WON if stage == "WON" else LOST
    return 10_000 + 1_000 * category_id + ORDER.get(stage, FORGOTTEN)


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def tables(world: World) -> dict[str, list[Row]]:
    deals = [deal for deal in world.deals if not deal.is_template]
    return {
        "leads": [lead(deal) for deal in deals],
        "contacts": [contact(one) for one in world.crm_contacts],
        "events": events(world, {deal.deal_num for deal in deals}),
        "pipelines": [pipeline(clinic) for clinic in world.clinics],
        "users": users(world),
        "loss_reasons": [
            {"id": number, "name": name, "sort": index * 100, "created_at": 1_704_067_200, "updated_at": 1_704_067_200}
            for index, (name, number) in enumerate(REASONS.items(), start=1)
        ],
        "sources": [
            {"id": number, "name": code.title(), "external_id": code.lower(), "default": False, "pipeline_id": None}
            for code, number in SOURCES.items()
        ],
    }


def text_field(number: int, name: str, code: str | None, type_: str, value: str) -> Row:
    return {
        "field_id": number, "field_name": name, "field_code": code, "field_type": type_, "values": [{"value": value}],
    }


def lead(d: Deal) -> Row:
    fields = [
        text_field(number, name, name.upper(), "tracking_data", value)
        for name, number in UTM_FIELDS.items()
        if (value := getattr(d, name))
    ]
    if d.first_request:
        fields.append(text_field(FIRST_REQUEST_FIELD, "Первый запрос", None, "text", d.first_request))
    return {
        "id": d.deal_num,
        "name": d.title,
        "price": int(d.amount),
        "responsible_user_id": d.manager_num,
        "group_id": 625,
        "status_id": status_id(d.stage, d.category_id),
        "pipeline_id": pipeline_id(d.category_id),
        "loss_reason_id": REASONS[d.lost_reason] if d.lost_reason else None,
        "source_id": SOURCES.get(d.source_id),
        "created_by": 0,
        "updated_by": d.manager_num,
        "created_at": seconds(d.created_at),
        "updated_at": seconds(d.changed_at),
        "closed_at": None if d.semantic == "P" else seconds(d.moved_at),
        "closest_task_at": None,
        "is_deleted": False,
        "custom_fields_values": fields or None,
        "score": None,
        "account_id": ACCOUNT,
        "labor_cost": None,
        "_links": {"self": {"href": f"/api/v4/leads/{d.deal_num}"}},
        "_embedded": {
            "tags": [{"id": 1, "name": name, "color": None} for name in d.tags],
            "companies": [],
            "contacts": [{"id": d.contact_num, "is_main": True, "_links": {}}],
        },
    }


def contact(c: CrmContact) -> Row:
    fields: list[Row] = []
    if c.phones:
        kinds = ("MOB" if phone.startswith("+79") else "WORK" for phone in c.phones)
        fields.append(
            {
                "field_id": 101, "field_name": "Телефон", "field_code": "PHONE", "field_type": "multitext",
                "values": [
                    {"value": phone, "enum_id": 201, "enum_code": kind}
                    for phone, kind in zip(c.phones, kinds, strict=True)
                ],
            }
        )
    if c.email:
        fields.append(
            {
                "field_id": 102, "field_name": "Email", "field_code": "EMAIL", "field_type": "multitext",
                "values": [{"value": c.email, "enum_id": 203, "enum_code": "WORK"}],
            }
        )
    return {
        "id": c.contact_num,
        "name": f"{c.first_name} {c.last_name}",
        "first_name": c.first_name,
        "last_name": c.last_name,
        "responsible_user_id": 1,
        "group_id": 625,
        "created_by": 0,
        "updated_by": 0,
        "created_at": seconds(c.created_at),
        "updated_at": seconds(c.created_at),
        "closest_task_at": None,
        "is_deleted": False,
        "is_unsorted": False,
        "custom_fields_values": fields or None,
        "account_id": ACCOUNT,
        "_links": {"self": {"href": f"/api/v4/contacts/{c.contact_num}"}},
        "_embedded": {"tags": [], "companies": []},
    }


def events(world: World, served: set[int]) -> list[Row]:
    """The first stage of a lead is no move: it is in `value_before` of the first one."""
    walks: dict[int, list[DealStage]] = defaultdict(list)
    for stage in world.deal_stages:
        if stage.deal_num in served:
            walks[stage.deal_num].append(stage)
    made = []
    for walk in walks.values():
        walk.sort(key=lambda stage: stage.entered_at)
        made.append(event(walk[0].history_num, "lead_added", walk[0].deal_num, walk[0].entered_at))
        made.extend(
            event(now.history_num, "lead_status_changed", now.deal_num, now.entered_at, _value(before), _value(now))
            for before, now in pairwise(walk)
        )
    return made


def event(
    number: int, type_: str, lead_id: int, at: datetime, before: Row | None = None, after: Row | None = None
) -> Row:
    return {
        "id": f"01simulated{number:015d}",
        "type": type_,
        "entity_id": lead_id,
        "entity_type": "lead",
        "created_by": 1,
        "created_at": seconds(at),
        "value_before": [before] if before else [],
        "value_after": [after] if after else [],
        "account_id": ACCOUNT,
        "_links": {},
        "_embedded": {"entity": {"id": lead_id}},
    }


def _value(stage: DealStage) -> Row:
    return {
        "lead_status": {
            "id": status_id(stage.stage, stage.category_id), "pipeline_id": pipeline_id(stage.category_id),
        }
    }


def pipeline(clinic: Clinic) -> Row:
    number = pipeline_id(clinic.category_id)
    return {
        "id": number,
        "name": pipeline_name(clinic.category_id, clinic.name),
        "sort": 1 + clinic.category_id,
        "is_main": clinic.category_id == 0,
        "is_unsorted_on": False,
        "is_archive": False,
        "account_id": ACCOUNT,
        "_links": {},
        "_embedded": {
            "statuses": [
                {
                    "id": status_id(code, clinic.category_id), "name": name, "sort": 10 * (index + 1),
                    "is_editable": semantic == "P", "pipeline_id": number, "color": "#fffeb2", "type": 0,
                    "account_id": ACCOUNT, "_links": {},
                }
                for index, (code, name, semantic) in enumerate(STAGES)
                if code != "APOLOGY"  # one way to lose is all there is
            ]
        },
    }


def users(world: World) -> list[Row]:
    managers = [(one.vendor_num, one.full_name) for one in world.employees if one.group == "managers"]
    return [
        {
            "id": number, "name": name, "email": f"manager{number}@example.org", "lang": "ru",
            "rights": {"is_admin": number == 1, "is_active": True}, "_links": {},
        }
        for number, name in [(1, "Администратор"), *managers]
    ]
