"""The city's advertising: campaigns, what they cost, the addresses they lead to. As in `model.py`: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Platform = Literal["yandex_direct", "google_ads", "meta_ads", "vk_ads"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """An advertising campaign; `clinic_id` null belongs to the whole network. `login`: the account at the platform."""

    campaign_id: int
    name: str
    topic: str | None
    clinic_id: str | None
    login: str
    ad_ids: tuple[int, ...]
    platform: Platform = "yandex_direct"
    currency: str = "RUB"


@dataclass(frozen=True, slots=True)
class AdDay:
    """Statistics of one ad on one Moscow day. `cost` is in the campaign's currency and as the platform bills it: with
    VAT at Yandex and VK, without at Google and Meta."""

    day: date
    campaign_id: int
    ad_id: int
    impressions: int
    clicks: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class HandSpend:
    """Spend that a person writes down (offline)."""

    date_from: date
    date_to: date
    channel: str
    source: str
    medium: str
    campaign: str
    clinic_id: str | None
    amount: Decimal
    includes_vat: bool
    note: str
    entered_by: str


@dataclass(frozen=True, slots=True)
class CurrencyRate:
    """What the central bank set for a day: `value` roubles for `nominal` units. No row for Sundays and Mondays."""

    day: date
    currency: str
    nominal: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class TrackingAddress:
    address: str
    channel: str
    source: str
    medium: str
    campaign: str
    clinic_id: str
    valid_from: date
    valid_to: date | None
