"""A Metabase is set up over its API: each group finds what it may read and nothing else; again, and nothing changes.

Metabase cannot be installed here: it is a stand-in, written from its documentation. The warehouse is real.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bi.metabase.client import Login, login_from, signed_in
from bi.metabase.groups import read_groups, role_of
from bi.metabase.provision import provision
from bi.metabase.questions import questions_of, read_functions
from bi.metabase.titles import TITLES
from extractors.core.errors import ConfigError, RejectedError, TransientError
from runtime.metabase import warehouse_of
from tests.bi.metabase_stand_in import ADMINISTRATORS, ALL_USERS, API_KEY, PASSWORD, USER, StandIn, serving
from tests.city import City, copy_of
from warehouse.catalog import read_relations

ALL = ("marketers", "analysts", "desk")
PAGES = Path(__file__).resolve().parents[2] / "docs" / "reports"


@dataclass(slots=True)
class Clinic:
    """The city with three groups: marketers, analysts, and administrators who see their own rows only."""

    url: str
    prefix: str

    def group(self, name: str) -> str:
        return f"{self.prefix}_{name}"

    def run(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def set_up(
        self, metabase: StandIn, *names: str, language: str = "en", login: Login | None = None
    ) -> list[str]:
        """What `make metabase` does for these groups; what it changed."""
        with psycopg.connect(self.url) as connection:
            groups = read_groups(connection, [self.group(name) for name in names or ALL])
            functions = read_functions(connection)
        with (
            serving(metabase) as url,
            signed_in(url, login or Login(user=USER, password=PASSWORD), sleep=lambda _s: None) as service,
        ):
            place = warehouse_of(self.url, {})
            provision(service, place, groups, functions, language=language, say=lambda _text: None)
            return service.changes


@pytest.fixture(scope="module")
def clinic(pg_server_url: str, city_template: City) -> Iterator[Clinic]:
    prefix = f"g{uuid.uuid4().hex[:8]}"
    with copy_of(city_template, pg_server_url) as copied:
        made = Clinic(url=copied.url, prefix=prefix)
        for report in ("channels_and_sources", "ad_payback", "deal_journal", "client_path", "service_dips"):
            made.run("select access.allow(%s, %s, clinics => '{C1}')", made.group("marketers"), report)
        made.run("select access.allow(%s, 'marts')", made.group("analysts"))
        made.run("select access.allow(%s, 'administrator_conversion')", made.group("analysts"))
        desk = made.group("desk")
        made.run("select access.allow(%s, 'administrator_conversion', own_rows_only => true)", desk)
        made.run("select access.allow(%s, 'inquiry_history', personal_data => true)", desk)
        yield made
        made.run("select access.remove_employee(database_role) from access.employees")


@pytest.fixture(scope="module")
def metabase(clinic: Clinic) -> StandIn:
    """A Metabase that was set up once."""
    service = StandIn()
    clinic.set_up(service)
    return service


def of_group(service: StandIn, clinic: Clinic, name: str) -> tuple[str, str, str]:
    """(group, database, collection) as Metabase's graphs name them."""
    title = f"Chairside: {clinic.group(name)}"
    (group,) = [str(each["id"]) for each in service.groups.values() if each["name"] == title]
    (database,) = [str(each["id"]) for each in service.databases.values() if each["name"] == title]
    (collection,) = [str(each["id"]) for each in service.collections.values() if each["name"] == title]
    return group, database, collection


def filled(sql: str, values: Mapping[str, str]) -> str:
    """As Metabase does: parts in [[ ]] whose variable has no value go, variables become values."""

    def part(found: re.Match[str]) -> str:
        return found[1] if all(name in values for name in re.findall(r"{{(\w+)}}", found[1])) else ""

    chosen = re.sub(r"\[\[(.*?)\]\]", part, sql)
    return re.sub(r"{{(\w+)}}", lambda found: "'" + values[found[1]] + "'", chosen)


def test_again_nothing_changes(clinic: Clinic, metabase: StandIn) -> None:
    journal = clinic.run("select count(*) from access.journal")
    answered = len(metabase.log)
    assert clinic.set_up(metabase) == []
    writes = [entry for entry in metabase.log[answered:] if entry[0] != "GET" and entry[1] != "/api/session"]
    assert writes == []
    assert clinic.run("select count(*) from access.journal") == journal
    assert all(status < 300 for _method, _path, status in metabase.log)
    assert not metabase.sessions, "the session was closed"


def test_each_group_has_its_own_login_and_no_password_leaves_metabase(clinic: Clinic, metabase: StandIn) -> None:
    logins = [database["details"]["user"] for database in metabase.databases.values()]
    assert sorted(logins) == sorted(role_of(clinic.group(name)) for name in ALL)
    with metabase.connect(next(iter(metabase.databases.values()))["details"]) as connection:
        assert connection.execute("select rolsuper, rolinherit from pg_roles where rolname = current_user").fetchone()
    assert clinic.run("select count(*) from access.effective_rights where database_role like 'metabase%%'") != [(0,)]


def test_all_users_and_other_groups_are_shut_out(clinic: Clinic, metabase: StandIn) -> None:
    everybody = {str(number) for number in metabase.groups} - {str(ADMINISTRATORS)}
    assert str(ALL_USERS) in everybody
    for name, may_write_sql in (("marketers", False), ("analysts", True), ("desk", False)):
        group, database, collection = of_group(metabase, clinic, name)
        for other in everybody - {group}:
            assert metabase.data_graph.get(other, {}).get(database, {}).get("create-queries", "no") == "no"
            assert metabase.collection_graph.get(other, {}).get(collection, "none") == "none"
        create = "query-builder-and-native" if may_write_sql else "query-builder"
        assert metabase.data_graph[group][database] == {"view-data": "unrestricted", "create-queries": create}
        assert metabase.collection_graph[group][collection] == "read"


def test_the_walls_stand_before_anything_is_behind_them(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers")
    paths = [(method, path) for method, path, _status in service.log]
    first_card = paths.index(("POST", "/api/card"))
    assert paths.index(("PUT", "/api/collection/graph")) < first_card
    assert paths.index(("PUT", "/api/permissions/graph")) < first_card


def test_somebody_who_changes_permissions_meanwhile_is_not_overwritten(clinic: Clinic) -> None:
    service = StandIn()

    def somebody() -> None:
        service.revisions["data"] += 1
        service.data_graph.setdefault("3", {})["77"] = {"create-queries": "query-builder"}

    service.before_put += [somebody]
    clinic.set_up(service, "marketers")
    assert [status for method, path, status in service.log if (method, path) == ("PUT", "/api/permissions/graph")] == [
        409, 200,
    ]  # fmt: skip
    assert service.data_graph["3"]["77"] == {"create-queries": "query-builder"}
    group, database, _collection = of_group(service, clinic, "marketers")
    assert service.data_graph[group][database]["create-queries"] == "query-builder"


def test_a_graph_that_never_stands_still_is_said(clinic: Clinic) -> None:
    service = StandIn()

    def always() -> None:
        service.revisions["data"] += 1
        service.before_put.append(always)

    service.before_put += [always]
    with pytest.raises(TransientError, match="somebody else keeps changing it"):
        clinic.set_up(service, "marketers")


def test_a_wall_that_somebody_opened_is_closed_again(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers")
    _group, _database, collection = of_group(service, clinic, "marketers")
    service.collection_graph[str(ALL_USERS)][collection] = "write"
    assert clinic.set_up(service, "marketers") == ["rights on collections"]
    assert service.collection_graph[str(ALL_USERS)][collection] == "none"


def test_metabase_sees_tables_comments_and_foreign_keys_but_no_primary_keys_as_that_login(
    clinic: Clinic, metabase: StandIn
) -> None:
    """Its own catalog queries, run on the real warehouse; what it cannot see is told by PUT /api/field."""
    _group, database, _collection = of_group(metabase, clinic, "analysts")
    untold = StandIn()
    untold.databases = {1: metabase.databases[int(database)]}
    untold.tables = {1: []}
    untold.sync(1)
    tables = {f"{table['schema']}.{table['name']}": table for table in untold.tables[1]}
    assert {"marts.fct_inquiries", "marts.dim_clinics", "reports.administrator_conversion_daily"} <= set(tables)
    assert not [name for name in tables if "ad_payback" in name or "deal_journal" in name], "of no right of theirs"
    assert all(table["description"] for table in tables.values())
    assert all(field["description"] for table in tables.values() for field in table["fields"])
    seen = {field["semantic_type"] for table in tables.values() for field in table["fields"]}
    assert "type/FK" in seen
    assert "type/PK" not in seen
    told = {table["name"]: {f["name"]: f for f in table["fields"]} for table in metabase.tables[int(database)]}
    inquiries = told["fct_inquiries"]
    assert inquiries["inquiry_key"]["semantic_type"] == "type/PK"
    assert told["fct_payments"]["patient_id"]["fk_target_field_id"] == told["dim_patients"]["patient_id"]["id"]
    assert inquiries["administrator_id"]["fk_target_field_id"] == told["dim_employees"]["employee_id"]["id"]


def test_a_percentage_is_not_multiplied_by_a_hundred(clinic: Clinic, metabase: StandIn) -> None:
    percents = [
        field
        for tables in metabase.tables.values()
        for table in tables
        for field in table["fields"]
        if field["name"].endswith("_percent")
    ]
    assert all(field["semantic_type"] is None and field["settings"] == {"suffix": " %"} for field in percents)


def test_a_dashboard_per_report_and_every_question_answers_with_the_groups_rows(
    clinic: Clinic, metabase: StandIn
) -> None:
    rows: dict[str, int] = {}
    values = {"date_from": "2026-08-01", "date_to": "2026-08-31", "person_key": "patient:P1"}
    with psycopg.connect(clinic.url) as owner:
        row = owner.execute(
            "select person_key from reports.inquiry_history"
            " where clinic_id = 'C1' and local_date between '2026-08-01' and '2026-08-31' order by 1 limit 1"
        ).fetchone()
        assert row is not None
        values["person_key"] = row[0]
    for name in ALL:
        _group, database, collection = of_group(metabase, clinic, name)
        cards = [card for card in metabase.cards.values() if str(card["collection_id"]) == collection]
        assert {str(card["dataset_query"]["database"]) for card in cards} <= {database}
        with metabase.connect(metabase.databases[int(database)]["details"]) as connection:
            for card in cards:
                native = card["dataset_query"]["native"]
                required = {tag for tag, shape in native["template-tags"].items() if shape["required"]}
                extra = {"budget": "100000"} if "budget" in required else {}
                for given in ({**values, **extra}, {tag: {**values, **extra}[tag] for tag in required}):
                    try:
                        found = connection.execute(filled(native["query"], given).encode()).fetchall()
                    except psycopg.errors.InvalidParameterValue as error:
                        # a report may say that a period holds too little: that is an answer
                        assert "nothing to split" in str(error) or "no channel" in str(error), card["name"]
                        continue
                    if given.keys() >= {"date_from"}:
                        rows[card["name"]] = rows.get(card["name"], 0) + len(found)
    assert rows["Ad channels and sources"] > 3
    assert rows["Ad channels and sources, by day"] > 20
    assert rows["Client path"] > 0
    assert rows["History of inquiries"] > 50
    shown = {dashboard["name"] for dashboard in metabase.dashboards.values()}
    assert shown == {
        "Ad channels and sources", "Ad payback", "Deal journal", "Client path", "Seasonal dips",
        "Administrators' conversion", "History of inquiries",
    }  # fmt: skip
    assert all(dashboard["dashcards"] for dashboard in metabase.dashboards.values())


AUGUST = {"date_from": "2026-08-01", "date_to": "2026-08-31"}
DAYS = "date '2026-08-01', date '2026-08-31'"


@pytest.mark.parametrize(
    ("report", "chosen", "figure", "expected"),
    [
        # nine models divide the same conversions, and the spend stands beside each of them and of four conversions
        ("attribution", {}, "spend", "select sum(spend) from reports.ad_payback({days})"),
        (
            "attribution", {"conversion": "deal", "model": "markov"}, "conversions",
            "select sum(conversions) from reports.attribution({days}, conversion => 'deal') where model = 'markov'",
        ),
        # what was sold is paid as well, and may be a deal won
        (
            "client_path", {}, "amount",
            "select sum(amount) from reports.client_path_days where day between '2026-08-01' and '2026-08-31'"
            " and step = 'payment'",
        ),
        ("channels_and_sources", {}, "inquiries", "select sum(inquiries) from reports.channels_and_sources({days})"),
        (
            "channels_and_sources", {"audience": "all", "with_referrals": "true", "topic": "therapy"}, "inquiries",
            "select sum(inquiries) from reports.channels_and_sources({days}, audience => 'all', with_referrals => true,"
            " topic => 'therapy')",
        ),
        (
            "administrator_conversion", {"audience": "primary", "hide_employee_referrals": "true", "topic": "therapy"},
            "booked",
            "select booked from reports.administrator_conversion({days}, audience => 'primary',"
            " hide_employee_referrals => true, topic => 'therapy') where administrator_id is null",
        ),
    ],
)  # fmt: skip
def test_a_picture_by_day_holds_everything_once_and_keeps_to_the_filters(
    clinic: Clinic, report: str, chosen: dict[str, str], figure: str, expected: str
) -> None:
    with psycopg.connect(clinic.url) as owner:
        questions = questions_of(report, read_functions(owner), read_relations(owner), "en")
        (picture,) = [each for each in questions if each.key == f"{report}_daily/line"]
        assert chosen.keys() <= picture.tags.keys()
        shown = filled(picture.sql, {**AUGUST, **chosen})
        found = owner.execute(f"select round(sum({figure}), 2) from ({shown}) as days".encode()).fetchone()
        wanted = owner.execute(f"select round(({expected.format(days=DAYS)}), 2)".encode()).fetchone()
    assert found == wanted != (None,)


def test_a_right_of_one_clinic_shows_one_clinic(clinic: Clinic, metabase: StandIn) -> None:
    _group, database, _collection = of_group(metabase, clinic, "marketers")
    with metabase.connect(metabase.databases[int(database)]["details"]) as connection:
        clinics = connection.execute("select distinct clinic_id from reports.channels_and_sources_daily").fetchall()
        assert {clinic_id for (clinic_id,) in clinics} <= {"C1", None}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from marts.fct_inquiries")


def test_own_rows_only_is_left_out_for_a_group(clinic: Clinic) -> None:
    with psycopg.connect(clinic.url) as connection:
        (desk,) = read_groups(connection, [clinic.group("desk")])
    assert (desk.reports, desk.own_rows_only) == (("inquiry_history",), ("administrator_conversion",))


def test_a_right_taken_puts_the_questions_away_and_given_again_returns_others(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers")
    clinic.run("select access.deny(%s, 'ad_payback')", clinic.group("marketers"))
    try:
        changes = clinic.set_up(service, "marketers")
        assert any("Ad payback put away" in change for change in changes)
        left = {dashboard["name"] for dashboard in service.dashboards.values() if not dashboard.get("archived")}
        assert "Ad payback" not in left
    finally:
        clinic.run("select access.allow(%s, 'ad_payback', clinics => '{C1}')", clinic.group("marketers"))
    clinic.set_up(service, "marketers")
    assert "Ad payback" in {each["name"] for each in service.dashboards.values() if not each.get("archived")}


def test_in_russian(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers", language="ru")
    assert "Рекламные каналы и источники" in {dashboard["name"] for dashboard in service.dashboards.values()}
    (page,) = [each for each in service.dashboards.values() if each["name"] == "Рекламные каналы и источники"]
    assert {"С", "По", "Клиника"} <= {parameter["name"] for parameter in page["parameters"]}
    (table,) = [card for card in service.cards.values() if card["name"] == page["name"]]
    assert table["visualization_settings"]["column_settings"]['["name","spend"]'] == {"column_title": "Расход"}


def test_a_connection_that_no_longer_works_is_sent_again(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers")
    _group, database, _collection = of_group(service, clinic, "marketers")
    details = service.databases[int(database)]["details"]
    right, details["dbname"] = details["password"], "another"
    assert clinic.set_up(service, "marketers") == [f"connection Chairside: {clinic.group('marketers')}: changed"]
    assert service.databases[int(database)]["details"]["password"] == right


def test_an_api_key_does_as_well_as_a_password(clinic: Clinic) -> None:
    service = StandIn()
    clinic.set_up(service, "marketers", login=Login(api_key=API_KEY))
    assert len(service.databases) == 1
    assert not [path for _method, path, _status in service.log if path == "/api/session"]


@pytest.mark.parametrize(
    ("login", "is_superuser", "error", "said"),
    [
        (Login(user=USER, password="wrong"), True, RejectedError, "administrator"),
        (Login(user=USER, password=PASSWORD), False, ConfigError, "no administrator"),
        (Login(api_key="wrong"), True, RejectedError, "administrator"),
    ],
)
def test_who_may_not_is_told_so_and_no_password_is(
    clinic: Clinic, login: Login, is_superuser: bool, error: type[Exception], said: str
) -> None:
    service = StandIn(is_superuser=is_superuser)
    with pytest.raises(error, match=said) as raised:
        clinic.set_up(service, "marketers", login=login)
    assert PASSWORD not in str(raised.value)
    assert PASSWORD not in repr(login)
    assert not service.databases


def test_a_passing_failure_of_reading_is_tried_again(clinic: Clinic) -> None:
    service = StandIn(fail_next=[503, 502])
    clinic.set_up(service, "marketers")
    assert len(service.databases) == 1


def test_the_login_comes_from_the_environment_only() -> None:
    assert login_from({"METABASE_API_KEY": "key"}).api_key == "key"
    assert login_from({"METABASE_USER": "one", "METABASE_PASSWORD": "two"}).password == "two"
    with pytest.raises(ConfigError, match="METABASE_API_KEY"):
        login_from({"METABASE_USER": "one"})


def test_titles_are_those_of_the_reports_pages() -> None:
    headings = {
        path.stem: re.match(r"# (.+?) \((.+)\)\n", path.read_text(encoding="utf-8")) for path in PAGES.glob("*.md")
    }
    for report, (_english, russian) in TITLES.items():
        heading = headings.get(report)
        if heading is not None:
            assert heading[2] == russian
    missing = {report for report, heading in headings.items() if heading} - set(TITLES)
    assert missing <= {"README", "budget_proposal", "utm_audit", "why_one_person"}, "reports of another's right"
