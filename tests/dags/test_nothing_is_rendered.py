"""What Airflow shows of a task ("rendered template") and stores of a DAG holds no setting of a connection."""

from __future__ import annotations

from typing import Any

import pytest

Bag = Any  # Airflow's types are not followed by the type checker


def test_no_task_has_anything_to_render(dag_bag: Bag) -> None:
    """Settings are read while a task runs, and are neither arguments nor templates of it."""
    for dag in dag_bag.dags.values():
        for task in dag.tasks:
            rendered = {name: getattr(task, name, None) for name in task.template_fields}
            assert not any(rendered.values()), (dag.dag_id, task.task_id, rendered)


def test_a_connection_of_the_environment_is_no_part_of_a_stored_dag(
    dag_bag: Bag, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    monkeypatch.setenv("AIRFLOW_CONN_CALLTOUCH", '{"conn_type": "http", "password": "s3cr3t-Value_17"}')
    stored = str(DagSerialization.to_dict(dag_bag.dags["extract_calltouch"]))
    assert "load_calls" in stored
    assert "s3cr3t-Value_17" not in stored
