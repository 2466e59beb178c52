"""How the rows of Open Dental's streams are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from extractors.core.http import UnreadableBody
from extractors.core.spec import Context, Page, Window
from extractors.sources.open_dental import records
from extractors.sources.open_dental.client import OpenDentalClient

DELETED = "Deleted"
Pages = Callable[[OpenDentalClient, Window, Context], Iterator[Page]]


def changed_since(path: str, parameter: str) -> Pages:
    """Rows changed on or after the window's first day. There is no upper bound: what changed later comes too."""

    def pages(client: OpenDentalClient, window: Window, context: Context) -> Iterator[Page]:
        yield from client.pages(path, {parameter: str(window.first)}, where=f"open_dental {path} since {window.first}")

    return pages


def whole(path: str, conditions: Mapping[str, str] | None = None) -> Pages:
    """The whole list, where the vendor has no filter by change."""

    def pages(client: OpenDentalClient, window: Window, context: Context) -> Iterator[Page]:
        yield from client.pages(path, conditions or {}, where=f"open_dental {path}")

    return pages


class _PlanOf(msgspec.Struct):
    TreatPlanNum: int | str


def _of_plan(number: str) -> Callable[[bytes], None]:
    def check(body: bytes) -> None:
        if any(str(row.TreatPlanNum) != number for row in msgspec.json.decode(body, type=list[_PlanOf])):
            raise UnreadableBody("rows of another plan")

    return check


def treat_plan_pages(client: OpenDentalClient, window: Window, context: Context) -> Iterator[Page]:
    """Plans changed since, each with its procedures: those are only given plan by plan."""
    where = f"open_dental treat_plans since {window.first}"
    for page in client.pages("/treatplans", {"SecDateTEdit": str(window.first)}, where=where):
        plans = msgspec.json.decode(page, type=list[dict[str, Any]])
        for plan in plans:
            number = str(plan.get("TreatPlanNum", ""))
            plan["attaches"] = [
                attach
                for body in client.pages(
                    "/treatplanattaches", {"TreatPlanNum": number}, where=where, short_page_ends=True,
                    check=_of_plan(number),
                )
                for attach in msgspec.json.decode(body, type=list[dict[str, Any]])
            ]
        yield plans


_KEPT_OF_HISTORY = tuple(field.encode_name for field in msgspec.structs.fields(records.DeletedAppointment))


def deleted_appointment_pages(client: OpenDentalClient, window: Window, context: Context) -> Iterator[Page]:
    """Of the history of appointments the deletions. A row that does not say what was done is judged later, alone.

    None where the setting `deleted_appointments` is false: that the history may be asked for by time is unconfirmed.
    """
    if context.settings.get("deleted_appointments", True) is False:
        return
    where = f"open_dental deleted_appointments since {window.first}"
    for page in client.pages("/histappointments", {"DateTStamp": str(window.first)}, where=where):
        history = msgspec.json.decode(page, type=list[dict[str, Any]])
        yield [
            {name: row[name] for name in _KEPT_OF_HISTORY if name in row}
            for row in history
            if row.get("HistApptAction", DELETED) == DELETED
        ]
