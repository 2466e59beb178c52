"""UNOFFICIAL: queries on IDENT's SQL Server, read only, as third parties' integrations know its tables.

The vendor offers no such interface [CRM_CALLS_CLINIC_APIS.md §7.3]: agree with the clinic first, read a restored copy
or a replica, and compare a week with what the programme shows. The queries are written in SQLAlchemy, so they run on
any database of the same shape. Tables are read whole: nothing tells of vanished rows and of bills that changed later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Select,
    String,
    Table,
    case,
    create_engine,
    func,
    literal,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from extractors.core.errors import ConfigError, RejectedError, TransientError
from extractors.core.settings import required
from extractors.core.spec import Context
from extractors.sources.files.cells import to_text

Row = dict[str, Any]
PAGE_ROWS = 5000
TRIES = 3
PASSING_STATES = {"08S01", "08001", "40001", "HYT00"}
PASSING_NUMBERS = ("40197", "40501", "40613")  # of the server itself, in the text behind a state that says nothing


def tables(schema: str | None) -> dict[str, Table]:
    """The tables and columns that are known [§7.3]; others are not touched."""
    data = MetaData(schema=schema)
    number, text, moment, money = Integer, String, DateTime, Numeric

    def table(name: str, **columns: Any) -> Table:  # noqa: ANN401
        return Table(name, data, *(Column(column, type_) for column, type_ in columns.items()))

    made = (
        table("Persons", ID=number, Surname=text, Name=text, Patronymic=text, Phone=text, MobilePhone=text),
        table("Patients", ID_Persons=number, CardNumber=text),
        table(
            "Receptions", ID=number, ID_Patients=number, ID_Staffs=number, ID_Armchairs=number, PlanStart=moment,
            PatientAppeared=moment, ReceptionStarted=moment, ReceptionEnded=moment, CheckIssued=moment,
            ReceptionCanceled=moment, DateTimeAdded=moment,
        ),
        table("Items", ID_Staffs=number, ID_ProfessionNames=number),
        table("ProfessionNames", ID=number, NameProfession=text),
        table("Armchairs", ID=number, ID_OwnCompanies=number),
        table("Orders", ID=number, ID_Receptions=number, ID_OwnCompanies=number, DateTimeOrder=moment),
        table(
            "OrderServiceRelation", ID=number, ID_Orders=number, ID_ServicePrices=number, CountService=money,
            DiscountSum=money, ID_TreatmentPlanElementRelations=number,
        ),
        table("ServiceItemPrices", ID=number, ID_ServiceItems=number, Price=money),
        table("ServiceItems", ID=number, Name=text),
        table("ServiceItemContents", ID_ServiceItems=number, ID_ServiceFoldersParent=number, DateTimeTo=moment),
        table("ServiceFolders", ID=number, ID_ServiceCategories=number),
        table("ServiceCategories", ID=number, Name=text),
        table("TreatmentPlans", ID=number, DateTimeCreated=moment, IsActive=number, ID_Patients=number),
        table("TreatmentPlanStages", ID=number, Name=text, Order=number),
        table(
            "TreatmentPlanElementRelations", ID=number, ID_TreatmentPlans=number, ID_TreatmentPlanStages=number,
            ID_ServicePrices=number,
        ),
        table("PaymentsIn", ID=number, DateTimePayment=moment, Payment=money, ID_Patients=number),
    )
    return {one.name: one for one in made}


class Database:
    """Asks one database. State: its connections."""

    def __init__(self, context: Context) -> None:
        self._context = context
        settings = context.settings
        self._tables = tables(str(settings["schema"]) if settings.get("schema") else None)
        self._queries: dict[str, Callable[[], Select[Any]]] = {
            "patients": self._patients, "appointments": self._appointments, "sales": self._sales,
            "payments": self._payments, "treatment_stages": self._stages,
        }
        try:
            url = make_url(required(settings, "ident", "database_url"))
            if settings.get("login"):
                url = url.set(username=str(settings["login"]), password=settings.get("token"))
            self._engine: Engine | None = create_engine(url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            self._engine = None
        if self._engine is None:
            raise ConfigError(
                "ident: the setting `database_url` names no database that can be opened here. For SQL Server it is "
                "mssql+pyodbc://<host>/PZ?driver=…, and `pyodbc` with Microsoft's driver must be installed."
            )

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def rows(self, kind: str) -> Iterator[list[Row]]:
        """All rows of that kind in the order of their numbers, page by page: no long read holds a lock."""
        last = 0
        while True:
            page = self._page(self.statement(kind, last), kind)
            yield [{str(name): to_text(value) for name, value in row.items() if name != "number"} for row in page]
            if len(page) < PAGE_ROWS:
                return
            last = int(page[-1]["number"])

    def statement(self, kind: str, last: int) -> Select[Any]:
        """A page of that kind: what comes after the number `last`."""
        query = self._queries[kind]().subquery()
        return select(query).where(query.c.number > last).order_by(query.c.number).limit(PAGE_ROWS)

    def _page(self, query: Select[Any], kind: str) -> list[Row]:
        assert self._engine is not None  # noqa: S101  the constructor refused it
        level = "READ UNCOMMITTED" if self._engine.dialect.name == "mssql" else None
        failed = ""
        for attempt in range(1, TRIES + 1):
            try:
                with self._engine.connect() as connection:
                    if level:
                        connection = connection.execution_options(isolation_level=level)
                    return [dict(row) for row in connection.execute(query).mappings()]
            except DBAPIError as error:
                failed = type(error.orig).__name__
                if not passing(error):
                    raise _refused(kind, failed) from None
                if attempt < TRIES:
                    time.sleep(float(self._context.settings.get("retry_base_seconds", 1.0)) * 2 ** (attempt - 1))
        raise TransientError(f"ident {kind}: the database does not answer ({failed}, {TRIES} times). Run it again.")

    def _patients(self) -> Select[Any]:
        t = self._tables
        patients, persons = t["Patients"], t["Persons"]
        name = (
            func.coalesce(persons.c.Surname, "") + " " + func.coalesce(persons.c.Name, "") + " "
            + func.coalesce(persons.c.Patronymic, "")
        )
        return select(
            patients.c.ID_Persons.label("number"), patients.c.ID_Persons.label("patient_id"),
            func.ltrim(func.rtrim(name)).label("full_name"), persons.c.MobilePhone.label("mobile_phone"),
            persons.c.Phone.label("phone"),
        ).join_from(patients, persons, patients.c.ID_Persons == persons.c.ID)

    def _branch(self) -> Any:  # noqa: ANN401  a correlated scalar query
        """The bill's legal entity, else the chair's. A visit may have several bills: the smallest number is taken."""
        t = self._tables
        receptions, orders, chairs = t["Receptions"], t["Orders"], t["Armchairs"]
        billed = select(func.min(orders.c.ID_OwnCompanies)).where(orders.c.ID_Receptions == receptions.c.ID)
        seated = select(func.min(chairs.c.ID_OwnCompanies)).where(receptions.c.ID_Armchairs == chairs.c.ID)
        return func.coalesce(*(one.correlate(receptions).scalar_subquery() for one in (billed, seated)))

    def _appointments(self) -> Select[Any]:
        """Cancelled beats all, then the furthest stage. A doctor with several professions stays one row."""
        t = self._tables
        visits, items, names = t["Receptions"], t["Items"], t["ProfessionNames"]
        profession = (
            select(func.min(names.c.NameProfession))
            .join_from(items, names, items.c.ID_ProfessionNames == names.c.ID)
            .where(items.c.ID_Staffs == visits.c.ID_Staffs)
            .correlate(visits)
            .scalar_subquery()
        )
        stage = case(
            (visits.c.ReceptionCanceled.is_not(None), literal("cancelled")),
            (visits.c.CheckIssued.is_not(None), literal("completed")),
            (visits.c.ReceptionEnded.is_not(None), literal("completed")),
            (visits.c.ReceptionStarted.is_not(None), literal("arrived")),
            (visits.c.PatientAppeared.is_not(None), literal("arrived")),
            else_=literal("planned"),
        )
        return select(
            visits.c.ID.label("number"), visits.c.ID.label("visit_id"), visits.c.ID_Patients.label("patient_id"),
            self._branch().label("branch"), visits.c.ID_Staffs.label("doctor"), profession.label("direction"),
            visits.c.DateTimeAdded.label("created_at"), visits.c.PlanStart.label("starts_at"), stage.label("stage"),
        )

    def _sales(self) -> Select[Any]:
        t = self._tables
        lines, orders, visits = t["OrderServiceRelation"], t["Orders"], t["Receptions"]
        prices, items = t["ServiceItemPrices"], t["ServiceItems"]
        contents, folders, categories = t["ServiceItemContents"], t["ServiceFolders"], t["ServiceCategories"]
        category = (
            select(func.min(categories.c.Name))
            .join_from(contents, folders, contents.c.ID_ServiceFoldersParent == folders.c.ID)
            .join(categories, folders.c.ID_ServiceCategories == categories.c.ID)
            .where(contents.c.ID_ServiceItems == items.c.ID, contents.c.DateTimeTo.is_(None))
            .correlate(items)
            .scalar_subquery()
        )
        amount = lines.c.CountService * prices.c.Price - func.coalesce(lines.c.DiscountSum, 0)
        return (
            select(
                lines.c.ID.label("number"), lines.c.ID.label("sale_id"), visits.c.ID_Patients.label("patient_id"),
                visits.c.ID.label("visit_id"), orders.c.ID_OwnCompanies.label("branch"),
                orders.c.DateTimeOrder.label("sold_at"), items.c.Name.label("item"), category.label("item_type"),
                lines.c.CountService.label("quantity"), amount.label("amount"),
            )
            .join_from(lines, orders, lines.c.ID_Orders == orders.c.ID)
            .join(prices, lines.c.ID_ServicePrices == prices.c.ID)
            .join(items, prices.c.ID_ServiceItems == items.c.ID)
            .outerjoin(visits, orders.c.ID_Receptions == visits.c.ID)
        )

    def _payments(self) -> Select[Any]:
        """Money received. Columns of refunds (`PaymentsOut`) are known to nobody: they come from a report."""
        paid = self._tables["PaymentsIn"]
        return select(
            paid.c.ID.label("number"), paid.c.ID.label("payment_id"), paid.c.ID_Patients.label("patient_id"),
            paid.c.DateTimePayment.label("paid_at"), paid.c.Payment.label("amount"),
        )

    def _stages(self) -> Select[Any]:
        """Each line of an active plan is a stage, in the plan's order; done when a bill points at it."""
        t = self._tables
        lines, plans, stages = t["TreatmentPlanElementRelations"], t["TreatmentPlans"], t["TreatmentPlanStages"]
        prices, items, sold, orders = t["ServiceItemPrices"], t["ServiceItems"], t["OrderServiceRelation"], t["Orders"]
        done = (
            select(func.min(orders.c.DateTimeOrder))
            .join_from(sold, orders, sold.c.ID_Orders == orders.c.ID)
            .where(sold.c.ID_TreatmentPlanElementRelations == lines.c.ID)
            .correlate(lines)
            .scalar_subquery()
        )
        place = func.row_number().over(
            partition_by=lines.c.ID_TreatmentPlans, order_by=(func.coalesce(stages.c.Order, 0), lines.c.ID)
        )
        return (
            select(
                lines.c.ID.label("number"), lines.c.ID.label("line_id"), plans.c.ID.label("plan_id"),
                plans.c.ID_Patients.label("patient_id"), plans.c.DateTimeCreated.label("opened_at"),
                place.label("stage_number"), func.coalesce(items.c.Name, stages.c.Name).label("stage"),
                done.label("done_at"),
            )
            .join_from(lines, plans, lines.c.ID_TreatmentPlans == plans.c.ID)
            .outerjoin(stages, lines.c.ID_TreatmentPlanStages == stages.c.ID)
            .outerjoin(prices, lines.c.ID_ServicePrices == prices.c.ID)
            .outerjoin(items, prices.c.ID_ServiceItems == items.c.ID)
            .where(plans.c.IsActive == 1)
        )


def passing(error: DBAPIError) -> bool:
    """Whether another try may help. Some drivers give a deadlock no class of its own, only its state [§7.3]."""
    told = [str(part) for part in getattr(error.orig, "args", ())]
    return (
        isinstance(error, OperationalError)
        or bool(told[:1] and told[0] in PASSING_STATES)
        or any(f"({number})" in text for number in PASSING_NUMBERS for text in told[1:])
    )


def _refused(kind: str, failed: str) -> RejectedError:
    return RejectedError(
        f"ident {kind}: the database refused the query ({failed}). Its tables differ from those that are known: "
        "compare docs/sources/ident.md with the clinic's version, or use report files."
    )
