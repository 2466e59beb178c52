"""Where published tables lie on Citus, as far as it shows without one; tests/e2e/test_june_on_citus.py has one."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ConfigError
from tests.warehouse.small_warehouse import Warehouse
from warehouse.publish_manifest import PublishedModel, read_manifest
from warehouse.publish_placement import require_target, spread, spreads_out


def published_by(warehouse: Warehouse, by: str | None) -> PublishedModel:
    """The inquiries of the small warehouse, placed so, as they are published on Citus."""
    warehouse.node("administrator_conversion_inquiries")["config"]["meta"]["distributed_by"] = by
    warehouse.publish()
    models = spread(read_manifest(Path(warehouse.folder / "manifest.json")).models)
    (found,) = (model for model in models if model.name == "administrator_conversion_inquiries")
    return found


@pytest.mark.parametrize(
    ("by", "key"),
    [("clinic_id", ("clinic_id", "inquiry_key")), ("reference", ("inquiry_key",)), (None, ("inquiry_key",))],
)
def test_a_spread_table_has_its_column_in_the_key(warehouse: Warehouse, by: str | None, key: tuple[str, ...]) -> None:
    model = published_by(warehouse, by)
    assert (model.key, model.placement, model.foreign_keys) == (key, by, ())


def test_plain_postgresql_is_no_citus_even_when_asked(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAIRSIDE_TARGET", "citus")
    with psycopg.connect(warehouse.url) as connection:
        assert not spreads_out(connection)
    with pytest.raises(ConfigError, match="no coordinator of Citus"):
        require_target(warehouse.url, "citus")
    with pytest.raises(ConfigError, match="postgres or citus"):
        require_target(warehouse.url, "spark")
    require_target(warehouse.url, "postgres")
