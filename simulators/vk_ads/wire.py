"""Bodies of VK Реклама: lists of objects, statistics v2 and v3."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from simulators.vk_ads.state import Plan, PlanDay, VkState

LEVELS = ("ad_plans", "ad_groups", "banners", "users")
WRONG_IDS = {"ad_plans": "ERR_WRONG_ADPLANS", "ad_groups": "ERR_WRONG_ADGROUPS", "banners": "ERR_WRONG_BANNERS",
             "users": "ERR_WRONG_USERS"}  # fmt: skip
MOST_IDS, MOST_DAYS = 200, 366
USER = 55555  # the account's own number
USUAL_LIMIT, MOST_ROWS = 20, 250
NOTHING = PlanDay(0, 0, Decimal(0))


class Refusal(Exception):
    """An error of the vendor's: status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def objects(state: VkState, level: str, query: dict[str, str]) -> dict[str, Any]:
    """A page of a list; 20 rows unless more are asked for."""
    limit, offset = page_of(query)
    asked = query.get("_status__in", "active,blocked").split(",")
    found = [plan for plan in state.plans.values() if plan.status in asked]
    found.sort(key=lambda plan: plan.plan_id, reverse=query.get("sorting") == "-id")
    page = found[offset : offset + limit]
    fields = query.get("fields", "id,name").split(",")
    items = [{name: value for name, value in _object(plan, level).items() if name in fields} for plan in page]
    return {"count": len(page) if state.options.own_count else len(found), "offset": offset, "items": items}


def statistics_v2(state: VkState, level: str, query: dict[str, str], *, days: bool) -> dict[str, Any]:
    """Days of the objects asked for; totals stand beside."""
    if "id" not in query or (days and "date_from" not in query):
        raise Refusal(400, "ERR_WRONG_PARAMETER")
    ids = query["id"].split(",")
    first, last = period(state, query)
    if len(ids) > MOST_IDS:
        raise Refusal(400, "ERR_LIMIT_EXCEEDED")
    plans = [_plan(state, level, number) for number in ids]
    items = []
    everything: list[PlanDay] = []
    for number, plan in zip(ids, plans, strict=True):
        told = _days(state, plan, first, last)
        everything.extend(day for _, day in told)
        rows = [{"date": str(at), "base": base(state, day)} for at, day in told
                if state.options.zero_days or day != NOTHING]  # fmt: skip
        items.append({"id": int(number), **({"rows": rows} if days else {}), "total": _total(state, told)})
    return {"items": items, "total": {"base": base(state, _sum(everything))}}


def account_days(state: VkState, query: dict[str, str]) -> dict[str, Any]:
    """The account's own totals, counted from its books day by day and never from the rows of plans."""
    if "id" not in query or "date_from" not in query:
        raise Refusal(400, "ERR_WRONG_PARAMETER")
    if query["id"] != str(USER):
        raise Refusal(400, WRONG_IDS["users"])
    first, last = period(state, query)
    books = [(at, day) for (_, at), day in sorted(state.days.items()) if first <= at <= last]
    days = {at: _sum([day for other, day in books if other == at]) for at, _ in books}
    everything = {"base": base(state, _sum(list(days.values())))}
    rows = [{"date": str(at), "base": base(state, day)} for at, day in days.items()]
    return {"items": [{"id": USER, "rows": rows, "total": everything}], "total": everything}


def statistics_v3(state: VkState, level: str, query: dict[str, str]) -> dict[str, Any]:
    """A page of objects with the sum of the period; `fields` takes the place of v2's `metrics`."""
    if "date_from" not in query:
        raise Refusal(400, "ERR_WRONG_PARAMETER")
    first, last = period(state, query)
    limit, offset = page_of(query)
    told = [(plan, _days(state, plan, first, last)) for plan in state.plans.values()]
    told = [(plan, days) for plan, days in told if any(day != NOTHING for _, day in days)]
    page = told[offset : offset + limit]
    items = []
    for plan, days in page:
        rows = [{"date": str(at), "base": base(state, day)} for at, day in days]
        items.append({
            "id": _object(plan, level)["id"], "user_id": USER, "total": _total(state, days),
            **({"rows": rows} if state.options.v3_rows else {}),
        })  # fmt: skip
    return {
        "items": items, "total": {"base": base(state, _sum([day for _, days in told for _, day in days]))},
        "limit": limit, "offset": offset, "count": len(page) if state.options.own_count else len(told),
    }  # fmt: skip


def page_of(query: dict[str, str]) -> tuple[int, int]:
    try:
        limit, offset = int(query.get("limit", USUAL_LIMIT)), int(query.get("offset", 0))
    except ValueError:
        raise Refusal(400, "ERR_WRONG_PARAMETER") from None
    if not 1 <= limit <= MOST_ROWS or offset < 0:
        raise Refusal(400, "ERR_LIMIT_EXCEEDED")
    return limit, offset


def period(state: VkState, query: dict[str, str]) -> tuple[date, date]:
    try:
        first = date.fromisoformat(query.get("date_from", str(state.today)))
        last = date.fromisoformat(query.get("date_to", str(state.today)))
    except ValueError:
        raise Refusal(400, "ERR_WRONG_DATE") from None
    if last < first:
        raise Refusal(400, "ERR_WRONG_DATE")
    if (last - first).days > MOST_DAYS:
        raise Refusal(400, "ERR_LIMIT_EXCEEDED")
    return first, last


def base(state: VkState, day: PlanDay) -> dict[str, Any]:
    def money(amount: Decimal) -> str | float:
        return f"{amount.normalize():f}" if state.options.money == "text" else float(amount)

    each_click = (day.spent / day.clicks).quantize(Decimal("0.01")) if day.clicks else Decimal(0)
    each_thousand = (day.spent * 1000 / day.shows).quantize(Decimal("0.01")) if day.shows else Decimal(0)
    return {
        "shows": day.shows, "clicks": day.clicks, "goals": 0, "spent": money(day.spent), "cpm": money(each_thousand),
        "cpc": money(each_click), "cpa": money(Decimal(0)), "ctr": round(100 * day.clicks / (day.shows or 1), 3),
        "cr": 0, "vk": {"goals": 0, "cpa": 0, "cr": 0},
    }  # fmt: skip


def _object(plan: Plan, level: str) -> dict[str, Any]:
    if level == "ad_plans":
        return {"id": plan.plan_id, "name": plan.name, "status": plan.status}
    return {"id": plan.plan_id + 1, "name": f"{plan.name} group", "status": plan.status, "ad_plan_id": plan.plan_id}


def _plan(state: VkState, level: str, number: str) -> Plan:
    try:
        plan = state.plans[int(number) - (0 if level == "ad_plans" else 1)]
    except (KeyError, ValueError):
        raise Refusal(400, WRONG_IDS[level]) from None
    if plan.status == "deleted" and state.options.deleted_refused:
        raise Refusal(400, WRONG_IDS[level])
    return plan


def _days(state: VkState, plan: Plan, first: date, last: date) -> list[tuple[date, PlanDay]]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, state.days.get((plan.plan_id, day), NOTHING)) for day in days if day <= state.today]


def _sum(days: list[PlanDay]) -> PlanDay:
    return PlanDay(
        sum(day.shows for day in days), sum(day.clicks for day in days), sum((day.spent for day in days), Decimal(0))
    )


def _total(state: VkState, days: list[tuple[date, PlanDay]]) -> dict[str, Any]:
    return {"base": base(state, _sum([day for _, day in days]))}
