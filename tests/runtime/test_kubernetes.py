"""Airflow on Kubernetes by configuration: what is shipped, as Airflow's own executor and the Kubernetes client read it.

There is no cluster. What such a pod would run is run, with the pod's own command, on this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.home import REPOSITORY

TEMPLATE = REPOSITORY / "runtime" / "kubernetes" / "pod_template.yaml"
# The variables of docs/how_to/scale_airflow.md, which the Secret `chairside-airflow` holds.
SECRET = {
    "AIRFLOW_METADATA_URL": "postgresql://airflow:invented@database.example.org:5432/airflow",
    "AIRFLOW__CORE__EXECUTOR": "KubernetesExecutor",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://airflow.example.org:8080/execution/",
    "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(TEMPLATE),
    "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE": "clinics",
    "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY": "registry.example.org/chairside",
    "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG": "7",
}
# The executor's own way from a task to its pod.
MADE_BY_AIRFLOW = """
import json
from airflow.executors.executor_loader import ExecutorLoader
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient

executor, _ = ExecutorLoader.import_default_executor_cls()
found = KubeConfig()
template = PodGenerator.deserialize_model_file(found.pod_template_file)
pod = PodGenerator.construct_pod(
    dag_id="extract_calltouch", task_id="load_calls", pod_id="extract-calltouch-load-calls", try_number=1,
    kube_image=found.kube_image, date=None, args=["python", "-m", "airflow.sdk.execution_time.execute_workload"],
    pod_override_object=None, base_worker_pod=template, namespace=found.executor_namespace, scheduler_job_id="1",
    run_id="daily", with_mutation_hook=True,
)
plain = ApiClient().sanitize_for_serialization
print(json.dumps({"executor": executor.__name__, "template": plain(template), "pod": plain(pod)}))
"""
SETTINGS = "import json, os; print(json.dumps(dict(os.environ)))"


def in_a_pod(folder: Path, program: str, **others: str) -> subprocess.CompletedProcess[str]:
    """A Python program as the container's command runs what Airflow gives it."""
    command = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["spec"]["containers"][0]["command"]
    assert command[0] == "python"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CHAIRSIDE"))}
    return subprocess.run(
        [sys.executable, *command[1:], sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=kept | {"CHAIRSIDE_HOME": str(folder / "home")} | others,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pods_task_has_the_settings_of_the_instance(tmp_path: Path) -> None:
    told = in_a_pod(tmp_path, SETTINGS, **SECRET)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert {name: found[name] for name in SECRET} == SECRET
    assert found["AIRFLOW__CORE__DAGS_FOLDER"] == str(REPOSITORY / "dags")
    assert found["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == str(tmp_path / "home" / "airflow" / "logs")
    assert str(REPOSITORY) in found["PYTHONPATH"]


def test_a_pods_task_without_the_secret_says_what_is_missing(tmp_path: Path) -> None:
    told = in_a_pod(tmp_path, SETTINGS)
    assert told.returncode == 1
    assert "AIRFLOW_METADATA_URL, AIRFLOW__CORE__EXECUTION_API_SERVER_URL" in told.stderr


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow's classes make of settings and template, with the packages of requirements/kubernetes.txt."""
    folder = tmp_path_factory.mktemp("kubernetes")
    lock = REPOSITORY / "requirements" / "kubernetes.txt"
    uv: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*uv, "--require-hashes", "-r", lock, "--target", folder / "packages"], check=True)
    told = in_a_pod(folder, MADE_BY_AIRFLOW, PYTHONPATH=str(folder / "packages"), **SECRET)
    assert told.returncode == 0, told.stderr[-3000:]
    made: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return made


@pytest.mark.slow
def test_airflow_takes_the_executor_from_the_locked_packages(pod: dict[str, Any]) -> None:
    assert pod["executor"] == "KubernetesExecutor"


@pytest.mark.slow
def test_every_word_of_the_template_is_one_that_kubernetes_knows(pod: dict[str, Any]) -> None:
    # The client drops what it does not know without a word.
    assert pod["template"] == yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_tasks_pod_runs_the_image_of_the_settings_with_all_that_the_template_asks(pod: dict[str, Any]) -> None:
    (wanted,) = pod["template"]["spec"]["containers"]
    (found,) = pod["pod"]["spec"]["containers"]
    assert found["image"] == "registry.example.org/chairside:7"
    assert pod["pod"]["metadata"]["namespace"] == "clinics"
    assert found["command"] == ["python", "-m", "runtime", "task"]
    assert found["args"] == ["python", "-m", "airflow.sdk.execution_time.execute_workload"]
    kept = ("envFrom", "resources", "securityContext", "volumeMounts")
    assert {name: found[name] for name in kept} == {name: wanted[name] for name in kept}
    assert {**pod["pod"]["spec"], "containers": []} == {**pod["template"]["spec"], "containers": []}
