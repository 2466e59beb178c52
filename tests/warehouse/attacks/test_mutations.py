"""Remove any single protection and the suite finds it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.warehouse.attacks.mutations import MUTATIONS, Mutation
from tests.warehouse.attacks.test_attacks import attack, sweep
from tests.warehouse.attacks.town import Town, settle
from tests.warehouse.small_warehouse import Warehouse

# Enough for every template to be tried on several relations by everybody.
PROBES = 900
# One of each sort of protection; all of them in the long suite.
QUICK = (
    "a policy names the clinics", "a view reads as its reader", "a function meets no row before the policy",
    "new tables are closed", "an employee is nobody's member", "a rebuilt table keeps its grants and policies",
)  # fmt: skip


def findings(town: Town, server: str, mutation: Mutation | None) -> list[str]:
    """What the suite finds on a copy of the town with this mutation: by trying everything once, else by chance."""
    mutation = mutation and named(mutation, town)
    name = f"test_{uuid.uuid4().hex[:16]}"
    parts = urlsplit(town.warehouse.url)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(parts.path[1:]))
        )
        copy = replace(town, warehouse=replace(town.warehouse, url=parts._replace(path=f"/{name}").geturl()))
        try:
            # What the template's database itself grants is not copied.
            copy.warehouse.run(
                f"revoke connect, temporary on database {name} from public; select access.refresh()"
            )
            if mutation is not None:
                copy.warehouse.run(mutation.sql)
            if found := sweep(copy):
                return found
            judges = attack(copy, PROBES, 3, is_churned=False)
            return [finding for judge in judges for finding in judge.findings]
        finally:
            if mutation is not None and mutation.undo:
                copy.warehouse.run(mutation.undo)
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def named(mutation: Mutation, town: Town) -> Mutation:
    """The mutation with the roles of this town."""
    given = {f"{{{employee}}}": sql.Identifier(role).as_string() for employee, role in town.roles.items()}
    done, undone = mutation.sql, mutation.undo
    for employee, role in given.items():
        done, undone = done.replace(employee, role), undone.replace(employee, role)
    return replace(mutation, sql=done, undo=undone)


@pytest.fixture
def town(warehouse: Warehouse) -> Town:
    return settle(warehouse)


def unseen(town: Town, server: str, mutations: list[Mutation]) -> list[str]:
    return [mutation.protection for mutation in mutations if not findings(town, server, mutation)]


def test_every_mutation_can_be_done(town: Town) -> None:
    """The list follows the code; nothing of it is kept."""
    for mutation in MUTATIONS:
        with psycopg.connect(town.warehouse.url) as owner:
            owner.execute(named(mutation, town).sql.encode())
            owner.rollback()


def test_protections_of_each_sort_are_missed_when_they_are_gone(town: Town, pg_server_url: str) -> None:
    assert findings(town, pg_server_url, None) == []
    assert unseen(town, pg_server_url, [one for one in MUTATIONS if one.protection in QUICK]) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_single_protection_is_missed_when_it_is_gone(town: Town, pg_server_url: str) -> None:
    assert unseen(town, pg_server_url, list(MUTATIONS)) == []
