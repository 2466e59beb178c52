"""The reports `channels_and_sources` and its total. RULES section 4 and section 12, items 12, 15, 18 to 24."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.inquiries import Inquiry
from tests.oracle.players import State, null_journeys, player_of, removal_effects, shapley
from tests.oracle.rows import Data
from tests.oracle.sources import LOOKBACK, Source, path_to, weights
from tests.oracle.spend import half_up
from tests.oracle.world import Payment, World, Worth, inquiry_of_payment, world

Key = tuple[str | None, ...]
LEVELS = {"total": 0, "channel": 1, "source": 2, "campaign": 3}


@dataclass
class Cell:
    """Sums of one row; every ratio is computed from them at the end."""

    mediums: set[str] = field(default_factory=set)
    spend: Fraction = Fraction(0)
    spend_with_vat: Fraction = Fraction(0)
    inquiries: Fraction = Fraction(0)
    booked: Fraction = Fraction(0)
    arrived: Fraction = Fraction(0)
    client_shares: dict[str, Fraction] = field(default_factory=dict)
    revenue: Fraction = Fraction(0)
    paid_visits: Fraction = Fraction(0)

    @property
    def clients(self) -> dict[str, Fraction]:
        """Distinct persons of the row with their share: several repeat inquiries make one client (12.21)."""
        return {person: min(share, Fraction(1)) for person, share in self.client_shares.items()}


@dataclass
class Outcomes:
    """What one inquiry adds to the report, before its credits spread it over rows."""

    inquiries: int = 0
    booked: int = 0
    arrived: int = 0
    is_client: bool = False
    payments: list[Payment] = field(default_factory=list)
    paid_visits: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.inquiries or self.booked or self.arrived or self.is_client or self.payments)


def credits_of(w: World, inquiry: Inquiry, model: str, level: str) -> list[tuple[Source, Fraction]]:
    """Sources of an inquiry with their shares, in sum exactly 1. A referral is a referral under every model (12.11)."""
    if inquiry.referral or inquiry.deciding is None:
        return [(inquiry.source, Fraction(1))]
    path = path_to(inquiry.deciding, w.touches[inquiry.person])
    if model in ("markov", "shapley"):
        length = LEVELS[level] or 1
        players: set[State] = {player_of(touch.source, length) for touch in path}
        values = shapley(players) if model == "shapley" else {one: effects(w, length).get(one, 0) for one in players}
        whole = sum(values.values())
        return [(source_of(one), Fraction(value) / whole) for one, value in values.items() if value]
    return [(touch.source, share) for touch, share in zip(path, weights(path, model), strict=True) if share]


def effects(w: World, length: int) -> dict[State, Fraction]:
    """Removal effects of the rows of a level, over all journeys loaded; solved once."""
    if length not in w.effects:
        converted = {inquiry.person for inquiry in w.inquiries if inquiry.counts}
        paths = [
            (path_to(inquiry.deciding, w.touches[inquiry.person]), True)
            for inquiry in w.inquiries
            if inquiry.counts and inquiry.deciding is not None and not inquiry.referral
        ] + [(path, False) for path in null_journeys(w.touches, converted, LOOKBACK)]
        w.effects[length] = removal_effects(
            [(tuple(player_of(touch.source, length) for touch in path), won) for path, won in paths]
        )
    return w.effects[length]


def source_of(player: State) -> Source:
    """A row of a level as a source: what the level does not tell is empty."""
    channel, source, campaign = (*player, None, None)[:3]
    return Source(str(channel), str(source or ""), None, campaign)


def key_of(source: Source, level: str) -> Key:
    return (source.channel, source.source, source.campaign)[: LEVELS[level]]


def selected(w: World, audience: str, with_referrals: bool, topic: str | None, clinic: str | None) -> list[Inquiry]:
    return [
        inquiry
        for inquiry in w.inquiries
        if inquiry.counts
        and (audience == "all" or inquiry.is_primary == (audience == "primary"))
        and (with_referrals or not inquiry.referral)
        and topic in (None, inquiry.topic or "unknown")
        and (clinic is None or inquiry.clinic_id == clinic)
    ]


def visit_of(payment: Payment) -> tuple[Any, ...]:
    """12.22: its appointment; without one, its person, clinic and local day."""
    if payment.appointment_id:
        return (payment.appointment_id,)
    return (payment.person, payment.clinic_id, payment.paid_on)


def paid_visits(w: World, claimed: list[Payment]) -> set[str]:
    """Ids: of each paid visit the first claimed payment, refunds last. A visit is paid when all its payments, whoever
    made them and whichever inquiry claims them, sum to more than 0 (12.22)."""
    sums: dict[tuple[Any, ...], Fraction] = {}
    for payment in w.payments:
        sums[visit_of(payment)] = sums.get(visit_of(payment), Fraction(0)) + payment.amount
    first: dict[tuple[Any, ...], Payment] = {}
    for payment in sorted(claimed, key=lambda one: (one.amount <= 0, one.paid_at, one.payment_id)):
        if sums[visit_of(payment)] > 0:
            first.setdefault(visit_of(payment), payment)
    return {payment.payment_id for payment in first.values()}


def outcomes(
    w: World, inquiries: list[Inquiry], date_from: date, date_to: date, basis: str, audience: str
) -> dict[str, Outcomes]:
    """Outcomes of the selected inquiries by their key: cohort (to date) or period (each by its own day, 12.24)."""
    found: dict[str, Outcomes] = {}
    paid: dict[str, list[Payment]] = {}
    for payment in w.payments:
        inquiry = inquiry_of_payment(w, payment, audience)
        if inquiry:
            paid.setdefault(inquiry.key, []).append(payment)
    firsts = paid_visits(w, [payment for payments in paid.values() for payment in payments])

    def in_period(day: date | None) -> bool:
        return day is not None and date_from <= day <= date_to

    for inquiry in inquiries:
        own_day = in_period(inquiry.local_date)
        all_payments = paid.get(inquiry.key, [])
        visits = [payment for payment in all_payments if payment.payment_id in firsts]
        booked_on = w.data.local_date(inquiry.booked_at, inquiry.clinic_id) if inquiry.booked_at else None
        visit = inquiry.visits[0] if inquiry.visits else None
        arrived_on = w.data.local_date(visit["starts_at"], visit["clinic_id"]) if visit else None
        client_on = arrived_on
        if inquiry.is_primary:
            first = w.first_visit.get(inquiry.person)
            won = first is not None and w.won_by.get(inquiry.person) is inquiry
            client_on = w.data.local_date(first["starts_at"], first["clinic_id"]) if first and won else None
        if basis == "cohort":
            one = Outcomes(
                inquiries=int(own_day),
                booked=int(own_day and inquiry.is_booked),
                arrived=int(own_day and inquiry.is_arrived),
                is_client=own_day and client_on is not None,
                payments=all_payments if own_day else [],
                paid_visits=len(visits) if own_day else 0,
            )
        else:
            one = Outcomes(
                inquiries=int(own_day),
                booked=int(inquiry.is_booked and in_period(booked_on)),
                arrived=int(in_period(arrived_on)),
                is_client=in_period(client_on),
                payments=[payment for payment in all_payments if in_period(payment.paid_on)],
                paid_visits=sum(in_period(payment.paid_on) for payment in visits),
            )
        if not one.is_empty:
            found[inquiry.key] = one
    return found


def channels_and_sources(
    data: Data,
    date_from: date,
    date_to: date,
    level: str = "channel",
    attribution_model: str = "last_non_direct",
    basis: str = "cohort",
    audience: str = "primary",
    with_referrals: bool = False,
    topic: str | None = None,
    clinic: str | None = None,
) -> list[dict[str, Any]]:
    """One row per key of the level, in the order of the key; `level='total'` gives the one row over all.

    `date_from` and `date_to` are both included. Counts are Decimals with up to six decimals (credits are fractions),
    money and percents are rounded half up to two.
    """
    w = world(data)
    inquiries = selected(w, audience, with_referrals, topic, clinic)
    cells: dict[Key, Cell] = {}
    results = outcomes(w, inquiries, date_from, date_to, basis, audience)
    for inquiry in inquiries:
        if inquiry.key in results:
            for source, share in credits_of(w, inquiry, attribution_model, level):
                cell = cells.setdefault(key_of(source, level), Cell())
                cell.mediums |= {source.medium} if source.medium else set()
                add_outcomes(cell, w, inquiry, results[inquiry.key], share)
    for day in w.spend:
        if topic is None and date_from <= day.day <= date_to and clinic in (None, day.clinic_id):
            source = Source(day.channel, day.source, day.medium, day.campaign)
            cell = cells.setdefault(key_of(source, level), Cell())
            cell.mediums |= {day.medium} if day.medium else set()
            cell.spend += day.without_vat
            cell.spend_with_vat += day.with_vat
    ordered = sorted(cells.items(), key=lambda item: tuple(part or "" for part in item[0]))
    return [row_of(key, cell, w, has_spend=topic is None) for key, cell in ordered]


def add_outcomes(cell: Cell, w: World, inquiry: Inquiry, one: Outcomes, share: Fraction) -> None:
    cell.inquiries += share * one.inquiries
    cell.booked += share * one.booked
    cell.arrived += share * one.arrived
    cell.revenue += share * sum((payment.amount for payment in one.payments), Fraction(0))
    cell.paid_visits += share * one.paid_visits
    if one.is_client:
        cell.client_shares[inquiry.person] = cell.client_shares.get(inquiry.person, Fraction(0)) + share


def ratio(numerator: Fraction, denominator: Fraction, factor: int = 1) -> Decimal | None:
    """Rounded to two decimals; None without a denominator."""
    return half_up(numerator / denominator * factor) if denominator else None


def count(value: Fraction) -> Decimal:
    return Decimal(value.numerator) if value.denominator == 1 else half_up(value, 6)


def row_of(key: Key, cell: Cell, w: World, has_spend: bool) -> dict[str, Any]:
    """`has_spend` is false under a topic filter: spend and everything divided by or from it is then None (12.18)."""
    channel, source, campaign = (*key, None, None, None)[:3]
    per = cell.spend if has_spend else Fraction(0)
    worths = [(share, w.worth.get(person, Worth())) for person, share in cell.clients.items()]
    clients = sum((share for share, _ in worths), Fraction(0))
    paying = sum((share for share, worth in worths if worth.paid > 0), Fraction(0))
    lifetime_paid = sum((share * worth.paid for share, worth in worths), Fraction(0))
    lifetime_cost = sum((share * worth.cost for share, worth in worths), Fraction(0))
    has_unknown_cost = any(worth.has_unknown_cost for _, worth in worths)
    known_profit = any(worth.has_sales for _, worth in worths) and not has_unknown_cost

    def cost_per(denominator: Fraction) -> Decimal | None:
        return ratio(per, denominator) if per else None

    return {
        "channel": channel,
        "source": source,
        "medium": ", ".join(sorted(cell.mediums)) or None,
        "campaign": campaign,
        "spend": half_up(cell.spend) if has_spend else None,
        "spend_with_vat": half_up(cell.spend_with_vat) if has_spend else None,
        "inquiries": count(cell.inquiries),
        "cpl": cost_per(cell.inquiries),
        "booked": count(cell.booked),
        "arrived": count(cell.arrived),
        "clients": count(clients),
        "cpo": cost_per(clients),
        "paying_clients": count(paying),
        "cost_per_paying_client": cost_per(paying),
        "revenue": half_up(cell.revenue),
        "roi_percent": ratio(cell.revenue - per, per, 100),
        "revenue_to_spend": half_up(cell.revenue / per, 4) if per else None,
        "paid_visits": count(cell.paid_visits),
        "average_cheque": ratio(cell.revenue, cell.paid_visits),
        "revenue_per_client": ratio(cell.revenue, clients),
        "ltv": ratio(lifetime_paid - lifetime_cost, clients) if known_profit else None,
        "ltv_revenue": ratio(lifetime_paid, clients),
    }
