"""Patients, visits and payments: by Airflow every day, and by hand for any days (parameters date_from, date_to)."""

from __future__ import annotations

from dags.common.source_dag import source_dag
from extractors.registry import source

SOURCE = source("ident")
dag = source_dag(SOURCE.name, streams=[stream.name for stream in SOURCE.streams], description=SOURCE.description)
