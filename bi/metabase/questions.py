"""The questions and dashboards of a report, made out of what the warehouse says of it: one place less to keep in step.

A report is a function with a period, or a view; each parameter becomes a filter that may be left empty: Metabase drops
a part in [[ ]] whose value is missing, and the function's own default stands. `<report>_daily` becomes a picture over
time: its columns only ever add up.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bi.metabase.titles import BY_DAY, column_titles, label, title_of
from warehouse.catalog import Relation

NAMESPACE = uuid.UUID("0f7a4c1e-7d5e-4c50-9d0c-6a1d8c1b7a10")  # never changes: links and filters rest on it
# The last whole month, so that a report opened without a period shows something and soon.
PERIOD = {
    "date_from": "(date_trunc('month', current_date) - interval '1 month')::date",
    "date_to": "(date_trunc('month', current_date) - interval '1 day')::date",
}
TAG_TYPES = {
    "date": "date", "text": "text", "boolean": "text", "numeric": "number", "integer": "number", "bigint": "number",
}  # fmt: skip
DATE_COLUMNS = ("local_date", "day", "created_date", "paid_date")
NUMBERS = ("bigint", "integer", "numeric")
# A relation by day that holds the same thing several times is shown once: one model of one conversion (each model
# divides them all), one step of the paths (sold, paid and won are the same money). Else as the report is by default.
ONE_OF: Mapping[str, Mapping[str, str]] = {
    "attribution_daily": {"conversion": "first_visit", "model": "last_non_direct"},
    "client_path_daily": {"step": "payment"},
}
CONDITIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "channels_and_sources_daily": (
        " and (audience is null or coalesce([[{{audience}}::text, ]]'primary') in (audience, 'all'))"
        " and (not is_referral or coalesce([[{{with_referrals}}::boolean, ]]false))",
        {"audience": "text", "with_referrals": "text"},
    ),
    "administrator_conversion_daily": (
        " and coalesce([[{{audience}}::text, ]]'all') in ('all', case when is_primary then 'primary' else 'repeat' end)"
        " and not (is_employee_referral and coalesce([[{{hide_employee_referrals}}::boolean, ]]false))",
        {"audience": "text", "hide_employee_referrals": "text"},
    ),
}
FIGURES: Mapping[str, Sequence[str]] = {"channels_and_sources_daily": ("spend", "inquiries", "booked")}
ROWS = 2000  # what a table question shows at most; Metabase itself stops there too
WIDTH, PICTURE, TABLE = 24, 8, 10  # of Metabase's grid


def hash_of(shape: object) -> str:
    """Differs when the shape does."""
    return hashlib.sha256(json.dumps(shape, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a report function. `default`: in SQL; null where it must be given."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A report function that people call, under the right that opens it."""

    name: str
    report: str
    comment: str | None
    parameters: tuple[Parameter, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A native question. `tags`: its variables and their types; those in `required` have no way around them."""

    key: str
    title: str
    description: str
    sql: str
    display: str
    settings: Mapping[str, Any]
    tags: Mapping[str, str]
    required: frozenset[str]

    @property
    def hash(self) -> str:
        """Differs when anything differs that Metabase gets."""
        shape = [self.title, self.description, self.sql, self.display, self.settings, self.tags, sorted(self.required)]
        return hash_of(shape)


FUNCTIONS = """
    select distinct pg_proc.proname, relations.report, obj_description(pg_proc.oid, 'pg_proc'),
        pg_proc.proargnames[1:pg_proc.pronargs], array(
            select format_type(each.type, null)
            from unnest(pg_proc.proargtypes) with ordinality as each (type, place) order by each.place
        ),
        array(
            select pg_get_function_arg_default(pg_proc.oid, place)
            from generate_series(1, pg_proc.pronargs) as place order by place
        ),
        array(
            select column_name
            from unnest(pg_proc.proargnames, pg_proc.proargmodes) with ordinality as each (column_name, mode, place)
            where mode = 't' order by place
        )
    from access.relations
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = relations.schema_name
    inner join pg_catalog.pg_proc
        on pg_proc.pronamespace = pg_namespace.oid and pg_proc.proname = relations.relation_name
    where relations.object_kind = 'function' and relations.schema_name = 'reports' and relations.report <> '*'
        and pg_proc.proretset and pg_proc.proname not like '%%\\_as\\_of'
    order by 1
"""


def read_functions(connection: psycopg.Connection[Any]) -> tuple[Function, ...]:
    """What people call, as the catalog has it. For the owner."""
    return tuple(
        Function(
            name=name,
            report=report,
            comment=comment,
            parameters=tuple(
                Parameter(name=parameter, type=kind, default=default)
                for parameter, kind, default in zip(names or (), kinds, defaults, strict=True)
            ),
            columns=tuple(columns),
        )
        for name, report, comment, names, kinds, defaults, columns in connection.execute(FUNCTIONS).fetchall()
    )


def questions_of(
    report: str, functions: Iterable[Function], relations: Iterable[Relation], language: str
) -> list[Question]:
    """Pictures over time first, then tables; empty for `marts`, whose readers ask themselves."""
    of_report = next((function for function in functions if function.name == report), None)
    found = [
        table_of_function(function, language)
        for function in functions
        if function.report == report and all(each.default or each.type in TAG_TYPES for each in function.parameters)
    ]
    views = [
        relation
        for relation in relations
        if relation.schema == "reports" and relation.report == report and relation.is_view
    ]
    for view in views:
        if view.name.endswith("_daily"):
            found[:0] = picture_of_days(view, of_report, language)
        else:
            found.append(table_of_view(view, language))
    return found


def table_of_function(function: Function, language: str) -> Question:
    """Every parameter a variable; the period has a default, so that the question answers when it is opened."""
    arguments: list[str] = []
    tags: dict[str, str] = {}
    required: set[str] = set()
    for parameter in function.parameters:
        kind = TAG_TYPES.get(parameter.type)
        if kind is None:
            continue  # jsonb: nobody types it into a filter, and it has a default
        tags[parameter.name] = kind
        value = f"{{{{{parameter.name}}}}}::{parameter.type}"
        default = parameter.default or PERIOD.get(parameter.name)
        if default is None:
            required.add(parameter.name)
        arguments.append(
            f"{parameter.name} => " + (value if default is None else f"coalesce([[{value}, ]]{default})")
        )
    return Question(
        key=f"{function.name}/table",
        title=title_of(function.name, language),
        description=" ".join((function.comment or "").split()),
        sql=f"select * from reports.{function.name}({', '.join(arguments)}) limit {ROWS}",  # noqa: S608 - the catalog's names
        display="table",
        settings={"table.pivot": False, **column_titles(function.columns, language)},
        tags=tags,
        required=frozenset(required),
    )


def table_of_view(view: Relation, language: str) -> Question:
    names = [column.name for column in view.columns]
    day = next((name for name in DATE_COLUMNS if name in names), None)
    tags: dict[str, str] = {}
    conditions = ""
    if day:
        tags |= {"date_from": "date", "date_to": "date"}
        conditions += f"[[ and {day} >= {{{{date_from}}}}::date]][[ and {day} <= {{{{date_to}}}}::date]]"
    if "clinic_id" in names:
        tags["clinic"] = "text"
        conditions += "[[ and clinic_id = {{clinic}}]]"
    order = f" order by {day} desc" if day else ""
    return Question(
        key=f"{view.name}/table",
        title=title_of(view.name, language),
        description=" ".join((view.comment or "").split()),
        sql=f"select * from reports.{view.name} where true{conditions}{order} limit {ROWS}",  # noqa: S608 - the catalog's names
        display="table",
        settings={"table.pivot": False, **column_titles(names, language)},
        tags=tags,
        required=frozenset(),
    )


def picture_of_days(view: Relation, report: Function | None, language: str) -> list[Question]:
    """A line for each of the first three figures; empty where a daily relation has no day or nothing to add up. Filters
    of the report hold here too, as far as the relation has their column.
    """
    figures = list(FIGURES.get(view.name, ())) or [
        column.name
        for column in view.columns
        if column.type.partition("(")[0] in NUMBERS and column.name != "published_in"
    ][:3]
    if not figures or not any(column.name == "day" for column in view.columns):
        return []
    sums = ", ".join(f"sum({name}) as {name}" for name in figures)
    names = {column.name for column in view.columns}
    condition, more = CONDITIONS.get(view.name, ("", {}))
    tags = {"date_from": "date", "date_to": "date", **more}
    for name, usual in ONE_OF.get(view.name, {}).items():
        condition += f" and {name} = coalesce([[{{{{{name}}}}}::text, ]]'{usual}')"
        tags[name] = "text"
    for parameter in report.parameters if report else ():
        if parameter.name in names - set(tags) and parameter.type == "text":
            condition += f"[[ and {parameter.name} = {{{{{parameter.name}}}}}]]"
            tags[parameter.name] = "text"
    if "clinic_id" in names:
        condition += "[[ and clinic_id = {{clinic}}]]"
        tags["clinic"] = "text"
    base = view.name.removesuffix("_daily")
    return [
        Question(
            key=f"{view.name}/line",
            title=f"{title_of(base, language)}, {BY_DAY[language == 'ru']}",
            description=" ".join((view.comment or "").split()),
            sql=(
                f"select day, {sums} from reports.{view.name}"  # noqa: S608 - the catalog's names
                f" where day between coalesce([[{{{{date_from}}}}::date, ]]{PERIOD['date_from']})"
                f" and coalesce([[{{{{date_to}}}}::date, ]]{PERIOD['date_to']}){condition} group by day order by day"
            ),
            display="line",
            settings={"graph.dimensions": ["day"], "graph.metrics": figures, **column_titles(figures, language)},
            tags=tags,
            required=frozenset(),
        )
    ]


def card_body(question: Question, *, database: int, collection: int, mark: str, language: str) -> dict[str, Any]:
    """What POST and PUT /api/card take."""
    tags = {
        name: {
            "id": str(uuid.uuid5(NAMESPACE, f"{question.key}/{name}")),
            "name": name,
            "display-name": label(name, language),
            "type": kind,
            "required": name in question.required,
        }
        for name, kind in question.tags.items()
    }
    return {
        "name": question.title,
        "description": f"{question.description}\n\n{mark}".strip(),
        "type": "question",
        "display": question.display,
        "collection_id": collection,
        "dataset_query": {
            "type": "native", "database": database, "native": {"query": question.sql, "template-tags": tags},
        },
        "visualization_settings": dict(question.settings),
    }  # fmt: skip


def dashboard_body(questions: Sequence[Question], cards: Mapping[str, int], language: str) -> dict[str, Any]:
    """`parameters` and `dashcards` of PUT /api/dashboard/:id: the questions below each other, a filter per variable. A
    filter takes one value, as a parameter of a report does: Metabase sees to it where it is mapped to a variable.
    """
    tags = {name: kind for question in questions for name, kind in question.tags.items()}
    parameters = [
        {
            "id": identity(name), "name": label(name, language), "slug": name, "sectionId": section(kind),
            "type": {"date": "date/single", "text": "string/=", "number": "number/="}[kind],
        }
        for name, kind in tags.items()
    ]  # fmt: skip
    dashcards, row = [], 0
    for number, question in enumerate(questions, start=1):
        height = PICTURE if question.display == "line" else TABLE
        card = cards[question.key]
        dashcards.append({
            "id": -number, "card_id": card, "row": row, "col": 0, "size_x": WIDTH, "size_y": height,
            "visualization_settings": {},
            "parameter_mappings": [
                {"parameter_id": identity(name), "card_id": card, "target": ["variable", ["template-tag", name]]}
                for name in question.tags
            ],
        })  # fmt: skip
        row += height
    return {"parameters": parameters, "dashcards": dashcards}


def section(kind: str) -> str:
    return {"date": "date", "text": "string", "number": "number"}[kind]


def identity(name: str) -> str:
    """The fixed id of a dashboard's filter: eight hexadecimal digits, as Metabase makes them."""
    return hashlib.sha256(f"chairside/{name}".encode()).hexdigest()[:8]
