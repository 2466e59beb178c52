"""Settings of Airflow by name: one that Airflow does not know is ignored without a word."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from runtime.airflow import environment
from runtime.home import REPOSITORY, open_home

WRITTEN = ("docker-compose.yml", "runtime/**/*.py", "runtime/**/*.yaml", "docs/**/*.md", "tests/runtime/*.py")
# Sections of providers, which other executors bring along; test_celery.py and test_kubernetes.py run them.
OF_PROVIDERS = {
    "celery": {"broker_url", "result_backend", "worker_concurrency"},
    "kubernetes_executor": {
        "pod_template_file", "namespace", "worker_container_repository", "worker_container_tag",
    },
}  # fmt: skip
NAMED = re.compile(r"AIRFLOW__([A-Z][A-Z_]*?)__([A-Z][A-Z_]*[A-Z])\b(?![_*…])")


def known() -> dict[str, set[str]]:
    """Section to its options, as the installed Airflow has them."""
    found = find_spec("airflow")
    assert found is not None and found.origin is not None
    text = (Path(found.origin).parent / "config_templates" / "config.yml").read_text(encoding="utf-8")
    sections = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the safe one, in C
    return {name: set(section["options"]) for name, section in sections.items()} | OF_PROVIDERS


def test_airflow_knows_every_setting_that_is_given_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    home = open_home({"CHAIRSIDE_HOME": str(tmp_path)})
    given = environment(home, metadata_url="postgresql://nobody@nowhere/none", port=1, connections={})
    paths = [path for pattern in WRITTEN for path in REPOSITORY.glob(pattern) if path != Path(__file__)]
    text = "\n".join([*given, *(path.read_text(encoding="utf-8") for path in paths)])
    options = known()
    named = {(section.lower(), option.lower()) for section, option in NAMED.findall(text)}
    assert len(named) > 20
    # Some are beginnings of names.
    unknown = {each for each in named if not any(name.startswith(each[1]) for name in options.get(each[0], ()))}
    assert unknown == set()


def test_a_pod_that_starts_leaves_the_passwords_that_the_server_reads(tmp_path: Path) -> None:
    home = open_home({"CHAIRSIDE_HOME": str(tmp_path)})
    given = environment(home, metadata_url="postgresql://nobody@nowhere/none", port=1, connections={})
    kept = Path(given["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    assert "admin" in kept.read_text()
    written = kept.stat().st_mtime_ns
    environment(home, metadata_url="postgresql://nobody@nowhere/none", port=1, connections={})
    assert kept.stat().st_mtime_ns == written
    assert kept.stat().st_mode & 0o077 == 0
