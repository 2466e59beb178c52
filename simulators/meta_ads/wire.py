"""Rows of insights by ad and day, and pages of them, as the Marketing API writes them."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from typing import Any

from simulators.meta_ads.state import MetaState
from simulators.world.advertising import AdDay

FIELDS = {"account_id", "account_currency", "account_name", "campaign_id", "campaign_name", "adset_id", "adset_name",
          "ad_id", "ad_name", "spend", "impressions", "clicks", "inline_link_clicks", "date_start",
          "date_stop"}  # fmt: skip
MONTHS_BACK = 37


class ParameterError(Exception):
    """What is wrong with the request: error 100."""


def span(params: dict[str, str], today: date) -> tuple[date, date]:
    """The days asked for. Raises ParameterError."""
    try:
        given = json.loads(params["time_range"])
        first, last = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
    except (KeyError, TypeError, ValueError):
        raise ParameterError("time_range must have since and until") from None
    if last < first:
        raise ParameterError("since is after until")
    if first < today - timedelta(days=31 * MONTHS_BACK):
        raise ParameterError(
            "The start date of the time range cannot be beyond 37 months from the current date"
        )
    return first, last


def check(params: dict[str, str]) -> None:
    """Raises ParameterError for what this simulator, or the vendor, does not know."""
    unknown = [name for name in params.get("fields", "").split(",") if name not in FIELDS]
    if unknown:
        raise ParameterError(f"({unknown[0]}) is not valid for fields param")
    if params.get("level") not in ("ad", "account") or params.get("time_increment") != "1":
        raise ParameterError("only level=ad, level=account and time_increment=1 are simulated")


def rows(state: MetaState, account: str, params: dict[str, str], first: date, last: date) -> list[dict[str, Any]]:
    """A row of each ad and day with delivery; numbers are texts, a field without a value is left out."""
    fields = params["fields"].split(",")
    made = []
    for ad in sorted(state.ad_days, key=lambda ad: (ad.day, ad.ad_id)):
        if not first <= ad.day <= last or state.campaigns[ad.campaign_id].login != account:
            continue
        values = _values(state, account, ad)
        made.append({field: values[field] for field in [*fields, "date_start", "date_stop"] if field in values})
    if state.options.zero_rows:
        seen = {(row["date_start"], row["ad_id"]) for row in made}
        for row in list(made):
            for ad_id in map(str, state.campaigns[int(row["campaign_id"])].ad_ids):
                if (row["date_start"], ad_id) not in seen:
                    made.append({**row, "ad_id": ad_id, "spend": "0", "impressions": "0", "clicks": "0"})
    return made


def account_days(
    state: MetaState, account: str, params: dict[str, str], first: date, last: date
) -> list[dict[str, Any]]:
    """The account's own totals, counted from its books day by day and never from the rows of ads."""
    own = {number for number, campaign in state.campaigns.items() if campaign.login == account}
    made = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        ads = [ad for ad in state.ad_days if ad.day == day and ad.campaign_id in own]
        if not ads:
            continue
        totals = {
            "account_id": account,
            "spend": f"{sum(ad.cost for ad in ads):f}",
            "impressions": str(sum(ad.impressions for ad in ads)),
            "clicks": str(sum(ad.clicks for ad in ads)),
            "date_start": day.isoformat(),
            "date_stop": day.isoformat(),
        }
        asked = [*params["fields"].split(","), "date_start", "date_stop"]
        made.append({field: totals[field] for field in asked if totals.get(field, "0") != "0"})
    return made


def _values(state: MetaState, account: str, ad: AdDay) -> dict[str, str]:
    campaign = state.campaigns[ad.campaign_id]
    values = {
        "account_id": account,
        "account_currency": state.currency[account],
        "account_name": f"Account {account}",
        "campaign_id": str(ad.campaign_id),
        "campaign_name": campaign.name,
        "adset_id": str(ad.campaign_id * 10),
        "adset_name": f"set {ad.campaign_id * 10}",
        "ad_id": str(ad.ad_id),
        "ad_name": f"ad {ad.ad_id}",
        "spend": f"{ad.cost:f}",
        "impressions": str(ad.impressions),
        "date_start": ad.day.isoformat(),
        "date_stop": ad.day.isoformat(),
    }
    return values | ({"clicks": str(ad.clicks), "inline_link_clicks": str(ad.clicks)} if ad.clicks else {})


def page(state: MetaState, address: str, found: list[dict[str, Any]], limit: int, after: str | None) -> dict[str, Any]:
    """The page after the cursor. `next` stands only where there is more; its address holds the token, as theirs."""
    begin = _position(after) if after else 0
    end = begin + min(limit, state.options.page_rows)
    body: dict[str, Any] = {"data": found[begin:end]}
    more = end < len(found)
    if found and (more or state.options.last_cursors):
        body["paging"] = {"cursors": {"before": _cursor(begin), "after": _cursor(end)}}
        if more:
            body["paging"]["next"] = f"{address}?access_token={state.token}&limit={limit}&after={_cursor(end)}"
    return body


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"row{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("row"))
    except ValueError:
        raise ParameterError("Invalid cursors values") from None
