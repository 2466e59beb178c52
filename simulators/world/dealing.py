"""The city's CRM: clients and deals. As in `model.py`: frozen values, instants in UTC, roubles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

CrmSystem = Literal["bitrix24", "amocrm"]


@dataclass(frozen=True, slots=True)
class CrmContact:
    contact_num: int
    first_name: str
    last_name: str
    phones: tuple[str, ...]
    email: str | None
    created_at: datetime
    system: CrmSystem = "bitrix24"


@dataclass(frozen=True, slots=True)
class Deal:
    """`stage` is the bare code (`NEW`, `WON`, …) without the funnel's prefix."""

    deal_num: int
    title: str
    category_id: int
    clinic_id: str
    stage: str
    semantic: Literal["P", "S", "F"]
    amount: Decimal
    manager_num: int
    contact_num: int
    created_at: datetime
    moved_at: datetime
    changed_at: datetime
    planned_close: date
    source_id: str
    first_request: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    tags: tuple[str, ...]
    lost_reason: str | None
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class DealStage:
    history_num: int
    deal_num: int
    category_id: int
    stage: str
    semantic: Literal["P", "S", "F"]
    type_id: int
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class DealItem:
    row_num: int
    deal_num: int
    product_num: int
    name: str
    quantity: int
    price: Decimal
