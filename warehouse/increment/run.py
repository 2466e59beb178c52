"""Chooses between a build of everything and one of a day, and takes its steps.

Everything is built by dbt. A day, by SQL that dbt compiled once: models that follow from rules and spend alone · the
families whose rows changed · their models, in schema `day`, with all tests · their rows that differ into `build` ·
models that follow from everybody's rows. A step that fails leaves the state of the last build, so the next one begins
there again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import yaml

from warehouse import libpq
from warehouse.dbt import PLANNING, PROJECT, Dbt
from warehouse.increment import compare, days, merge, scope, steps, sums, unpublished
from warehouse.increment.fresh import Seen
from warehouse.increment.leftovers import drop_leftovers
from warehouse.increment.plan import read_plan
from warehouse.increment.recipe import read_recipe
from warehouse.publish_reports import read_report_files
from warehouse.settings_of_no_figure import SETTINGS_OF_NO_FIGURE
from warehouse.timings import Scope

# Beyond this share of all records the way of a day costs more than the way of everything.
LARGEST_SHARE = 0.25
# Models that say what landed, without any rule. They come first, to be looked at before anything is made of them.
_LANDED = ("+path:models/intermediate/kinds", "+int_family_records")
# What every family depends on: when it says something else, nothing of the last build can stay.
_RULES = """
select md5(concat_ws(
    '|',
    (select sum(hash_record_extended(rules, 0)::numeric) from build.int_clinics_unioned as rules),
    (select sum(hash_record_extended(rules, 0)::numeric) from build.int_employees_unioned as rules),
    (select sum(hash_record_extended(rules, 0)::numeric) from build.int_counterparties_unioned as rules),
    (select sum(hash_record_extended(rules, 0)::numeric) from build.int_tracking_addresses_unioned as rules),
    (select sum(hash_record_extended(rules, 0)::numeric) from staging.settings as rules
        where name <> all(%s::text[])),
    exists (select from build.int_treatment_stages_unioned)
))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Of what the rows in `build` are: the project's files, the rules, the moment, the landed rows."""

    code: str
    rules: str
    as_of: datetime
    seen: Seen


def build_models(dbt: Dbt, *, as_of: datetime, everything: bool) -> Scope:
    """Bring `build` to what staging says; returns by which way. Raises BuildFailed; then the next build begins from the
    same state."""
    code = code_hash()
    state = _state(dbt.url)
    reason = "asked for" if everything else _reason(dbt, state, code, as_of)
    if reason is None and state is not None:
        reason = _build_day(dbt, state, as_of)
    if reason is None:
        return "day"
    dbt.say(f"build: everything ({reason})")
    _build_everything(dbt, code, as_of)
    return "everything"


def code_hash(root: Path = PROJECT.parent) -> str:
    """Of all files that say what a figure means: the dbt project, and the SQL functions that its models call."""
    found = hashlib.sha256()
    files = [path for path in (root / PROJECT.name).rglob("*") if path.suffix in (".sql", ".yml", ".csv")]
    files += (root / "warehouse" / "sql").glob("*.sql")
    reports = root / "warehouse" / "reports"
    files += [reports / file.name for file in read_report_files(reports) if file.is_shared]
    for path in sorted(files):
        found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _reason(dbt: Dbt, state: State | None, code: str, as_of: datetime) -> str | None:
    """Why a build of a day would not do; None where it would."""
    if state is None:
        return "nothing was built before"
    if not (dbt.folder / "manifest.json").exists():
        return "dbt's manifest is not there"
    if state.code != code:
        return "models or rules in the project changed"
    if as_of < state.as_of:
        return "the last build was of a later moment"
    with psycopg.connect(dbt.url) as connection:
        if _rules(connection) != state.rules:
            return "clinics, employees, counterparties, tracking addresses or settings changed"
    return None


def _build_everything(dbt: Dbt, code: str, as_of: datetime) -> None:
    with psycopg.connect(dbt.url) as connection:
        connection.execute("drop table if exists build.family_state, build.family_published")
    dbt.build(select=_LANDED, is_last=False)
    with psycopg.connect(dbt.url) as connection:
        rules = _rules(connection)
        seen = scope.snapshot(connection)
    dbt.build(exclude=_LANDED)
    manifest = json.loads((dbt.folder / "manifest.json").read_bytes())
    with psycopg.connect(dbt.url) as connection:
        if dropped := drop_leftovers(connection, manifest):
            dbt.say(f"build: dropped, no model makes it any more: {', '.join(dropped)}")
    with psycopg.connect(dbt.url) as connection:
        scope.keep_everything(connection, too_many_patients=_rule("too_many_patients"))
        unpublished.begin(connection)
        days.keep_everything(connection, read_plan(manifest))
        _keep(connection, State(code=code, rules=rules, as_of=as_of, seen=seen))


def _build_day(dbt: Dbt, state: State, as_of: datetime) -> str | None:
    """Returns why everything must be built instead, if it turns out so."""
    recipe = read_recipe(dbt, state.code)
    with _session(dbt.url) as connection:
        steps.run_stage(connection, recipe.before, schema="build", done=dbt.take)
    with ThreadPoolExecutor(1) as beside, _session(dbt.url) as connection, _session(dbt.url) as counting:
        # The families' rows are read as they were when it was told which families these are: else one that a load
        # changes meanwhile may name somebody whose other rows are not here.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = scope.find(
            connection, last=state.seen, was=state.as_of, now=as_of,
            too_many_patients=_rule("too_many_patients"), callback_days=_rule("callback_days"),
            counted=beside.submit(scope.count_records, counting).result,
        )  # fmt: skip
        dbt.say(f"build: {found.changed} records changed, {found.in_scope} of {found.known} in their families")
        if found.in_scope > LARGEST_SHARE * found.known:
            return "too many families changed"
        steps.make_tables(connection, recipe.plan.families)
        steps.run_stage(connection, recipe.landed, schema="day", done=dbt.take)
    # What a build that fails here leaves in `day` nobody reads; the next one begins with an empty schema.
    steps.run_side_by_side(partial(_session, dbt.url), recipe.families, schema="day", done=dbt.take)
    reading = partial(_session, dbt.url, compare.READING)
    with reading() as connection:
        merge.name_keys(connection, recipe.plan)
    old = partial(sums.recall, plan=recipe.plan, queries=recipe.queries)
    compare.side_by_side(
        reading, [old, *(partial(compare.compare, kept=kept) for kept in merge.not_compared(recipe.plan))]
    )
    with _session(dbt.url) as connection:
        merge.merge(connection, recipe.plan)
        sums.apply(connection, recipe.plan)
        scope.keep_scope(connection, too_many_patients=_rule("too_many_patients"))
        merge.empty(connection, recipe.plan)
        _keep(connection, State(code=state.code, rules=state.rules, as_of=as_of, seen=found.seen))
    steps.run_side_by_side(partial(_session, dbt.url), recipe.after, schema="build", done=dbt.take)
    return None


@contextmanager
def _session(url: str, options: str = PLANNING) -> Iterator[psycopg.Connection[Any]]:
    """One transaction."""
    with psycopg.connect(url, options=libpq.with_options(url, options)) as connection:
        yield connection


def _rule(name: str) -> int:
    """A number of the rules, as the models have it."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"][name])


def _rules(connection: psycopg.Connection[Any]) -> str:
    return str(connection.execute(_RULES, (list(SETTINGS_OF_NO_FIGURE),)).fetchall()[0][0])


def _state(url: str) -> State | None:
    with psycopg.connect(url) as connection:
        there = connection.execute("select to_regclass('build.family_state')").fetchone()
        if there is None or there[0] is None:
            return None
        # As JSON: an earlier version of ours kept less, and what it built is nothing to begin from.
        row = connection.execute("select to_jsonb(state) from build.family_state as state").fetchone()
    if row is None or row[0].keys() < {"code", "rules", "as_of", "seen", "cluster"}:
        return None
    kept = row[0]
    return State(
        code=kept["code"],
        rules=kept["rules"],
        as_of=datetime.fromisoformat(kept["as_of"]),
        seen=Seen(transaction=kept["seen"], cluster=kept["cluster"]),
    )


def _keep(connection: psycopg.Connection[Any], state: State) -> None:
    # Unlogged like all of `build`: what a crash empties says so itself, and the next build makes everything.
    connection.execute(
        "create unlogged table if not exists build.family_state"
        " (code text, rules text, as_of timestamptz, seen bigint, cluster text)"
    )
    connection.execute("truncate build.family_state")
    connection.execute(
        "insert into build.family_state (code, rules, as_of, seen, cluster) values (%s, %s, %s, %s, %s)",
        (state.code, state.rules, state.as_of, state.seen.transaction, state.seen.cluster),
    )
