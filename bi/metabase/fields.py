"""What Metabase shall take a column for: it guesses by names, and some guesses are wrong here.

A percentage of ours is 0 to 100; Metabase's own type for shares would multiply it by 100 again. Primary keys are
invisible to a role that may only read, so they are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from warehouse.catalog import Join, Relation

# The first pattern that matches a column's name decides; types are Metabase's.
BY_NAME: tuple[tuple[str, str | None], ...] = (
    (r"_percent$|_share$|_to_spend$|^credit$", None),
    (r"^(full_name|client_name|administrator|manager)$", "type/Name"),
    (r"^name$", "type/Name"),
    (r"^email$", "type/Email"),
    (r"^recording_url$", "type/URL"),
    (r"^birth_date$", "type/Birthdate"),
    (r"^(source|channel|medium|campaign)$", "type/Source"),
    (r"^(amount|spend|spend_with_vat|revenue|cost|cpl|cpo|average_cheque|expected_amount|.*_amount)$", "type/Currency"),
    (r"^(quantity|inquiries|booked|arrived|completed|deals|won|clients|slots|clicks|impressions)$", "type/Quantity"),
    (r"^created_at$", "type/CreationTimestamp"),
    (r"^created_date$", "type/CreationDate"),
    (
        r"^(outcome|stage|stage_kind|status|kind|direction|topic|people_group|contact_kind|created_via|item_kind|item_type"
        r"|model|conversion|refusal_reason|not_arrived_reason|clinic_id|currency|pipeline)$",
        "type/Category",
    ),
)
PERCENT = {"suffix": " %"}


def wanted_type(relation: Relation, column: str) -> str | None:
    """The semantic type of a column that joins nothing; null: none."""
    if relation.key == (column,):
        return "type/PK"
    return next((kind for pattern, kind in BY_NAME if re.search(pattern, column)), None)


def decided(relation: Relation, column: str) -> bool:
    """Whether we say what a column is; the others are left to Metabase's own guess."""
    return relation.key == (column,) or any(re.search(pattern, column) for pattern, _kind in BY_NAME)


def field_updates(
    tables: Iterable[Mapping[str, Any]], relations: Iterable[Relation], joins: Iterable[Join]
) -> list[tuple[int, str, dict[str, Any]]]:
    """(field's id, its name, what to change) for fields of synced tables that are not yet what they should be."""
    known = {(relation.schema, relation.name): relation for relation in relations}
    pointing = {(join.schema, join.table, join.column): join for join in joins}
    synced = {(table["schema"], table["name"]): table for table in tables}
    ids = {
        (schema, name, field["name"]): field["id"]
        for (schema, name), table in synced.items()
        for field in table["fields"]
    }
    updates = []
    for (schema, name), table in sorted(synced.items()):
        relation = known.get((schema, name))
        if relation is None:
            continue
        for field in table["fields"]:
            column = field["name"]
            join = pointing.get((schema, name, column))
            target = ids.get((join.to_schema, join.to_table, join.to_column)) if join else None
            wanted: dict[str, Any] = {}
            # a key that is also a join stays a key: Metabase knows one of the two
            if target is not None and relation.key != (column,):
                wanted = {"semantic_type": "type/FK", "fk_target_field_id": target}
            elif decided(relation, column):
                wanted = {"semantic_type": wanted_type(relation, column)}
            if column.endswith("_percent"):
                wanted["settings"] = PERCENT
            different = {key: value for key, value in wanted.items() if field.get(key) != value}
            if different:
                updates.append((field["id"], f"{schema}.{name}.{column}", different))
    return updates
