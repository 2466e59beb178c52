"""IDENT: reports become rows, other headers stop them, newer files win; a database of the known shape is read too."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError

from extractors.core.errors import ConfigError, GuardError, PayloadError, RejectedError, TransientError
from extractors.registry import source
from extractors.run import LoadResult, make_context, run_stream
from extractors.sources.ident.database import Database, passing, tables
from simulators.ident import SIMULATOR
from simulators.ident.routes import Ident
from simulators.ident.wire import Writer
from simulators.world import build_world
from simulators.world.model import World

Ask = Callable[..., list[tuple[Any, ...]]]
NOW = datetime(2026, 9, 12, tzinfo=UTC)
ZONE = "Europe/Moscow"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date_from=date(2026, 8, 1), days=20, clinics=3)


Load = Callable[..., LoadResult]


@pytest.fixture
def load(warehouse: str) -> Load:
    """`load("payments", inbox=…)`: one stream, or all of them without a name."""

    def run(*streams: str, **settings: object) -> LoadResult:
        result = None
        for stream in streams or [stream.name for stream in source("ident").streams]:
            result = run_stream(
                warehouse, "ident", stream, date(2026, 9, 1), date(2026, 9, 11), run_id="run", now=NOW,
                settings={"currency": "RUB", "clinics": {"*": "C3"}, "retry_base_seconds": 0.01, **settings},
            )
        assert result is not None
        return result

    return run


def put(folder: Path, name: str, *lines: str) -> str:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="cp1251")
    return str(folder)


HEAD = "№ оплаты;№ карты;Филиал;Дата оплаты;Сумма"
PAID = "select payment_id, amount from staging.ident__payments order by payment_id"


def test_reports_of_the_city_land_with_where_they_stood(world: World, load: Load, rows: Ask) -> None:
    vendor: Ident = SIMULATOR.make(world, None, lambda: 0.0)  # type: ignore[assignment]
    settings = SIMULATOR.endpoint(world, "", vendor)["settings"]
    load(**settings)
    served = vendor.state.world
    assert rows("select count(*), sum(amount) from staging.ident__payments") == [
        (len(served.payments), sum(payment.amount for payment in served.payments))
    ]
    assert rows("select count(*) from staging.rejected_rows") == [(0,)]
    assert rows("select distinct file, length(sha256) from staging.ident__payments") == [("Оплаты 2026.csv", 64)]
    assert load("payments", **settings).rows_written == 0


def test_other_headers_stop_the_report_and_both_sets_are_named(tmp_path: Path, load: Load, rows: Ask) -> None:
    put(tmp_path, "Оплаты 1.csv", HEAD, "1;10;A;02.09.2026;100,50")
    load("payments", inbox=str(tmp_path))
    put(tmp_path, "Оплаты 2.csv", "№ оплаты;№ карты;Кто принял;День;Сумма", "2;10;Лев;02.09.2026;7")
    with pytest.raises(PayloadError, match=r"Unknown: Кто принял, День\. Missing: Дата оплаты") as refused:
        load("payments", inbox=str(tmp_path))
    assert "Лев" not in str(refused.value)
    assert rows(PAID) == [("1", Decimal("100.50"))]
    names = {"payments": {"columns": {"paid_at": "День"}, "ignored": ["Кто принял"]}}
    put(tmp_path, "Оплаты 1.csv", HEAD.replace("Дата оплаты", "День"), "1;10;A;02.09.2026;100,50")
    load("payments", inbox=str(tmp_path), reports=names)
    assert rows(PAID) == [("1", Decimal("100.50")), ("2", Decimal(7))]


def test_a_newer_file_wins_by_key_and_by_period(tmp_path: Path, load: Load, rows: Ask) -> None:
    put(tmp_path, "Оплаты 08.csv", HEAD, "1;10;A;02.09.2026;100", "2;10;A;03.09.2026;200", "3;10;A;09.09.2026;300")
    put(tmp_path, "Оплаты 09.csv", HEAD, "1;10;A;02.09.2026;111", "4;10;A;04.09.2026;400", "Итого;;;;511")
    load("payments", inbox=str(tmp_path))
    assert rows(PAID) == [("1", Decimal(111)), ("2", Decimal(200)), ("3", Decimal(300)), ("4", Decimal(400))]
    # By period payment 2 is gone: the newer file has the whole of its days, and has it not.
    load("payments", inbox=str(tmp_path), reports={"payments": {"replace_by": "period"}})
    assert rows(PAID) == [("1", Decimal(111)), ("3", Decimal(300)), ("4", Decimal(400))]


def test_an_inbox_that_was_emptied_takes_nothing_away(tmp_path: Path, load: Load, rows: Ask) -> None:
    put(tmp_path, "Оплаты 1.csv", HEAD, *(f"{number};10;A;02.09.2026;5" for number in range(1, 6)))
    load("payments", inbox=str(tmp_path))
    (tmp_path / "Оплаты 1.csv").unlink()
    with pytest.raises(GuardError):
        load("payments", inbox=str(tmp_path))
    assert len(rows(PAID)) == 5
    with pytest.raises(ConfigError, match="inbox"):
        load("payments", inbox=str(tmp_path / "nowhere"))


def test_one_row_that_cannot_be_read_is_set_aside(tmp_path: Path, load: Load, rows: Ask) -> None:
    head = "№ карты;Филиал;Дата приёма;Статус;Врач"
    put(
        tmp_path, "Записи 1.csv", head, "10;A;02.09.2026 10:00;Завершен;Лев", "11;A;02.09.2026 11:00;Задумался;Лев",
        "12;A;31.09.2026 11:00;Отменён;Лев", "13;A;02.09.2026 12:00;ПРИШЕЛ;Лев", "14;B;02.09.2026 13:00;Отменён;Лев",
    )
    result = load("appointments", inbox=str(tmp_path), clinics={"A": "C3"})
    assert result.rows_rejected == 3
    assert sorted(row[0] for row in rows("select column_name from staging.rejected_rows")) == [
        "branch", "starts_at", "status",
    ]
    visits = "select patient_id, status, starts_at, length(visit_id) from staging.ident__appointments order by 1"
    assert rows(visits) == [
        ("10", "completed", datetime(2026, 9, 2, 7, tzinfo=UTC), 20),
        ("13", "arrived", datetime(2026, 9, 2, 9, tzinfo=UTC), 20),
    ]


def test_a_word_that_is_no_setting_of_a_report_is_told(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ConfigError, match="colour"):
        load("payments", inbox=str(tmp_path), reports={"payments": {"colour": "red"}})


# The database -----------------------------------------------------------------------------------------------------


def fill(engine: Engine) -> None:
    """A little clinic with what third parties warn of: see the comments."""
    made = tables(None)
    next(iter(made.values())).metadata.create_all(engine)

    def at(day: int, hour: int = 0) -> datetime:
        return datetime(2026, 9, day, hour)  # noqa: DTZ001  the database knows no zones

    people = [
        {"ID": 10, "Surname": "Рябинникова", "Name": "Вера", "Patronymic": None, "Phone": "84950003001",
         "MobilePhone": "+79000000001"},
        {"ID": 11, "Surname": "Рябинников", "Name": "Лев", "MobilePhone": "+79000000001"},  # a child, the same phone
    ]
    visits = [
        # Arrived, then cancelled: cancelled beats all.
        {"ID": 1, "ID_Patients": 10, "ID_Staffs": 50, "ID_Armchairs": 1, "PlanStart": at(2, 10), "DateTimeAdded": at(1),
         "PatientAppeared": at(2, 10), "ReceptionCanceled": at(2, 11)},
        {"ID": 2, "ID_Patients": 10, "ID_Staffs": 50, "ID_Armchairs": 1, "PlanStart": at(3, 10), "DateTimeAdded": at(1),
         "ReceptionEnded": at(3, 11), "CheckIssued": at(3, 12)},
        {"ID": 3, "ID_Patients": 11, "ID_Staffs": 50, "ID_Armchairs": 1, "PlanStart": at(4, 10),
         "DateTimeAdded": at(1)},
        {"ID": 4, "ID_Patients": 11, "ID_Staffs": 51, "ID_Armchairs": 1, "PlanStart": at(20, 10),
         "DateTimeAdded": at(1)},
    ]
    contents: dict[str, list[dict[str, Any]]] = {
        "Persons": people,
        "Patients": [{"ID_Persons": 10, "CardNumber": "A-1"}, {"ID_Persons": 11, "CardNumber": "A-2"}],
        "Receptions": visits,
        "Armchairs": [{"ID": 1, "ID_OwnCompanies": 7}],
        # A doctor of two professions, and a visit with two bills: neither doubles the visit.
        "Items": [{"ID_Staffs": 50, "ID_ProfessionNames": 1}, {"ID_Staffs": 50, "ID_ProfessionNames": 2}],
        "ProfessionNames": [{"ID": 1, "NameProfession": "Терапевт"}, {"ID": 2, "NameProfession": "Хирург"}],
        "Orders": [
            {"ID": 100, "ID_Receptions": 2, "ID_OwnCompanies": 7, "DateTimeOrder": at(3, 12)},
            {"ID": 101, "ID_Receptions": 2, "ID_OwnCompanies": 7, "DateTimeOrder": at(3, 13)},
        ],
        "OrderServiceRelation": [
            {"ID": 1000, "ID_Orders": 100, "ID_ServicePrices": 1, "CountService": 2, "DiscountSum": Decimal("100.50"),
             "ID_TreatmentPlanElementRelations": 500},
            {"ID": 1001, "ID_Orders": 101, "ID_ServicePrices": 1, "CountService": 1},
        ],
        "ServiceItemPrices": [{"ID": 1, "ID_ServiceItems": 5, "Price": Decimal(5600)}],
        "ServiceItems": [{"ID": 5, "Name": "Пломба"}],
        # The catalogue keeps old places of a service: only the present one counts.
        "ServiceItemContents": [
            {"ID_ServiceItems": 5, "ID_ServiceFoldersParent": 3, "DateTimeTo": at(1)},
            {"ID_ServiceItems": 5, "ID_ServiceFoldersParent": 4},
        ],
        "ServiceFolders": [{"ID": 3, "ID_ServiceCategories": 8}, {"ID": 4, "ID_ServiceCategories": 9}],
        "ServiceCategories": [{"ID": 8, "Name": "Архив"}, {"ID": 9, "Name": "Терапия"}],
        "PaymentsIn": [
            {"ID": 1, "DateTimePayment": at(3, 12), "Payment": Decimal("11099.50"), "ID_Patients": 10},
            {"ID": 2, "DateTimePayment": at(5), "Payment": Decimal(1000), "ID_Patients": 11},  # without a bill
        ],
        "TreatmentPlans": [
            {"ID": 90, "DateTimeCreated": at(2), "IsActive": 1, "ID_Patients": 10},
            {"ID": 91, "DateTimeCreated": at(2), "IsActive": 0, "ID_Patients": 10},
        ],
        "TreatmentPlanStages": [{"ID": 1, "Name": "Второй", "Order": 2}, {"ID": 2, "Name": "Первый", "Order": 1}],
        "TreatmentPlanElementRelations": [
            {"ID": 500, "ID_TreatmentPlans": 90, "ID_TreatmentPlanStages": 2, "ID_ServicePrices": 1},
            {"ID": 501, "ID_TreatmentPlans": 90, "ID_TreatmentPlanStages": 1, "ID_ServicePrices": 1},
            {"ID": 502, "ID_TreatmentPlans": 91, "ID_TreatmentPlanStages": 1, "ID_ServicePrices": 1},
        ],
    }
    with engine.begin() as connection:
        for name, given in contents.items():
            for row in given:
                connection.execute(insert(made[name]).values(**row))


@pytest.fixture
def clinic_database(fresh_database: str) -> str:
    url = fresh_database.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    fill(engine)
    engine.dispose()
    return url


def test_the_database_says_what_the_programme_shows(clinic_database: str, load: Load, rows: Ask) -> None:
    how: dict[str, Any] = {"way": "sql", "database_url": clinic_database, "time_zone": ZONE}
    how["clinics"] = {"7": "C3", "*": "C3"}
    load(**how)
    assert rows("select reason from staging.rejected_rows") == []
    assert rows("select patient_id, full_name, phones_e164 from staging.ident__patients order by 1") == [
        ("10", "Рябинникова Вера", ["+79000000001", "+74950003001"]), ("11", "Рябинников Лев", ["+79000000001"]),
    ]
    visits = "select visit_id, status, direction, clinic_id, starts_at from staging.ident__appointments order by 1"
    assert rows(visits) == [
        ("1", "cancelled", "Терапевт", "C3", datetime(2026, 9, 2, 7, tzinfo=UTC)),
        ("2", "completed", "Терапевт", "C3", datetime(2026, 9, 3, 7, tzinfo=UTC)),
        ("3", "no_show", "Терапевт", "C3", datetime(2026, 9, 4, 7, tzinfo=UTC)),
        ("4", "planned", None, "C3", datetime(2026, 9, 20, 7, tzinfo=UTC)),
    ]
    sales = "select sale_id, visit_id, patient_id, item, item_type, amount from staging.ident__sales order by 1"
    assert rows(sales) == [
        ("1000", "2", "10", "Пломба", "Терапия", Decimal("11099.50")), ("1001", "2", "10", "Пломба", "Терапия", 5600),
    ]
    assert rows(PAID) == [("1", Decimal("11099.50")), ("2", Decimal(1000))]
    stages = "select line_id, stage_number, done_at is not null from staging.ident__treatment_stages order by 2"
    assert rows(stages) == [
        ("500", 1, True), ("501", 2, False),
    ]
    engine = create_engine(clinic_database)
    with engine.begin() as connection:
        connection.exec_driver_sql('delete from "Receptions" where "ID" = 3')
    engine.dispose()
    assert load("appointments", **how).rows_deleted == 1


def test_a_large_table_is_read_in_pages(clinic_database: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.sources.ident.database.PAGE_ROWS", 1)
    assert load("appointments", way="sql", database_url=clinic_database).rows_read == 4


def test_a_database_of_another_shape_or_none_is_told_without_its_password(
    clinic_database: str, fresh_database: str, load: Load
) -> None:
    engine = create_engine(clinic_database)
    with engine.begin() as connection:
        connection.exec_driver_sql('alter table "Receptions" drop column "CheckIssued"')
    engine.dispose()
    with pytest.raises(RejectedError, match="tables differ"):
        load("appointments", way="sql", database_url=clinic_database)
    closed = "postgresql+psycopg://u:hidden-word@127.0.0.1:1/x"
    with pytest.raises(TransientError, match="does not answer") as refused:
        load("appointments", way="sql", database_url=closed)
    assert "hidden-word" not in str(refused.value)
    with pytest.raises(ConfigError, match="database_url"):
        load("appointments", way="sql", database_url="nonsense")
    with pytest.raises(ConfigError, match="way"):
        load("appointments", way="telepathy")


def test_the_simulators_writer_makes_a_report_again(world: World, tmp_path: Path) -> None:
    Writer(world.seen_by("ident"), tmp_path).write_all("09")
    assert sorted(path.name.split()[0] for path in tmp_path.iterdir()) == [
        "Записи", "Оплаты", "Пациенты", "Планы", "Услуги",
    ]


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        (("40001", "[40001] deadlock victim"), True), (("HYT00", "timeout"), True),
        (("HY000", "[HY000] the service is busy (40501) (SQLExecDirectW)"), True),
        (("42S22", "[42S22] Invalid column name"), False), (("42000", "row 40501 of 9"), False), ((), False),
    ],
)  # fmt: skip
def test_a_deadlock_passes_and_a_column_that_is_not_there_does_not(said: tuple[str, ...], passes: bool) -> None:
    """What SQL Server's driver says of both is the same kind of error; only its state tells them apart [§7.3]."""
    assert passing(DBAPIError("select", None, Exception(*said))) is passes


def test_the_queries_ask_nothing_that_an_old_sql_server_does_not_know() -> None:
    """Clinics have versions from 2012 on [§7.3]: no TRIM and STRING_AGG (2017), no GREATEST and LEAST (2022)."""
    settings = {"way": "sql", "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/x", "clinics": {"*": "C1"}}
    database = Database(make_context(source("ident"), settings, run_id="run", now=NOW))
    try:
        for stream in source("ident").streams:
            old = mssql.dialect()  # type: ignore[no-untyped-call]
            said = str(database.statement(stream.name, 7).compile(dialect=old)).upper()
            assert "TOP" in said
            assert set(re.findall(r"\b[A-Z_]+(?=\()", said)) <= {"COALESCE", "LTRIM", "RTRIM", "MIN", "ROW_NUMBER"}
    finally:
        database.close()
