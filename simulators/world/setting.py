"""What stands before the first call: clinics, staff, campaigns, tracking numbers, spend and the schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from simulators.world import advertising, model, treatment
from simulators.world.city import City
from simulators.world.vocabulary import FEMALE_FIRST, LAST_STEMS, MALE_FIRST, STREETS, TIME_ZONES, TOPICS, Topic

KOPECK = Decimal("0.01")
NETWORK_LOGIN = "chairside-network"
# Clinic 1 works as the first line says, clinic 2 as the second, clinic 4 as the first again.
SYSTEMS = (
    model.Systems("calltouch", "bitrix24", "open_dental", "calltouch"),
    model.Systems("uis", "amocrm", "fhir", "yandex_metrica"),
    model.Systems("uis", "amocrm", "ident", "yandex_metrica"),
)


@dataclass(frozen=True, slots=True)
class Billing:
    """How a platform beside Direct sells: its first numbers of campaigns and accounts, a campaign per topic, and per
    ad and day the impressions, clicks per impression, and the price of a click in hundredths of the currency."""

    platform: advertising.Platform
    campaign_id: int
    account: int
    topics: tuple[str, ...]
    currency: str
    shown: int
    click_share: tuple[float, float]
    click_price: tuple[int, int]


OTHERS = (
    Billing("google_ads", 21_000_000_000, 7_000_000_000, ("implants", "therapy"), "RUB", 400, (0.01, 0.03),
            (3_000, 9_000)),
    Billing("meta_ads", 120_200_000_000_000, 100_000_000_000_000, ("orthodontics",), "USD", 700, (0.008, 0.02),
            (20, 90)),
    Billing("vk_ads", 6_600_000, 5_500_000, ("family",), "RUB", 2_500, (0.005, 0.012), (2_000, 6_500)),
)  # fmt: skip
CURRENCIES = (("USD", 1, 81.2), ("EUR", 1, 93.7), ("KZT", 100, 15.6))


def vat_rate(day: date) -> Decimal:
    """Russia: 20 % to 2025-12-31, 22 % after (RULES.md 12.17)."""
    return Decimal("0.22") if day >= date(2026, 1, 1) else Decimal("0.20")


def set_the_stage(city: City, clinics: int, systems: Sequence[model.Systems]) -> None:
    for number in range(1, clinics + 1):
        _clinic(city, number, systems[(number - 1) % len(systems)])
    _staff(city)
    _campaigns(city)
    _addresses(city)
    for topic_day in range((city.date_to - city.date_from).days + 1):
        _ad_day(city, city.date_from + timedelta(days=topic_day))
    _hand_spend(city)
    _slots(city)


def _clinic(city: City, number: int, systems: model.Systems) -> None:
    from zoneinfo import ZoneInfo

    zone = TIME_ZONES[(number - 1) % len(TIME_ZONES)]
    clinic = model.Clinic(
        clinic_id=f"C{number}",
        name=f"Clinic on {STREETS[(number - 1) % len(STREETS)]}",
        time_zone=zone,
        calltouch_site=11000 + number,
        clinic_num=number,
        category_id=number - 1,
        direct_login=f"chairside-c{number}",
        main_phone=f"+7495000{number:04d}",
    )
    city.clinics.append(clinic)
    city.zones[clinic.clinic_id] = ZoneInfo(zone)
    city.systems[clinic.clinic_id] = systems


def _name(city: City, index: int) -> str:
    female = city.chance(0.7)
    first = city.rng.choice(FEMALE_FIRST if female else MALE_FIRST)
    return f"{LAST_STEMS[index % len(LAST_STEMS)]}{'ова' if female else 'ов'} {first}"


def _staff(city: City) -> None:
    doctor_num = 0
    manager_num = 1  # 1 is the portal's administrator
    for number, clinic in enumerate(city.clinics, start=1):
        for admin in range(1, 4):
            employee_id = f"admin{(number - 1) * 3 + admin}"
            city.employees.append(
                model.Employee(
                    employee_id,
                    _name(city, number * 3 + admin),
                    clinic.clinic_id,
                    "administrators",
                    city.new_mobile() if admin == 1 else None,
                    database_role=employee_id,
                )
            )
        for topic in TOPICS:
            doctor_num += 1
            city.employees.append(
                model.Employee(
                    f"{city.systems[clinic.clinic_id].clinic}:{doctor_num}",
                    _name(city, doctor_num),
                    clinic.clinic_id,
                    "doctors",
                    city.new_mobile() if city.chance(0.4) else None,
                    doctor_num,
                    topic.word,
                )
            )
        for _ in range(2):
            manager_num += 1
            city.employees.append(
                model.Employee(
                    f"{city.systems[clinic.clinic_id].crm}:{manager_num}",
                    _name(city, manager_num + 7),
                    clinic.clinic_id,
                    "managers",
                    None,
                    manager_num,
                    database_role=f"manager{manager_num}",
                )
            )
    city.employees.append(model.Employee("marketer", _name(city, 3), None, "marketing", None, database_role="marketer"))


def _campaigns(city: City) -> None:
    base = 700_010_000
    for clinic in city.clinics:
        for topic in TOPICS[:4]:
            base += 10
            city.campaigns.append(
                advertising.Campaign(
                    base,
                    f"{topic.word}-{clinic.clinic_id.lower()}",
                    topic.word,
                    clinic.clinic_id,
                    clinic.direct_login,
                    (base * 1000 + 1, base * 1000 + 2),
                )
            )
    city.campaigns.append(advertising.Campaign(base + 10, "brand", None, None, NETWORK_LOGIN, (base * 1000 + 11,)))
    for billing in OTHERS:
        campaign_id = billing.campaign_id
        for clinic in city.clinics:
            for word in billing.topics:
                campaign_id += 1
                name = f"{word}-{billing.platform.partition('_')[0]}-{clinic.clinic_id.lower()}"
                city.campaigns.append(
                    advertising.Campaign(
                        campaign_id,
                        name,
                        word if word != "family" else None,
                        clinic.clinic_id,
                        str(billing.account + clinic.clinic_num),
                        (campaign_id * 1000 + 1, campaign_id * 1000 + 2),
                        billing.platform,
                        billing.currency,
                    )
                )


def _addresses(city: City) -> None:
    """Static numbers. The first one of a clinic carries a banner and then the radio, as in real life."""
    days = (city.date_to - city.date_from).days + 1
    change = city.date_from + timedelta(days=days // 2)
    for number, clinic in enumerate(city.clinics, start=1):
        c = clinic.clinic_id
        offline, maps = f"+749500020{number:02d}", f"+749500021{number:02d}"
        begin = city.date_from - timedelta(days=400)
        for address, channel, source, medium, campaign, valid_from, valid_to in (
            (offline, "offline", "banner", "outdoor", f"banner-{c.lower()}", begin, change - timedelta(days=1)),
            (offline, "offline", "radio", "radio", f"radio-{c.lower()}", change, None),
            (maps, "maps", "yandex_maps", "maps", f"maps-{c.lower()}", begin, None),
            (f"ask-{c.lower()}@example.org", "offline", "flyer", "print", f"flyer-{c.lower()}", begin, None),
        ):
            city.addresses.append(
                advertising.TrackingAddress(address, channel, source, medium, campaign, c, valid_from, valid_to)
            )


def _ad_day(city: City, day: date) -> None:
    others = {billing.platform: billing for billing in OTHERS}
    for campaign in city.campaigns:
        topic = next((topic for topic in TOPICS if topic.word == campaign.topic), None)
        demand = city.season(topic, day) if topic else _average_season(city, day)
        for ad_id in campaign.ad_ids:
            # A quiet ad has no row that day: the vendor sends no zero rows.
            if city.chance(0.04):
                continue
            if campaign.platform in others:
                city.ad_days.append(_other_ad(city, campaign, ad_id, day, demand, others[campaign.platform]))
                continue
            impressions = max(1, round(900 * demand * city.rng.uniform(0.7, 1.3)))
            clicks = min(impressions, round(impressions * city.rng.uniform(0.008, 0.02)))
            per_click = Decimal(city.rng.randrange(4_000, 16_000)) / 100
            net = per_click * clicks * Decimal("0.4" if topic is None else "1")
            cost = (net * (1 + vat_rate(day))).quantize(KOPECK, ROUND_HALF_UP)
            city.ad_days.append(advertising.AdDay(day, campaign.campaign_id, ad_id, impressions, clicks, cost))


def _other_ad(
    city: City, campaign: advertising.Campaign, ad_id: int, day: date, demand: float, billing: Billing
) -> advertising.AdDay:
    """A day of an ad that is billed by clicks."""
    impressions = max(1, round(billing.shown * demand * city.rng.uniform(0.7, 1.3)))
    clicks = round(impressions * city.rng.uniform(*billing.click_share))
    cost = (Decimal(city.rng.randrange(*billing.click_price)) / 100 * clicks).quantize(KOPECK, ROUND_HALF_UP)
    return advertising.AdDay(day, campaign.campaign_id, ad_id, impressions, clicks, cost)


def currency_rates(seed: int, first: date, last: date) -> tuple[advertising.CurrencyRate, ...]:
    """The central bank's rates for every Tuesday to Saturday; before a Sunday and a Monday Saturday's holds."""
    rng = random.Random(f"chairside-rates-{seed}")
    rates = []
    values = {currency: value for currency, _, value in CURRENCIES}
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for currency, nominal, _ in CURRENCIES:
            values[currency] *= rng.uniform(0.993, 1.007)
            if day.weekday() not in (6, 0):
                rates.append(advertising.CurrencyRate(day, currency, nominal, Decimal(f"{values[currency]:.4f}")))
    return tuple(rates)


def _average_season(city: City, day: date) -> float:
    return sum(city.season(topic, day) * topic.demand for topic in TOPICS)


def _hand_spend(city: City) -> None:
    for clinic in city.clinics:
        c = clinic.clinic_id
        for address in city.addresses:
            if address.clinic_id == c and address.channel == "offline" and address.source in ("banner", "radio"):
                begin, end = (
                    max(address.valid_from, city.date_from),
                    min(address.valid_to or city.date_to, city.date_to),
                )
                if begin <= end:
                    city.hand_spend.append(
                        advertising.HandSpend(
                            begin,
                            end,
                            "offline",
                            address.source,
                            address.medium,
                            address.campaign,
                            c,
                            Decimal(city.rng.randrange(2_000_000, 6_000_000)) / 100,
                            False,
                            f"{address.source} rent",
                            "marketer",
                        )
                    )
    middle = city.date_from + (city.date_to - city.date_from) / 2
    city.hand_spend.append(
        advertising.HandSpend(
            middle,
            middle,
            "offline",
            "event",
            "event",
            "city-health-day",
            None,
            Decimal("85000.00"),
            False,
            "stand and flyers",
            "marketer",
        )
    )


def _slots(city: City) -> None:
    """Hourly chairs from 10 to 18 on working days, each doctor every second day."""
    for offset in range((city.date_to - city.date_from).days + 1):
        day = city.date_from + timedelta(days=offset)
        if day.weekday() == 6:
            continue
        for doctor in (person for person in city.employees if person.group == "doctors"):
            if (doctor.vendor_num + day.toordinal()) % 2 or doctor.clinic_id is None or doctor.direction is None:
                continue
            for hour in range(10, 18):
                start = city.at(doctor.clinic_id, day, hour)
                city.slots.append(
                    treatment.Slot(
                        f"slot:{doctor.vendor_num}:{day:%Y%m%d}:{hour}",
                        doctor.clinic_id,
                        doctor.direction,
                        doctor.employee_id,
                        start,
                        start + timedelta(hours=1),
                    )
                )


def busy_topic(city: City, day: date) -> Topic:
    return city.weighted([(topic, topic.demand * city.season(topic, day)) for topic in TOPICS])
