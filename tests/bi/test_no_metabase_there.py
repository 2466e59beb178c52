"""`make metabase` for an address that is no Metabase leaves nothing behind in the warehouse."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ChairsideError
from runtime.home import open_home
from runtime.metabase import metabase
from runtime.progress import Progress
from tests.extractors.vendor_server import Reply, vendor_server
from warehouse.migrate import migrate


def test_no_login_is_made_before_a_metabase_answered(
    fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(fresh_database)
    group = f"late {uuid.uuid4().hex[:8]}"
    with psycopg.connect(fresh_database) as connection:
        connection.execute("select access.allow(%s, 'top_deals')", (group,))
    monkeypatch.setenv("WAREHOUSE_URL", fresh_database)
    monkeypatch.setenv("METABASE_API_KEY", "of nobody")
    with vendor_server() as other:
        other.play = lambda _: Reply("<html>Not this</html>")
        with pytest.raises(ChairsideError, match="a Metabase"):
            metabase(open_home({"CHAIRSIDE_HOME": str(tmp_path)}), Progress(), other.url, group, "en")
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("select database_role from access.employees").fetchall() == []
