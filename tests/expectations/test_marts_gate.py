"""The gate before publication, on June as dbt builds it; and what readers keep when a gate refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from expectations.gate import check_marts
from extractors.core.errors import GuardError, PublicationRefused
from tests.e2e.comparing import MOMENT
from tests.expectations.june import one, run
from tests.templates import Template, copied
from warehouse import pipeline
from warehouse.migrate import migrate
from warehouse.publish_gate import counted_build, refusals


@pytest.fixture
def june(pg_server_url: str, june_template: Template) -> Iterator[Template]:
    """June, built and published, to damage; and the folder with dbt's manifest."""
    with copied(june_template.url, pg_server_url) as url:
        yield replace(june_template, url=url)


def refusal(url: str) -> str:
    with pytest.raises(PublicationRefused) as refused:
        check_marts(url, run_id="damaged", now=MOMENT)
    return str(refused.value)


def test_june_passes_whole(june: Template) -> None:
    report = check_marts(june.url, run_id="clean", now=MOMENT)

    assert [verdict.text() for verdict in report.verdicts if not verdict.is_passed] == []


def test_what_a_model_loses_is_named(june: Template) -> None:
    run(
        june.url,
        "delete from build.fct_contacts where contact_id = (select min(contact_id) from build.fct_contacts)",
        "delete from build.fct_payments where payment_id = (select min(payment_id) from build.fct_payments)",
        "delete from build.fct_sales",
        "delete from build.fct_sessions",
        "delete from build.fct_deals where deal_id ="
        " (select min(deal_id) from build.fct_deals where stage_kind = 'won')",
        "update build.fct_ad_spend set original_amount = original_amount - 0.5",
        "delete from build.administrator_conversion_inquiries",
    )

    refusal(june.url)

    kept = broken(june.url)
    contact = one(june.url, "select min(contact_id) from staging.files__contacts")[0]
    assert kept["build.int_contacts_unioned", "every_contact_is_in_the_marts"] == [
        {"source_system": "files", "contact_id": contact}
    ]
    assert kept["build.fct_payments", "rows_are_as_many_as_landed"] == [{"in_the_mart": "5", "landed": "6"}]
    assert {
        ("build.int_payments_unioned", "every_payment_is_in_the_marts"),
        ("build.int_sales_unioned", "every_sale_is_in_the_marts"),
        ("build.int_sessions_unioned", "every_session_is_in_the_marts"),
        ("build.int_deals_unioned", "every_deal_is_in_the_marts"),
        ("build.deal_summary_days", "summary_has_all_revenue"),
        ("build.top_deals_won", "best_deals_are_the_won_ones"),
        ("build.int_ad_spend_unioned", "spend_is_spread_without_loss"),
        ("build.fct_inquiries", "administrators_report_has_every_inquiry"),
    } <= kept.keys()


def test_what_a_model_doubles_or_leaves_empty_is_named(june: Template) -> None:
    run(
        june.url,
        "insert into build.fct_inquiries select * from build.fct_inquiries"
        " where inquiry_key = (select min(inquiry_key) from build.fct_inquiries)",
        "insert into build.int_inquiry_payments select * from build.int_inquiry_payments limit 1",
        "insert into build.channels_and_sources_events select * from build.channels_and_sources_events"
        " where event_kind = 'client' and audience = 'primary' limit 1",
        "update build.channels_and_sources_shares set linear = linear * 0.9",
        "delete from build.channels_and_sources_events where event_kind = 'inquiry' and inquiry_key ="
        " (select min(inquiry_key) from build.channels_and_sources_events)",
        "update build.channels_and_sources_spend set spend = null where spend_key ="
        " (select min(spend_key) from build.channels_and_sources_spend)",
        "update build.fct_deals set amount = null",
    )

    text = refusal(june.url)

    kept = broken(june.url)
    assert {
        ("build.fct_inquiries", "one_row_per_person_clinic_and_day"),
        ("build.int_inquiry_payments", "no_payment_in_two_rows"),
        ("build.channels_and_sources_events", "a_person_is_a_client_once"),
        ("build.channels_and_sources_shares", "credits_sum_to_one"),
        ("build.fct_inquiries", "every_inquiry_has_credits_of_every_model"),
        ("build.channels_and_sources_spend", "spend_is_filled"),
        ("build.channels_and_sources_spend", "spend_is_that_of_the_facts"),
        ("build.fct_deals", "amount_has_a_rate"),
    } <= kept.keys()
    doubled = kept["build.fct_inquiries", "one_row_per_person_clinic_and_day"]
    assert list(doubled[0]) == ["clinic_id", "local_date", "person_key"]
    assert "one_row_per_person_clinic_and_day of build.fct_inquiries: 1 found in" in text
    assert "Two rows count it twice." in text


def test_won_deals_without_payments_and_months_that_differ_are_told_and_stop_nothing(june: Template) -> None:
    run(
        june.url,
        "insert into build.fct_deals select"
        " (jsonb_populate_record(null::build.fct_deals, to_jsonb(deals) || jsonb_build_object("
        "'deal_id', 'W' || n, 'stage_kind', 'won', 'amount', 1000, 'person_key', 'patient:W' || n, 'clinic_id', 'C1',"
        " 'closed_date', '2026-05-10'))).* from (select * from build.fct_deals limit 1) as deals"
        " cross join generate_series(1, 20) as n",
        "insert into build.fct_payments select"
        " (jsonb_populate_record(null::build.fct_payments, to_jsonb(payments) || jsonb_build_object("
        "'payment_id', 'W' || n, 'person_key', 'patient:W' || n, 'amount', 100, 'paid_date', '2026-05-12'))).*"
        " from (select * from build.fct_payments limit 1) as payments cross join generate_series(1, 12) as n",
    )

    refusal(june.url)  # the invented rows are not among the landed ones: that is what refuses

    kept = broken(june.url)
    assert len(kept["build.fct_deals", "won_deals_are_paid"]) == 5
    assert kept["build.fct_deals", "won_deals_are_paid"][0]["unpaid"] == "8"
    (month,) = kept["build.fct_deals", "won_amounts_are_near_the_payments"]
    assert (month["month"], month["deals"], month["won"], month["paid"]) == ("2026-05-01", "20", "20000", "1200")


def test_what_readers_have_already_is_not_summed_again_and_what_builds_touched_since_is(june: Template) -> None:
    """A broken credit and a missing one, each of an inquiry that a build touched since and of one that none did."""
    (inquiries,) = one(
        june.url,
        "select array_agg(inquiry_key order by 1) from build.fct_inquiries where people_group = 'wants_to_book'",
    )
    first, second, third, fourth = list(inquiries)[:4]  # type: ignore[call-overload]
    run(
        june.url,
        "insert into build.channels_and_sources_shares (share_key, clinic_id, inquiry_key, first_touch, last_touch,"
        " linear, position_based, time_decay, w_shaped, shapley_of_channel, shapley_of_source, shapley_of_campaign)"
        " select 'invented', clinic_id, inquiry_key, 1, 1, 1, 1, 1, 1, 1, 0.9, 1 from build.fct_inquiries"
        f" where inquiry_key in ('{first}', '{second}')",
        f"delete from build.channels_and_sources_events where event_kind = 'inquiry' and inquiry_key = '{third}'",
        # told to be of several rows, and none of them is there
        f"update build.channels_and_sources_events set is_of_one_row = false where inquiry_key = '{fourth}'",
        f"delete from build.channels_and_sources_shares where inquiry_key = '{fourth}'",
        f"insert into build.family_unpublished (kind, key) values ('inquiry', '{first}'), ('inquiry', '{third}'),"
        f" ('person', '{second}')",
    )

    refusal(june.url)
    kept = broken(june.url)
    sums, missing = "build.channels_and_sources_shares", "build.fct_inquiries"
    assert {row["inquiry_key"] for row in kept[sums, "credits_sum_to_one"]} == {first, second}
    assert {row["inquiry_key"] for row in kept[missing, "every_inquiry_has_credits_of_every_model"]} == {third, fourth}

    with pytest.raises(PublicationRefused):
        check_marts(june.url, run_id="touched", now=MOMENT, only_touched=True)
    kept = broken(june.url, "touched")
    assert {row["inquiry_key"] for row in kept[sums, "credits_sum_to_one"]} == {first}
    assert {row["inquiry_key"] for row in kept[missing, "every_inquiry_has_credits_of_every_model"]} == {third}
    (credits,) = one(june.url, f"select count(*) from {sums} where inquiry_key in ('{first}', '{third}')")
    (inquiries,) = one(june.url, f"select count(*) from {missing}")
    for table, rows in ((sums, credits), (missing, inquiries)):
        asked = f"select max(rows_checked) from ops.checks where run_id = 'touched' and table_name = '{table}'"
        assert one(june.url, asked) == (rows,), "what it counts is what it looked at"


LOST = (
    ("fct_sessions", "session_id", "session", "int_sessions_unioned", "every_session_is_in_the_marts"),
    ("fct_contacts", "contact_id", "contact", "int_contacts_unioned", "every_contact_is_in_the_marts"),
    ("fct_appointments", "appointment_id", "appointment", "int_appointments_unioned",
     "every_appointment_is_in_the_marts"),
    ("fct_payments", "payment_id", "payment", "int_payments_unioned", "every_payment_is_in_the_marts"),
    ("fct_deals", "deal_id", "deal", "int_deals_unioned", "every_deal_is_in_the_marts"),
    ("inquiry_history_contacts", "contact_id", "contact", "fct_contacts", "history_has_every_contact"),
    ("administrator_conversion_inquiries", "inquiry_key", "inquiry", "fct_inquiries",
     "administrators_report_has_every_inquiry"),
)  # fmt: skip


def test_lost_rows_are_found_among_those_that_builds_touched_since(june: Template) -> None:
    """Of each table two rows are lost, one of which a build touched; the history loses other contacts than the mart."""
    lost = []
    for table, column, kind, _, _ in LOST:
        (keys,) = one(june.url, f"select array_agg(distinct {column} order by {column}) from build.{table}")
        touched, other = keys[-2:] if table == "inquiry_history_contacts" else keys[:2]  # type: ignore[index]
        lost.append(touched)
        run(
            june.url,
            f"delete from build.{table} where {column} in ('{touched}', '{other}')",
            f"insert into build.family_unpublished (kind, key) values ('{kind}', '{touched}')",
        )
    with pytest.raises(PublicationRefused):
        check_marts(june.url, run_id="touched", now=MOMENT, only_touched=True)
    found = broken(june.url, "touched")
    assert [[row[column] for row in found[f"build.{told_of}", rule]] for _, column, _, told_of, rule in LOST] == [
        [key] for key in lost
    ]


@pytest.mark.parametrize(
    ("table", "rule", "of"),
    [
        ("fct_inquiries", "one_row_per_person_clinic_and_day", "person_key"),
        ("channels_and_sources_events", "event_key_is_unique", "event_key"),
    ],
)
def test_a_doubled_row_is_found_among_those_that_builds_touched_since(
    june: Template, table: str, rule: str, of: str
) -> None:
    shown, keys = one(
        june.url,
        f"select array_agg(shown order by key), array_agg(key order by key) from (select min({of}) as shown,"
        f" min(inquiry_key) as key from build.{table} group by person_key having count(*) = 1) as people",
    )
    touched, other = list(keys)[:2]  # type: ignore[call-overload]
    run(
        june.url,
        f"insert into build.{table} select * from build.{table} where inquiry_key in ('{touched}', '{other}')",
        f"insert into build.family_unpublished (kind, key) values ('inquiry', '{touched}'), ('person', '{other}')",
    )
    with pytest.raises(PublicationRefused):
        check_marts(june.url, run_id="touched", now=MOMENT, only_touched=True)
    assert [row[of] for row in broken(june.url, "touched")[f"build.{table}", rule]] == [shown[0]]  # type: ignore[index]


def test_broken_values_are_found_among_rows_that_builds_touched_since(june: Template) -> None:
    """Of each table two rows are broken, one of which a build touched."""
    breaches = (
        ("fct_inquiries", "people_group = 'passers_by'", "group_is_a_known_word", "inquiry_key", "inquiry"),
        ("fct_contacts", "channel = null", "contact_has_a_channel", "contact_id", "contact"),
        ("fct_payments", "amount = null", "amount_is_filled", "payment_id", "payment"),
        ("fct_deals", "stage_kind = 'frozen'", "stage_kind_is_a_known_word", "deal_id", "deal"),
    )
    touched = []
    run(june.url, "alter table build.fct_contacts alter channel drop not null")
    for table, broken_by, _, key, kind in breaches:
        (keys,) = one(june.url, f"select array_agg(distinct {key} order by {key}) from build.{table}")
        touched.append(keys[0])  # type: ignore[index]
        run(
            june.url,
            f"update build.{table} set {broken_by} where {key} in ('{keys[0]}', '{keys[1]}')",  # type: ignore[index]
            f"insert into build.family_unpublished (kind, key) values ('{kind}', '{keys[0]}')",  # type: ignore[index]
        )
    with pytest.raises(PublicationRefused):
        check_marts(june.url, run_id="touched", now=MOMENT, only_touched=True)
    found = broken(june.url, "touched")
    assert [found[f"build.{table}", rule] for table, _, rule, _, _ in breaches] == [
        [{key: only}] for (_, _, _, key, _), only in zip(breaches, touched, strict=True)
    ]


def test_counts_that_differ_are_found_among_rows_that_builds_touched_since(june: Template) -> None:
    """Of each table two rows are doubled, one of which a build touched: one row too many."""
    tables = (
        ("fct_appointments", "appointment_id", "appointment", "rows_are_as_many_as_landed"),
        ("fct_deals", "deal_id", "deal", "rows_are_as_many_as_landed"),
        ("channels_and_sources_events", "inquiry_key", "inquiry", "every_inquiry_is_an_event"),
    )
    for table, key, kind, _ in tables:
        only = "event_kind = 'inquiry'" if kind == "inquiry" else "true"
        (keys,) = one(june.url, f"select array_agg(distinct {key} order by {key}) from build.{table} where {only}")
        both = f"{key} in ('{keys[0]}', '{keys[1]}')"  # type: ignore[index]
        run(
            june.url,
            f"insert into build.{table} select * from build.{table} where {only} and {both}",
            f"insert into build.family_unpublished (kind, key) values ('{kind}', '{keys[0]}')",  # type: ignore[index]
        )
    with pytest.raises(PublicationRefused):
        check_marts(june.url, run_id="touched", now=MOMENT, only_touched=True)
    found = broken(june.url, "touched")
    for table, _, _, rule in tables:
        assert [sorted(row.values()) for row in found[f"build.{table}", rule]] == [["1", "2"]], table


def test_a_mart_that_was_not_built_refuses(june: Template) -> None:
    run(june.url, "drop table build.top_deals_won")

    text = refusal(june.url)

    assert "best_deals_are_the_won_ones of build.top_deals_won: could not be asked" in text
    assert "said:  build.top_deals_won is missing; build all models first" in text


def test_a_landed_breach_stops_the_pipeline_and_readers_keep_what_they_had(june: Template) -> None:
    before = one(june.url, "select count(*), sum(amount) from marts.fct_payments")
    run(june.url, "update staging.files__payments set currency = 'EUR', amount = amount * 2")

    with pytest.raises(PublicationRefused, match="currency_has_a_rate of staging"):
        pipeline.build_and_publish(june.url, run_id="bad", now=MOMENT, folder=june.folder, say=lambda line: None)

    assert one(june.url, "select count(*), sum(amount) from marts.fct_payments") == before
    steps = "select step, status, message like '%currency_has_a_rate%' from ops.steps where run_id = 'bad'"
    assert one(june.url, steps) == ("check_landed", "failed", True)
    assert one(june.url, "select count(*) from ops.steps where run_id = 'bad'") == (1,)


def test_a_mart_breach_is_not_published(june: Template) -> None:
    before = one(june.url, "select count(*) from marts.fct_inquiries")
    run(june.url, "delete from build.fct_inquiries", "delete from build.inquiry_history_contacts")

    with pytest.raises(PublicationRefused, match="inbound_contacts_make_inquiries"):
        pipeline.check_marts(june.url, run_id="bad", now=MOMENT, say=lambda line: None)

    assert one(june.url, "select count(*) from marts.fct_inquiries") == before
    assert one(june.url, "select count(*) from ops.publications where run_id = 'bad'") == (0,)


def test_a_refused_mart_is_published_by_whoever_releases_it(june: Template) -> None:
    migrate(june.url)  # a copied database has the default grants again
    with counted_build(june.url, "bad"):
        # By hand, so no build named whom it touched: all rows are to be compared.
        run(june.url, "drop table if exists build.family_published")
        run(june.url, "delete from build.fct_payments where payment_id = 'M3'")

    with pytest.raises(PublicationRefused, match="make refused"):
        pipeline.check_marts(june.url, run_id="bad", now=MOMENT, say=lambda line: None)
    with pytest.raises(GuardError, match="the gate refused"):
        pipeline.publish(june.url, run_id="bad", now=MOMENT, folder=june.folder, say=lambda line: None)

    (waiting,) = refusals(june.url)
    assert {"table": "marts.fct_payments", "new": 0, "gone": 1, "changed": 0} in waiting.tables
    pipeline.release(
        june.url, waiting.refused_id, who="Ann", why="a test", run_id="released", now=MOMENT, folder=june.folder,
        say=lambda line: None,
    )  # fmt: skip
    assert one(june.url, "select count(*) from ops.publications where run_id = 'released' and rows_deleted = 1") == (1,)


def broken(url: str, run_id: str = "damaged") -> dict[tuple[str, str], list[dict[str, str]]]:
    """Table and rule of what failed in a run, with its examples."""
    with psycopg.connect(url) as connection:
        return {
            (table, rule): examples
            for table, rule, examples in connection.execute(
                "select table_name, rule, examples from ops.checks where run_id = %s and not is_passed", (run_id,)
            )
        }
