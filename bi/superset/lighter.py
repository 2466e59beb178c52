"""What Superset 6.1 does many times a chart and need not: half of the processor time of a first opening.

A dashboard asks for some twenty answers at once. For each, Superset parsed the same SQL five times, opened two more
connections for the name of a schema that every dataset names itself, looked for row filters that nobody can make here,
and wrote three lines of a log that nobody reads. Rights are PostgreSQL's, so none of it guards anything here.

A function that is not there any more stops the start: an AttributeError names it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from superset.utils.log import AbstractEventLogger

PARSED = 500  # texts; a dashboard has a dozen


class NoLog(AbstractEventLogger):  # type: ignore[misc]
    """EVENT_LOGGER: who reads personal data is noted by the warehouse, whatever tool it is read with."""

    def log(self, *_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 - Superset's
        return


def apply() -> None:
    """Once, while the application starts."""
    from superset.db_engine_specs.postgres import PostgresEngineSpec
    from superset.sql.parse import SQLStatement
    from superset.utils import rls
    from superset.views import base

    assert rls.get_predicates_for_table  # noqa: S101 - replaced below
    rls.get_predicates_for_table = _no_filters
    assert PostgresEngineSpec.get_default_schema  # noqa: S101
    PostgresEngineSpec.get_default_schema = classmethod(_reports)
    SQLStatement._parse = classmethod(_remembering(SQLStatement._parse.__func__))
    # Asked for each page: which database drivers are installed, and which branch `git` is on.
    base.get_available_engine_specs = cache(base.get_available_engine_specs)
    base.get_version_metadata = cache(base.get_version_metadata)


def _no_filters(*_arguments: Any) -> list[str]:  # noqa: ANN401 - Superset's
    return []


def _reports(*_arguments: Any) -> str:  # noqa: ANN401 - Superset's
    return "reports"


def _remembering(parse: Any) -> Any:  # noqa: ANN401 - Superset's
    """Each text is parsed once; whoever asks gets a copy, because Superset changes what it got."""

    @lru_cache(maxsize=PARSED)
    def parsed(cls: Any, script: str, engine: str) -> tuple[Any, ...]:  # noqa: ANN401
        return tuple(parse(cls, script, engine))

    def copied(cls: Any, script: str, engine: str) -> list[Any]:  # noqa: ANN401
        return [each.copy() if each else each for each in parsed(cls, script, engine)]

    return copied
