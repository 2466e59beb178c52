"""The DAGs as Airflow's own parser sees them. Parsing needs no database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.home import REPOSITORY


@pytest.fixture(scope="session")
def dag_bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All DAGs, parsed in an Airflow home of their own."""
    settings = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/parsing/needs/none.db",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        from airflow.dag_processing.dagbag import DagBag

        yield DagBag(dag_folder=str(REPOSITORY / "dags"))
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
