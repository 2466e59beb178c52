"""A random month hits every rule: what must occur somewhere in a few of them, and what must hold in each."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracle.deals import deal_journal
from tests.oracle.desk_reports import administrator_conversion, inquiry_history
from tests.oracle.random_month import random_month
from tests.oracle.reports import channels_and_sources, paid_visits
from tests.oracle.rows import read_folder
from tests.oracle.sales import service_buyers, service_sales
from tests.oracle.subscriptions import expiring_subscriptions
from tests.oracle.world import World, inquiry_of_payment, world

OUTCOMES = ("booked", "waiting_list", "request_saved", "declined", "missed", "spam")
GROUPS = ("wants_to_book", "already_booked", "employee", "other")
PERSONS = ("patient", "employee", "counterparty", "component", "shared", "contact")
CHANNELS = ("paid_search", "paid_social", "display", "organic", "social", "messenger", "maps", "aggregator", "email",
            "referral_site", "offline", "direct", "unknown", "referral", "how_learned", "other")  # fmt: skip
SPECIAL = ("stated booked without appointment", "callback of a later day", "callback joins none", "linked", "unlinked",
           "repeat", "completed treatment", "contact of two patients", "first visit of the last inquiry before",
           "first visit of nobody", "prepayment", "payment in another clinic", "refunded visit", "visit of two rows",
           "sale without cost", "spend of the network", "spend with VAT", "administrator unknown",
           "deal of an unknown person", "deal after sessions",
           "subscription renewed", "subscription running", "subscription may_renew", "subscription stays",
           "subscription lost", "renewed in another clinic", "sale to nobody known", "bought again",
           "sold only before", "only given back")  # fmt: skip
YEARS = (date(2024, 1, 1), date(2027, 12, 31))
MOMENT = datetime(2026, 7, 5, 9, tzinfo=UTC)


def what_occurs(w: World) -> Counter[str]:
    seen: Counter[str] = Counter()
    for inquiry in w.inquiries:
        seen[inquiry.outcome] += 1
        seen[inquiry.people_group] += 1
        seen[inquiry.person.split(":")[0]] += 1
        seen[inquiry.source.channel] += 1
        seen["repeat"] += not inquiry.is_primary
        seen["stated booked without appointment"] += inquiry.is_flagged
        seen["completed treatment"] += bool(inquiry.is_completed)
        seen["administrator unknown"] += inquiry.administrator_id == "unknown"
        seen["linked"] += any(row["contact_id"] for row in inquiry.booked)
        seen["unlinked"] += any(not row["contact_id"] for row in inquiry.booked)
        days = {w.data.local_date(contact["occurred_at"], inquiry.clinic_id) for contact in inquiry.contacts}
        seen["callback of a later day"] += len(days) > 1
    seen["callback joins none"] += sum(row["inquiry_key"] is None for row in inquiry_history(w.data))
    seen["contact of two patients"] += sum(len(persons) > 1 for persons in w.people.of_contact.values())
    for person, visit in w.first_visit.items():
        winner = w.won_by.get(person)
        seen["first visit of nobody"] += winner is None
        seen["first visit of the last inquiry before"] += winner is not None and visit not in winner.booked
    for payment in w.payments:
        inquiry_paid = inquiry_of_payment(w, payment, "primary")
        if inquiry_paid:
            seen["prepayment"] += payment.person not in w.first_visit
            seen["payment in another clinic"] += payment.clinic_id != inquiry_paid.clinic_id
    for appointment in {payment.appointment_id for payment in w.payments if payment.appointment_id}:
        own = [payment for payment in w.payments if payment.appointment_id == appointment]
        seen["refunded visit"] += not paid_visits(w, own)
        claimed = [inquiry_of_payment(w, payment, "primary") for payment in own]
        seen["visit of two rows"] += len({inquiry.key for inquiry in claimed if inquiry}) > 1
    seen["sale without cost"] += sum(sale["cost"] is None for sale in w.data["sales"])
    seen["spend of the network"] += sum(day.clinic_id is None for day in w.spend)
    seen["spend with VAT"] += sum(bool(row["includes_vat"]) for row in w.data["ad_spend"])
    for deal in deal_journal(w.data):
        seen["deal of an unknown person"] += deal["person_key"] is None
        seen["deal after sessions"] += bool(deal["sessions_before_contact"])
    for subscription in expiring_subscriptions(w.data, MOMENT, *YEARS):
        seen[f"subscription {subscription['state']}"] += 1
        seen["renewed in another clinic"] += subscription["renewed"] and not subscription["renewed_on"]
    seen["sale to nobody known"] += sum(sale["patient_id"] is None for sale in w.data["sales"])
    seen["bought again"] += sum(row["purchases"] > 1 for row in service_buyers(w.data, *YEARS))
    seen["only given back"] += sum(not row["purchases"] for row in service_buyers(w.data, *YEARS, item="Brush"))
    seen["sold only before"] += sum(not row["sales"] for row in service_sales(w.data, *YEARS))
    return seen


def test_a_few_random_months_hit_every_rule(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(8):
        random_month(seed, tmp_path / str(seed))
        seen += what_occurs(world(read_folder(tmp_path / str(seed))))
    wanted = {*OUTCOMES, *GROUPS, *PERSONS, *CHANNELS, *SPECIAL}
    assert {name for name in wanted if not seen[name]} == set()


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        random_month(3, tmp_path / folder)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert len(files) >= 14
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


@pytest.mark.parametrize("seed", range(4))
def test_rows_sum_to_the_total(seed: int, tmp_path: Path) -> None:
    first = random_month(seed, tmp_path)
    data = read_folder(tmp_path)
    period = (first, first + timedelta(days=30))
    for model in ("last_non_direct", "linear", "time_decay"):
        for basis in ("cohort", "period"):
            for audience in ("primary", "repeat", "all"):
                (total,) = channels_and_sources(data, *period, level="total", basis=basis, audience=audience)
                rows = channels_and_sources(data, *period, "campaign", model, basis, audience)
                assert total["inquiries"] > 0
                # one person may be a repeat client of several rows, and is one in the total
                clients = ("clients",) if audience == "primary" else ()
                for figure in ("inquiries", "booked", "arrived", "spend", "revenue", "paid_visits", *clients):
                    assert abs(sum(row[figure] for row in rows) - total[figure]) < Decimal("0.5"), figure
    conversion = administrator_conversion(data, *period)
    assert sum(row["inquiries"] for row in conversion[:-1]) == conversion[-1]["inquiries"] > 0
