"""Channel rules and rates with periods: the build stops where two are valid at once, or none in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.templates import Template, copied
from warehouse.dbt import PROJECT, common_arguments, dbt_environment

HEADER = "priority,source_pattern,medium_pattern,channel,valid_from,valid_to\n"
GOOD = "10,vk,post,social,,2026-02-28\n10,vk,post,messenger,2026-03-01,\n20,.*,cpc,paid_search,,\n"
OVERLAP = GOOD + "20,ok,cpc,paid_social,2026-05-01,\n"
# the second one ends before it begins
GAP = "10,vk,post,social,,2026-01-31\n10,vk,post,messenger,2026-03-01,\n20,ok,cpc,social,2026-03-01,2026-02-01\n"
BREACHES = [(GOOD, ()), (OVERLAP, ("do_not_overlap",)), (GAP, ("do_not_overlap", "have_no_gap"))]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("periods") / "dbt_project"
    shutil.copytree(PROJECT, copy)
    return copy


@pytest.fixture(scope="module")
def database(pg_server_url: str, migrated_template: Template) -> Iterator[str]:
    """One for all cases: in the same database dbt parses again only what changed."""
    with copied(migrated_template.url, pg_server_url) as url:
        yield url


@pytest.mark.parametrize(("rows", "breaks"), BREACHES)
def test_periods_of_channel_rules_are_checked_before_anything_is_built(
    rows: str, breaks: tuple[str, ...], database: str, project: Path
) -> None:
    from dbt.cli.main import dbtRunner

    (project / "seeds" / "channel_groupings.csv").write_text(HEADER + rows, encoding="utf-8")
    arguments = common_arguments(project.parent / "target")
    arguments[arguments.index("--project-dir") + 1] = str(project)
    with dbt_environment(database):
        result = dbtRunner().invoke(["build", *arguments, "--select", "channel_groupings"])
    failed = sorted(str(run.node.name) for run in result.result if str(run.status) in ("fail", "error"))
    assert len(failed) == len(breaks), failed
    assert all(name in test for name, test in zip(breaks, failed, strict=True))
