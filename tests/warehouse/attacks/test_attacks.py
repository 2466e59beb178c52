"""Employees of every kind attack while publications and changes of rights go on: no foreign row, no failed read."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from tests.warehouse.attacks.catalog import read_catalog
from tests.warehouse.attacks.churn import churning
from tests.warehouse.attacks.judging import Judge
from tests.warehouse.attacks.probes import closed, filled, probes, templates
from tests.warehouse.attacks.town import EMPLOYEES, OPENED, RELATIONS, Town, settle
from tests.warehouse.small_warehouse import Warehouse


@pytest.fixture
def town(warehouse: Warehouse) -> Iterator[Town]:
    yield settle(warehouse)


def attack(town: Town, each: int, seed: int, *, is_churned: bool) -> list[Judge]:
    """Everybody at once, `each` probes a head."""
    judges: list[Judge] = []
    catalog = read_catalog(town.warehouse)
    failures: list[BaseException] = []

    def one(number: int) -> None:
        employee = EMPLOYEES[number]
        other = town.role(EMPLOYEES[(number + 1) % len(EMPLOYEES)])
        try:
            with town.warehouse.connect(town.role(employee)) as connection:
                judge = Judge(employee, connection, is_churned=is_churned)
                judges.append(judge)
                judge.run(probes(employee, other, seed * 100 + number, catalog), each)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(EMPLOYEES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return judges


def test_marked_rows_are_all_there_for_the_director(town: Town) -> None:
    """A suite that sees nothing because there is nothing would always pass."""
    director = EMPLOYEES[0]
    with town.warehouse.connect(town.role(director)) as connection:
        found = {str(cell) for relation in RELATIONS
                 for row in connection.execute(f"select secret, amount::bigint, score from {relation}".encode())
                 for cell in row}  # fmt: skip
    assert found == director.may_see()


def sweep(town: Town) -> list[str]:
    """Everybody at everything that is closed to him, and with every template at the first table; nothing by chance."""
    chance = random.Random(1)  # noqa: S311 - which attempt it is is no secret
    catalog, found = read_catalog(town.warehouse), []
    for number, employee in enumerate(EMPLOYEES):
        other = town.role(EMPLOYEES[(number + 1) % len(EMPLOYEES)])
        with town.warehouse.connect(town.role(employee)) as connection:
            judge = Judge(employee, connection)
            for item in catalog:
                if not employee.opens(OPENED.get((item.schema, item.name))):
                    judge.judge(closed(item, chance))
            for kind, template in templates():
                for probe in filled(kind, template, employee, other, RELATIONS[0], RELATIONS[0].schema, chance):
                    judge.judge(probe)
            found += judge.findings
    return found


def test_whatever_the_catalog_holds_is_closed_to_whom_it_was_not_given(town: Town) -> None:
    names = {(item.schema, item.name) for item in read_catalog(town.warehouse)}
    closed_schemas = {"access", "bridge", "build", "deals", "ops", "reports", "staging"}
    assert {schema for schema, _ in names - set(OPENED)} == closed_schemas
    # A name that is gone would open the next thing of that name.
    assert set(OPENED) <= names
    assert sweep(town) == []


def test_a_few_thousand_probes_while_marts_and_rights_change(town: Town) -> None:
    with churning(town) as wrong:
        judges = attack(town, 400, 1, is_churned=True)
    assert [finding for judge in judges for finding in judge.findings] == []
    assert wrong == []
    assert sum(judge.tried for judge in judges) >= 2_800
    assert sum(judge.read for judge in judges) > 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_probes_while_marts_and_rights_change(town: Town) -> None:
    with churning(town) as wrong:
        judges = attack(town, 18_000, 2, is_churned=True)
    assert [finding for judge in judges for finding in judge.findings] == []
    assert wrong == []
    assert sum(judge.tried for judge in judges) >= 125_000
    assert sum(judge.read for judge in judges) > 8_000
