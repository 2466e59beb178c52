"""Names that people, BI tools and scripts were promised: a report's parameters in their order, its columns, its
relation by day; the functions of rights; the columns of import files. To add beside them is free; what goes or moves
is seen here.
"""

from __future__ import annotations

import psycopg
import pytest

from extractors.kinds import KIND_BY_NAME
from extractors.registry import WITH_FILES
from tests.city import City


def lists(text: str) -> dict[str, list[str]]:
    """`name: words`, lines that go on are indented."""
    joined = text.strip().replace("\n ", " ")
    return {line.partition(":")[0]: line.partition(":")[2].split() for line in joined.splitlines()}


# What may follow `date_from, date_to` by its place, with what is taken where it is left out. null: a view.
PARAMETERS: dict[str, tuple[str, ...] | None] = {
    "channels_and_sources": (
        "level channel", "attribution_model last_non_direct", "basis cohort", "audience primary",
        "with_referrals false", "topic NULL", "clinic NULL",
    ),
    "administrator_conversion": (
        "audience all", "hide_employee_referrals false", "topic NULL", "channel NULL", "clinic NULL",
    ),
    "inquiry_history": None,
    "direction_load": ("clinic NULL",),
    "deal_journal": None,
    "deal_summary": (),
    "top_deals": ("how_many 3",),
    "ad_payback": ("level source", "clinic NULL"),
    "traffic_influence": (),
    "service_sales": ("grain month", "item_kind NULL", "item NULL"),
    "service_buyers": ("item NULL",),
    "service_dips": (),
    "expiring_subscriptions": ("within_days NULL",),
    "lead_plan": ("target NULL",),
    "attribution": ("conversion first_visit", "lookback_days 90"),
}  # fmt: skip
COLUMNS = lists("""
channels_and_sources: channel source medium campaign spend inquiries cpl booked arrived clients cpo revenue
    roi_percent revenue_to_spend average_cheque revenue_per_client ltv ltv_revenue
administrator_conversion: administrator_id administrator inquiries booked booked_percent waiting_list
    booked_or_waiting_percent arrived arrived_of_booked_percent completed
inquiry_history: contact_id inquiry_key person_key occurred_at local_date clinic_id kind direction people_group
    is_primary topic channel source campaign administrator_id outcome refusal_reason not_arrived_reason why_excluded
    phone full_name recording_url
direction_load: direction week slots booked visited load_percent inquiries booked_percent top_refusal_reason
    lost_at_the_desk
deal_journal: deal_id name created_at closed_at created_via pipeline stage stage_kind amount manager_id client_name
    phone email contact_kind channel source campaign first_request sessions_before_contact leads tags days_to_close
    recordings
deal_summary: deals won revenue stage contact_kind source created_via
top_deals: deal_id created_at closed_at amount
ad_payback: channel source spend clicks sessions inquiries deals won revenue roi_percent payback_day
traffic_influence: manager_id channel source deals won conversion_percent average_deal revenue median_days_to_close
service_sales: period item_kind item_type item quantity amount buyers previous_amount last_year_amount
service_buyers: person_key full_name purchases first_at last_at median_days_between
service_dips: item_type season times_seen depth_percent clients_lost amount_lost next_expected_on
expiring_subscriptions: person_key item valid_to renewed
lead_plan: channel clients_needed conversion_percent inquiries_needed cpl spend_needed start_by
client_path: occurred_at step channel source campaign detail amount
attribution: model channel source campaign conversions revenue spend roi_percent
""")
ACCESS = {
    "allow": (
        "subject text, report text, clinics text[] DEFAULT NULL::text[], own_rows_only boolean DEFAULT false,"
        " personal_data boolean DEFAULT false"
    ),
    "deny": "subject text, report text",
    "clear": "subject text, report text",
    "add_employee": "database_role text, full_name text, employee_group text, employee_id text DEFAULT NULL::text",
    "remove_employee": "database_role text",
}
FILES = lists("""
clinics: clinic_id name time_zone
employees: employee_id full_name clinic_id group phones database_role
counterparties: name phones emails
patients: patient_id clinic_id full_name birth_date phones emails how_learned registered_at merged_into_patient_id
contacts: contact_id clinic_id occurred_at kind direction phone email client_id patient_ids administrator_id
    people_group topic how_learned outcome refusal_reason is_answered talk_seconds called_address utm_source
    utm_medium utm_campaign utm_content utm_term click_id referrer landing_page recording_url tags note
sessions: session_id client_id started_at site landing_page referrer utm_source utm_medium utm_campaign utm_content
    utm_term click_id phone email
tracking_addresses: address channel source medium campaign clinic_id valid_from valid_to
ad_spend: date_from date_to channel source medium campaign clinic_id amount currency includes_vat impressions clicks
    note entered_by
appointments: appointment_id patient_id clinic_id direction doctor_id created_at created_by contact_id starts_at
    status not_arrived_reason
sales: sale_id sold_at patient_id clinic_id appointment_id item_kind item_type item quantity amount cost currency
    valid_from valid_to renews_sale_id
payments: payment_id paid_at patient_id clinic_id appointment_id amount currency
treatment_stages: stage_id plan_id patient_id clinic_id direction opened_at stage_number stage done_at
schedule_slots: slot_id clinic_id direction doctor_id starts_at ends_at
deals: deal_id name created_at closed_at created_via pipeline stage stage_kind amount currency manager_id clinic_id
    client_name phone email contact_kind utm_source utm_medium utm_campaign first_request tags lost_reason
deal_stages: deal_id stage entered_at
deal_leads: lead_id deal_id created_at contact_id phone email utm_source utm_medium utm_campaign tags
deal_items: deal_id item_kind item quantity amount
currency_rates: date currency rate
""")
SOURCES = (
    "yandex_direct google_ads meta_ads vk_ads yandex_metrica calltouch uis bitrix24 amocrm open_dental fhir ident"
    " aggregators currency_rates files"
)


def texts(city: City, query: str, *given: object) -> list[str]:
    with psycopg.connect(city.url) as connection:
        return [text for (text,) in connection.execute(query.encode(), given or None)]


ARGUMENTS = """
    select concat_ws(' ', name, nullif(trim(both '''' from split_part(default_value, '::', 1)), ''))
    from pg_proc
    cross join string_to_table(pg_get_function_arguments(oid), ', ') with ordinality as arguments (argument, place)
    cross join split_part(argument, ' ', 1) as name
    cross join split_part(argument, ' DEFAULT ', 2) as default_value
    where pronamespace = 'reports'::regnamespace and proname = %s
    order by place
"""


@pytest.mark.parametrize("report", [name for name, promised in PARAMETERS.items() if promised is not None])
def test_a_report_takes_what_was_promised_in_that_order(city: City, report: str) -> None:
    promised = PARAMETERS[report] or ()
    said = texts(city, ARGUMENTS, report)
    found = said[2:]
    assert [day.partition(" ")[0] for day in said[:2]] == ["date_from", "date_to"]
    assert found[: len(promised)] == list(promised)
    assert all(" " in one for one in found), "each parameter may be left out"


def test_a_path_is_asked_by_its_person_and_cut_to_a_period(city: City) -> None:
    found = {one.split(" ")[0] for one in texts(city, ARGUMENTS, "client_path")}
    assert found == {"person_key", "date_from", "date_to"}


RESULTS = """
    select name from pg_proc cross join unnest(proargnames, proargmodes) as result (name, mode)
    where pronamespace = 'reports'::regnamespace and proname = %s and mode = 't'
"""
ATTRIBUTES = "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"


@pytest.mark.parametrize("report", COLUMNS)
def test_a_report_has_its_columns_and_a_relation_by_day(city: City, report: str) -> None:
    is_view = report in PARAMETERS and PARAMETERS[report] is None
    found = texts(city, ATTRIBUTES, f"reports.{report}") if is_view else texts(city, RESULTS, report)
    assert set(COLUMNS[report]) <= set(found)
    by_day = texts(city, ATTRIBUTES, f"reports.{report}_daily")
    assert by_day[0] == "day"
    assert not [name for name in by_day if name.endswith(("_percent", "_between", "_to_spend")) or "median" in name]


def test_rights_are_given_by_the_promised_calls(city: City) -> None:
    for function, promised in ACCESS.items():
        query = (
            "select pg_get_function_arguments(oid) from pg_proc"
            " where pronamespace = 'access'::regnamespace and proname = %s"
        )
        assert texts(city, query, function) == [promised]
    rights = texts(city, ATTRIBUTES, "access.effective_rights")
    assert rights[:5] == ["database_role", "report", "clinics", "own_rows_only", "personal_data"]
    reports = texts(city, "select report from access.known_reports")
    assert set(COLUMNS) | {"marts"} <= set(reports)


@pytest.mark.parametrize("kind", FILES)
def test_an_import_file_has_its_columns_the_first_of_which_is_its_key(kind: str) -> None:
    assert [column.name for column in KIND_BY_NAME[kind].file_columns] == FILES[kind]
    assert KIND_BY_NAME[kind].key[0] == FILES[kind][0]


def test_there_is_no_other_kind_and_every_source_has_its_word() -> None:
    assert set(KIND_BY_NAME) == set(FILES)
    assert set(WITH_FILES) == set(SOURCES.split())
