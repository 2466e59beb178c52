"""What goes on while employees read: publications, full rebuilds, rights given and taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.warehouse.attacks.town import EMPLOYEES, RELATIONS, Town, give


@contextmanager
def churning(town: Town) -> Iterator[list[str]]:
    """Both loops run until the end of the block. The list fills with their errors; it must stay empty."""
    stop = threading.Event()
    wrong: list[str] = []

    def keep(work: object) -> None:
        number = 0
        while not stop.is_set():
            try:
                work(town, number)  # type: ignore[operator]
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
                return
            number += 1

    threads = [threading.Thread(target=keep, args=(work,)) for work in (_publish, _change_rights)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _publish(town: Town, number: int) -> None:
    """By turns: build tables that say the same in new rows, a column that comes and goes, the reports' text anew."""
    warehouse = town.warehouse
    relation = RELATIONS[number % len(RELATIONS)]
    with_note = ", null::text as note" if number % 4 == 0 else ""
    warehouse.run(
        "begin; create table build.fresh as"
        f" select row_key, clinic_id, administrator_id, secret, amount, score{with_note} from build.{relation.name};"
        f" alter table build.fresh alter row_key set not null; drop table build.{relation.name};"
        f" alter table build.fresh rename to {relation.name}; commit"
    )
    if number % 3 == 0:
        warehouse.run("delete from ops.applied_sql where file_name = 'administrator_conversion.sql'")
    warehouse.publish()


def _change_rights(town: Town, number: int) -> None:
    """Rights that come and go; at no moment is a right of `rights` missing."""
    warehouse = town.warehouse
    for employee in EMPLOYEES:
        role = town.role(employee)
        for right in employee.sometimes:
            give(warehouse, role, right)
            standing = next((own for own in employee.rights if own.report == right.report), None)
            if standing is None:
                warehouse.run("select access.clear(%s, %s)", (role, right.report))
            else:
                give(warehouse, role, standing)
    if number % 5 == 0:
        warehouse.run("select access.refresh()")
