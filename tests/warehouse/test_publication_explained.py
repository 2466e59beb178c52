"""What made a figure move: causes by the facts behind the rows, their shares summing exactly to the difference."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse, model_node

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "read_the_past.md"
FIRST = date(2026, 6, 10)
ROWS = "build.administrator_conversion_inquiries"
FACTS = "build.fct_calls"
# Two tables and a product of them: shares must sum where rows of both changed.
DAILY = """
create or replace view reports.administrator_conversion_daily with (security_invoker = true) as
select rows.clinic_id, count(*) as inquiries, sum(rows.amount * weights.weight) as amount
from reports.administrator_conversion_inquiries as rows
inner join reports.administrator_conversion_weights as weights on rows.inquiry_key = weights.inquiry_key
group by rows.clinic_id;
"""


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """Twelve inquiries, a call each on the 1st, a weight each; published on the 10th."""
    warehouse.run(f"""
        alter table {ROWS} add column call_id text, add column person_key text;
        update {ROWS} set call_id = 'c' || substr(inquiry_key, 2), person_key = 'p' || substr(inquiry_key, 2);
        create table {FACTS} (
            call_id text not null, person_key text not null, clinic_id text not null, called_at timestamptz not null,
            seconds integer, source_system text
        );
        insert into {FACTS} select call_id, person_key, clinic_id, '2026-06-01 10:00+00', 60, 'files' from {ROWS};
        create table build.administrator_conversion_weights (
            inquiry_key text not null, clinic_id text not null, weight numeric not null
        );
        insert into build.administrator_conversion_weights select inquiry_key, clinic_id, 1 from {ROWS};
    """)
    for node in (
        model_node("fct_calls", key=["call_id", "person_key"], schema="marts", report="marts"),
        model_node("administrator_conversion_weights", key=["inquiry_key"]),
    ):
        warehouse.nodes[f"model.chairside.{node['name']}"] = node
    warehouse.node("fct_calls")["checksum"] = {"checksum": "first"}
    warehouse.write_report(REPORT_FILE + DAILY)
    publish_on(warehouse, 0)
    return warehouse


# q1 to q9 are of the 1st, the others of the 2nd.
BY_DAY = """
create or replace view reports.administrator_conversion_daily with (security_invoker = true) as
select
    date '2026-05-30' + length(rows.inquiry_key) as day, rows.clinic_id, rows.administrator_id, count(*) as inquiries,
    sum(rows.amount) as amount
from reports.administrator_conversion_inquiries as rows
group by 1, 2, 3;
"""


def publish_on(shop: Warehouse, day: int) -> None:
    moment = FIRST + timedelta(days=day)
    shop.publish(now=datetime(moment.year, moment.month, moment.day, 3, tzinfo=UTC))


def explained(shop: Warehouse, a: int = 0, b: int = 1) -> list[tuple[object, ...]]:
    return shop.run(
        "select figure, cause, changed_rows, moved_by from ops.explain_change('administrator_conversion', %s, %s)",
        (FIRST + timedelta(days=a), FIRST + timedelta(days=b)),
    )


def add(shop: Warehouse, number: int, called_at: str, amount: int = 100) -> None:
    shop.run(
        f"insert into {ROWS} values ('q{number}', 'C1', 'A1', {amount}, 'c{number}', 'p{number}');"
        f"insert into build.administrator_conversion_weights values ('q{number}', 'C1', 1);"
        f"insert into {FACTS} values ('c{number}', 'p{number}', 'C1', '{called_at}', 60, 'files')"
    )


def test_each_cause_has_its_share(shop: Warehouse) -> None:
    add(shop, 20, "2026-06-09 10:00+00", 1000)  # before the publication of the 10th at 3 o'clock, and not in it
    add(shop, 21, "2026-06-10 10:00+00", 20_000)  # after it
    shop.run(
        f"update {FACTS} set seconds = 61 where call_id = 'c1'; update {ROWS} set amount = 301 where call_id = 'c1';"
        f"update {FACTS} set person_key = 'p3' where call_id = 'c2';"
        f"update {ROWS} set person_key = 'p3', amount = 4002 where call_id = 'c2';"
        f"delete from {ROWS} where call_id = 'c12'; delete from {FACTS} where call_id = 'c12';"
        f"update {ROWS} set amount = 50011 where call_id = 'c11'"  # for no reason that the facts know
    )
    publish_on(shop, 1)

    by_cause = {(figure, cause): moved for figure, cause, _, moved in explained(shop)}
    assert by_cause == {
        ("inquiries", "late_rows"): 1,
        ("inquiries", "new_events"): 1,
        ("inquiries", "corrections"): -1,
        ("amount", "relinked_people"): 4000,
        ("amount", "late_rows"): 1000,
        ("amount", "corrections"): 300 - 12,
        ("amount", "new_events"): 20_000,
        ("amount", "other"): 50_000,
    }


def test_a_new_rule_is_named_where_no_fact_changed(shop: Warehouse) -> None:
    shop.run("update build.administrator_conversion_weights set weight = 2")
    shop.node("fct_calls")["checksum"] = {"checksum": "second"}
    publish_on(shop, 1)
    shop.run("update build.administrator_conversion_weights set weight = 1 where inquiry_key = 'q12'")
    shop.run("update staging.settings set value = '90' where name = 'raw_days'")  # of which no figure follows
    publish_on(shop, 2)

    assert explained(shop) == [("amount", "changed_rules", 12, Decimal(78))]
    assert explained(shop, 1, 2) == [("amount", "other", 1, Decimal(-12))]
    shop.run("insert into staging.settings values ('reporting_currency', 'EUR') on conflict (name) do update"
             " set value = excluded.value; update build.administrator_conversion_weights set weight = 3")  # fmt: skip
    publish_on(shop, 3)
    assert {row[1] for row in explained(shop, 2, 3)} == {"changed_rules"}


def test_what_changed_and_changed_back_moved_nothing(shop: Warehouse) -> None:
    shop.run(f"update {ROWS} set amount = amount + 1")
    publish_on(shop, 1)
    shop.run(f"update {ROWS} set amount = amount - 1")
    publish_on(shop, 2)

    assert explained(shop, 0, 2) == []
    assert explained(shop, 1, 1) == []
    with psycopg.connect(shop.url) as connection:  # twice in one transaction
        question = b"select * from ops.explain_change('administrator_conversion', '2026-06-10', '2026-06-11')"
        assert connection.execute(question).fetchall() == connection.execute(question).fetchall() != []
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="the first day comes first"):
        explained(shop, 1, 0)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="lead_plan_daily does not exist"):
        shop.run("select * from ops.explain_change('lead_plan', '2026-06-10', '2026-06-10')")


def test_a_figure_of_some_days_and_rows_is_explained_by_itself(shop: Warehouse) -> None:
    """Somebody asks why the 1st of June moved since last week: what came in since is not what he asks about."""
    shop.write_report(REPORT_FILE + BY_DAY)
    publish_on(shop, 1)
    add(shop, 20, "2026-06-09 10:00+00", 1000)
    shop.run(
        f"update {FACTS} set seconds = 61 where call_id = 'c3'; update {ROWS} set amount = 303 where call_id = 'c3'"
    )
    publish_on(shop, 2)

    def asked(cell: str) -> list[tuple[object, ...]]:
        question = "select * from ops.explain_change('administrator_conversion', '2026-06-11', '2026-06-12', %s)"
        return shop.run(question, (cell,))

    first = '"date_from": "2026-06-01", "date_to": "2026-06-01"'
    corrected = ("amount", Decimal(45), Decimal(345), "corrections", None, Decimal(300))
    assert asked(f"{{{first}}}") == [corrected]
    # q3 is of clinic C1 and administrator A2, as is q9
    assert asked(f'{{{first}, "clinic_id": "C1", "administrator_id": "A2"}}') == [
        ("amount", Decimal(12), Decimal(312), "corrections", None, Decimal(300))
    ]
    assert asked(f'{{{first}, "administrator_id": "A1"}}') == asked('{"administrator_id": null}') == []
    assert {(row[0], row[3], row[5]) for row in asked('{"date_from": "2026-06-02"}')} == {
        ("amount", "late_rows", 1000), ("inquiries", "late_rows", 1),
    }  # fmt: skip
    for cell, said in (
        ('{"chanel": "x"}', "has no chanel to choose by; it has: date_from, date_to, clinic_id, administrator_id"),
        ('{"amount": 1}', "has no amount to choose by"), ("[]", "the cell is an object"),
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=said):
            asked(cell)


@pytest.mark.parametrize(
    ("zone", "cause"), [("Pacific/Auckland", "late_rows"), ("UTC", "new_events")]
)
def test_a_day_has_happened_when_it_is_over_where_the_clinic_is(shop: Warehouse, zone: str, cause: str) -> None:
    """Calls known by their day only; published at 22:00 UTC, when the 10th is over in Auckland and not elsewhere."""
    shop.run(
        f"alter table {FACTS} add column called_on date; update {FACTS} set called_on = called_at::date;"
        f" alter table {FACTS} drop column called_at;"
        f" insert into staging.settings values ('default_time_zone', '{zone}')"
        " on conflict (name) do update set value = excluded.value"
    )
    shop.publish(now=datetime(2026, 6, 10, 22, tzinfo=UTC))
    shop.run(
        f"insert into {ROWS} values ('q30', 'C1', 'A1', 5, 'c30', 'p30');"
        " insert into build.administrator_conversion_weights values ('q30', 'C1', 1);"
        f" insert into {FACTS} (call_id, person_key, clinic_id, called_on) values ('c30', 'p30', 'C1', '2026-06-10')"
    )
    publish_on(shop, 3)
    (day,) = shop.run("select published_on from history.publications order by publication_id desc limit 1 offset 1")[0]
    found = shop.run(
        "select distinct cause from ops.explain_change('administrator_conversion', %s, '2026-06-13')", (day,)
    )
    assert found == [(cause,)]


def test_a_table_that_an_upgrade_brought_is_no_cause(shop: Warehouse) -> None:
    """Before it came it had no rows: not the facts were late, and not the report's figures were nothing."""
    node = model_node("fct_mails", key=["call_id"], schema="marts", report="marts")
    shop.nodes["model.chairside.fct_mails"] = node
    shop.run(f"create table build.fct_mails as select * from {FACTS}; update {ROWS} set amount = amount + 1")
    publish_on(shop, 1)
    assert {row[1] for row in explained(shop)} == {"changed_rules"}

    shop.nodes["model.chairside.administrator_conversion_extra"] = model_node(
        "administrator_conversion_extra", key=["inquiry_key"]
    )
    shop.run(
        "create table build.administrator_conversion_extra as select * from build.administrator_conversion_weights"
    )
    shop.write_report(REPORT_FILE + DAILY.replace("conversion_weights as", "conversion_extra as"))
    publish_on(shop, 2)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"reads reports\.administrator_conversion_extra"):
        explained(shop, 1, 2)
    shop.run(f"update {ROWS} set amount = amount + 1")
    publish_on(shop, 3)
    assert {row[1] for row in explained(shop, 2, 3)} == {"other"}


def test_the_queries_of_the_page_work(shop: Warehouse) -> None:
    add(shop, 20, "2026-06-09 10:00+00")
    publish_on(shop, 1)
    with psycopg.connect(shop.url, autocommit=True) as owner:
        # the first block asks the real report, with its period: tests/docs runs it
        for block in re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1:]:
            for query in filter(str.strip, block.split(";\n")):
                cursor = owner.execute(query.encode())
                assert cursor.description is None or cursor.fetchall(), query


HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=3, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 10**6))
def test_shares_sum_to_the_difference(shop: Warehouse, seed: int) -> None:
    shares_sum_to_the_difference(shop, seed)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=HEALTH)
@given(seed=st.integers(0, 10**6))
def test_shares_of_many_changes_sum_to_the_difference(shop: Warehouse, seed: int) -> None:
    shares_sum_to_the_difference(shop, seed)


def shares_sum_to_the_difference(shop: Warehouse, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - invented rows
    (start,) = shop.run("select max(published_on) - '2026-06-10'::date from history.publications")[0]
    sums = "select coalesce(sum(inquiries), 0), coalesce(sum(amount), 0) from reports.administrator_conversion_daily"
    stood = {start: shop.run(sums)[0]}
    for day in range(start + 1, start + 4):
        for number in range(1, 15):
            match chance.randrange(6):
                case 0:
                    shop.run(f"delete from {ROWS} where inquiry_key = 'q{number}'")
                case 1:
                    shop.run(f"delete from {FACTS} where call_id = 'c{number}'")
                case 2 if not shop.run(f"select 1 from {FACTS} where call_id = 'c{number}'") and not shop.run(
                    f"select 1 from {ROWS} where inquiry_key = 'q{number}'"
                ):
                    shop.run(f"delete from build.administrator_conversion_weights where inquiry_key = 'q{number}'")
                    add(shop, number, f"2026-06-{chance.randrange(1, 28):02d} 10:00+00", chance.randrange(99))
                case 3:
                    shop.run(f"update {FACTS} set person_key = 'p{chance.randrange(3)}' where call_id = 'c{number}'")
                case 4:
                    shop.run(
                        f"update build.administrator_conversion_weights set weight = {chance.randrange(9)} / 7.0"
                        f" where inquiry_key = 'q{number}'; update {ROWS} set amount = amount + 0.01"
                        f" where inquiry_key = 'q{number}'"
                    )
        shop.node("fct_calls")["checksum"] = {"checksum": str(chance.randrange(2))}
        publish_on(shop, day)
        stood[day] = shop.run(sums)[0]
    for a in stood:
        for b in (day for day in stood if day >= a):
            moved: dict[str, Decimal] = defaultdict(Decimal)
            for figure, _, _, share in explained(shop, a, b):
                moved[str(figure)] += Decimal(str(share))
            assert (moved["inquiries"], moved["amount"]) == (
                stood[b][0] - stood[a][0], stood[b][1] - stood[a][1],
            )  # fmt: skip
