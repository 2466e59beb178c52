"""The body of a report: TSV with Direct's units and header lines, and the checks of a report's definition."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulators.world.advertising import AdDay
from simulators.world.setting import vat_rate
from simulators.yandex_direct.state import KOPECK, DirectState, without_vat

SEGMENTS = {"Date", "Month", "Year", "Week", "Quarter", "Device", "AdNetworkType", "ClientLogin", "Gender", "Age",
            "LocationOfPresenceId", "LocationOfPresenceName", "Slot", "Placement", "AdFormat"}  # fmt: skip
ATTRIBUTES = {
    "ACCOUNT_PERFORMANCE_REPORT": set[str](),
    "CAMPAIGN_PERFORMANCE_REPORT": {"CampaignId", "CampaignName", "CampaignUrlPath", "CampaignType"},
    "AD_PERFORMANCE_REPORT": {"CampaignId", "CampaignName", "CampaignUrlPath", "CampaignType", "AdGroupId",
                              "AdGroupName", "AdId"},
    "CUSTOM_REPORT": {"CampaignId", "CampaignName", "CampaignUrlPath", "CampaignType", "AdGroupId", "AdGroupName",
                      "AdId"},
}  # fmt: skip
METRICS = {"Impressions", "Clicks", "Cost", "Ctr", "AvgCpc", "Conversions", "ConversionRate", "CostPerConversion",
           "BounceRate", "Bounces", "Sessions", "Revenue", "AvgPageviews", "AvgImpressionPosition"}  # fmt: skip
GROUPED_BY = {"CAMPAIGN_PERFORMANCE_REPORT": ("CampaignId",), "AD_PERFORMANCE_REPORT": ("AdId",)}
PERIODS = {"TODAY": (0, 0), "YESTERDAY": (1, 1), "LAST_3_DAYS": (3, 1), "LAST_5_DAYS": (5, 1), "LAST_7_DAYS": (7, 1),
           "LAST_14_DAYS": (14, 1), "LAST_30_DAYS": (30, 1), "LAST_90_DAYS": (90, 1), "LAST_365_DAYS": (365, 1),
           "AUTO": (3, 1)}  # fmt: skip
TOTALS = {"Date", "Impressions", "Clicks", "Cost"}  # what an account's report by day is counted for
REQUIRED = ("SelectionCriteria", "FieldNames", "ReportName", "ReportType", "DateRangeType", "Format", "IncludeVAT")
TIME_FIELDS = ("Date", "Week", "Month", "Quarter", "Year")


class DefinitionError(Exception):
    """What is wrong with the report's definition: error 8000."""


def check(params: dict[str, Any]) -> None:
    for name in REQUIRED:
        if name not in params:
            raise DefinitionError(f"Required field {name} is missing in params")
    fields = params["FieldNames"]
    report_type = params["ReportType"]
    if report_type not in ATTRIBUTES:
        raise DefinitionError(f"ReportType contains an incorrect enumeration value: {report_type}")
    if not isinstance(fields, list) or not fields:
        raise DefinitionError("FieldNames must be a non-empty array")
    for field in fields:
        if field not in SEGMENTS | ATTRIBUTES[report_type] | METRICS:
            raise DefinitionError(f"Field {field} is not allowed in a report of type {report_type}")
    if sum(field in TIME_FIELDS for field in fields) > 1:
        raise DefinitionError("Only one of Date, Week, Month, Quarter, Year is allowed")
    if params["Format"] != "TSV" or params["IncludeVAT"] not in ("YES", "NO"):
        raise DefinitionError("Format must be TSV and IncludeVAT must be YES or NO")
    criteria = params["SelectionCriteria"]
    dated = "DateFrom" in criteria or "DateTo" in criteria
    if params["DateRangeType"] == "CUSTOM_DATE":
        try:
            first, last = date.fromisoformat(criteria["DateFrom"]), date.fromisoformat(criteria["DateTo"])
        except (KeyError, TypeError, ValueError):
            raise DefinitionError("CUSTOM_DATE needs DateFrom and DateTo as YYYY-MM-DD") from None
        if last < first:
            raise DefinitionError("DateTo is earlier than DateFrom")
    elif dated:
        raise DefinitionError("DateFrom and DateTo are allowed with CUSTOM_DATE only")
    elif params["DateRangeType"] not in {*PERIODS, "ALL_TIME"}:
        raise DefinitionError(f"DateRangeType is unknown: {params['DateRangeType']}")


def period(params: dict[str, Any], today: date) -> tuple[date, date]:
    if params["DateRangeType"] == "CUSTOM_DATE":
        criteria = params["SelectionCriteria"]
        return date.fromisoformat(criteria["DateFrom"]), date.fromisoformat(criteria["DateTo"])
    if params["DateRangeType"] == "ALL_TIME":
        return today - timedelta(days=3 * 365), today
    back, until = PERIODS[params["DateRangeType"]]
    return today - timedelta(days=back), today - timedelta(days=until)


def report(state: DirectState, login: str, params: dict[str, Any], headers: dict[str, bool]) -> str:
    """The TSV. `headers`: micros, skip_header, skip_columns, skip_summary."""
    first, last = period(params, state.world.date_to + timedelta(days=1))
    fields: list[str] = params["FieldNames"]
    ads = [ad for ad in state.ad_days if first <= ad.day <= last and state.campaigns[ad.campaign_id].login == login]
    for rule in params["SelectionCriteria"].get("Filter", []):
        ads = [ad for ad in ads if _passes(state, login, ad, rule)]
    if params["ReportType"] == "ACCOUNT_PERFORMANCE_REPORT" and set(fields) <= TOTALS:
        rows = account_days(state, login, params, (first, last), micros=headers["micros"])
    else:
        rows = _rows(state, login, ads, params, micros=headers["micros"])
    page = params.get("Page", {})
    rows = rows[page.get("Offset", 0) :][: page.get("Limit", 1_000_000)]
    lines = [] if headers["skip_header"] else [f'"{params["ReportName"]} ({first} - {last})"']
    if not headers["skip_columns"]:
        lines.append("\t".join(fields))
    lines.extend("\t".join(row) for row in rows)
    if not headers["skip_summary"]:
        lines.append(f"Total rows: {len(rows)}")
    return "".join(f"{line}\n" for line in lines)


def account_days(
    state: DirectState, login: str, params: dict[str, Any], days: tuple[date, date], *, micros: bool
) -> list[list[str]]:
    """The account's own totals, counted from its books day by day and never from the rows of ads. Without VAT each day
    is rounded once, where ads are rounded one by one."""
    rows = []
    for day in (days[0] + timedelta(days=number) for number in range((days[1] - days[0]).days + 1)):
        ads = [ad for ad in state.ad_days if ad.day == day and state.campaigns[ad.campaign_id].login == login]
        cost = sum((ad.cost for ad in ads), Decimal(0))
        if params["IncludeVAT"] == "NO":
            cost = (cost / (1 + vat_rate(day))).quantize(KOPECK, ROUND_HALF_UP)
        values = {
            "Date": day.isoformat(),
            "Impressions": str(sum(ad.impressions for ad in ads)),
            "Clicks": str(sum(ad.clicks for ad in ads)),
            "Cost": _money(cost, micros),
        }
        if ads:
            rows.append([values[field] for field in params["FieldNames"]])
    return rows


def _passes(state: DirectState, login: str, ad: AdDay, rule: dict[str, Any]) -> bool:
    value = _attribute(state, login, ad, rule["Field"])
    values = [str(one) for one in rule["Values"]]
    operator = rule["Operator"]
    if operator in ("IN", "EQUALS"):
        return value in values
    if operator in ("NOT_IN", "NOT_EQUALS"):
        return value not in values
    raise DefinitionError(f"Operator {operator} is not allowed for the field {rule['Field']}")


def _attribute(state: DirectState, login: str, ad: AdDay, field: str) -> str:
    match field:
        case "Date":
            return ad.day.isoformat()
        case "Month":
            return ad.day.replace(day=1).isoformat()
        case "Year":
            return ad.day.replace(month=1, day=1).isoformat()
        case "Week":
            return (ad.day - timedelta(days=ad.day.weekday())).isoformat()
        case "CampaignId":
            return str(ad.campaign_id)
        case "CampaignName":
            return state.campaigns[ad.campaign_id].name
        case "CampaignType":
            return "UNIFIED_CAMPAIGN"
        case "AdId":
            return str(ad.ad_id)
        case "AdGroupId":
            return str(ad.campaign_id * 10)
        case "AdGroupName":
            return f"group {ad.campaign_id * 10}"
        case "ClientLogin":
            return login
        case _:
            return "--"


def _rows(state: DirectState, login: str, ads: list[AdDay], params: dict[str, Any], *, micros: bool) -> list[list[str]]:
    """Sums per group; the report's type groups too, even when its field is not a column."""
    fields = params["FieldNames"]
    keys = [field for field in fields if field not in METRICS]
    grouping = [*keys, *(field for field in GROUPED_BY.get(params["ReportType"], ()) if field not in keys)]
    groups: dict[tuple[str, ...], list[AdDay]] = defaultdict(list)
    for ad in ads:
        groups[tuple(_attribute(state, login, ad, field) for field in grouping)].append(ad)
    rows = []
    for group, members in sorted(groups.items()):
        values = dict(zip(grouping, group, strict=True))
        shown = sum(ad.impressions for ad in members)
        clicks = sum(ad.clicks for ad in members)
        cost = sum((ad.cost if params["IncludeVAT"] == "YES" else without_vat(ad) for ad in members), Decimal(0))
        values |= {
            "Impressions": str(shown),
            "Clicks": str(clicks),
            "Cost": _money(cost, micros),
            "Ctr": f"{100 * clicks / shown:.2f}",
            "AvgCpc": _money(cost / clicks, micros) if clicks else "--",
        }
        rows.append([values.get(field, "--") for field in fields])
    return rows


def _money(amount: Decimal, micros: bool) -> str:
    """An integer, amount × 1,000,000, unless `returnMoneyInMicros: false` asked for two decimals."""
    return str(int(amount * 1_000_000)) if micros else f"{amount.quantize(KOPECK, ROUND_HALF_UP):f}"
