"""Reports as they were published on a past day: the same texts once more, over tables that look back.

Schema `as_of` has a view per published table (what was there after the publication that the setting `chairside.as_of`
names) and every function and view of `warehouse/reports` again, its table names pointing there. Beside each report,
`reports.<name>_as_of(as_of_day, …)` finds the day's last publication, sets the setting for the time of the call and
reads the twin. All of it runs as the reader, under the same grants and policies; the setting chooses a moment and opens
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError
from warehouse.define_trace import TRACE_PREFIX
from warehouse.publish_history import REPLACED_IN, history_of
from warehouse.publish_reports import TWIN_PREFIX, ReportFile, ReportObject
from warehouse.publish_tables import PUBLISHED_IN, Connection, TablePlan, scalar

AS_OF_SCHEMA = "as_of"
QUALIFIED = re.compile(r"\b(reports|marts)\.(\w+)")
LONGEST_NAME = 63


def twin_files(
    connection: Connection, plans: Iterable[TablePlan], made: Mapping[ReportFile, Sequence[ReportObject]]
) -> tuple[ReportFile, ...]:
    """What publication writes for `as_of`: a view per table, then a twin per report file with `_as_of` functions."""
    plans = tuple(plans)
    helpers = {item.name for file, objects in made.items() if file.is_shared for item in objects}
    views_of_marts = {item.name for objects in made.values() for item in objects if item.schema == "marts"}
    tables = {plan.model.name for plan in plans} | views_of_marts
    taken = {item.name for objects in made.values() for item in objects}
    since = _later_than_history(connection, plans)
    twins = [_table_view(connection, plan, since.get(plan.title)) for plan in plans]
    later = later_columns(connection, plans)
    for file, objects in made.items():
        if file.is_shared or file.name.startswith(TRACE_PREFIX):
            continue
        needs = later_columns_read(file, made, later)
        # a mart is read in `as_of` under its own name, like the tables
        readers = [
            _reader(connection, item, taken, {} if is_list(item) else needs)
            for item in objects
            if item.schema == "reports"
        ]
        text = "\n;\n".join([_over_past_tables(file.text, helpers, tables), *readers])
        twins.append(ReportFile(name=f"{TWIN_PREFIX}{file.name}", report=file.report, text=text))
    return tuple(twins)


def _later_than_history(connection: Connection, plans: Sequence[TablePlan]) -> dict[str, int]:
    """Of tables that the first publication we know of did not have, by title: the first that had them."""
    known = connection.execute(
        "select publication_id, tables from ops.publications where tables <> '[]' order by publication_id limit 1"
    ).fetchone()
    if known is None:
        return {}
    at_first = {f"{told['schema']}.{told['name']}" for told in known[1]}
    return {
        plan.title: scalar(
            connection,
            "select coalesce(min(publication_id) filter (where tables @> %s), max(publication_id))"
            " from ops.publications",
            (Jsonb([{"schema": plan.model.schema, "name": plan.model.name}]),),
        )
        for plan in plans
        if plan.title not in at_first
    }


def later_columns(connection: Connection, plans: Sequence[TablePlan]) -> dict[str, dict[str, int]]:
    """Per table, by title: columns that it got after its first publication, and the publication that brought each.

    Row versions before that hold a null there that nobody computed.
    """
    found: dict[str, dict[str, int]] = {plan.title: {} for plan in plans}
    told = connection.execute(
        "select told ->> 'schema' || '.' || (told ->> 'name'), split_part(note, ':', 1), max(publication_id)"
        " from ops.publications cross join lateral jsonb_array_elements(tables) as told"
        " cross join lateral jsonb_array_elements_text(told -> 'shape') as note"
        " where note like '%: added' group by 1, 2"
    ).fetchall()
    for title, column, publication in told:
        if title in found and column != PUBLISHED_IN:
            found[title][column] = publication
    # What this publication brings is written down at its end.
    latest = scalar(connection, "select max(publication_id) from ops.publications")
    for plan in plans:
        there = {column.name for column in plan.current}
        if not plan.is_new:
            found[plan.title] |= {column.name: latest for column in plan.added if column.name not in there}
    return found


def later_columns_read(
    file: ReportFile, made: Mapping[ReportFile, Sequence[ReportObject]], later: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """Which of these columns the file's objects read, by `table.column`, also in views and functions of other files.

    By its words: a name that the text has, of a table that it has. Rather one too many: a figure of a past day that
    rests on nulls would look like any other.
    """
    home = {f"{item.schema}.{item.name}": other for other, objects in made.items() for item in objects}
    texts: dict[str, str] = {}
    waiting = [file]
    while waiting:
        one = waiting.pop()
        texts[one.name] = one.text
        named = {".".join(match) for match in QUALIFIED.findall(one.text)}
        waiting += [home[name] for name in named & home.keys() if home[name].name not in texts]
    return {
        f"{title}.{column}": since
        for title, columns in later.items()
        for column, since in columns.items()
        if any(re.search(rf"\b{title}\b", text) and re.search(rf"\b{column}\b", text) for text in texts.values())
    }


def is_list(item: ReportObject) -> bool:
    """A view of rows as they are: a column that came later is empty in it. Figures of such nulls would be wrong."""
    return item.kind == "view" and not item.name.endswith("_daily")


def _table_view(connection: Connection, plan: TablePlan, first: int | None) -> ReportFile:
    name = plan.model.name
    given = [] if first is None else [sql.Literal(plan.title), sql.Literal(first)]
    moment = sql.SQL("(select as_of.publication({}))").format(sql.SQL(", ").join(given))
    text = sql.SQL(
        "create or replace view {view} with (security_invoker = true) as\n"
        "select {columns} from {live} where {since} <= {moment}\n"
        "union all\n"
        "select {columns} from {history} where {since} <= {moment} and {until} > {moment};\n"
        "comment on view {view} is {words};\n"
        "select ops.inherit_comments({view_text}, {live_text});\n"
    ).format(
        view=sql.Identifier(AS_OF_SCHEMA, name),
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in plan.wanted),
        live=plan.target,
        history=history_of(plan),
        moment=moment,
        since=sql.Identifier(PUBLISHED_IN),
        until=sql.Identifier(REPLACED_IN),
        words=sql.Literal(f"{plan.title} after the publication that the setting chairside.as_of names, else the last."),
        view_text=sql.Literal(sql.Identifier(AS_OF_SCHEMA, name).as_string(connection)),
        live_text=sql.Literal(plan.target.as_string(connection)),
    )
    return ReportFile(name=f"{TWIN_PREFIX}tables/{name}.sql", report=plan.model.report, text=text.as_string(connection))


def _over_past_tables(text: str, helpers: set[str], tables: set[str]) -> str:
    """The text with its objects and tables in `as_of`; helper functions hold no data and stay where they are."""

    def moved(match: re.Match[str]) -> str:
        schema, name = match.groups()
        stays = name in helpers if schema == "reports" else name not in tables
        return match.group() if stays else f"{AS_OF_SCHEMA}.{name}"

    return QUALIFIED.sub(moved, text)


def _reader(connection: Connection, item: ReportObject, taken: set[str], needs: Mapping[str, int]) -> str:
    """`reports.<name>_as_of`: a function with the report's own parameters after the day. `needs`: columns that came
    later, with the publication that brought each; it refuses days before.

    A function of its own in `as_of` sets the moment and takes it back. It cannot be the same one: PL/pgSQL refuses a
    parameter named as a column of the result, and only a superuser may put our setting into a function's `set`.
    """
    name, setter_name = f"{item.name}_as_of", f"{item.name}_on"
    if name in taken or setter_name in taken or len(name) > LONGEST_NAME:
        raise ConfigError(f"warehouse/reports: {item.name} leaves no name for its function {name}")
    arguments, types, result = _shape(connection, item)
    if not result.upper().startswith(("TABLE", "SETOF")):
        return ""  # one value, no report
    twin, setter, reader = (
        sql.Identifier(*parts).as_string(connection)
        for parts in ((AS_OF_SCHEMA, item.name), (AS_OF_SCHEMA, setter_name), ("reports", name))
    )
    every = ", ".join(["date", *types])
    passed = "(" + ", ".join(f"${place + 2}" for place in range(len(types))) + ")" if item.kind == "function" else ""
    asked = "".join(
        f"\n    perform as_of.publication({sql.Literal(name).as_string(connection)}, {since});"
        for name, since in sorted(needs.items())
    )
    words = f"reports.{item.name} as it was published on a past day"
    russian = "каким он был опубликован в тот день"
    # Names are quoted, types and arguments are PostgreSQL's own texts.
    return f"""
create or replace function {setter}({every})
returns {result}
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $as_of$
declare
    outer_moment text := coalesce(current_setting('chairside.as_of', true), '');
begin
    perform set_config('chairside.as_of', as_of.publication_on($1)::text, true);{asked}
    return query select * from {twin}{passed};
    perform set_config('chairside.as_of', outer_moment, true);
end
$as_of$;
comment on function {setter}({every}) is 'What {reader} calls.';
create or replace function {reader}({", ".join(["as_of_day date", *filter(None, [arguments])])})
returns {result}
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $as_of$
    select * from {setter}({", ".join(f"${place + 1}" for place in range(len(types) + 1))})
$as_of$;
comment on function {reader}({every}) is
    '{words} / {russian}: rows of the day''s last publication, the reader''s rights of today.';
"""  # noqa: S608


def _shape(connection: Connection, item: ReportObject) -> tuple[str, list[str], str]:
    """Arguments with names and defaults, their types, and the result, as PostgreSQL writes them."""
    if item.kind == "view":
        query = """
            select '', '{}'::text[],
                format('table (%%s)', string_agg(
                    format('%%I %%s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum
                ))
            from pg_catalog.pg_attribute
            where attrelid = format('reports.%%I', %s::text)::regclass and attnum > 0 and not attisdropped
        """
    else:
        query = """
            select pg_get_function_arguments(oid),
                array(
                    select format_type(type, null) from unnest(proargtypes) with ordinality as t (type, n) order by n
                ),
                pg_get_function_result(oid)
            from pg_catalog.pg_proc
            where pronamespace = 'reports'::regnamespace and proname = %s
                and pg_get_function_identity_arguments(oid) = %s
        """
    row = connection.execute(query, (item.name,) if item.kind == "view" else (item.name, item.signature)).fetchone()
    assert row is not None  # noqa: S101 - the catalog named it a moment ago
    return row[0], row[1], row[2]
