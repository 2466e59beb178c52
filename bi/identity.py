"""What all assets share: fixed UUIDs, SQL texts, and the period of the dashboard in Superset's Jinja."""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("6f1c7a52-5d0b-4a58-9a55-3a1fb8f0c001")  # never changes: links and bookmarks rest on it
DEFAULT_PERIOD = "Last 90 days"

PERIOD = f"{{% set period = get_time_filter(default='{DEFAULT_PERIOD}', target_type='DATE', remove_filter=True) %}}"
DATE_FROM = "{{ period.from_expr or \"date '2000-01-01'\" }}::date"
DATE_TO = "({{ period.to_expr or 'current_date + 1' }}::date - 1)"  # Superset's end of a period is the day after

TYPES = {
    "text": "TEXT", "whole": "NUMERIC", "money": "NUMERIC", "number": "NUMERIC", "percent": "NUMERIC",
    "ratio": "NUMERIC", "date": "DATE", "month": "DATE", "time": "TIMESTAMP",
    "moment": "TIMESTAMP WITH TIME ZONE", "yes_no": "TEXT",
}  # fmt: skip


def identity(*parts: str) -> str:
    """The fixed UUID of a thing."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
