"""The values of the invented city. Frozen: once told, the story does not change.

Instants are aware `datetime`s in UTC with whole seconds; money is `Decimal` roubles with kopecks; phones are E.164 in
fictional ranges (+7900000xxxx mobile, +7495000xxxx landline), e-mails end in example.org.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from simulators.world.advertising import AdDay, Campaign, CurrencyRate, HandSpend, TrackingAddress
from simulators.world.dealing import CrmContact, CrmSystem, Deal, DealItem, DealStage
from simulators.world.treatment import Appointment, Payment, PaySplit, Plan, PlanStage, Procedure, Slot

ContactSystem = Literal[
    "calltouch_call", "calltouch_request", "uis_call", "uis_request", "uis_chat", "aggregators", "desk"
]  # fmt: skip
CallSystem = Literal["calltouch", "uis"]
ClinicSystem = Literal["open_dental", "fhir", "ident"]
SiteSystem = Literal["calltouch", "yandex_metrica"]


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
    """One contact as it happened. `named_patients`: at the front desk, and of several booked in one call.
    `session_ids` end with its own.

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
