"""Personal columns are published in tables of their own, so that masking is a matter of rows."""

from __future__ import annotations

from pathlib import Path

import yaml

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"
PERSONAL = frozenset({
    "full_name", "client_name", "phone", "phones", "phone_e164", "email", "emails", "recording_url", "recordings",
    # a deal's name is often its client's: telephony calls it after the caller's phone
    "note", "first_request", "birth_date", "identifier_value", "landing_page", "name",
})  # fmt: skip
# Names of the clinic's own people, whom reports are about, and of clinics.
OF_NO_CLIENT = {("dim_employees", "full_name"), ("dim_clinics", "name")}


def published() -> dict[str, dict[str, object]]:
    """Every model that has a `publish` block, by name."""
    found = {}
    for path in MODELS.rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            if block := model.get("config", {}).get("meta", {}).get("publish"):
                found[model["name"]] = {**block, "columns": {column["name"] for column in model["columns"]}}
    return found


def test_no_personal_column_is_in_a_table_that_everybody_with_the_right_reads() -> None:
    models = published()
    assert len(models) > 20
    open_columns = {
        (name, column)
        for name, block in models.items() if not block["personal"]
        for column in PERSONAL & block["columns"]  # type: ignore[operator]
    }  # fmt: skip
    assert open_columns - OF_NO_CLIENT == set()
