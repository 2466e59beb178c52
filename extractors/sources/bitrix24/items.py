"""Products and services of deals, which the portal tells deal by deal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extractors.core.errors import RejectedError
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.bitrix24.client import BATCH_COMMANDS, Bitrix24Client
from extractors.sources.bitrix24.records import Item, item_row
from extractors.sources.bitrix24.streams import between


def item_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    """Product rows of the deals that changed, in batches; what a batch leaves out is asked for alone."""
    where = f"bitrix24 deal_items {window}"
    for deals in client.walk(
        "crm.deal.list", where=where, select=["ID"], conditions=between("DATE_MODIFY", window, context)
    ):
        ids = [str(deal["ID"]) for deal in deals]
        for start in range(0, len(ids), BATCH_COMMANDS):
            asked = ids[start : start + BATCH_COMMANDS]
            found = client.batch({f"d{id_}": f"crm.deal.productrows.get?id={id_}" for id_ in asked}, where=where)
            lines = {id_: found.get(f"d{id_}") for id_ in asked}
            for id_, rows in lines.items():
                if not _of_deal(id_, rows):
                    lines[id_] = _alone(client, id_, where)
            yield [{"deal": id_, "rows": rows} for id_, rows in lines.items() if rows is not None]


def _alone(client: Bitrix24Client, id_: str, where: str) -> Any:  # noqa: ANN401  the vendor's rows
    """Lines of one deal; null where it was deleted since it was listed.

    What the portal says of such a deal differs by its owner's rights ("Not found", "Access denied." [productrows.get]),
    so any refusal is held against the list. Raises RejectedError where the deal is still on it.
    """
    try:
        return client.call(
            "crm.deal.productrows.get", {"id": id_}, where=where, fits=lambda row: _of_deal(id_, [row])
        ).result
    except RejectedError:
        if any(client.walk("crm.deal.list", where=where, select=["ID"], conditions={"ID": id_})):
            raise
    return None


def _of_deal(number: str, rows: object) -> bool:
    """Whether these can be the lines of the deal: a list, none of which names another owner."""
    return isinstance(rows, list) and all(
        isinstance(row, dict) and str(row.get("OWNER_ID", number)) == number for row in rows
    )


DEAL_ITEMS = StreamSpec(
    source="bitrix24",
    name="deal_items",
    description="Products and services of a deal, together because an edit replaces them all.",
    columns=(("deal_id", "text"), ("items", "jsonb")),
    key=("deal_id",),
    record=Item,
    row=item_row,
    pages=item_pages,
    replace="key",
    lookback_days=1,
)
