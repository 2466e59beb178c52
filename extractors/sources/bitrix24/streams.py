"""What is asked of Bitrix24, and where it lands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from extractors.core.errors import TransientError
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.bitrix24.client import Bitrix24Client
from extractors.sources.bitrix24.records import (
    Category,
    Contact,
    Deal,
    Lead,
    Stage,
    StageChange,
    User,
    category_row,
    contact_row,
    deal_row,
    lead_row,
    stage_change_row,
    stage_row,
    user_row,
)

DEAL = 2  # entityTypeId of a deal
DEAL_FIELDS = (
    "ID", "TITLE", "CATEGORY_ID", "STAGE_ID", "STAGE_SEMANTIC_ID", "OPPORTUNITY", "CURRENCY_ID", "CONTACT_ID",
    "LEAD_ID", "ASSIGNED_BY_ID", "DATE_CREATE", "DATE_MODIFY", "MOVED_TIME", "CLOSED", "SOURCE_ID",
    "SOURCE_DESCRIPTION", "IS_RECURRING", "UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT",
    "UTM_TERM",
)
CONTACT_FIELDS = ("ID", "NAME", "SECOND_NAME", "LAST_NAME", "DATE_CREATE", "DATE_MODIFY", "PHONE", "EMAIL")
LEAD_FIELDS = (
    "ID", "DATE_CREATE", "DATE_MODIFY", "CONTACT_ID", "STATUS_ID", "PHONE", "EMAIL", "UTM_SOURCE", "UTM_MEDIUM",
    "UTM_CAMPAIGN",
)


def between(column: str, window: Window, context: Context) -> dict[str, str]:
    """A filter on a time, with the portal's offset: a bare time is read in nobody knows which zone."""
    first = datetime.combine(window.first, time(), context.zone)
    after = datetime.combine(window.last + timedelta(days=1), time(), context.zone)
    return {f">={column}": first.isoformat(), f"<{column}": after.isoformat()}


def _user_fields(context: Context) -> dict[str, str]:
    """The portal's name of a user field → ours."""
    settings = context.settings
    return {
        str(settings[setting]): ours
        for setting, ours in (("tags_field", "tags"), ("lost_reason_field", "lost_reason"))
        if settings.get(setting)
    }


def _renamed(rows: list[dict[str, Any]], names: dict[str, str]) -> list[dict[str, Any]]:
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def deal_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    names = _user_fields(context)
    for rows in client.walk(
        "crm.deal.list",
        where=f"bitrix24 deals {window}",
        select=[*DEAL_FIELDS, *names],
        conditions=between("DATE_MODIFY", window, context),
    ):
        yield _renamed(rows, names)


def contact_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    yield from client.walk(
        "crm.contact.list",
        where=f"bitrix24 contacts {window}",
        select=CONTACT_FIELDS,
        conditions=between("DATE_MODIFY", window, context),
    )


def lead_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    """Portals may work without leads: nothing comes then, and that is no fault."""
    tags = str(context.settings.get("lead_tags_field") or "")
    for rows in client.walk(
        "crm.lead.list",
        where=f"bitrix24 leads {window}",
        select=[*LEAD_FIELDS, *([tags] if tags else [])],
        conditions=between("DATE_MODIFY", window, context),
    ):
        yield _renamed(rows, {tags: "tags"} if tags else {})


def stage_history_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    yield from client.walk(
        "crm.stagehistory.list",
        where=f"bitrix24 deal_stage_history {window}",
        select=["ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID"],
        conditions=between("CREATED_TIME", window, context),
        more={"entityTypeId": DEAL},
    )


def user_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    for rows in client.paged("user.get", {}, where="bitrix24 users"):
        yield [{name: row.get(name) for name in ("ID", "ACTIVE", "NAME", "LAST_NAME")} for row in rows]


def category_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    for rows in client.paged("crm.category.list", {"entityTypeId": DEAL}, where="bitrix24 categories"):
        yield [{name: row.get(name) for name in ("id", "name", "sort")} for row in rows]


def stage_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    """Names of the stages of every funnel; funnel 0 has no number in its dictionary's name."""
    where = "bitrix24 stages"
    for categories in client.paged("crm.category.list", {"entityTypeId": DEAL}, where=where):
        for category in categories:
            named = False
            entity = "DEAL_STAGE" if str(category["id"]) == "0" else f"DEAL_STAGE_{category['id']}"
            for rows in client.paged(
                "crm.status.list", {"filter": {"ENTITY_ID": entity}}, where=where,
                fits=lambda row, entity=entity: row.get("ENTITY_ID") == entity,  # type: ignore[misc]
            ):
                names = ("ENTITY_ID", "STATUS_ID", "NAME", "SORT", "SEMANTICS")
                named = named or bool(rows)
                yield [{name: row.get(name) for name in names} for row in rows]
            if not named:
                raise TransientError(f"{where}: the portal names no stage of the funnel {category['id']}.")


_UTM = (("utm_source", "text"), ("utm_medium", "text"), ("utm_campaign", "text"))

DEALS = StreamSpec(
    source="bitrix24",
    name="deals",
    description="Deals of Bitrix24 as they are now.",
    columns=(
        ("deal_id", "text"),
        ("title", "text"),
        ("category_id", "text"),
        ("stage_id", "text"),
        ("stage_semantics", "text"),
        ("amount", "numeric"),
        ("currency", "text"),
        ("contact_id", "text"),
        ("lead_id", "text"),
        ("manager_id", "text"),
        ("created_at", "timestamptz"),
        ("modified_at", "timestamptz"),
        ("moved_at", "timestamptz"),
        ("source_code", "text"),
        ("source_description", "text"),
        ("is_recurring_template", "boolean"),
        *_UTM,
        ("utm_content", "text"),
        ("utm_term", "text"),
        ("tags", "text[]"),
        ("lost_reason", "text"),
        ("clinic_id", "text"),
    ),
    key=("deal_id",),
    record=Deal,
    row=deal_row,
    pages=deal_pages,
    replace="key",
    lookback_days=1,  # the change date has seconds; a day covers clocks and long pages
)

CONTACTS = StreamSpec(
    source="bitrix24",
    name="contacts",
    description="Contacts of Bitrix24 as they are now.",
    columns=(
        ("contact_id", "text"),
        ("first_name", "text"),
        ("second_name", "text"),
        ("last_name", "text"),
        ("phones", "text[]"),
        ("phones_e164", "text[]"),
        ("emails", "text[]"),
        ("created_at", "timestamptz"),
        ("modified_at", "timestamptz"),
    ),
    key=("contact_id",),
    record=Contact,
    row=contact_row,
    pages=contact_pages,
    replace="key",
    lookback_days=1,
)

LEADS = StreamSpec(
    source="bitrix24",
    name="leads",
    description="Leads of Bitrix24 as they are now; empty where a portal works without leads.",
    columns=(
        ("lead_id", "text"),
        ("created_at", "timestamptz"),
        ("modified_at", "timestamptz"),
        ("contact_id", "text"),
        ("status_id", "text"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("email", "text"),
        *_UTM,
        ("tags", "text[]"),
    ),
    key=("lead_id",),
    record=Lead,
    row=lead_row,
    pages=lead_pages,
    replace="key",
    lookback_days=1,
)

DEAL_STAGE_HISTORY = StreamSpec(
    source="bitrix24",
    name="deal_stage_history",
    description="Moves of deals between stages, which the portal only adds to.",
    columns=(
        ("change_id", "text"),
        ("deal_id", "text"),
        ("category_id", "text"),
        ("stage_id", "text"),
        ("stage_semantics", "text"),
        ("change_type", "text"),
        ("entered_at", "timestamptz"),
    ),
    key=("change_id",),
    record=StageChange,
    row=stage_change_row,
    pages=stage_history_pages,
    replace="key",
    lookback_days=1,
)

USERS = StreamSpec(
    source="bitrix24",
    name="users",
    description="Users of the portal, dismissed ones too.",
    columns=(("user_id", "text"), ("is_active", "boolean"), ("first_name", "text"), ("last_name", "text")),
    key=("user_id",),
    record=User,
    row=user_row,
    pages=user_pages,
    replace="all",
    lookback_days=0,
)

CATEGORIES = StreamSpec(
    source="bitrix24",
    name="categories",
    description="Funnels of deals.",
    columns=(("category_id", "text"), ("name", "text"), ("sort", "bigint")),
    key=("category_id",),
    record=Category,
    row=category_row,
    pages=category_pages,
    replace="all",
    lookback_days=0,
)

STAGES = StreamSpec(
    source="bitrix24",
    name="stages",
    description="Names of the stages of each funnel.",
    columns=(
        ("category_id", "text"), ("stage_id", "text"), ("name", "text"), ("sort", "bigint"), ("semantics", "text"),
    ),
    key=("category_id", "stage_id"),
    record=Stage,
    row=stage_row,
    pages=stage_pages,
    replace="all",
    lookback_days=0,
)
