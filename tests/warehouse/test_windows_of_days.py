"""A window of days between two moments is counted in hours: a server outside UTC gives the same figures."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# A list of calendar days, and how long loads are kept in sight: no figure hangs on their last hour.
BY_THE_CALENDAR = {"time_spine_days.sql", "freshness_load_days.sql"}


def test_no_model_adds_days_to_a_moment_by_the_wall_clock_of_the_session() -> None:
    models = sorted((PROJECT / "dbt_project" / "models").rglob("*.sql"))
    assert len(models) > 150
    wrong = [path.name for path in models if re.search(r"interval\s+'[^']*\bdays?'", path.read_text(encoding="utf-8"))]
    assert set(wrong) == BY_THE_CALENDAR
    macro = (PROJECT / "dbt_project" / "macros" / "hours_of_days.sql").read_text(encoding="utf-8")
    assert "* 24 }} hours'" in macro
