"""Sales of a random month that follow no visit: goods and services bought again or given back, subscriptions renewed or
not."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.oracle.random_people import Month

SERVICES = (("service", "hygiene", "Hygiene"), ("goods", "home care", "Brush"), ("goods", "", "Paste"), ("", "", ""))
SUBSCRIPTIONS = (("club", "Care club", 30), ("course", "Whitening", 14), ("", "", 30))


def add_studio(m: Month) -> None:
    """Last, with a generator of its own: the rest of a month stays as it was before there were such sales."""
    m.rng = random.Random(f"studio {m.first} {len(m.rows['contacts'])}")  # noqa: S311 - repeatable, no secret
    patients = sorted(m.card_clinic)
    for _ in range(m.rng.randint(20, 60)):
        add_service(m, m.rng.choice(patients))
    for patient_id in m.rng.sample(patients, min(len(patients), 12)):
        add_subscriptions(m, patient_id)
    for _ in range(m.rng.randint(1, 5)):
        give_back(m, m.rng.choice(patients))


def add_service(m: Month, patient_id: str) -> None:
    """This month, the one before or the same of last year; some in another currency, or to nobody known."""
    kind, type_, item = m.rng.choice(SERVICES)
    months_ago = m.rng.choice((0, 0, 1, 12))
    for _ in range(m.rng.choice((1, 1, 2, 3))):
        day = m.first - timedelta(days=30.4 * months_ago) + timedelta(days=m.rng.randint(-2, 32))
        sell(m, patient_id if m.maybe(0.95) else "", day_offset=(day - m.first).days, kind=kind, type_=type_, item=item)


def give_back(m: Month, patient_id: str) -> None:
    """What somebody bought, or another, on a day with or without a purchase."""
    kind, type_, item = m.rng.choice(SERVICES)
    sell(m, patient_id, day_offset=m.rng.randint(-2, 32), kind=kind, type_=type_, item=item, sign="-")


def add_subscriptions(m: Month, patient_id: str) -> None:
    """A chain: each a little before or after the end of the last, linked or not, sometimes broken or parallel."""
    type_, item, days = m.rng.choice(SUBSCRIPTIONS)
    begins, before = m.rng.randint(-100, -20), ""
    for _ in range(m.rng.randint(1, 5)):
        ends = begins + days - 1
        before = sell(
            m,
            patient_id if m.maybe(0.97) else m.rng.choice(sorted(m.card_clinic)),
            day_offset=begins - m.rng.choice((0, 0, 1, 5)),
            kind="subscription",
            type_=type_,
            item=item,
            valid=(begins, ends) if m.maybe(0.95) else None,
            renews=before if m.maybe(0.4) else "S-gone" if m.maybe(0.05) else "",
        )
        begins = ends + m.rng.choice((-3, 1, 1, 1, 29, 30, 31, 40))


def sell(
    m: Month,
    patient_id: str,
    *,
    day_offset: int,
    kind: str,
    type_: str,
    item: str,
    valid: tuple[int, int] | None = None,
    renews: str = "",
    sign: str = "",
) -> str:
    """One line at a working hour, seldom in the first or last minute of the day; days count from the month's first."""
    clinic_id = m.card_clinic.get(patient_id) or m.clinic()
    clinic_id = clinic_id if m.maybe(0.85) else m.clinic()
    day = m.first + timedelta(days=day_offset)
    at = m.working_time(clinic_id, day)
    if m.maybe(0.1):
        at = m.local(clinic_id, day, *m.rng.choice(((0, 0, 10), (23, 59, 50))))
    euros = m.maybe(0.1)
    row = m.add(
        "sales",
        sale_id=m.number("S"),
        sold_at=m.stamp(at, clinic_id),
        patient_id=patient_id,
        clinic_id=clinic_id,
        item_kind=kind,
        item_type=type_,
        item=item,
        quantity=m.rng.choice(("", "1", "2", "0.5")),
        amount=f"{sign}{m.rng.randint(100, 900000) / 100:.2f}",
        cost=f"{m.rng.randint(0, 9000) / 100:.2f}" if m.maybe(0.97) else "",
        currency="EUR" if euros else "RUB",
        valid_from=(m.first + timedelta(days=valid[0])).isoformat() if valid else "",
        valid_to=(m.first + timedelta(days=valid[1])).isoformat() if valid else "",
        renews_sale_id=renews,
    )
    return row["sale_id"]
