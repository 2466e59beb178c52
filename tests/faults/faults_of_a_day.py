"""Faults in a build of a day and in what a publication compares after it; the rest is in seeded_faults.py.

Most are noticed where days of many histories are compared with a build of everything.
"""

from __future__ import annotations

from tests.faults.seeded_faults import Fault

SCOPE = "warehouse/increment/scope.py"
BY_TIME = "warehouse/increment/moved.py"
MERGE = "warehouse/increment/merge.py"
UNPUBLISHED = "warehouse/increment/unpublished.py"
COMPARE = "warehouse/increment/compare.py"
SUMS = "warehouse/increment/sums.py"
STEPS = "warehouse/increment/steps.py"
RECIPE = "warehouse/increment/recipe.py"
FRESH = "warehouse/increment/fresh.py"
DAYS = "warehouse/increment/days.py"
RUN = "warehouse/increment/run.py"
TOUCHED = "warehouse/publish_touched.py"
KNOWN = "warehouse/forecast/known.py"
TABLES = "warehouse/publish_tables.py"
KEYS = "warehouse/publish_keys.py"
LISTED = "dbt_project/macros/listed_of_families.sql"

A_DAY = "tests/warehouse/test_a_day_equals_everything.py"
EQUAL = f"{A_DAY}::test_days_of_two_hundred_histories_equal_a_build_of_everything"
PUBLISHED = f"{A_DAY}::test_a_publication_compares_the_families_that_builds_touched_and_misses_nothing"
PARTS = "tests/warehouse/test_parts_of_a_day.py"
DIFFER = "tests/warehouse/test_rows_that_differ.py"
LANDED = "tests/warehouse/test_what_landed_since.py"
MOVED = "tests/warehouse/test_days_that_moved.py"
TOLD = "tests/warehouse/test_publication_of_told_rows.py"
FORECAST = "tests/warehouse/test_what_was_forecast_before.py"
ONLY = f"{A_DAY}::test_only_the_families_of_what_changed_are_made_anew"

FAULTS_OF_A_DAY: tuple[Fault, ...] = (
    # Whose rows changed, and their kin.
    Fault("a record that is gone is no change", SCOPE,
          "if expected.get(kind, 0) != records:", "if False:", EQUAL),
    Fault("rows are taken for old that a late transaction brings", FRESH,
          "pg_snapshot_xmin(pg_current_snapshot())", "pg_snapshot_xmax(pg_current_snapshot())",
          f"{LANDED}::test_a_row_that_was_written_before_the_look_and_committed_after_it_is_read_again"),
    Fault("a view that asks another table is read by its fresh rows", FRESH,
          'and node.get("Parent Relationship") not in ("InitPlan", "SubPlan")', "",
          f"{LANDED}::test_a_view_is_narrowed_only_if_no_other_row_changes_what_a_row_says"),
    Fault("a deal is made of its fresh stages alone", FRESH,
          "if age is None or kind in _OF_SEVERAL_ROWS:", "if age is None:",
          f"{LANDED}::test_a_record_of_several_rows_is_made_of_all_of_them"),
    Fault("kin by what a record said yesterday are left out", SCOPE,
          "where tokens.record = any (array(", "where false and tokens.record = any (array(", EQUAL),
    Fault("kin by what a record says today are left out", SCOPE,
          "on frontier.record = changed.record", "on frontier.record = changed.record and false", EQUAL),
    Fault("only the next of kin are found, not theirs", SCOPE,
          'while _count(connection, "select count(*) from pg_temp.frontier"):',
          'for _ in range(_count(connection, "select least(count(*), 1) from pg_temp.frontier")):', EQUAL),
    Fault("a hotel's phone makes one family of all its guests", SCOPE,
          "where blocked.is_firm and blocked.token", "where false and blocked.token", ONLY),
    Fault("a phone stays blocked though patients of it left today", SCOPE,
          "is_firm = patients - changed.cards >", "is_firm = patients >",
          f"{A_DAY}::test_a_phone_that_enough_patients_left_is_one_person_at_once"),
    Fault("a visit that became due moves nobody", BY_TIME,
          "first_start_at > %(was)s and first", "false and first_start_at > %(was)s and first", EQUAL),
    Fault("a request becomes lost only when something of its family changes", BY_TIME,
          "    outcome = 'request_saved'\n", "    false and outcome = 'request_saved'\n", EQUAL),
    Fault("the days of a sum that moves are forgotten", DAYS,
          "if summed.model in by_day.of:", "if summed.model in by_day.of and False:",
          f"{MOVED}::test_a_day_that_families_moved_is_made_anew_and_no_other"),
    Fault("spend of the past that changed moves no day", DAYS,
          "where now.content is distinct from was.content", "where was.content is null",
          f"{MOVED}::test_a_day_whose_spend_changed_came_or_went_is_made_anew"),
    Fault("a publication never hears of the days that moved", DAYS,
          "from build.family_days where model = %s on", "from build.family_days where false and model = %s on",
          f"{MOVED}::test_a_day_that_families_moved_is_made_anew_and_no_other"),
    Fault("a rate that changed moves no payment", BY_TIME,
          "on facts.original_currency = moved.currency and facts.paid_date >=",
          "on false and facts.original_currency = moved.currency and facts.paid_date >=", EQUAL),
    Fault("a campaign that got another channel moves no touch", BY_TIME,
          "on touches.source = moved.source", "on false and touches.source = moved.source", EQUAL),
    Fault("the state forgets what the changed records share with others", SCOPE,
          "cross join unnest(changed.tokens) as token (token);\ninsert",
          "cross join unnest(changed.tokens) as token (token) where false;\ninsert", EQUAL),
    Fault("the state of the last build does not follow a day", RUN,
          "scope.keep_scope(connection,", "(lambda *_, **__: None)(connection,", EQUAL),
    Fault("the rules of the last build are not kept", SCOPE,
          '_keep_blocked(connection, "day.int_identifier_owners", too_many_patients)\n    run(connection, _KEEP_RULES)',
          '_keep_blocked(connection, "day.int_identifier_owners", too_many_patients)', EQUAL),
    # The merge.
    Fault("keys that the families have no more are not named", MERGE,
          'named.append(sql.SQL("select {} as key from {}").format(key, sql.Identifier("old", model)))', "", EQUAL),
    Fault("old rows of a key stay beside the new ones", COMPARE,
          "as old where old.{} = any (array(", "as old where false and old.{} = any (array(", EQUAL),
    Fault("rows that became more, or fewer, are taken for the same", COMPARE,
          "having count(*) filter (where is_old) <> count(*) filter (where not is_old)",
          "having bool_and(is_old) or bool_and(not is_old)",
          f"{DIFFER}::test_rows_that_are_as_often_on_both_sides_stay_where_they_are_and_others_are_replaced"),
    Fault("rows of another record with the same id are compared too", COMPARE,
          "on old.{} = records.record_kind and", "on old.{} >= '' and records.record_kind >= '' and",
          f"{DIFFER}::test_a_record_of_another_kind_keeps_its_rows_though_its_id_is_the_same"),
    Fault("rows that went since they were compared are not missed", MERGE,
          "if deleted != differing[kept.model]:", "if False:",
          f"{DIFFER}::test_rows_that_somebody_else_took_away_since_they_were_compared_stop_the_build"),
    Fault("rows of a day are committed before their sums", RUN,
          "merge.merge(connection, recipe.plan)", "merge.merge(connection, recipe.plan); connection.commit()", EQUAL),
    Fault("whose a stage of treatment was is asked of his card alone", MERGE,
          '("int_stage_persons", "person_key"),', "",
          f"{A_DAY}::test_a_patient_known_by_stages_of_treatment_alone_has_each_step_once"),
    Fault("a listed phone is of as many patients as a day's families have", LISTED,
          "where identifier = any(ops.ids_of_families('listed'))", "where true", EQUAL),
    Fault("the families' rows are read later than the families were found", RUN,
          "connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ", "",
          f"{A_DAY}::test_a_row_that_a_load_changes_while_a_day_is_built_takes_nobodys_rows"),
    # Sums.
    Fault("what families added before is not taken off", SUMS,
          " union all select {rest}, {lost} from {was}", "", EQUAL),
    Fault("a sum of which nothing is left stays as a row", SUMS,
          "where {same} and {nothing}", "where false and {same} and {nothing}", EQUAL),
    Fault("what families added before is asked of their new rows", SUMS,
          'queries[model].reading("was")', 'queries[model].reading("day")', EQUAL),
    # The steps and their SQL.
    Fault("models that follow from everybody's rows are left as they were", RUN,
          'steps.run_side_by_side(partial(_session, dbt.url), recipe.after, schema="build", done=dbt.take)', "pass",
          EQUAL),
    Fault("a model that follows from everybody is made before what it reads", STEPS,
          "order = TopologicalSorter(stage.parents)", "order = TopologicalSorter(dict.fromkeys(stage.parents, ()))",
          f"{PARTS}::test_models_made_side_by_side_wait_for_what_they_read"),
    Fault("what a day's tests find is not told", STEPS,
          "for test in stage.tests:", "for test in ():",
          f"{PARTS}::test_what_a_test_of_a_day_finds_is_a_failure_and_nothing_of_the_day_stays"),
    Fault("the SQL of yesterday's files is run for today's", RECIPE,
          'if told.get("code") == code else None', 'if told.get("code") else None',
          f"{PARTS}::test_compiled_sql_is_kept_for_the_same_files_and_database_only"),
    # What is told of sales.
    Fault("sales that are another person's now are no change of sales", KNOWN,
          "coalesce(person_key, sale_id), amount", "amount",
          f"{FORECAST}::test_rows_of_many_changes_are_those_of_looking_at_all"),
    Fault("what was sold today is told of as it was yesterday", KNOWN,
          "where sold_date < %(today)s and amount is not null", "where amount is not null",
          f"{FORECAST}::test_only_clinics_whose_sales_changed_are_looked_at"),
    Fault("a clinic that sells nothing any more keeps its dips", KNOWN,
          "where clinic_id <> all (%s)", "where clinic_id <> all (%s) and false",
          f"{FORECAST}::test_rows_of_many_changes_are_those_of_looking_at_all"),
    # The publication after it.
    Fault("a publication is not told of people whose rows are new", UNPUBLISHED,
          "where key is not null and model", "where key is not null and is_old and model", PUBLISHED),
    Fault("a publication is not told of single rows that are gone", MERGE,
          "unpublished.tell_rows(connection, kept, is_old=True)", "pass",
          f"{DIFFER}::test_a_publication_is_told_of_the_very_rows_that_differ_where_they_have_a_key_of_their_own"),
    Fault("a publication is not told of single rows that are new", MERGE,
          "unpublished.tell_rows(connection, kept, is_old=False)", "pass",
          f"{DIFFER}::test_a_publication_is_told_of_the_very_rows_that_differ_where_they_have_a_key_of_their_own"),
    Fault("of the rows that were told only one is compared", TABLES,
          "select distinct row_key from build", "select max(row_key) as row_key from build",
          f"{TOLD}::test_of_a_persons_rows_only_those_that_were_told_are_compared"),
    Fault("a publication is not told of all inquiries of people whose rows differ", UNPUBLISHED,
          "where differing.kind = 'person' and", "where false and",
          f"{DIFFER}::test_a_publication_is_told_of_people_whose_rows_differ_and_of_all_their_inquiries"),
    Fault("the gate does not look at landed rows that no row of ours came of", UNPUBLISHED,
          "where record_kind in ('contact', 'session', 'appointment',", "where record_kind in ('nothing',",
          f"{DIFFER}::test_a_publication_is_told_of_people_whose_rows_differ_and_of_all_their_inquiries"),
    Fault("a foreign key is taken to hold though a row that others name is gone", KEYS,
          "where not exists ({same}))", "where false and not exists ({same}))",
          f"{TOLD}::test_a_foreign_key_that_touched_rows_break_is_left_out_too"),
    Fault("after a build of everything only touched families are published", RUN,
          "drop table if exists build.family_state, build.family_published", "drop table if exists build.family_state",
          PUBLISHED),
    Fault("a publication that somebody else made in between is trusted", TOUCHED,
          ' where publication_id = (select max(publication_id) from ops.publications))"', ')"',
          f"{PARTS}::test_families_are_compared_only_against_the_last_publication"),
)
