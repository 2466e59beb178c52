"""`python -m expectations --url … [--gate landed|marts] [--docs <folder>]`: ask by hand, and read it as a site.

Nothing is stopped and nothing is written in the warehouse. Exit status 1 where a rule with severity `stop` is broken.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from expectations.ask import ask
from expectations.docs import write_docs
from expectations.gate import count_rows
from expectations.report import Gate, GateReport
from expectations.suites import LANDED, MARTS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m expectations", description="Ask the rules of both gates.")
    parser.add_argument("--url", required=True, help="the warehouse, postgresql://…, as its owner")
    parser.add_argument("--gate", choices=("landed", "marts"), help="one gate only")
    parser.add_argument("--docs", type=Path, help="write Great Expectations' Data Docs into this folder")
    given = parser.parse_args(arguments)
    try:
        psycopg.connect(given.url, connect_timeout=10).close()
    except psycopg.Error:  # its own text may hold parts of the address
        parser.error("--url: no connection. See that the server runs and takes that user; `make url` prints it")
    now = datetime.now(UTC)
    gates: tuple[Gate, ...] = (given.gate,) if given.gate else ("landed", "marts")
    broken = False
    for gate in gates:
        suites = LANDED if gate == "landed" else MARTS
        rules = [rule for suite in suites.values() for rule in suite]
        rows = count_rows(given.url, rules)
        to_ask = [rule for rule in rules if rows.get(rule.table) and all(need in rows for need in rule.needs)]
        report = GateReport(
            gate=gate,
            run_id="by hand",
            checked_at=now,
            verdicts=tuple(ask(given.url, to_ask, frozenset(rows), partial(dict, rows), now=now)),
        )
        print(f"{gate}: {report.summary()}")
        for verdict in (*report.breaches, *report.warnings):
            print(verdict.text())
        broken = broken or bool(report.breaches)
        if given.docs:
            index = write_docs(given.url, gate, to_ask, rows, now=now, folder=given.docs / gate)
            print(f"{gate}: Data Docs are in {index}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
