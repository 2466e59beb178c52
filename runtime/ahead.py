"""Airflow with the libraries of tasks in memory beforehand: `python -m runtime.ahead scheduler` is `airflow scheduler`.

LocalExecutor's workers are forks of the scheduler, and tasks are forks of them: what is imported here no task imports
again. Every source has a gate, and Great Expectations takes seconds of processor time to import; so does dbt. Only
libraries, none of this project's own modules: a task runs the files that lie there when it starts.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module

# What is heavy in what tasks import: the gates, the build, the seasons, the clients of vendors, the runner of tasks.
# Airflow last: it sets up a log, which would take in what the others say while they are imported.
LIBRARIES = (
    "great_expectations",
    "great_expectations.expectations",
    "sqlalchemy.dialects.postgresql",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "statsmodels.tsa.seasonal",
    "scipy.stats",
    "psycopg",
    "msgspec",
    "phonenumbers",
    "jwt",
    "requests",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
)


def load() -> None:
    """Import them. Nothing is opened or started: a fork has neither threads nor connections of its parent."""
    # Both are read while libraries are imported. Threads for linear algebra would not be there in a fork.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            import_module(name)


def main() -> None:
    """Airflow's own command, with the arguments of this one."""
    load()
    from airflow.__main__ import main as airflow

    sys.argv[0] = "airflow"
    airflow()


if __name__ == "__main__":
    main()
