"""What is asked of amoCRM, and where it lands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import msgspec

from extractors.core.errors import GuardError
from extractors.core.settings import number, required
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.amocrm import records
from extractors.sources.amocrm.client import EVENT_ROWS, PAGE_ROWS, AmocrmClient

STATUS_CHANGED = "lead_status_changed"
EVENT_TYPES = (STATUS_CHANGED, "lead_deleted", "lead_restored")
_PIPELINES = msgspec.json.Decoder(list[records.Pipeline], strict=False)


def seconds(window: Window, context: Context) -> tuple[int, int]:
    """The window's first and last second, both included."""
    first = datetime.combine(window.first, time(), context.zone)
    after = datetime.combine(window.last + timedelta(days=1), time(), context.zone)
    return int(first.timestamp()), int(after.timestamp()) - 1


def lead_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    where = f"amocrm leads {window}"
    _check_currency(client, context, where)
    yield from client.walk(
        "/leads", "leads", "updated_at", *seconds(window, context), where=where, more={"with": "contacts,source_id"}
    )


def _check_currency(client: AmocrmClient, context: Context, where: str) -> None:
    """No lead carries its currency, so the account's own must be the one that the connection says."""
    expected, found = required(context.settings, "amocrm", "currency"), client.account(where=where).currency
    if found and found != expected:
        raise GuardError(
            f"{where}: the account counts in {found}, the connection says {expected}. Nothing was written. Correct "
            "`currency`, or look who changed the account."
        )


def lead_id_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    """Numbers of all leads there are, whatever the window."""
    _, last = seconds(window, context)
    last = max(last, int(context.now.timestamp()) + 86_400)  # clocks differ
    yield from (
        [{"id": row["id"]} for row in msgspec.json.decode(rows)]
        for rows in client.walk("/leads", "leads", "created_at", 0, last, where="amocrm lead_ids")
    )


def contact_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    yield from client.walk(
        "/contacts", "contacts", "updated_at", *seconds(window, context), where=f"amocrm contacts {window}"
    )


def event_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    first, last = seconds(window, context)
    conditions = {
        **{f"filter[type][{index}]": type_ for index, type_ in enumerate(EVENT_TYPES)},
        "filter[created_at][from]": first, "filter[created_at][to]": last,
    }
    yield from client.paged(
        "/events", "events", conditions, where=f"amocrm lead_events {window}",
        rows_each=int(number(context.settings, "amocrm", "events_per_page", EVENT_ROWS)),
    )


def status_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    for page in client.paged("/leads/pipelines", "pipelines", {}, where="amocrm statuses", rows_each=PAGE_ROWS):
        yield [
            {
                "pipeline_id": pipeline.id, "status_id": status.id, "pipeline": pipeline.name, "name": status.name,
                "sort": status.sort,
            }
            for pipeline in _PIPELINES.decode(page)
            for status in pipeline.embedded.statuses
        ]


def user_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    for page in client.paged("/users", "users", {}, where="amocrm users", rows_each=PAGE_ROWS):
        yield [{"id": row.get("id"), "name": row.get("name")} for row in msgspec.json.decode(page)]


def loss_reason_pages(client: AmocrmClient, window: Window, context: Context) -> Iterator[Page]:
    yield from client.paged(
        "/leads/loss_reasons", "loss_reasons", {}, where="amocrm loss_reasons", rows_each=PAGE_ROWS
    )


LEADS = StreamSpec(
    source="amocrm",
    name="leads",
    description="Deals of amoCRM as they are now; the vendor calls them leads.",
    columns=(
        ("lead_id", "text"),
        ("name", "text"),
        ("pipeline_id", "text"),
        ("status_id", "text"),
        ("amount", "numeric"),
        ("currency", "text"),
        ("contact_id", "text"),
        ("manager_id", "text"),
        ("loss_reason_id", "text"),
        ("source_id", "text"),
        ("contact_kind", "text"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
        ("closed_at", "timestamptz"),
        ("is_deleted", "boolean"),
        ("utm_source", "text"),
        ("utm_medium", "text"),
        ("utm_campaign", "text"),
        ("utm_content", "text"),
        ("utm_term", "text"),
        ("first_request", "text"),
        ("tags", "text[]"),
        ("clinic_id", "text"),
    ),
    key=("lead_id",),
    record=records.Lead,
    row=records.lead_row,
    skipped=(
        "group_id", "created_by", "updated_by", "closest_task_at", "score", "account_id", "labor_cost",
        "is_price_modified_by_robot", "is_price_computed", "_links",
    ),
    pages=lead_pages,
    replace="key",
    lookback_days=1,  # the change date has seconds; a day covers clocks and long walks
)

LEAD_IDS = StreamSpec(
    source="amocrm",
    name="lead_ids",
    description="Numbers of all deals that the account still has: one that is not here was deleted.",
    columns=(("lead_id", "bigint"),),
    key=("lead_id",),
    record=records.LeadId,
    row=records.lead_id_row,
    pages=lead_id_pages,
    replace="all",
    lookback_days=0,
)

LEAD_EVENTS = StreamSpec(
    source="amocrm",
    name="lead_events",
    description="What happened to deals: moves between stages, deletions, returns from the recycle bin.",
    columns=(
        ("event_id", "text"),
        ("event_type", "text"),
        ("lead_id", "text"),
        ("happened_at", "timestamptz"),
        ("pipeline_before", "text"),
        ("status_before", "text"),
        ("pipeline_after", "text"),
        ("status_after", "text"),
    ),
    key=("event_id",),
    record=records.Event,
    row=records.event_row,
    skipped=("created_by", "account_id", "_links", "_embedded"),
    pages=event_pages,
    replace="key",
    window_days=31,
    lookback_days=1,
)

CONTACTS = StreamSpec(
    source="amocrm",
    name="contacts",
    description="Clients of amoCRM as they are now.",
    columns=(
        ("contact_id", "text"),
        ("name", "text"),
        ("phones", "text[]"),
        ("phones_e164", "text[]"),
        ("emails", "text[]"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ),
    key=("contact_id",),
    record=records.Contact,
    row=records.contact_row,
    skipped=(
        "responsible_user_id", "group_id", "created_by", "updated_by", "closest_task_at", "is_deleted", "is_unsorted",
        "account_id", "_links", "_embedded",
    ),
    pages=contact_pages,
    replace="key",
    lookback_days=1,
)

STATUSES = StreamSpec(
    source="amocrm",
    name="statuses",
    description="Stages of each funnel, with the funnel's name.",
    columns=(
        ("pipeline_id", "text"), ("status_id", "text"), ("pipeline", "text"), ("name", "text"), ("sort", "bigint"),
    ),
    key=("pipeline_id", "status_id"),
    record=records.PipelineStatus,
    row=records.status_row,
    pages=status_pages,
    replace="all",
    lookback_days=0,
)

USERS = StreamSpec(
    source="amocrm",
    name="users",
    description="Users of the account: the managers of deals.",
    columns=(("user_id", "text"), ("name", "text")),
    key=("user_id",),
    record=records.User,
    row=records.user_row,
    pages=user_pages,
    replace="all",
    lookback_days=0,
)

LOSS_REASONS = StreamSpec(
    source="amocrm",
    name="loss_reasons",
    description="Names of the reasons for which deals are lost.",
    columns=(("loss_reason_id", "text"), ("name", "text")),
    key=("loss_reason_id",),
    record=records.LossReason,
    row=records.loss_reason_row,
    skipped=("sort", "created_at", "updated_at", "_links"),
    pages=loss_reason_pages,
    replace="all",
    lookback_days=0,
)
