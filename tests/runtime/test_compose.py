"""docker-compose.yml, looked at without Docker: what every service must have, and that files and variables fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.home import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
FOLDER = REPOSITORY / "runtime" / "compose"
# Profile to its services; those without a profile are always there.
PROFILES = {
    "": {"postgres", "airflow", "superset", "metabase"},
    "demo": {"simulators"},
    "scale": {"redis", "worker-1", "worker-2", "citus", "citus-worker-1", "citus-worker-2"},
}
SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def test_profiles_hold_what_they_are_for() -> None:
    found: dict[str, set[str]] = {}
    for name, service in services().items():
        for profile in service.get("profiles") or [""]:
            found.setdefault(profile, set()).add(name)
    assert found == PROFILES


@pytest.mark.parametrize("name", sorted(set().union(*PROFILES.values())))
def test_a_service_is_pinned_watched_bounded_and_without_power(name: str) -> None:
    service = services()[name]
    version = service["image"].partition(":")[2]
    assert version == "local" if "build" in service else re.match(r"v?\d+\.\d+", version)
    assert service["healthcheck"]["test"]
    assert int(service["user"].partition(":")[0]) > 0
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == "unless-stopped"
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert any(not mount.startswith((".", "/")) for mount in service["volumes"])
    for port in service.get("ports") or []:
        assert port.startswith("127.0.0.1:")


def test_nothing_has_a_password_that_nobody_chose() -> None:
    text = FILE.read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text))
    asked_for = set(re.findall(r"\$\{(\w+):\?", text))
    assert {name for name in used if SECRET.search(name)} <= asked_for
    assert not re.findall(r"\$\{(\w*(?:PASS|SECRET|TOKEN|KEY)\w*):?-", text)
    for name, service in services().items():
        for variable, value in (service.get("environment") or {}).items():
            if SECRET.search(variable) and value:
                assert "${" in value, f"{name}: {variable} is written down"
            assert not re.search(r"://\w*:(?!\$\{)[^@/]*@", str(value)), f"{name}: {variable} holds a password"


def test_files_volumes_and_services_that_are_named_are_there() -> None:
    found, known = compose(), services()
    for service in known.values():
        assert set(service.get("depends_on") or {}) <= set(known)
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            assert (REPOSITORY / source).exists() if source.startswith(".") else source in found["volumes"]
        if "build" in service:
            assert (REPOSITORY / service["build"]["dockerfile"]).exists()
    for script in FOLDER.glob("*.sh"):
        subprocess.run(["sh", "-n", script], check=True)
        # The official images source what they may not execute, and `set -eu` would stay with them.
        assert os.access(script, os.X_OK)


def test_passwords_and_tokens_go_neither_into_an_image_nor_into_git() -> None:
    asked_for = {".env", *(one["path"] for service in services().values() for one in service.get("env_file") or [])}
    assert asked_for == {".env", "connections.env"}
    for list_of_ignored in (".dockerignore", ".gitignore"):
        assert asked_for <= set((REPOSITORY / list_of_ignored).read_text(encoding="utf-8").splitlines())


def test_a_health_check_calls_what_its_image_has() -> None:
    programs = {"postgres": {"pg_isready"}, "citus": {"pg_isready"}, "redis": {"redis-cli"}, "metabase": {"curl"}}
    for name, service in services().items():
        kind, *check = service["healthcheck"]["test"]
        called = check[0].split()[0] if kind == "CMD-SHELL" else check[0]
        # A slim image of Python has no `ps`, `pgrep` or `curl`.
        known = next((found for part, found in programs.items() if part in service["image"]), {"python", "test"})
        assert called in known, f"{name}: is there a {called} in {service['image']}?"


@pytest.mark.parametrize("profile", ["demo", "scale"])
def test_a_profiles_variables_are_those_that_the_file_reads(profile: str) -> None:
    lines = (FOLDER / f"{profile}.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given.pop("COMPOSE_PROFILES") == profile
    assert set(given) <= set(re.findall(r"\$\{(\w+)", FILE.read_text(encoding="utf-8")))


def test_all_places_of_the_workers_may_be_taken() -> None:
    """Airflow starts no more tasks at once than its own parallelism, however many workers there are."""
    lines = (FOLDER / "scale.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    workers = [service for service in services().values() if service.get("command") == ["worker"]]
    places = sum(int(worker["environment"]["AIRFLOW__CELERY__WORKER_CONCURRENCY"]) for worker in workers)
    assert services()["airflow"]["environment"]["AIRFLOW__CORE__PARALLELISM"] == "${AIRFLOW_PARALLELISM:-4}"
    assert (len(workers), int(given["AIRFLOW_PARALLELISM"])) == (2, places)


def test_a_reader_reaches_the_warehouse_wherever_it_lies_and_no_worker_of_it() -> None:
    inside = {
        name: [port.rpartition(":")[2] for port in service.get("ports") or []] for name, service in services().items()
    }
    assert inside["postgres"] == inside["citus"] == ["5432"]
    assert inside["citus-worker-1"] == inside["citus-worker-2"] == []


def test_nodes_of_citus_trust_each_other_and_not_the_machine_beneath(tmp_path: Path) -> None:
    """Docker gives the machine an address in the nodes' network, so every user of it would be a superuser of theirs."""
    (network,) = compose()["networks"]["citus"]["ipam"]["config"]
    (tmp_path / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
    (tmp_path / "psql").write_text("#!/bin/sh\ncat > /dev/null\n")
    (tmp_path / "psql").chmod(0o700)
    for name in ("citus", "citus-worker-1", "citus-worker-2"):
        given = services()[name]["environment"]
        assert (given["CITUS_NETWORK"], given["CITUS_HOST"]) == (network["subnet"], network["gateway"])
    rules = {"CITUS_NETWORK": network["subnet"], "CITUS_HOST": network["gateway"], "PGDATA": str(tmp_path)}
    others = {"WAREHOUSE_PASSWORD": "chosen", "POSTGRES_USER": "postgres", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run([FOLDER / "citus.sh"], env=rules | others, check=True)
    assert (tmp_path / "pg_hba.conf").read_text().splitlines() == [
        "host all all 172.31.250.1/32 reject", "host all all 172.31.250.0/28 trust", "host all all all scram-sha-256",
    ]  # fmt: skip


def test_commands_of_our_image_are_commands_of_ours() -> None:
    from runtime.__main__ import parser

    ours = [service for service in services().values() if service["image"].startswith("chairside")]
    for service in ours:
        assert parser().parse_args(service["command"]).command == service["command"][0]


@pytest.mark.skipif(
    not shutil.which("docker")
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="Docker's compose plugin is not installed",
)
@pytest.mark.parametrize("profile", ["", "demo", "scale"])
def test_docker_itself_reads_the_file(profile: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    chosen = dict.fromkeys(re.findall(r"\$\{(\w+):\?", text), "chosen")
    command = ["docker", "compose", "--file", str(FILE)]
    if profile:
        command += ["--env-file", str(FOLDER / f"{profile}.env")]
    told = subprocess.run(
        [*command, "config", "--quiet"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"} | chosen,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_a_tasks_pod_on_kubernetes_is_bounded_and_without_power() -> None:
    template = REPOSITORY / "runtime" / "kubernetes" / "pod_template.yaml"
    pod = yaml.safe_load(template.read_text(encoding="utf-8"))["spec"]
    (container,) = pod["containers"]
    assert container["name"] == "base"  # by this name Airflow finds where its command goes
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["restartPolicy"] == "Never"
    assert not pod["automountServiceAccountToken"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
