"""The values of the invented city. Frozen: once told, the story does not change.

Instants are aware `datetime`s in UTC with whole seconds; money is `Decimal` roubles with kopecks; phones are E.164 in
fictional ranges (+7900000xxxx mobile, +7495000xxxx landline), e-mails end in example.org.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

ContactSystem = Literal[
    "calltouch_call", "calltouch_request", "uis_call", "uis_request", "uis_chat", "aggregators", "desk"
]  # fmt: skip
CallSystem = Literal["calltouch", "uis"]
CrmSystem = Literal["bitrix24", "amocrm"]
ClinicSystem = Literal["open_dental", "fhir", "ident"]
SiteSystem = Literal["calltouch", "yandex_metrica"]
Platform = Literal["yandex_direct", "google_ads", "meta_ads", "vk_ads"]


@dataclass(frozen=True, slots=True)
class Systems:
    """Which source knows what of a clinic: its calls and requests, its deals, its patients, its site's visits."""

    calls: CallSystem
    crm: CrmSystem
    clinic: ClinicSystem
    site: SiteSystem


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic and its numbers at each vendor."""

    clinic_id: str
    name: str
    time_zone: str
    calltouch_site: int
    clinic_num: int
    category_id: int
    direct_login: str
    main_phone: str


@dataclass(frozen=True, slots=True)
class Employee:
    """`employee_id` of doctors and CRM managers is the vendor's own id with its prefix."""

    employee_id: str
    full_name: str
    clinic_id: str | None
    group: str
    phone: str | None
    vendor_num: int = 0
    direction: str | None = None
    database_role: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """A card in the clinic system. `merged_into` is the surviving card's number."""

    pat_num: int
    clinic_id: str
    last_name: str
    first_name: str
    birth_date: date | None
    mobile: str | None
    landline: str | None
    email: str | None
    registered_on: date
    how_learned: str | None
    merged_into: int | None = None


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


@dataclass(frozen=True, slots=True)
class Session:
    """A visit to a clinic's site. `source` and `medium` are what a tracker would say; UTM is only what the link had."""

    session_id: int
    client_id: str
    ct_client_id: int
    started_at: datetime
    landing_page: str
    referrer: str | None
    source: str
    medium: str
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    campaign_id: int | None = None
    ad_id: int | None = None
    clinic_id: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact as it happened. `named_patients` is known at the front desk only; `session_ids` end with its own.

    `aggregator` is the host of the site that passed a request on.
    """

    contact_id: str
    system: ContactSystem
    vendor_num: int
    clinic_id: str
    occurred_at: datetime
    kind: str
    direction: str
    phone: str | None = None
    email: str | None = None
    client_name: str | None = None
    client_id: str | None = None
    session_ids: tuple[int, ...] = ()
    named_patients: tuple[int, ...] = ()
    administrator_id: str | None = None
    people_group: str | None = None
    topic: str | None = None
    how_learned: str | None = None
    outcome: str | None = None
    refusal_reason: str | None = None
    is_answered: bool | None = None
    talk_seconds: int | None = None
    called_address: str | None = None
    static_number: bool = False
    tags: tuple[str, ...] = ()
    note: str | None = None
    aggregator: str | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """`booked_by_contact` is the story's truth; no vendor carries it. `is_note` rows are notes, not visits."""

    apt_num: int
    pat_num: int
    clinic_id: str
    direction: str
    prov_num: int
    created_at: datetime
    starts_at: datetime | None
    status: str
    arrived_at: datetime | None
    changed_at: datetime
    not_arrived_reason: str | None = None
    booked_by_contact: str | None = None
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Procedure:
    """A line of the treatment log; `status` in the vendor's letters (`TP`, `C`, `D`)."""

    proc_num: int
    pat_num: int
    clinic_id: str
    apt_num: int
    day: date
    code: str
    descript: str
    quantity: int
    fee: Decimal
    status: str
    prov_num: int
    entered_on: date
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    pay_num: int
    pat_num: int
    clinic_id: str
    day: date
    amount: Decimal
    pay_type: str


@dataclass(frozen=True, slots=True)
class PaySplit:
    split_num: int
    pay_num: int
    pat_num: int
    proc_num: int
    amount: Decimal
    prov_num: int
    clinic_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Plan:
    plan_num: int
    pat_num: int
    clinic_id: str
    direction: str
    opened_on: date
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PlanStage:
    attach_num: int
    plan_num: int
    proc_num: int
    number: int


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


@dataclass(frozen=True, slots=True)
class Slot:
    slot_id: str
    clinic_id: str
    direction: str
    doctor_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Household:
    """Who lives behind these phones, this address and this browser; no vendor knows it. `cards`: of each member the
    numbers of the cards that survive merging, one per clinic system at most."""

    phones: tuple[str, ...]
    email: str | None
    client_id: str
    cards: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class World:
    """The whole truth of `[date_from, date_to]`; `now` is the moment the vendors are asked (midnight after)."""

    seed: int
    date_from: date
    date_to: date
    now: datetime
    clinics: tuple[Clinic, ...]
    employees: tuple[Employee, ...]
    counterparties: tuple[tuple[str, str], ...]
    patients: tuple[Patient, ...]
    campaigns: tuple[Campaign, ...]
    ad_days: tuple[AdDay, ...]
    hand_spend: tuple[HandSpend, ...]
    tracking_addresses: tuple[TrackingAddress, ...]
    sessions: tuple[Session, ...]
    contacts: tuple[Contact, ...]
    appointments: tuple[Appointment, ...]
    procedures: tuple[Procedure, ...]
    payments: tuple[Payment, ...]
    pay_splits: tuple[PaySplit, ...]
    plans: tuple[Plan, ...]
    plan_stages: tuple[PlanStage, ...]
    crm_contacts: tuple[CrmContact, ...]
    deals: tuple[Deal, ...]
    deal_stages: tuple[DealStage, ...]
    deal_items: tuple[DealItem, ...]
    slots: tuple[Slot, ...]
    systems: Mapping[str, Systems]
    currency_rates: tuple[CurrencyRate, ...]
    households: tuple[Household, ...]

    def seen_by(self, source: str) -> World:
        """The part of the city that this source serves: its clinics, and of everything else only what it knows."""
        from simulators.world.seen import seen_by

        return seen_by(self, source)

    def rows_of(self, source: str) -> dict[str, list[dict[str, Any]]]:
        """Kind → the neutral rows that come from this source; `files` for import files. Together: `neutral_rows()`."""
        from simulators.world.neutral import rows_of

        return rows_of(self, source)

    def clinic(self, clinic_id: str) -> Clinic:
        return next(clinic for clinic in self.clinics if clinic.clinic_id == clinic_id)

    def neutral_rows(self) -> dict[str, list[dict[str, Any]]]:
        """Kind → rows in the columns of `extractors.kinds`: what the warehouse holds after everything was loaded.

        Values are typed (`datetime` in UTC, `date`, `Decimal`, `list[str]`); derived columns are filled.
        """
        from simulators.world.neutral import neutral_rows

        return neutral_rows(self)
