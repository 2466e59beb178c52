"""Loads vendors of the invented city by a clock that moves, and asks the gate of landed rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from expectations.gate import check_landed
from expectations.report import GateReport
from extractors.core.errors import PublicationRefused
from extractors.run import run_stream
from simulators.running import Simulators

FIRST, DAYS = date(2026, 8, 1), 20
LAST = FIRST + timedelta(days=DAYS - 1)
NOW = datetime(2026, 8, 25, 3, tzinfo=UTC)


class Reader:
    """Running vendors of the city, and a warehouse that reads them stream by stream."""

    def __init__(self, simulators: Simulators, url: str) -> None:
        self.simulators, self.url = simulators, url
        self.moment = NOW

    def clock(self) -> datetime:
        """A second later each time."""
        self.moment += timedelta(seconds=1)
        return self.moment

    def load(self, name: str, stream: str, **settings: object) -> int:
        """Loads all days of a stream; returns how many requests it took."""
        endpoint = self.simulators[name]
        asked = len(self.simulators.servers[name].journal)
        run_stream(
            self.url, name, stream, FIRST, LAST, run_id=f"run-{name}", now=self.moment,
            clock=self.clock,
            settings={
                **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                "requests_per_second": 0, "retry_base_seconds": 0.001, "poll_seconds": 0.001, **settings,
            },
        )  # fmt: skip
        return len(self.simulators.servers[name].journal) - asked

    def gate(self, *names: str) -> GateReport:
        return check_landed(self.url, run_id="gate", now=self.moment, sources=names)

    def refusal(self, *names: str) -> str:
        with pytest.raises(PublicationRefused) as refused:
            self.gate(*names)
        return str(refused.value)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode())

    def readings(self, name: str) -> list[tuple[str, int]]:
        """How often each stream was read, windows and accounts together."""
        return [
            (stream, count) for stream, count in self.ask(
                f"select stream, count(*) from ops.loads where source = '{name}' group by stream order by stream"
            )
        ]  # fmt: skip
