"""What bodies a Metabase takes, and what its driver asks of the catalog: from its API pages and its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Field: (type, required). A body with another field, without a required one, or with another type is refused.
NUMBER, TEXT, MAP, LIST, YES = int, str, dict, list, bool
DATABASE = {
    "name": (TEXT, True), "engine": (TEXT, True), "details": (MAP, True), "is_full_sync": (YES, False),
    "is_on_demand": (YES, False), "schedules": (MAP, False), "auto_run_queries": (YES, False),
    "cache_ttl": (NUMBER, False), "connection_source": (TEXT, False),
}  # fmt: skip
CARD = {
    "name": (TEXT, True), "type": (TEXT, False), "dataset_query": (MAP, True), "parameters": (LIST, False),
    "parameter_mappings": (LIST, False), "description": (TEXT, False), "display": (TEXT, True),
    "visualization_settings": (MAP, True), "collection_id": (NUMBER, False), "collection_position": (NUMBER, False),
    "result_metadata": (LIST, False), "cache_ttl": (NUMBER, False), "dashboard_id": (NUMBER, False),
}  # fmt: skip
FIELD = {
    "caveats": (TEXT, False), "description": (TEXT, False), "display_name": (TEXT, False),
    "fk_target_field_id": (NUMBER, False), "points_of_interest": (TEXT, False), "semantic_type": (TEXT, False),
    "coercion_strategy": (TEXT, False), "visibility_type": (TEXT, False), "has_field_values": (TEXT, False),
    "settings": (MAP, False), "nfc_path": (LIST, False), "json_unfolding": (YES, False),
}  # fmt: skip
DASHBOARD = {
    "name": (TEXT, True), "description": (TEXT, False), "parameters": (LIST, False), "collection_id": (NUMBER, False),
    "collection_position": (NUMBER, False), "cache_ttl": (NUMBER, False),
}  # fmt: skip
DASHBOARD_CHANGE = {**DASHBOARD, "name": (TEXT, False), "dashcards": (LIST, False), "tabs": (LIST, False),
                    "width": (TEXT, False), "archived": (YES, False), "auto_apply_filters": (YES, False)}  # fmt: skip
DASHCARD = {
    "id": (NUMBER, True), "size_x": (NUMBER, True), "size_y": (NUMBER, True), "row": (NUMBER, True),
    "col": (NUMBER, True), "card_id": (NUMBER, False), "action_id": (NUMBER, False),
    "dashboard_tab_id": (NUMBER, False), "parameter_mappings": (LIST, False), "visualization_settings": (MAP, False),
    "inline_parameters": (LIST, False), "series": (LIST, False),
}  # fmt: skip
COLLECTION = {
    "name": (TEXT, True), "description": (TEXT, False), "parent_id": (NUMBER, False), "namespace": (TEXT, False),
    "authority_level": (TEXT, False),
}  # fmt: skip
GRAPH = {"revision": (NUMBER, False), "groups": (MAP, True), "sandboxes": (LIST, False), "namespace": (TEXT, False)}
SEMANTIC_TYPES = {
    "type/PK", "type/FK", "type/Category", "type/Source", "type/Currency", "type/Quantity", "type/Name", "type/Email",
    "type/URL", "type/Birthdate", "type/CreationTimestamp", "type/CreationDate", "type/Share", "type/Percentage",
}  # fmt: skip
TAG_TYPES = {"text", "number", "date", "dimension", "card", "snippet"}
DB_PERMS = {"view-data": {"unrestricted"}, "create-queries": {"query-builder-and-native", "query-builder", "no"}}

TABLES = """
    select n.nspname as schema, c.relname as name, d.description
    from pg_catalog.pg_class c
    inner join pg_catalog.pg_namespace n on c.relnamespace = n.oid
    left join pg_catalog.pg_description d on c.oid = d.objoid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass
    where c.relkind in ('r', 'p', 'v', 'f', 'm') and n.nspname = any (%s)
        and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        and (pg_catalog.has_table_privilege(c.oid, 'SELECT') or pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
    order by 1, 2
"""
FIELDS = """
    select c.table_schema, c.table_name, c.column_name, c.udt_name, pk.column_name is not null,
        col_description(
            cast(cast(format('%%I.%%I', cast(c.table_schema as text), cast(c.table_name as text)) as regclass) as oid),
            cast(c.ordinal_position as integer)
        )
    from information_schema.columns as c
    left join (
        select tc.table_schema, tc.table_name, kc.column_name
        from information_schema.table_constraints as tc
        inner join information_schema.key_column_usage as kc
            on tc.constraint_name = kc.constraint_name and tc.table_schema = kc.table_schema
            and tc.table_name = kc.table_name
        where tc.constraint_type = 'PRIMARY KEY'
    ) as pk on c.table_schema = pk.table_schema and c.table_name = pk.table_name and c.column_name = pk.column_name
    where c.table_schema = any (%s) order by 1, 2, c.ordinal_position
"""
FOREIGN_KEYS = """
    select fk_ns.nspname, fk_table.relname, fk_column.attname, pk_ns.nspname, pk_table.relname, pk_column.attname
    from pg_constraint as c
    inner join pg_class as fk_table on c.conrelid = fk_table.oid
    inner join pg_namespace as fk_ns on c.connamespace = fk_ns.oid
    inner join pg_attribute as fk_column on c.conrelid = fk_column.attrelid
    inner join pg_class as pk_table on c.confrelid = pk_table.oid
    inner join pg_namespace as pk_ns on pk_table.relnamespace = pk_ns.oid
    inner join pg_attribute as pk_column on c.confrelid = pk_column.attrelid
    where c.contype = 'f'::char and fk_column.attnum = any (c.conkey) and pk_column.attnum = any (c.confkey)
        and fk_ns.nspname = any (%s)
"""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: object = None) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


def guessed(column: str) -> str | None:
    """Some of what Metabase takes a column for by its name."""
    if re.search(r"rate$|share|percent", column):
        return "type/Share"
    return "type/Category" if re.search(r"_type$|status", column) else None


def checked(body: Any, shape: Mapping[str, tuple[type, bool]]) -> None:  # noqa: ANN401
    """Refuses a body with fields that Metabase does not know, without those it needs, or of another type."""
    if not isinstance(body, dict):
        raise Refused(400, {"errors": {"body": "no object"}})
    wrong = {name for name in body if name not in shape}
    wrong |= {name for name, (_kind, needed) in shape.items() if needed and name not in body}
    wrong |= {
        name for name, value in body.items()
        if name in shape and value is not None and type(value) is not shape[name][0]
    }  # fmt: skip
    wrong |= {name for name in ("name", "display") if name in shape and name in body and body[name] == ""}
    if wrong:
        raise Refused(400, {"errors": dict.fromkeys(wrong, "invalid")})


def known(held: Mapping[int, Any], number: int) -> int:
    if number not in held:
        raise Refused(404, "Not found.")
    return number
