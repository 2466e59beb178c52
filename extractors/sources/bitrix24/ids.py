"""The numbers of all deals and leads that the portal still has: one that is not among them was deleted, or merged.

The portal has no list of what was deleted, and a change date says nothing of it [CRM_CALLS_CLINIC_APIS.md §5.9]. So all
numbers are listed every night, 2,500 to a request: fifty questions of a batch, each about fifty numbers, which never
fill more than a page. Landed rows stay as they are and the views leave out what is gone: a deal that comes back from
the recycle bin, or a funnel whose rights the webhook's owner lost for a day, is back by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.bitrix24.client import BATCH_COMMANDS, PAGE_ROWS, Bitrix24Client

ASKED_TWICE = 2


class Listed(msgspec.Struct):
    """A number that the portal has."""

    ID: int


def listed_row(record: Listed, context: Context) -> tuple[Any, ...]:
    return (record.ID,)


def deal_id_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    return _id_pages(client, "crm.deal.list", "bitrix24 deal_ids")


def lead_id_pages(client: Bitrix24Client, window: Window, context: Context) -> Iterator[Page]:
    return _id_pages(client, "crm.lead.list", "bitrix24 lead_ids")


def _id_pages(client: Bitrix24Client, method: str, where: str) -> Iterator[Page]:
    """All numbers there are, whatever the window, in their order."""
    first, last = _end(client, method, where, newest=False), _end(client, method, where, newest=True)
    if first is None or last is None:
        return
    lows = range(first, last + 1, PAGE_ROWS)
    for start in range(0, len(lows), BATCH_COMMANDS):
        for numbers in _listed(client, method, lows[start : start + BATCH_COMMANDS], where):
            yield [{"ID": number} for number in numbers]


def _end(client: Bitrix24Client, method: str, where: str, *, newest: bool) -> int | None:
    """The smallest or the largest number; null where there is none, said twice.

    What the portal answers is believed when it also says that nothing lies beyond: an answer to the question before
    would end the list too early, and the rest would be taken for deleted.
    """
    sign, best = (">", max) if newest else ("<", min)
    known: int | None = None
    doubts = 0
    while doubts < ASKED_TWICE:
        beyond = {} if known is None else {f"{sign}ID": known}
        params = {"select": ["ID"], "order": {"ID": "DESC" if newest else "ASC"}, "filter": beyond, "start": -1}
        numbers = _numbers(client.call(method, params, where=where).result) or []
        further = [number for number in numbers if known is None or best(number, known) != known]
        if further:
            known, doubts = best(further), 0
        else:
            doubts += 1 if known is None or numbers else ASKED_TWICE
    return known


def _listed(client: Bitrix24Client, method: str, lows: Sequence[int], where: str) -> Iterator[list[int]]:
    """The numbers of each fifty that begin at one of `lows`. None at all is believed when it is said twice."""
    found: dict[int, list[int]] = {}
    for _ in range(ASKED_TWICE):
        asked = [low for low in lows if not found.get(low)]
        answers = client.batch({f"from{low}": _command(method, low) for low in asked}, where=where) if asked else {}
        for low in asked:
            numbers = _numbers(answers.get(f"from{low}"))
            if numbers is not None and all(low <= number < low + PAGE_ROWS for number in numbers):
                found[low] = numbers
    for low in lows:
        if low not in found:  # a portal that answers nothing to a whole batch
            found[low] = _alone(client, method, low, where)
        yield found[low]


def _alone(client: Bitrix24Client, method: str, low: int, where: str) -> list[int]:
    params = {
        "select": ["ID"], "order": {"ID": "ASC"}, "filter": {">=ID": low, "<ID": low + PAGE_ROWS}, "start": -1,
    }
    for _ in range(ASKED_TWICE):
        body = client.call(
            method, params, where=where, fits=lambda row: low <= int(row.get("ID", 0)) < low + PAGE_ROWS
        )
        numbers = _numbers(body.result) or []
        if numbers:
            return numbers
    return []


def _command(method: str, low: int) -> str:
    query = {"select[]": "ID", "order[ID]": "ASC", "filter[>=ID]": low, "filter[<ID]": low + PAGE_ROWS, "start": -1}
    return f"{method}?{urlencode(query)}"


def _numbers(rows: Any) -> list[int] | None:  # noqa: ANN401  the vendor's shapes differ by method
    """Numbers of a list of rows; null where the answer is no list."""
    return [int(row["ID"]) for row in rows] if isinstance(rows, list) else None


DEAL_IDS = StreamSpec(
    source="bitrix24",
    name="deal_ids",
    description="Numbers of all deals that the portal still has: one that is not here was deleted.",
    columns=(("deal_id", "bigint"),),
    key=("deal_id",),
    record=Listed,
    row=listed_row,
    pages=deal_id_pages,
    replace="all",
    lookback_days=0,
)

LEAD_IDS = StreamSpec(
    source="bitrix24",
    name="lead_ids",
    description="Numbers of all leads that the portal still has: one that is not here was deleted.",
    columns=(("lead_id", "bigint"),),
    key=("lead_id",),
    record=Listed,
    row=listed_row,
    pages=lead_id_pages,
    replace="all",
    lookback_days=0,
)
