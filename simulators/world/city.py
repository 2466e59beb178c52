"""The state of a city while it is being told: the generator, who lives there, and everything written so far."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from simulators.world import advertising, dealing, model, treatment
from simulators.world.vocabulary import FEMALE_FIRST, HOW_LEARNED, LAST_STEMS, MALE_FIRST, TOPICS, Topic

T = TypeVar("T")


@dataclass(slots=True)
class Member:
    """Somebody of a household; `cards`: clinic system → number, once there is a card in it."""

    first_name: str
    last_name: str
    birth_date: date
    child: bool
    cards: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Household:
    """People behind one phone. `second_phone` is the mobile of somebody who first called from a landline."""

    members: list[Member]
    phone: str
    second_phone: str | None
    email: str | None
    client_id: str
    ct_client_id: int
    how_learned: str | None
    calls_made: int = 0
    sessions: list[int] = field(default_factory=list)
    crm_contacts: dict[str, int] = field(default_factory=dict)

    def next_phone(self) -> str:
        """The landline for the first contact, the mobile later."""
        self.calls_made += 1
        return self.second_phone if self.second_phone and self.calls_made > 1 else self.phone


class City:
    """Collects the drafts. Numbers of contacts and sessions are provisional until `build_world` sorts them by time."""

    def __init__(self, seed: int, date_from: date, days: int, scale: float) -> None:
        self.rng = random.Random(f"chairside-city-{seed}")
        self.seed = seed
        self.scale = scale
        self.date_from = date_from
        self.date_to = date_from + timedelta(days=days - 1)
        # Midnight of the vendors' own day (UTC+3): a load of the days up to `date_to` has everything there is.
        self.now = datetime.combine(self.date_to, time(21), UTC)
        self.clinics: list[model.Clinic] = []
        self.zones: dict[str, ZoneInfo] = {}
        self.systems: dict[str, model.Systems] = {}
        self.employees: list[model.Employee] = []
        self.campaigns: list[advertising.Campaign] = []
        self.ad_days: list[advertising.AdDay] = []
        self.hand_spend: list[advertising.HandSpend] = []
        self.addresses: list[advertising.TrackingAddress] = []
        self.slots: list[treatment.Slot] = []
        self.households: list[Household] = []
        self.patients: dict[int, model.Patient] = {}
        self.sessions: list[model.Session] = []
        self.contacts: list[model.Contact] = []
        self.appointments: list[treatment.Appointment] = []
        self.procedures: list[treatment.Procedure] = []
        self.payments: list[treatment.Payment] = []
        self.splits: list[treatment.PaySplit] = []
        self.plans: list[treatment.Plan] = []
        self.plan_stages: list[treatment.PlanStage] = []
        self.crm_contacts: list[dealing.CrmContact] = []
        self.deals: list[dealing.Deal] = []
        self.deal_stages: list[dealing.DealStage] = []
        self.deal_items: list[dealing.DealItem] = []
        self._mobile = 0
        self._landline = 3000  # below are the clinics' own and tracking numbers

    # chance -------------------------------------------------------------------------------------------------------
    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def count(self, mean: float) -> int:
        """A count around `mean` with about a Poisson's spread."""
        return max(0, round(self.rng.gauss(mean, mean**0.5))) if mean > 4 else int(mean + self.rng.random())

    def weighted(self, pairs: Sequence[tuple[T, float]]) -> T:
        return self.rng.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]

    # time ---------------------------------------------------------------------------------------------------------
    def at(self, clinic_id: str, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """The instant (UTC) of a wall clock time in that clinic."""
        return datetime.combine(day, time(hour, minute, second), self.zones[clinic_id]).astimezone(UTC)

    def local_day(self, clinic_id: str, instant: datetime) -> date:
        return instant.astimezone(self.zones[clinic_id]).date()

    def season(self, topic: Topic, day: date) -> float:
        """How much of its usual demand a topic has: more in its months, less at weekends and after New Year."""
        factor = 1.35 if day.month in topic.season else 0.92
        if day.weekday() == 6:
            factor *= 0.45
        elif day.weekday() == 5:
            factor *= 0.8
        return factor * (0.3 if day.month == 1 and day.day <= 8 else 1.0)

    # people -------------------------------------------------------------------------------------------------------
    def new_mobile(self) -> str:
        self._mobile += 1
        return f"+7900000{self._mobile:04d}"

    def new_landline(self) -> str:
        self._landline += 1
        return f"+7495000{self._landline:04d}"

    def staff(self, clinic_id: str, group: str) -> list[model.Employee]:
        return [person for person in self.employees if person.clinic_id == clinic_id and person.group == group]

    def doctor(self, clinic_id: str, direction: str) -> model.Employee:
        doctors = self.staff(clinic_id, "doctors")
        return next((doctor for doctor in doctors if doctor.direction == direction), doctors[0])

    def new_household(self, day: date, *, family: bool = False) -> Household:
        """A single person, a person with two numbers, or a parent with children behind one phone (always, if asked)."""
        rng = self.rng
        stem = rng.choice(LAST_STEMS)
        adult_female = self.chance(0.6)
        adult = Member(
            rng.choice(FEMALE_FIRST if adult_female else MALE_FIRST),
            f"{stem}{'ова' if adult_female else 'ов'}",
            _birth(rng, day, 20, 70),
            child=False,
        )
        members = [adult]
        shape = self.weighted((("single", 60.0), ("two_numbers", 10.0), ("family", 30.0)))
        if family or shape == "family":
            for _ in range(rng.choice((1, 2, 2))):
                girl = self.chance(0.5)
                members.append(
                    Member(
                        rng.choice(FEMALE_FIRST if girl else MALE_FIRST),
                        f"{stem}{'ова' if girl else 'ов'}",
                        _birth(rng, day, 3, 15),
                        child=True,
                    )
                )
        number = len(self.households) + 1
        two = shape == "two_numbers" and not family
        household = Household(
            members=members,
            phone=self.new_landline() if two and self._landline < 9000 else self.new_mobile(),
            second_phone=self.new_mobile() if two else None,
            email=f"person{number}@example.org" if self.chance(0.35) else None,
            client_id=f"{1_690_000_000 + number * 997}{rng.randrange(10**8, 10**9)}",
            ct_client_id=800_000_000_800_000_000 + number,
            how_learned=self.weighted(HOW_LEARNED),
        )
        self.households.append(household)
        return household

    def card(self, household: Household, member: Member, clinic_id: str, day: date) -> int:
        """The patient's card at first booking; a parent's phone is the child's phone too."""
        system = self.systems[clinic_id].clinic
        if system not in member.cards:
            member.cards[system] = self._new_card(household, member, clinic_id, day)
        elif self.chance(0.05) and system != "ident":
            # A hurried administrator makes a second card; it is merged into the first one later. IDENT tells nobody.
            return self._new_card(household, member, clinic_id, day, merged_into=member.cards[system])
        return member.cards[system]

    def _new_card(
        self, household: Household, member: Member, clinic_id: str, day: date, merged_into: int | None = None
    ) -> int:
        pat_num = len(self.patients) + 1
        landline = household.phone if household.phone.startswith("+7495") else None
        mobile = household.second_phone if landline else household.phone
        if self.chance(0.025):
            # A hurried administrator types the network's own number: it soon has too many owners to mean anybody.
            mobile = self.clinics[0].main_phone
        self.patients[pat_num] = model.Patient(
            pat_num=pat_num,
            clinic_id=clinic_id,
            last_name=member.last_name,
            first_name=member.first_name,
            birth_date=member.birth_date if self.chance(0.9) else None,
            mobile=mobile,
            landline=landline,
            email=household.email if not member.child else None,
            registered_on=day,
            how_learned=household.how_learned,
            merged_into=merged_into,
        )
        return pat_num


def _birth(rng: random.Random, day: date, youngest: int, oldest: int) -> date:
    return day - timedelta(days=rng.randrange(youngest * 365, oldest * 365))


def topic_of(word: str) -> Topic:
    return next(topic for topic in TOPICS if topic.word == word)
