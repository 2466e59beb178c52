"""Loads a folder of import files the way `make load` does and compares every report with the oracle, cell by cell.

The oracle (`tests/oracle`) computes the rules again in plain Python. Both sides get the same folder and moment;
person and inquiry keys are opaque, so rows of the history are matched by contact and by who shares an inquiry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from extractors.kinds import KINDS
from extractors.sources.files.load import load_inbox
from tests.oracle import deals, desk_reports, reports, sales, subscriptions
from tests.oracle.rows import Data, read_folder
from warehouse.build import build
from warehouse.migrate import migrate
from warehouse.publish import publish

MOMENT = datetime(2026, 7, 5, 9, 0, tzinfo=UTC)
HISTORY_COLUMNS = (
    "people_group", "is_primary", "topic", "channel", "source", "campaign", "administrator_id", "outcome",
    "refusal_reason", "not_arrived_reason", "why_excluded", "local_date", "is_unanswered",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call of a report: its name and parameters, the same words for SQL and for the oracle."""

    report: str
    parameters: Mapping[str, Any]


def load(url: str, folder: Path, work_folder: Path, moment: datetime = MOMENT) -> None:
    """Migrate, land, build, publish; gates are tested elsewhere. What earlier files brought is forgotten."""
    migrate(url)
    with psycopg.connect(url) as connection:
        for kind in KINDS:
            connection.execute(psycopg.sql.SQL("truncate staging.{}").format(psycopg.sql.Identifier(kind.table)))
        connection.execute("truncate staging.rejected_rows")
    summary = load_inbox(url, folder, run_id="compare", now=moment)
    assert summary.rows_rejected == 0, "a random month holds only good rows"
    build(url, run_id="compare", as_of=moment, work_folder=work_folder, say=lambda _text: None)
    publish(url, work_folder / "manifest.json", run_id="compare", now=moment)


def questions(data: Data, date_from: date, date_to: date) -> Iterator[Question]:
    """Every parameter of every report at least once, and those that interact together."""
    period: dict[str, Any] = {"date_from": date_from, "date_to": date_to}
    topics = sorted({row["topic"] for row in data["contacts"] if row["topic"]})[:2]
    clinics = sorted(row["clinic_id"] for row in data["clinics"])
    for level in ("channel", "source", "campaign", "total"):
        for basis in ("cohort", "period"):
            for audience in ("primary", "repeat", "all"):
                shape = {**period, "level": level, "basis": basis, "audience": audience}
                yield Question(report="channels_and_sources", parameters=shape)
                yield Question(report="channels_and_sources", parameters={**shape, "with_referrals": True})
    for level in ("channel", "source", "campaign", "total"):
        for model in ("markov", "shapley"):
            yield Question(
                report="channels_and_sources", parameters={**period, "level": level, "attribution_model": model}
            )
    for model in ("first_touch", "last_touch", "linear", "position_based", "time_decay", "w_shaped"):
        for audience in ("primary", "repeat", "all"):
            shape = {**period, "level": "campaign", "attribution_model": model, "audience": audience}
            yield Question(report="channels_and_sources", parameters=shape)
    for clinic in clinics:
        yield Question(report="channels_and_sources", parameters={**period, "level": "source", "clinic": clinic})
        yield Question(report="administrator_conversion", parameters={**period, "clinic": clinic})
    for topic in topics:
        shape = {**period, "level": "source", "topic": topic, "audience": "all"}
        yield Question(report="channels_and_sources", parameters=shape)
        yield Question(report="administrator_conversion", parameters={**period, "topic": topic})
    for audience in ("primary", "repeat", "all"):
        for hide in (False, True):
            shape = {**period, "audience": audience, "hide_employee_referrals": hide}
            yield Question(report="administrator_conversion", parameters=shape)
    for channel in ("paid_search", "unknown", "referral"):
        yield Question(report="administrator_conversion", parameters={**period, "channel": channel})
    yield from sales_questions(data, date_from, date_to)


def sales_questions(data: Data, date_from: date, date_to: date) -> Iterator[Question]:
    """Services, buyers and subscriptions: whole months, weeks and months that the period cuts, and days."""
    whole: dict[str, Any] = {"date_from": date_from, "date_to": date_to}
    cut: dict[str, Any] = {"date_from": date_from - timedelta(days=40), "date_to": date_to - timedelta(days=9)}
    for grain in ("day", "week", "month", "period"):
        for level in ("total", "item_kind", "item_type", "item"):
            yield Question(report="service_sales", parameters={**cut, "grain": grain, "level": level})
        yield Question(report="service_sales", parameters={**whole, "grain": grain})
    for clinic in sorted(row["clinic_id"] for row in data["clinics"]):
        yield Question(report="service_sales", parameters={**whole, "clinic": clinic})
        yield Question(report="service_buyers", parameters={**whole, "clinic": clinic})
        yield Question(report="expiring_subscriptions", parameters={"within_days": 60, "clinic": clinic})
    items = sorted({row["item"] for row in data["sales"] if row["item"]})[:3]
    for item in items:
        yield Question(report="service_sales", parameters={**whole, "grain": "week", "item": item})
        yield Question(report="service_buyers", parameters={**cut, "item": item})
    yield Question(report="service_buyers", parameters=cut)
    yield Question(report="service_buyers", parameters={**whole, "item_kind": "service"})
    yield Question(report="expiring_subscriptions", parameters={})
    yield Question(report="expiring_subscriptions", parameters=cut)
    yield Question(report="expiring_subscriptions", parameters={**cut, "within_days": 120})
    yield Question(report="subscription_renewals", parameters=cut)


def ask(connection: psycopg.Connection[Any], question: Question) -> list[dict[str, Any]]:
    names = ", ".join(f"{name} => %({name})s" for name in question.parameters)
    query = f"select * from reports.{question.report}({names})"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), question.parameters).fetchall()


def expect(data: Data, question: Question, moment: datetime = MOMENT) -> list[dict[str, Any]]:
    if question.report == "channels_and_sources":
        return reports.channels_and_sources(data, **question.parameters)
    if question.report == "service_sales":
        return sales.service_sales(data, **question.parameters)
    if question.report == "service_buyers":
        return sales.service_buyers(data, **question.parameters)
    if question.report == "expiring_subscriptions":
        return subscriptions.expiring_subscriptions(data, moment, **question.parameters)
    if question.report == "subscription_renewals":
        return subscriptions.subscription_renewals(data, moment, **question.parameters)
    return desk_reports.administrator_conversion(data, **question.parameters, as_of=moment)


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    for name in ("administrator_id", "sale_id"):
        if name in row:
            return (row[name],)
    if "item" in row:
        return (row.get("period"), row.get("item_kind"), row["item_type"], row["item"])
    if "person_key" in row:
        return (row["person_key"],)
    return (row["channel"], row["source"], row["campaign"])


def differences(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cells that differ, one line each; rows that one side lacks or has twice. Columns are the oracle's."""
    mine = {key_of(row): row for row in found}
    theirs = {key_of(row): row for row in wanted}
    lines = twice("the marts", map(key_of, found)) + twice("the oracle", map(key_of, wanted))
    lines += [f"only in the marts: {key}: {_brief(mine[key])}" for key in sorted(mine.keys() - theirs.keys(), key=str)]
    lines += [
        f"only in the oracle: {key}: {_brief(theirs[key])}" for key in sorted(theirs.keys() - mine.keys(), key=str)
    ]
    for key in sorted(mine.keys() & theirs.keys(), key=str):
        for column, value in theirs[key].items():
            if not same(mine[key][column], value):
                lines.append(f"{key} {column}: marts {mine[key][column]}, oracle {value}")
    return lines


def twice(side: str, keys: Iterable[object]) -> list[str]:
    """Keys that one side has in several rows, which a comparison by key would take for one."""
    return [f"{number} times in {side}: {key}" for key, number in Counter(keys).items() if number > 1]


def same(mine: object, theirs: object) -> bool:
    """Equal, or numbers that differ by what the last decimal of a credit can move: a kopeck, or 1e-9 of it."""
    if isinstance(mine, Decimal | int) and isinstance(theirs, Decimal | int):
        one, other = Decimal(mine), Decimal(theirs)
        if one == one.to_integral_value() and other == other.to_integral_value():
            return one == other
        return abs(one - other) <= max(Decimal("0.01"), abs(other) * Decimal("1e-9"))
    return mine == theirs


def _brief(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if value not in (None, 0)}


def history_differences(connection: psycopg.Connection[Any], data: Data) -> list[str]:
    """The history of inquiries against the oracle's: columns of every contact, and who shares an inquiry with whom."""
    with connection.cursor(row_factory=dict_row) as cursor:
        mine = cursor.execute("select * from reports.inquiry_history").fetchall()
    theirs = desk_reports.inquiry_history(data)
    lines: list[str] = []
    found = sorted(mine, key=lambda row: (row["contact_id"], person_of(row)))
    wanted = sorted(theirs, key=lambda row: (row["contact_id"], person_of(row)))
    if [(row["contact_id"], person_of(row)) for row in found] != [(r["contact_id"], person_of(r)) for r in wanted]:
        left = {(row["contact_id"], person_of(row)) for row in found}
        right = {(row["contact_id"], person_of(row)) for row in wanted}
        return [f"persons: only marts {sorted(left - right)[:8]}, only oracle {sorted(right - left)[:8]}"]
    for one, other in zip(found, wanted, strict=True):
        for column in HISTORY_COLUMNS:
            if column == "is_primary" and other[column] is None:
                continue  # a clinic-initiated contact has no inquiry that could be primary
            if column in other and one[column] != other[column]:
                lines.append(f"{one['contact_id']} {person_of(one)} {column}: {one[column]} / {other[column]}")
    for name in ("inquiry_key", "person_key"):
        if groups(found, name) != groups(wanted, name):
            lines.append(f"{name}: {sorted(map(sorted, groups(found, name) ^ groups(wanted, name)))[:6]}")
    return lines


def person_of(row: Mapping[str, Any]) -> str:
    """The person where both sides name him alike: patients and employees; others are opaque."""
    key = str(row["person_key"])
    return key if key.startswith(("patient:", "employee:")) else "-"


def groups(rows: Sequence[Mapping[str, Any]], column: str) -> set[frozenset[tuple[str, str]]]:
    shared: dict[Any, set[tuple[str, str]]] = {}
    for row in rows:
        if row[column] is not None:
            shared.setdefault(row[column], set()).add((row["contact_id"], person_of(row)))
    return {frozenset(members) for members in shared.values()}


def deal_differences(connection: psycopg.Connection[Any], data: Data, date_from: date, date_to: date) -> list[str]:
    """The deal journal, and the best deals of the period, against the oracle's."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("select * from reports.deal_journal").fetchall()
        best = cursor.execute("select * from reports.top_deals(%s, %s, 5)", (date_from, date_to)).fetchall()
        period = cursor.execute(
            "select sum(deals) as deals, sum(won) as won, sum(revenue) as revenue from reports.deal_summary(%s, %s)",
            (date_from, date_to),
        ).fetchone()
    mine = {row["deal_id"]: row for row in found}
    theirs = {row["deal_id"]: row for row in deals.deal_journal(data)}
    lines = twice("the marts", (row["deal_id"] for row in found))
    lines += [f"deals of one side only: {sorted(mine.keys() ^ theirs.keys())}"] if mine.keys() != theirs.keys() else []
    for deal_id in mine.keys() & theirs.keys():
        for column in ("amount", "days_to_close", "sessions_before_contact", "stage_kind"):
            wanted = theirs[deal_id][column]
            if not same(mine[deal_id][column], wanted):
                lines.append(f"{deal_id} {column}: {mine[deal_id][column]} / {wanted}")
        clients = [row["person_key"] and person_of(row) for row in (mine[deal_id], theirs[deal_id])]
        if clients[0] != clients[1]:
            lines.append(f"{deal_id} person_key: {clients[0]} / {clients[1]}")
    won = deals.won_deals(data, date_from, date_to)
    if [row["deal_id"] for row in best] != [row["deal_id"] for row in won[:5]]:
        lines.append(f"best deals: {[row['deal_id'] for row in best]} / {[row['deal_id'] for row in won[:5]]}")
    sums = (len(deals.deals_of_period(data, date_from, date_to)), len(won), sum(row["exact_amount"] for row in won))
    told = tuple((period or {}).get(name) or 0 for name in ("deals", "won", "revenue"))
    if told[:2] != sums[:2] or abs(Fraction(told[2]) - sums[2]) > Fraction(len(won) + 1, 100):
        lines.append(f"sums: {told} / {sums}")
    return lines


def compare(url: str, folder: Path, date_from: date, date_to: date, moment: datetime = MOMENT) -> Iterator[str]:
    """Everything that differs between the marts of `url` and the oracle over `folder`, looked for as it is asked."""
    data = read_folder(folder)
    with psycopg.connect(url) as connection:
        yield from (f"inquiry_history {line}" for line in history_differences(connection, data))
        yield from (f"deal_journal {line}" for line in deal_differences(connection, data, date_from, date_to))
        for question in questions(data, date_from, date_to):
            shown = {name: value for name, value in question.parameters.items() if name not in ("date_from", "date_to")}
            for line in differences(ask(connection, question), expect(data, question, moment)):
                yield f"{question.report} {shown} {line}"
