"""A build of a day leaves in every table the rows that a build of everything would, whatever the history was.

docs/decisions/a_day_rebuilds_families.md. All histories of a run share one warehouse, so that one build is a step of
each of them; the quick tests look at one run from several sides, because its builds take most of the time.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from psycopg import sql

from extractors.core.errors import ConfigError
from tests.templates import Template, copied
from tests.warehouse.histories import BEGAN, BORDER, HOTEL, History, share_border
from tests.warehouse.history_turns import step
from tests.warehouse.landing_histories import (
    land,
    land_rules,
    rate,
    spend,
    take_channel,
    take_last_rate,
    take_spend,
)
from warehouse.build import build
from warehouse.dbt import Dbt
from warehouse.increment import run, scope
from warehouse.increment.plan import read_plan
from warehouse.publish import PublicationSummary, publish
from warehouse.publish_touched import hold_touched

Rows = dict[str, Counter[int]]
# A phone joins nobody while it is of more patients than this (RULES section 1).
MOST_PATIENTS = 8
STILL = 900
# In this step what was said of costs and rates is taken back, and nobody builds for weeks.
TAKEN_BACK = 3
# When the first build of histories is.
MOMENT = BEGAN + timedelta(days=40)


@dataclass(slots=True)
class Living:
    """One warehouse, the histories in it and what its builds said. `still`: one in which nothing happens by chance."""

    url: str
    folder: Path
    lives: list[History]
    still: History
    moment: datetime = MOMENT
    said: list[str] = field(default_factory=list)

    def build(self, *, everything: bool = False) -> None:
        land(self.url, [*self.lives, self.still])
        # The histories are small: a step may change most of them.
        with mock.patch.object(run, "LARGEST_SHARE", 1.0):
            build(
                self.url, run_id="history", as_of=self.moment, work_folder=self.folder, say=self.said.append,
                everything=everything,
            )  # fmt: skip

    def publish(self) -> tuple[bool, PublicationSummary]:
        """Whether touched families alone were compared, and what was written."""
        with psycopg.connect(self.url) as connection:
            touched = hold_touched(connection)
        return touched, publish(self.url, self.folder / "manifest.json", run_id="history", now=self.moment)

    def step(self, rng: random.Random, number: int) -> None:
        """Half of the histories go on, a campaign or a rate changes or goes, hours or weeks pass. Not built yet."""
        for life in rng.sample(self.lives, k=len(self.lives) // 2):
            step(life)
        if number % 2 == 0:
            spend(self.url, date(2026, 5, 2 + number), "vk", "promo", rng.choice(("paid_social", "display")))
        else:
            rate(self.url, date(2026, 5, 3) + timedelta(days=rng.randint(0, 40)), rng.randint(80, 110))
        if number == TAKEN_BACK:
            take_spend(self.url, date(2026, 5, 2))
            take_last_rate(self.url)
        self.moment += timedelta(hours=rng.randint(1, 72), days=20 if number == TAKEN_BACK else 0)

    def rows(self) -> Rows:
        """All rows of every table of `build` that anybody reads after a build of a day, by their content."""
        plan = read_plan(json.loads((self.folder / "manifest.json").read_bytes()))
        names = [kept.model for kept in plan.kept] + [summed.model for summed in plan.summed]
        names += [*plan.before, *plan.after]
        # equal numbers are equal whatever zeros they end in, as for any reader
        query = sql.SQL("select hash_record_extended(told, 0) from {} as told")
        with psycopg.connect(self.url) as connection:
            return {
                name: Counter(row[0] for row in connection.execute(query.format(sql.Identifier("build", name))))
                for name in names
            }


@contextmanager
def living(server: str, migrated: Template, folder: Path, histories: int, seed: int) -> Iterator[Living]:
    """Histories that have begun, in a warehouse that was not built yet."""
    lives = [History(number, random.Random(f"{seed}:{number}")) for number in range(histories)]  # noqa: S311
    for life in lives:
        life.begin()
    # Some have nothing to wait for but a visit that comes due, one every six hours.
    for place, life in enumerate(lives[::10]):
        life.booked(MOMENT + timedelta(hours=1 + 6 * place))
    with copied(migrated.url, server) as url:
        land_rules(url)
        still = History(STILL, random.Random(f"{seed}:{STILL}"))  # noqa: S311
        yield Living(url, folder, lives, still)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of quick tests left: rows built by days, rows of everything, sessions that the last day wrote anew.

    `path`: how many steps of each kind the patient has of whom nothing but stages of treatment is known. `renamed`:
    whether the contact on which a load names another patient, while the last day is built, is still the first one's;
    how many inquiries the other one has.

    `by_touched`: the publications after each build, and whether each compared touched families alone.
    `by_comparing_all`: the one after them, which compared everything. `after_everything`: whether one after the build
    of everything would compare touched families alone. `callers`: whom the calls from the phone at the border are of
    when it is no more of too many patients.
    """

    living: Living
    by_days: Rows
    of_everything: Rows
    moved: list[str]
    by_touched: list[tuple[bool, PublicationSummary]]
    by_comparing_all: PublicationSummary
    after_everything: bool
    callers: list[str]
    path: dict[str, int]
    renamed: list[tuple[bool, int]]


@pytest.fixture(scope="module")
def finished(
    pg_server_url: str, migrated_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """200 histories, two days: the first is killed between its last steps, and before it is tried again patients leave
    the phone at the border; the second brings two sessions of one and takes back what the first changed elsewhere."""
    rng = random.Random(1)  # noqa: S311 - a test's dice
    with living(pg_server_url, migrated_template, tmp_path_factory.mktemp("dbt"), 200, seed=1) as city:
        city.lives[10].ad("rare", "y", MOMENT - timedelta(days=4))
        calls = []
        for life in city.lives[30:32]:
            life.call_from(BORDER)
            calls.append((life, *list(life.rows["contacts"].items())[-1]))
        share_border(city.lives, 150)
        patient = city.still.stage_alone(1)
        renamed_call, caller, other = _two_calls(city.still)
        city.build()
        published = [city.publish()]
        key, contact = list(city.lives[20].rows["contacts"].items())[-1]
        city.step(rng, 0)
        city.step(rng, 1)
        spend(city.url, date(2026, 5, 3), "rare", "y", "display")
        city.lives[20].rows["contacts"][key] = contact | {"outcome": "declined", "topic": "another"}
        city.lives[7].booked(MOMENT - timedelta(days=9))
        for life, call, row in calls:
            life.rows["contacts"][call] = row  # whatever became of it meanwhile
        death = mock.patch("warehouse.increment.run.merge.empty", side_effect=RuntimeError("killed here"))
        with death, pytest.raises(RuntimeError, match="killed here"):
            city.build()
        share_border(city.lives, MOST_PATIENTS)
        city.build()
        published.append(city.publish())
        with psycopg.connect(city.url) as connection:
            callers = connection.execute(
                "select person_key from build.int_contact_persons where contact_id = any(%s)",
                ([call for _life, (call,), _row in calls],),
            ).fetchall()
            connection.execute("create table places as select ctid::text as place, session_id from build.fct_sessions")
        # What changed yesterday is again as it was before: the day compares with yesterday, not with the first build.
        city.lives[20].rows["contacts"][key] = contact
        take_channel(city.url, "rare")
        city.lives[7].session(HOTEL)
        city.lives[7].session(city.lives[7].own_phone)
        city.still.stage_alone(2)
        city.still.rows["contacts"][(renamed_call,)] |= {"topic": "another"}
        with _meanwhile(city.url, renamed_call, other):
            city.build()
        with psycopg.connect(city.url) as connection:
            moved = connection.execute(
                "select distinct split_part(now.session_id, ':', 1) from build.fct_sessions as now"
                " left join places on now.session_id = places.session_id and now.ctid::text = places.place"
                " where places.session_id is null"
            ).fetchall()
            path = connection.execute(
                "select step, count(*) from build.client_path_steps where person_key = %s group by step",
                (f"patient:{patient}",),
            ).fetchall()
            renamed = connection.execute(
                "select person_key = %s, (select count(*) from build.int_inquiries where person_key = %s)"
                " from build.int_contact_persons where contact_id = %s",
                (f"patient:{caller}", f"patient:{other}", renamed_call),
            ).fetchall()
        published.append(city.publish())
        with psycopg.connect(city.url) as connection:
            connection.execute("drop table build.family_published")
        _, compared = city.publish()
        by_days = city.rows()
        city.build(everything=True)
        with psycopg.connect(city.url) as connection:
            touched = hold_touched(connection)
        yield Run(
            city, by_days, city.rows(), [number for (number,) in moved], published, compared, touched,
            [person for (person,) in callers], dict(path), renamed,
        )  # fmt: skip


def _two_calls(life: History) -> tuple[str, str, str]:
    """Two patients who share nothing, each named on a call; the first one's call, he, and the other one."""
    named: list[str] = []
    for phone in ("+79000009001", "+79000009002"):
        life.card()
        patient = life.amend("patients", phones_e164=[phone], emails=[])
        life.call_from(phone)
        named += (life.amend("contacts", patient_ids=[patient], direction="inbound"), patient)
    return named[0], named[1], named[3]


@contextmanager
def _meanwhile(url: str, contact: str, patient: str) -> Iterator[None]:
    """A load that names another patient on a contact, as soon as a build knows whose rows changed."""

    def find(*given: Any, **named: Any) -> scope.Found:  # noqa: ANN401 - whatever the build asks
        found = original(*given, **named)
        with psycopg.connect(url) as connection:
            connection.execute(
                "update staging.files__contacts set patient_ids = %s where contact_id = %s", ([patient], contact)
            )
        return found

    original = scope.find
    with mock.patch("warehouse.increment.run.scope.find", find):
        yield


def _differing(by_days: Rows, of_everything: Rows) -> dict[str, tuple[int, int]]:
    return {
        name: ((by_days[name] - rows).total(), (rows - by_days[name]).total())
        for name, rows in of_everything.items()
        if by_days[name] != rows
    }


def test_days_of_two_hundred_histories_equal_a_build_of_everything(finished: Run) -> None:
    differing = _differing(finished.by_days, finished.of_everything)
    assert not differing, f"rows only by days, rows only of everything: {differing}"
    assert sum(rows.total() for rows in finished.by_days.values()) > 10_000, "next to nothing was compared"


def test_every_step_was_built_as_a_day_also_after_it_was_killed(finished: Run) -> None:
    assert len([line for line in finished.living.said if "in their families" in line]) == 2 + 1
    reasons = [line for line in finished.living.said if line.startswith("build: everything")]
    assert reasons == ["build: everything (nothing was built before)", "build: everything (asked for)"]


def test_only_the_families_of_what_changed_are_made_anew(finished: Run) -> None:
    """Who shares no phone with history 7 keeps his rows where they were; the phone of a hotel is no kinship."""
    assert "7" in finished.moved
    assert len(finished.moved) < 60, "sessions of one history wrote those of most others anew"
    # Rows that say the same stay where they are, whoever's family they were taken for.
    last = [line for line in finished.living.said if "in their families" in line][-1]
    in_scope, known = map(int, re.findall(r"(\d+) of (\d+) in their families", last)[0])
    assert 0 < in_scope < known / 5, last


def test_a_phone_that_enough_patients_left_is_one_person_at_once(finished: Run) -> None:
    """The calls themselves did not change, and those who made them share nothing else."""
    assert len(finished.callers) == 2
    assert len(set(finished.callers)) == 1, finished.callers


def test_a_patient_known_by_stages_of_treatment_alone_has_each_step_once(finished: Run) -> None:
    """His first stage was there before the day that brought the second."""
    assert finished.path == {"treatment_stage": 2, "treatment_completed": 1}


def test_a_row_that_a_load_changes_while_a_day_is_built_takes_nobodys_rows(finished: Run) -> None:
    """The contact is as it was when the build looked; the one whom it names from then on keeps his inquiry."""
    assert finished.renamed == [(True, 1)]


def test_a_publication_compares_the_families_that_builds_touched_and_misses_nothing(finished: Run) -> None:
    """The first one writes all rows, the second the families of two steps, the third those of two sessions."""
    assert [touched for touched, _ in finished.by_touched] == [False, True, True]
    written = [summary.rows_inserted for _, summary in finished.by_touched]
    assert written[0] > written[1] > written[2] > 0
    left_over = [table for table in finished.by_comparing_all.tables if table.rows_inserted or table.rows_deleted]
    assert not left_over
    last = {table.name: table.rows for table in finished.by_touched[-1][1].tables}
    assert last == {table.name: table.rows for table in finished.by_comparing_all.tables}
    assert not finished.after_everything


def test_a_rule_that_changed_asks_for_everything(finished: Run) -> None:
    city = finished.living
    dbt, state = Dbt(city.url, city.folder, city.said.append), run._state(city.url)
    assert state is not None
    assert run._reason(dbt, state, state.code, city.moment) is None
    assert "rules in the project" in str(run._reason(dbt, state, "other files", city.moment))
    assert "later moment" in str(run._reason(dbt, state, state.code, city.moment - timedelta(days=1)))
    with psycopg.connect(city.url) as connection:
        connection.execute("update staging.files__clinics set time_zone = 'Asia/Omsk' where clinic_id = 'C2'")
    assert "clinics" in str(run._reason(dbt, state, state.code, city.moment))


# Between any two steps of a build of a day, and in the middle of a publication.
DEATHS = (
    "warehouse.increment.run.scope.find", "warehouse.increment.run.merge.name_keys",
    "warehouse.increment.run.sums.recall", "warehouse.increment.run.merge.merge", "warehouse.increment.run.sums.apply",
    "warehouse.increment.run.scope.keep_scope", "warehouse.increment.run.merge.empty",
    "warehouse.increment.run._keep", "warehouse.publish.write_difference", "warehouse.publish.keep_published",
)  # fmt: skip
STEPS = 6


def build_in_spite_of(city: Living, death: str) -> None:
    """Build and publish; the first time one of the two is killed on its way, then both are done again."""
    with mock.patch(death, side_effect=RuntimeError("killed here")), pytest.raises(RuntimeError, match="killed here"):
        city.build()
        city.publish()
    city.build()
    city.publish()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 7))
def test_days_of_a_thousand_histories_equal_a_build_of_everything(
    pg_server_url: str, migrated_template: Template, tmp_path: Path, seed: int
) -> None:
    """200 histories a seed, six steps, each killed at another place; the five seeds go round all places thrice."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    with living(pg_server_url, migrated_template, tmp_path, 200, seed) as city:
        city.build()
        city.publish()
        for number in range(STEPS):
            city.step(rng, number)
            build_in_spite_of(city, DEATHS[(seed * STEPS + number) % len(DEATHS)])
        by_days = city.rows()
        city.build(everything=True)
        assert not _differing(by_days, city.rows()), f"seed {seed}"


def test_a_model_of_everybody_may_not_read_what_a_day_keeps_not() -> None:
    def model(name: str, increment: object, *parents: str) -> dict[str, object]:
        meta = {} if increment is None else {"increment": increment}
        return {
            "name": name, "resource_type": "model", "depends_on": {"nodes": list(parents)},
            "config": {"enabled": True, "materialized": "table", "meta": meta},
        }  # fmt: skip

    manifest = {"nodes": {"a": model("int_step", {"kept": False}), "b": model("sum_of_all", None, "a")}}
    with pytest.raises(ConfigError, match="sum_of_all is made as a whole and reads int_step"):
        read_plan(manifest)
