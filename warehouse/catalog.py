"""What readers find in the catalog of a warehouse: tables with their comments and keys, and how they join.

Two tables join where a foreign key says so, or where names say so: a column that is called like the key of a table of
the same report points there (`patient_id` at `dim_patients`), and a person of the staff by what he did (`ROLES`). Names
say more than foreign keys: vendors forget rows, and a key that does not hold is not declared. docs/erd.md draws both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

# Columns that name a key by the part its row plays.
ROLES: Mapping[str, str] = {
    "administrator_id": "employee_id",
    "manager_id": "employee_id",
    "doctor_id": "employee_id",
    "created_by": "employee_id",
    "booked_by": "employee_id",
    "first_visit_inquiry_key": "inquiry_key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as readers see it; `comment` is null where nobody wrote one."""

    name: str
    type: str
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or view of `marts` or `reports`. `report`: the right that opens it. A view has no `key`."""

    schema: str
    name: str
    report: str
    is_view: bool
    is_personal: bool
    comment: str | None
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """`column` of one relation holds the key `to_column` of another. `is_declared`: by a foreign key."""

    schema: str
    table: str
    column: str
    to_schema: str
    to_table: str
    to_column: str
    is_declared: bool


RELATIONS = """
    select
        pg_namespace.nspname, pg_class.relname, relations.report, pg_class.relkind = 'v', relations.is_personal,
        obj_description(pg_class.oid, 'pg_class'),
        array(
            select row(attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum))
            from pg_catalog.pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped
            order by attnum
        ),
        array(
            select pg_attribute.attname::text
            from pg_catalog.pg_constraint
            cross join unnest(pg_constraint.conkey) with ordinality as key_column (attnum, place)
            inner join pg_catalog.pg_attribute
                on pg_attribute.attrelid = pg_constraint.conrelid and pg_attribute.attnum = key_column.attnum
            where pg_constraint.conrelid = pg_class.oid and pg_constraint.contype = 'p'
            order by key_column.place
        )
    from access.relations
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = relations.schema_name
    inner join pg_catalog.pg_class
        on pg_class.relnamespace = pg_namespace.oid and pg_class.relname = relations.relation_name
    where relations.object_kind in ('table', 'view') and pg_class.relkind in ('r', 'p', 'v')
        and relations.schema_name = any (%s)
    order by 1, 2
"""

FOREIGN_KEYS = """
    select
        child_schema.nspname, child.relname, child_column.attname,
        parent_schema.nspname, parent.relname, parent_column.attname
    from pg_catalog.pg_constraint
    inner join pg_catalog.pg_class as child on child.oid = pg_constraint.conrelid
    inner join pg_catalog.pg_namespace as child_schema on child_schema.oid = child.relnamespace
    inner join pg_catalog.pg_class as parent on parent.oid = pg_constraint.confrelid
    inner join pg_catalog.pg_namespace as parent_schema on parent_schema.oid = parent.relnamespace
    inner join pg_catalog.pg_attribute as child_column
        on child_column.attrelid = child.oid and child_column.attnum = pg_constraint.conkey[1]
    inner join pg_catalog.pg_attribute as parent_column
        on parent_column.attrelid = parent.oid and parent_column.attnum = pg_constraint.confkey[1]
    where pg_constraint.contype = 'f' and cardinality(pg_constraint.conkey) = 1 and child_schema.nspname = any (%s)
"""


def read_relations(
    connection: psycopg.Connection[Any], schemas: Sequence[str] = ("marts", "reports")
) -> tuple[Relation, ...]:
    """What is published in these schemas, by name. The reader needs `access.relations`, so: the owner."""
    rows = connection.execute(RELATIONS, (list(schemas),)).fetchall()
    return tuple(
        Relation(
            schema=schema,
            name=name,
            report=report,
            is_view=is_view,
            is_personal=is_personal,
            comment=comment,
            columns=tuple(Column(name=column, type=kind, comment=text) for column, kind, text in columns),
            key=tuple(key),
        )
        for schema, name, report, is_view, is_personal, comment, columns, key in rows
    )


def read_joins(connection: psycopg.Connection[Any], relations: Iterable[Relation]) -> tuple[Join, ...]:
    """How these relations join: by foreign keys, and where there is none by names. Sorted."""
    relations = tuple(relations)
    schemas = sorted({relation.schema for relation in relations})
    declared = {
        (schema, table, column): Join(
            schema=schema,
            table=table,
            column=column,
            to_schema=to_schema,
            to_table=to_table,
            to_column=to_column,
            is_declared=True,
        )
        for schema, table, column, to_schema, to_table, to_column in connection.execute(
            FOREIGN_KEYS, (schemas,)
        ).fetchall()
    }
    named = {(join.schema, join.table, join.column): join for join in joins_by_name(relations)}
    known = {relation.title for relation in relations}
    found = {**named, **declared}.values()
    return tuple(
        sorted(
            (join for join in found if f"{join.to_schema}.{join.to_table}" in known),
            key=lambda join: (join.schema, join.table, join.column),
        )
    )


def joins_by_name(relations: Sequence[Relation]) -> list[Join]:
    """Columns called like the key of the one table, not personal, of the same report that has that key."""
    owners: dict[tuple[str, str], list[Relation]] = {}
    for relation in relations:
        if len(relation.key) == 1 and not relation.is_personal:
            owners.setdefault((relation.report, relation.key[0]), []).append(relation)
    joins = []
    for relation in relations:
        if relation.is_view:
            continue
        for column in relation.columns:
            candidates = owners.get((relation.report, ROLES.get(column.name, column.name)), [])
            # A report's table of one row per clinic is no list of clinics.
            is_clinic = column.name == "clinic_id" and relation.schema != "marts"
            if len(candidates) == 1 and candidates[0] is not relation and not is_clinic:
                (target,) = candidates
                joins.append(
                    Join(
                        schema=relation.schema,
                        table=relation.name,
                        column=column.name,
                        to_schema=target.schema,
                        to_table=target.name,
                        to_column=target.key[0],
                        is_declared=False,
                    )
                )
    return joins
