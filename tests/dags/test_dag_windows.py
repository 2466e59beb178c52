"""Which days a source's run loads."""

from __future__ import annotations

from datetime import date

import pytest

from extractors.days import window

TODAY = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("read_to", "asked", "expected"),
    [
        pytest.param(None, (None, None), (date(2026, 4, 1), TODAY), id="never read: the first load's days"),
        pytest.param(date(2026, 6, 29), (None, None), (date(2026, 6, 22), TODAY), id="bookmark less the lookback"),
        pytest.param(date(2026, 6, 10), (None, None), (date(2026, 6, 3), TODAY), id="days missed are made up for"),
        pytest.param(date(2026, 7, 2), (None, None), (date(2026, 6, 23), TODAY), id="a bookmark ahead of its day"),
        pytest.param(
            date(2026, 6, 29), (date(2026, 1, 1), date(2026, 1, 31)), (date(2026, 1, 1), date(2026, 1, 31)), id="asked"
        ),
        pytest.param(date(2026, 6, 29), (date(2026, 6, 1), None), (date(2026, 6, 1), TODAY), id="asked from a day on"),
    ],
)
def test_a_run_loads_the_days_it_was_asked_for_or_those_since_the_bookmark(
    read_to: date | None, asked: tuple[date | None, date | None], expected: tuple[date, date]
) -> None:
    assert window(today=TODAY, read_to=read_to, lookback_days=7, first_load_days=90, asked=asked) == expected
