"""Where IDENT's rows come from: report files in an inbox, or (unofficial) its database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from extractors.core.errors import ConfigError
from extractors.core.spec import Context
from extractors.sources.ident.reports import ReportFiles

if TYPE_CHECKING:
    from extractors.sources.ident.database import Database


class IdentClient:
    """Reads one clinic, by the setting `way`. State: the database's connections, if that is the way."""

    def __init__(self, context: Context) -> None:
        way = str(context.settings.get("way") or "files")
        if way not in ("files", "sql"):
            raise ConfigError(f"ident: the setting `way` is {way!r}; it is `files` or `sql`.")
        self._from: ReportFiles | Database = _database(context) if way == "sql" else ReportFiles(context)

    def close(self) -> None:
        self._from.close()

    def rows(self, kind: str) -> Iterator[list[dict[str, Any]]]:
        """All rows of that kind, values as text."""
        return self._from.rows(kind)


def _database(context: Context) -> Database:
    """SQLAlchemy takes 16 MB, which no other source and no other way needs."""
    from extractors.sources.ident.database import Database

    return Database(context)
