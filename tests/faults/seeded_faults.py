"""Faults that somebody could make in the product's code, each with the cheapest test that must notice it.

A fault is one small replacement in one file; `old` occurs there exactly once (a quick test holds that, so the list
follows the code). `caught_by` is a pytest node, or `unit:<name>` for one of dbt's unit tests.
"""

from __future__ import annotations

from dataclasses import dataclass

MODELS = "dbt_project/models/intermediate"
SPEND = f"{MODELS}/money/int_ad_spend_daily.sql"
INQUIRIES = f"{MODELS}/inquiries"
PEOPLE = f"{MODELS}/people"
WINDOWS = "extractors/loading/windows.py"
NEW_ROWS = "extractors/sources/files/new_rows.py"
CREDITS = "dbt_project/models/intermediate/attribution/int_conversion_credits.sql"
CHANNELS = "warehouse/reports/channels_and_sources.sql"
WEIGHT = "warehouse/reports/touch_weight.sql"

WRITING = "tests/loading/test_writing_windows.py"
LOADING = "tests/files/test_loading.py"
LEFTOVERS = (
    "tests/warehouse/test_leftovers_of_a_build.py::test_what_no_model_names_is_dropped_and_what_is_somebodys_stays"
)
PAGE = "tests/warehouse/test_attribution_page.py"
JUNE = "tests/e2e/test_june.py"
MONTHS = "tests/e2e/test_marts_equal_the_oracle.py::test_random_months_equal_the_oracle_and_a_wrong_one_does_not"
DAYS = "tests/warehouse/test_a_day_equals_everything.py::test_days_of_two_hundred_histories_equal_a_build_of_everything"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in words; in `file`, `old` becomes `new`; `caught_by` must fail then."""

    what: str
    file: str
    old: str
    new: str
    caught_by: str


FAULTS: tuple[Fault, ...] = (
    # Who is who.
    Fault(
        "a chain of merged patient cards is followed one step only",
        f"{PEOPLE}/int_patient_cards.sql", "merges.step desc", "merges.step asc",
        "unit:merged_cards_are_one_person_to_the_end_of_the_chain",
    ),
    Fault(
        "a phone of exactly eight patients is blocked",
        f"{PEOPLE}/int_identifiers.sql",
        "or coalesce(owner_counts.patients, 0) > {{ var('too_many_patients') }}",
        "or coalesce(owner_counts.patients, 0) >= {{ var('too_many_patients') }}",
        "unit:an_identifier_of_too_many_or_of_the_staff_links_nobody",
    ),
    Fault(
        "an employee's phone links people",
        f"{PEOPLE}/int_identifiers.sql", "listed.identifier is not null\n        or coalesce", "false or coalesce",
        "unit:an_identifier_of_too_many_or_of_the_staff_links_nobody",
    ),
    Fault(
        "owners of another clinic stand beside the clinic's own",
        f"{PEOPLE}/int_record_owners.sql", "where ranked.is_of_clinic or not ranked.has_clinic_owner", "where true",
        "unit:owners_are_of_the_clinic_first_and_agree_on_phone_and_email",
    ),
    Fault(
        "a merged patient's phones count at the clinic of the card that is left only",
        f"{PEOPLE}/int_identifier_owners.sql", "        cards.clinic_id\n    from cards\n",
        "        cards.clinic_id\n    from cards\n    where cards.patient_id = cards.person_patient_id\n",
        "unit:a_merged_patient_owns_a_phone_at_every_clinic_that_has_a_card",
    ),
    Fault(
        "phone and e-mail need not agree on the owner",
        f"{PEOPLE}/int_record_owners.sql",
        "having count(distinct narrowed.identifier) = owned_identifiers.identifiers",
        "having count(distinct narrowed.identifier) >= 1",
        "unit:owners_are_of_the_clinic_first_and_agree_on_phone_and_email",
    ),
    Fault(
        "seven digits without an area code are a phone",
        "extractors/phones.py",
        "phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE",
        "not phonenumbers.is_possible_number(number)", "tests/files/test_parsing.py",
    ),
    # Inquiries.
    Fault(
        "an outbound contact alone opens an inquiry",
        f"{INQUIRIES}/int_inquiry_days.sql", "having bool_or(contacts.direction = 'inbound')", "having true",
        "unit:a_local_day_is_one_inquiry_and_midnight_starts_another",
    ),
    Fault(
        "an appointment counts for an inquiry beyond the person's next one",
        f"{INQUIRIES}/int_inquiry_days.sql", "        least(", "        greatest(",
        "unit:a_local_day_is_one_inquiry_and_midnight_starts_another",
    ),
    Fault(
        "of several stated groups wants_to_book gives way",
        f"{INQUIRIES}/int_inquiry_groups.sql",
        "(inquiry_contacts.people_group = 'wants_to_book') desc",
        "(inquiry_contacts.people_group = 'wants_to_book') asc",
        "unit:stated_groups_decide_and_defaults_apply_once_per_inquiry",
    ),
    Fault(
        "a visit in another clinic of the network leaves an inquiry primary",
        f"{INQUIRIES}/int_inquiry_groups.sql",
        "on days.person_key = appointments.person_key and days.first_contact_at > appointments.starts_at",
        "on days.person_key = appointments.person_key and days.first_contact_at > appointments.starts_at"
        " and days.clinic_id = appointments.clinic_id",
        "unit:stated_groups_decide_and_defaults_apply_once_per_inquiry",
    ),
    Fault(
        "the first stated outcome decides, not the last",
        f"{INQUIRIES}/int_inquiry_outcomes.sql",
        "inquiry_contacts.outcome\n                order by inquiry_contacts.occurred_at desc",
        "inquiry_contacts.outcome\n                order by inquiry_contacts.occurred_at asc",
        "unit:an_outcome_is_booked_then_waiting_list_then_the_last_word",
    ),
    Fault(
        "a missed call stays missed though somebody called back",
        f"{INQUIRIES}/int_inquiry_outcomes.sql",
        "and coalesce(stated.last_outbound_at <= stated.first_call_at, true)", "",
        "unit:an_outcome_is_booked_then_waiting_list_then_the_last_word",
    ),
    Fault(
        "a callback joins the earliest unresolved inquiry, not the latest",
        f"{INQUIRIES}/int_callback_inquiries.sql",
        "order by current_states.first_contact_at desc", "order by current_states.first_contact_at asc",
        "unit:a_callback_joins_the_latest_inquiry_that_was_unresolved_then",
    ),
    Fault(
        "a callback on the thirtieth day comes too late",
        f"{INQUIRIES}/int_callback_inquiries.sql",
        "states.local_date >= callbacks.local_date -", "states.local_date > callbacks.local_date -",
        "unit:a_callback_joins_the_latest_inquiry_that_was_unresolved_then",
    ),
    Fault(
        "two hours after a contact are half open",
        f"{PEOPLE}/int_contact_persons.sql",
        "appointments.created_at >= contacts.occurred_at", "appointments.created_at > contacts.occurred_at",
        "unit:an_appointment_within_two_hours_names_the_patient",
    ),
    Fault(
        "a contact's day is a day in Greenwich",
        f"{INQUIRIES}/int_contacts.sql",
        "{{ local_date('contacts.occurred_at', 'clinics.time_zone') }}", "contacts.occurred_at::date", JUNE,
    ),
    # Sources and attribution.
    Fault(
        "a channel rule ends a day early",
        f"{MODELS}/sources/int_grouped_tags.sql", "coalesce(rules.valid_to + 1,", "coalesce(rules.valid_to,",
        "unit:a_rule_says_the_channel_of_its_own_days",
    ),
    Fault(
        "a session takes the rule of its day in Greenwich",
        f"{MODELS}/sources/int_session_sources.sql",
        "{{ local_date('marked.started_at', 'settings.default_time_zone') }}", "marked.started_at::date",
        "unit:a_session_takes_the_rule_of_its_local_day",
    ),
    Fault(
        "what rounding leaves over of an inquiry's credits is lost",
        f"{MODELS}/channel_report/int_inquiry_credits.sql",
        "then 1 - sum(shared.MODEL) over path else 0 end", "then 0 else 0 end",
        "unit:every_model_gives_one_whole_credit_along_a_path_of_three",
    ),
    Fault(
        "left-over kopecks go to the smallest remainders",
        CREDITS,
        ") desc,\n                credited.touch_number asc", ") asc,\n                credited.touch_number asc",
        f"{PAGE}::test_kopecks_left_over_go_to_the_largest_remainders",
    ),
    Fault(
        "direct does not give way to an earlier known touch",
        CREDITS, "coalesce(touches.channel, 'unknown') = 'direct' as is_direct", "false as is_direct",
        f"{PAGE}::test_direct_gives_way_to_an_earlier_touch_under_one_model_only",
    ),
    Fault("the half-life of time decay is 14 days", WEIGHT, "power(2::numeric, -days_before / 7)",
          "power(2::numeric, -days_before / 14)", PAGE),
    Fault("the middle of a path shares 40 %, its ends have 20 each", WEIGHT,
          "then 0.4\n        else 0.2 / (touches - 2)", "then 0.2\n        else 0.4 / (touches - 2)", PAGE),
    Fault(
        "a journey that came to nothing converts",
        "warehouse/sql/055_attribution.sql", "edge.to_state = '(conversion)'", "edge.to_state <> '(start)'",
        "tests/warehouse/test_markov.py",
    ),
    Fault(
        "a removal effect is the share of journeys that visit",
        "warehouse/sql/055_attribution.sql", "* reach[j] / total", "", "tests/warehouse/test_markov.py",
    ),
    Fault(
        "a window of days is an hour longer or shorter over a clock change",
        "dbt_project/macros/hours_of_days.sql", "'{{ var(name) * 24 }} hours'", "'{{ var(name) }} days'",
        "tests/warehouse/test_windows_of_days.py",
    ),
    # Money.
    Fault(
        "VAT is taken out of costs that have none, and put on those that have it",
        SPEND, "* case when spread.includes_vat then 1 else 1 + coalesce(vat_rates.rate, 0) end",
        "* case when spread.includes_vat then 1 + coalesce(vat_rates.rate, 0) else 1 end",
        "unit:a_cost_is_spread_over_its_days_to_the_kopeck",
    ),
    Fault(
        "spend keeps its VAT",
        SPEND, "/ case when spread.includes_vat then 1 + coalesce(vat_rates.rate, 0) else 1 end", "",
        "unit:a_cost_is_spread_over_its_days_to_the_kopeck",
    ),
    Fault(
        "the last day of a VAT rate is without it",
        SPEND, "spread.spend_date <= coalesce(vat_rates.valid_to", "spread.spend_date < coalesce(vat_rates.valid_to",
        "unit:a_cost_is_spread_over_its_days_to_the_kopeck",
    ),
    Fault(
        "days of a cost are cut, not rounded",
        SPEND, "            round(ordered.amount * 100 * day.k / ordered.days)",
        "            trunc(ordered.amount * 100 * day.k / ordered.days)",
        "unit:a_cost_is_spread_over_its_days_to_the_kopeck",
    ),
    Fault(
        "the day on which a rate ends has two rates",
        SPEND, "spread.spend_date < currency_days.valid_before", "spread.spend_date <= currency_days.valid_before",
        "unit:a_cost_is_spread_over_its_days_to_the_kopeck",
    ),
    Fault(
        "the bank's rate wins over the one somebody wrote down",
        f"{MODELS}/money/int_currency_days.sql", "source_system != 'files'", "source_system = 'files'",
        "unit:a_rate_of_a_file_wins_over_the_banks",
    ),
    Fault(
        "a first visit came of the earliest inquiry",
        f"{MODELS}/money/int_first_visits.sql", "inquiries.first_contact_at desc", "inquiries.first_contact_at asc",
        "unit:a_first_visit_came_of_its_booking_else_of_the_latest_inquiry",
    ),
    Fault(
        "a first visit of the ninetieth day came of nothing",
        f"{MODELS}/money/int_first_visits.sql", "            <= inquiries.first_contact_at",
        "            < inquiries.first_contact_at",
        "unit:a_first_visit_came_of_its_booking_else_of_the_latest_inquiry",
    ),
    Fault("a refund is money that came in", f"{MODELS}/money/int_payments.sql",
          "dated.amount * currency_days.rate as amount", "abs(dated.amount) * currency_days.rate as amount", MONTHS),
    Fault(
        "a visit paid in instalments is paid several times",
        f"{MODELS}/channel_report/int_inquiry_payments.sql", "paid.visit_amount > 0 and paid.number_in_visit = 1",
        "paid.amount > 0", "unit:a_visit_paid_in_instalments_is_paid_once",
    ),
    Fault(
        "a visit that two people pay for is two",
        f"{MODELS}/channel_report/int_inquiry_payments.sql", "partition by claimed.audience, payments.paid_visit_key",
        "partition by claimed.audience, claimed.inquiry_key, payments.paid_visit_key",
        "unit:a_visit_paid_by_two_people_or_after_two_inquiries_is_one_visit",
    ),
    Fault(
        "a subscription renewed on the last day is lost",
        f"{MODELS}/money/int_subscriptions.sql", ">= following.sold_date", "> following.sold_date",
        "unit:a_subscription_is_renewed_stays_or_is_lost",
    ),
    Fault(
        "the stage in which a deal was won goes on for ever",
        f"{MODELS}/money/int_deal_stage_times.sql", "when deals.stage_kind = 'open' then", "when true then",
        "unit:a_stage_lasts_until_the_next_one_or_the_load",
    ),
    Fault(
        "a treatment is complete when its first stage is done",
        f"{MODELS}/client_path/int_path_care.sql", "order by stages.stage_number desc nulls last",
        "order by stages.stage_number asc", "unit:a_treatment_is_completed_when_the_highest_stage_is_done",
    ),
    # Reports.
    Fault("ROI forgets to take the spend off", CHANNELS,
          "round((figures.revenue - figures.spend) / figures.spend * 100, 2)",
          "round(figures.revenue / figures.spend * 100, 2)", JUNE),
    Fault("a period basis counts by the inquiry's day", CHANNELS,
          "case wanted_basis when 'cohort' then happened.cohort_date else happened.event_date end",
          "happened.cohort_date", MONTHS),
    Fault("the waiting list is booked in the direction's load", f"{MODELS}/sums/int_load_people_days.sql",
          "and not appointments.is_waiting_list", "", "unit:the_waiting_list_is_no_booking_and_a_cancelled_one_was"),
    Fault(
        "a deal has the recordings of calls with other clinics",
        "dbt_project/models/reports/deal_journal_personal.sql",
        "and (deals.clinic_id is null or deals.clinic_id = contacts.clinic_id)", "",
        "tests/e2e/test_july.py::test_a_deal_has_the_recordings_of_calls_with_its_own_clinic_only",
    ),
    # Loading: late, repeated, vanished and unchanged rows.
    Fault(
        "rows that vanished from the last day of a window stay",
        WINDOWS, '"target.{} between {} and {}"', '"target.{} between {} and {}::date - 1"',
        f"{WRITING}::test_a_row_that_vanished_goes_though_another_came_twice_or_belongs_to_another_day",
    ),
    Fault(
        "a row that came twice hides one that vanished",
        WINDOWS, "order.may_repeat or ", "",
        f"{WRITING}::test_a_row_that_vanished_goes_though_another_came_twice_or_belongs_to_another_day",
    ),
    Fault(
        "rows that say the same are written again",
        WINDOWS, "where compared.differs is not false", "where true",
        f"{WRITING}::test_unchanged_rows_are_only_read_and_changed_keys_are_told",
    ),
    Fault(
        "keys that were deleted are not told to the build",
        WINDOWS, 'changes.add("deleted", cursor.fetchall())', "pass",
        f"{WRITING}::test_unchanged_rows_are_only_read_and_changed_keys_are_told",
    ),
    Fault(
        "a window that shrinks to less than half is believed",
        WINDOWS, "left < landed * GUARD_SHARE", "left < 0",
        f"{WRITING}::test_a_window_that_shrinks_too_much_is_refused_and_nothing_of_it_stays",
    ),
    Fault(
        "of a row that comes twice the first one stays",
        "extractors/loading/packing.py", "for row in rows}.values()", "for row in reversed(rows)}.values()",
        f"{WRITING}::test_a_repeated_row_ends_as_it_was_read_last_wherever_it_comes_again",
    ),
    Fault(
        "late rows: a run reads from the bookmark on, not from before it",
        "extractors/days.py", "if read_to is None else lookback_days", "if read_to is None else 0",
        "tests/dags/test_dag_windows.py",
    ),
    Fault(
        "a bookmark goes back",
        "extractors/journal.py", "where excluded.read_to >= kept.read_to", "where true",
        "tests/extractors/test_windows.py::test_a_bookmark_never_goes_back",
    ),
    Fault(
        "a bookmark passes over days that nobody read",
        "extractors/journal.py", "%s <= kept.read_to + 1", "%s is not null",
        "tests/extractors/test_windows.py"
        "::test_a_window_beyond_days_that_nobody_read_does_not_move_the_bookmark_over_them",
    ),
    Fault(
        "of two files with a key the earlier one wins",
        NEW_ROWS, "max(_file_no) as file_no", "min(_file_no) as file_no",
        f"{LOADING}::test_of_two_files_with_the_same_key_the_later_name_wins_and_it_is_said",
    ),
    Fault(
        "the next month's costs take the last month's away",
        NEW_ROWS, 'landed.date_from <= files.last and landed.date_to >= files.first)"', 'true)"',
        f"{LOADING}::test_the_next_months_spend_under_the_same_file_name_leaves_this_months",
    ),
    Fault(
        "a wall clock is read in UTC",
        "extractors/core/values.py", "moment.replace(tzinfo=zone)", "moment.replace(tzinfo=UTC)",
        "tests/extractors/test_core.py::test_a_clinics_wall_clock_is_read_in_its_own_zone_even_when_the_clock_changes",
    ),
    Fault(
        "an answer of amoCRM that does not name its list is taken for one without rows",
        "extractors/sources/amocrm/client.py", 'raise UnreadableBody(f"there is no list of {name} in it")',
        "return decoded",
        "tests/extractors/test_amocrm.py::test_an_answer_that_does_not_name_its_list_is_no_empty_one",
    ),
    # A build of a day.
    Fault(
        "a session's phone is no kinship, so a card that gets it leaves the session where it was",
        f"{MODELS}/families/int_family_records.sql",
        "        'sessions', 'session', 'session_id',\n        ids=[('phone', 'phone_e164'),",
        "        'sessions', 'session', 'session_id',\n        ids=[", DAYS,
    ),
    Fault(
        "a merged card is no kin of the card that it was merged into",
        f"{MODELS}/families/int_family_records.sql", ", ('patient', 'merged_into_patient_id')]", "]", DAYS,
    ),
    # Publication.
    Fault(
        "a row that changed under its key is not published",
        "warehouse/publish_tables.py", "{key} and row({new}) is not distinct from row({old})", "{key}",
        "tests/warehouse/test_publication.py::test_only_rows_that_differ_are_written",
    ),
    Fault(
        "a past day is shown without a table that an upgrade brought later",
        "warehouse/publish_as_of.py", "given = [] if first is None else", "given: list[sql.Literal] = [] if True else",
        "tests/warehouse/test_publication_history.py"
        "::test_a_day_before_a_table_came_is_refused_and_not_shown_with_too_little",
    ),
    Fault(
        "a figure of a past day is made of nulls of a column that came later",
        "warehouse/publish_as_of.py", "{} if is_list(item) else needs", "{}",
        "tests/warehouse/test_publication_history.py"
        "::test_a_figure_of_a_column_that_came_later_is_refused_not_made_of_nulls",
    ),
    Fault(
        "shared functions go with the reports that are made anew",
        "warehouse/publish_reports.py", " and name not in shared:", ":",
        "tests/warehouse/test_shared_functions.py",
    ),
    Fault(
        "the past shows a row also after the publication that replaced it",
        "warehouse/publish_as_of.py", " and {until} > {moment};", ";",
        "tests/warehouse/test_publication_history.py::test_a_report_reads_as_it_was_published_on_a_past_day",
    ),
    # What earlier versions and killed commands left.
    Fault(
        "what somebody's view rests on is dropped with it",
        "warehouse/increment/leftovers.py", 'sql.SQL("drop {} {}")', 'sql.SQL("drop {} {} cascade")', LEFTOVERS,
    ),
    Fault(
        "landed rows that nobody declares any more are dropped",
        "warehouse/increment/leftovers.py",
        r"nspname = 'staging' and relkind = 'v' and relname like 'stg\_%%'", "nspname = 'staging'", LEFTOVERS,
    ),
    Fault(
        "a DAG that a killed command let run is taken for one that was running",
        "runtime/unpaused.py", "not path.exists() and not airflow", "not airflow",
        "tests/runtime/test_unpaused.py::test_after_a_killed_command_the_next_one_pauses_it",
    ),
)
