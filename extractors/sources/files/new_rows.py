"""What is done, in SQL, between COPY and the end: which of the new rows stand, and which landed rows go.

All functions work on the temporary table `new_rows` of the running transaction.
"""

from __future__ import annotations

from psycopg import Connection, sql

from extractors.kinds import Kind
from extractors.loading.merge import Merge, merge, names, row_text

NEW_ROWS = sql.SQL("pg_temp.new_rows")

Outcome = dict[int, str]  # row number → reason of refusal


def second_rows(connection: Connection, kind: Kind) -> dict[int, Outcome]:
    """Take out rows that repeat a key of their file, or number them where rows have no id."""
    key = [column for column in kind.key if column != "_ordinal"]
    if kind.replace_by:
        connection.execute(
            sql.SQL(
                """
                with numbered as (
                    select ctid as place, row_number() over (partition by _file_no, {} order by _row) - 1 as ordinal
                    from {}
                )
                update {} as rows set _ordinal = ordinal from numbered where rows.ctid = place and ordinal > 0
                """
            ).format(names(key), NEW_ROWS, NEW_ROWS)
        )
        return {}
    values = [*(column.name for column in kind.columns), "_extra"]
    found = connection.execute(
        sql.SQL(
            """
            with ranked as (
                select
                    ctid as place,
                    row_number() over same_key as occurrence,
                    first_value(_row) over same_key as first_row,
                    first_value({text}) over same_key as first_text
                from {new} as rows
                window same_key as (partition by _file_no, {key} order by _row)
            )
            delete from {new} as rows using ranked
            where rows.ctid = place and occurrence > 1
            returning _file_no, _row, first_row, {text} = first_text
            """
        ).format(new=NEW_ROWS, key=names(key), text=row_text(values, "rows"))
    ).fetchall()
    outcomes: dict[int, Outcome] = {}
    for file_no, row, first, equal in found:
        what = (
            f"exact duplicate of row {first}"
            if equal
            else (f"duplicate key: row {first} has the same {', '.join(key)}, and was loaded; keep one of them")
        )
        outcomes.setdefault(file_no, {})[row] = what
    return outcomes


def older_files(connection: Connection, kind: Kind) -> dict[int, int]:
    """Take out rows whose key a later file of this load has too; how many of each file."""
    key = kind.replace_by or kind.key
    return dict(
        connection.execute(
            sql.SQL(
                """
                with last as (select {text} as key_text, max(_file_no) as file_no from {new} as rows group by 1),
                gone as (
                    delete from {new} as rows using last
                    where {text} = key_text and rows._file_no < file_no
                    returning _file_no
                )
                select _file_no, count(*) from gone group by 1
                """
            ).format(new=NEW_ROWS, text=row_text(key, "rows"))
        ).fetchall()
    )


def cycles(connection: Connection, kind: Kind) -> dict[int, Outcome]:
    """Take out patient cards that are merged in a circle: no card of a circle is the one that stands."""
    if kind.name != "patients":
        return {}
    edges: dict[str, str] = dict(
        connection.execute(
            """
            select patient_id, merged_into_patient_id from pg_temp.new_rows where merged_into_patient_id is not null
            union all
            select patient_id, merged_into_patient_id from staging.files__patients as landed
            where merged_into_patient_id is not null
                and not exists (select from pg_temp.new_rows as n where n.patient_id = landed.patient_id)
            """
        ).fetchall()
    )
    circular: set[str] = set()
    settled: set[str] = set()
    for start in edges:
        path: dict[str, None] = {}
        card: str | None = start
        while card is not None and card not in settled and card not in path:
            path[card] = None
            card = edges.get(card)
        if card is not None and card in path:
            circular.update(list(path)[list(path).index(card) :])
        settled.update(path)
    outcomes: dict[int, Outcome] = {}
    for file_no, row in connection.execute(
        "delete from pg_temp.new_rows where patient_id = any(%s) returning _file_no, _row", [sorted(circular)]
    ):
        outcomes.setdefault(file_no, {})[row] = "the cards are merged in a circle; say which one stands"
    return outcomes


def make_way(connection: Connection, kind: Kind, table: sql.Composable) -> dict[int, int]:
    """Delete landed rows that the new ones replace and that are not among them.

    A row goes when a new row has the same `replace_by` values. Where rows have a period, it also goes when the same
    file said it before and its period touches the period of the file now: a corrected line may have changed in any
    column. Other periods stay, so a new month's file of the same name does not take the last month away.
    """
    new_key = row_text(kind.key, "rows")
    same = sql.SQL("exists (select from {} as rows where {} = {})").format(
        NEW_ROWS, row_text(kind.replace_by, "rows"), row_text(kind.replace_by, "landed")
    )
    again: sql.Composable = sql.SQL("false")
    if "date_from" in kind.replace_by:
        again = sql.SQL(
            "exists (select from (select _file, min(date_from) as first, max(date_to) as last from {} group by _file)"
            " as files where files._file = landed._file"
            " and landed.date_from <= files.last and landed.date_to >= files.first)"
        ).format(NEW_ROWS)
    found = connection.execute(
        sql.SQL(
            """
            with gone as (
                delete from {table} as landed
                where ({same} or {again}) and not exists (select from {new} as rows where {new_key} = {old_key})
                returning landed._file
            )
            select coalesce((select max(_file_no) from {new} as rows where rows._file = gone._file),
                (select max(_file_no) from {new})), count(*)
            from gone group by 1
            """
        ).format(
            table=table, new=NEW_ROWS, same=same, again=again, new_key=new_key, old_key=row_text(kind.key, "landed")
        )
    ).fetchall()
    return dict(found)


def merge_new_rows(connection: Connection, kind: Kind, table: sql.Composable) -> dict[int, int]:
    values = [column.name for column in kind.columns if column.name not in kind.key]
    values.append("_extra")
    meta = ["_row", "_run_id", "_loaded_at"]
    # Where rows have no id, a file's own rows are found again by its name (see make_way).
    (values if kind.replace_by else meta).append("_file")
    connection.execute(sql.SQL("analyze {}").format(NEW_ROWS))
    by_file = merge(connection, Merge(table, NEW_ROWS, kind.key, tuple(values), tuple(meta)), count_by="_file")
    numbers: dict[str, int] = dict(
        connection.execute("select _file, min(_file_no) from pg_temp.new_rows group by _file").fetchall()
    )
    return {numbers[file]: count for file, count in by_file.items()}
