"""Runs probes as an employee and says what is wrong with the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors

from tests.warehouse.attacks.probes import Probe
from tests.warehouse.attacks.town import CANARY, Employee

# What a statement that never met a row may say.
BEFORE_ANY_ROW = (
    errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedFunction, errors.UndefinedColumn,
    errors.InvalidSchemaName, errors.ReadOnlySqlTransaction, errors.FeatureNotSupported, errors.SyntaxError,
    errors.UndefinedObject, errors.InvalidParameterValue, errors.CantChangeRuntimeParam,
)  # fmt: skip

# What is closed says so before anything of it is looked at (or that it is no table, or a view that takes no rows).
REFUSALS = (errors.InsufficientPrivilege, errors.WrongObjectType, errors.ObjectNotInPrerequisiteState)


@dataclass(slots=True)
class Judge:
    """One employee's session. `findings`: what was wrong; `tried`: probes so far, `read`: lawful ones among them.

    `is_churned`: rights of `sometimes` come and go, so a lawful read may show them or not.
    """

    employee: Employee
    connection: psycopg.Connection[Any]
    is_churned: bool = False
    findings: list[str] = field(default_factory=list)
    tried: int = 0
    read: int = 0
    _notices: list[str] = field(default_factory=list)
    _may_see: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._may_see = self.employee.may_see()
        self.connection.prepare_threshold = None  # `deallocate all` is among what is tried
        self.connection.add_notice_handler(self._heard)

    def _heard(self, said: psycopg.errors.Diagnostic) -> None:
        self._notices.append(_words(said))

    def run(self, probes: Iterable[Probe], count: int) -> None:
        for probe, _ in zip(probes, range(count), strict=False):
            self.judge(probe)

    def judge(self, probe: Probe) -> None:
        """Send a probe and note what is wrong. The session is as before afterwards."""
        self.tried += 1
        self._notices.clear()
        answers: list[str] = []
        last: list[tuple[Any, ...]] = []
        failed: psycopg.Error | None = None
        for statement in probe.statements:
            try:
                last = self._send(statement)
                answers.append(repr(last))
            except psycopg.Error as error:
                failed = error
                answers.append(f"{error} {_words(error.diag)}")
                break
        said = " ".join((*answers, *self._notices))
        asked = " ".join(probe.statements)
        foreign = {one for one in CANARY.findall(said) if one not in self._may_see and one not in asked}
        if foreign:
            self._found(probe, f"foreign {sorted(foreign)[:3]}")
        match probe.kind:
            case "lawful":
                self._judge_lawful(probe, last, failed)
            case "refused" | "closed" if failed is None:
                self._found(probe, "was not refused")
            case "closed" if not isinstance(failed, REFUSALS):
                self._found(probe, f"was refused too late: {type(failed).__name__}")
            case "blind" if failed is not None and not isinstance(failed, BEFORE_ANY_ROW):
                self._found(probe, f"met a hidden row: {type(failed).__name__}")
            case "blind" if failed is None and any(row[0] for row in last):
                self._found(probe, "counted a hidden row")
        self._tidy(failed)

    def _send(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        if statement.startswith("copy") and "to stdout" in statement:
            with cursor.copy(statement.encode()) as copy:
                return [(bytes(part).decode("latin-1"),) for part in copy]
        if statement.startswith("copy") and "from stdin" in statement:
            with cursor.copy(statement.encode()) as copy:
                copy.write(b"x\n")
            return []
        cursor.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def _judge_lawful(self, probe: Probe, last: list[tuple[Any, ...]], failed: psycopg.Error | None) -> None:
        assert probe.relation is not None
        relation, employee = probe.relation, self.employee
        if not employee.always_opens(relation.report):
            if failed is None and not (self.is_churned and employee.opens(relation.report)):
                self._found(probe, "was answered without a right")
            return
        self.read += 1
        if failed is not None:
            self._found(probe, f"a lawful read failed: {failed}")
            return
        allowed = [employee.sees(relation)]
        if self.is_churned:
            allowed.append(employee.sees(relation, also=True))
        if last not in [[(len(rows), probe.sign * Decimal(sum(row.amount for row in rows)))] for rows in allowed]:
            self._found(probe, f"a lawful read says {last}")

    def _found(self, probe: Probe, what: str) -> None:
        self.findings.append(f"{self.employee.name}: {what}: {'; '.join(probe.statements)}")

    def _tidy(self, failed: psycopg.Error | None) -> None:
        if self.connection.closed:
            return
        if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.connection.execute("rollback")
        if failed is not None:
            self.connection.execute("reset all")
            self.connection.execute("deallocate all")
            self.connection.execute("close all")


def _words(said: psycopg.errors.Diagnostic) -> str:
    parts = (said.message_primary, said.message_detail, said.message_hint, said.context, said.internal_query)
    return " ".join(part for part in parts if part)
