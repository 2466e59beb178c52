"""Import files of the inbox folder: by Airflow every day, and by hand. Loading a file again replaces the same keys."""

from __future__ import annotations

from dags.common.source_dag import source_dag

dag = source_dag("files", streams=["inbox"], description="Import files (CSV, XLSX) of the inbox folder")
