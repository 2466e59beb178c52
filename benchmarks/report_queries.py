"""What people ask the reports: every function and view, and the SQL that Superset sends for a dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bi import assets, state
from bi.rendering import Period, rendered
from bi.spec import Chart, Dashboard, Dataset, dashboards, words

GRAINS = {"P1D": "day", "P1W": "week", "P1M": "month"}
ROWS = 10_000  # what Superset asks for at most
MODELS = ("first_touch", "linear", "time_decay", "markov", "shapley")
# {days}: the period as the functions' first two parameters. {person}: somebody with many records.
FUNCTIONS = (
    "channels_and_sources({days})",
    "channels_and_sources({days}, level => 'total')",
    "channels_and_sources({days}, level => 'source', basis => 'period')",
    "channels_and_sources({days}, level => 'campaign', basis => 'period', audience => 'all', with_referrals => true)",
    "channels_and_sources({days}, topic => 'therapy', audience => 'repeat')",
    *(
        f"channels_and_sources({{days}}, level => '{level}', attribution_model => '{model}', audience => 'all',"
        " with_referrals => true)"
        for model in MODELS
        for level in ("channel", "campaign")
    ),
    "administrator_conversion({days})",
    "administrator_conversion({days}, audience => 'primary', hide_employee_referrals => true, topic => 'therapy')",
    "lost_inquiries({days})",
    "lost_inquiries_by_reason({days})",
    "direction_load({days})",
    "deal_summary({days})",
    "hot_clients({days})",
    "stage_times({days})",
    "open_pipeline()",
    "top_deals({days})",
    "ad_payback({days})",
    "ad_payback({days}, level => 'campaign')",
    "ad_payback_curve({days}, level => 'campaign')",
    "traffic_influence({days})",
    *(f"service_sales({{days}}, grain => '{grain}')" for grain in ("day", "week", "month")),
    "service_buyers({days})",
    "service_frequency({days})",
    "service_dips()",
    "expiring_subscriptions(within_days => 60)",
    "subscription_renewals({days})",
    "lead_plan({days}, target => 20)",
    "lead_plan_need({days})",
    "budget_proposal({days}, budget => 1000000)",
    *(
        f"attribution({{days}}, conversion => '{conversion}', level => '{level}')"
        for conversion in ("booking", "first_visit", "deal", "payment")
        for level in ("channel", "campaign")
    ),
    "attribution({days}, conversion => 'booking', lookback_days => 365, level => 'source')",
    "utm_audit({days})",
    "client_path({person})",
    "why_one_person({person})",
)
# The day of each view that is asked by day.
DAYS = {
    "inquiry_history": "local_date",
    "deal_journal": "created_date",
    **dict.fromkeys(
        (
            "ad_payback_daily", "administrator_conversion_daily", "attribution_daily", "channels_and_sources_daily",
            "client_path_daily", "deal_journal_daily", "deal_summary_daily", "direction_load_daily",
            "expiring_subscriptions_daily", "freshness_daily", "inquiry_history_daily", "lead_plan_daily",
            "lost_inquiries_daily", "service_buyers_daily", "service_dips_daily", "service_sales_daily",
            "top_deals_daily", "traffic_influence_daily", "utm_audit_daily",
        ),
        "day",
    ),
}  # fmt: skip
# A view whose rows are of one choice each is asked for one: the dearest.
NARROWED = {"attribution_daily": "conversion = 'booking' and model = 'markov' and "}
WHOLE = ("freshness", "freshness_of_reports", "lead_plan_forecast", "service_dips_checked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query and what to call it: a dashboard's chart, or the call itself."""

    name: str
    query: str


def report_queries(period: Period, person: str) -> Iterator[Asked]:
    """Functions with their defaults and the options that cost most; views as the tables of dashboards ask them.

    `person`: a person key. A view by day is asked for no more rows than Superset shows.
    """
    first, last = f"date '{period.first}'", f"date '{period.last}'"
    named = {"days": f"date_from => {first}, date_to => {last}", "person": f"'{person}'"}
    for call in FUNCTIONS:
        query = f"select * from reports.{call.format_map(named)}"  # noqa: S608 - of this file, as all below
        yield Asked(name=call.replace("{days}", "…").replace("{person}", "…"), query=query)
    for view, day in DAYS.items():
        within = f"where {NARROWED.get(view, '')}{day} between {first} and {last}"
        yield Asked(name=view, query=f"select * from reports.{view} {within} order by {day} desc limit {ROWS}")  # noqa: S608
    for view in WHOLE:
        yield Asked(name=view, query=f"select * from reports.{view}")  # noqa: S608


def dashboard_queries(period: Period) -> Iterator[Asked]:
    """What a director's browser has Superset send: the state, every chart, and the choices of every filter."""
    rights = {dataset.report for each in dashboards() for dataset in each.datasets.values()}
    for dashboard in dashboards():

        def answer(dataset: Dataset, chosen: dict[str, list[str]], of: Dashboard = dashboard) -> str:
            return f"({rendered(assets.query(of, dataset, 'en'), period, rights=rights, chosen=chosen)}) as answer"

        named = f"dashboard {dashboard.report}"
        yield Asked(name=f"{named}: state", query=rendered(state.query(dashboard, "en"), period, rights=rights))
        for chart in dashboard.charts.values():
            dataset = dashboard.datasets[chart.dataset]
            sent = _sent(chart, dataset, answer(dataset, _defaults(dashboard)))
            yield Asked(name=f"{named}: {chart.name}", query=f"{sent} limit {ROWS}")
        for each in dashboard.filters:
            if each.dataset:
                choices = answer(dashboard.datasets[each.dataset], {})
                query = f"select {each.column} from {choices} group by 1 order by 1 limit 1000"  # noqa: S608
                yield Asked(name=f"{named}: choices of {each.column}", query=query)


def _sent(chart: Chart, dataset: Dataset, answer: str) -> str:
    if chart.kind == "table":
        order = ", ".join(f"{each.lstrip('-')}{' desc' if each[0] == '-' else ''}" for each in chart.order)
        return f"select {', '.join(chart.columns)} from {answer}" + (f" order by {order}" if order else "")  # noqa: S608
    x = f"date_trunc('{GRAINS[chart.grain]}', {chart.x})" if chart.x and chart.grain else chart.x
    by = [*filter(None, (x, chart.by))]
    metrics = [dataset.metrics[name] for name in chart.metrics]
    return f"select {', '.join([*by, *metrics])} from {answer}" + (f" group by {', '.join(by)}" if by else "") + (  # noqa: S608
        f" having {chart.having}" if chart.having else ""
    )


def _defaults(dashboard: Dashboard) -> dict[str, list[str]]:
    """What the filters have chosen at first, in words, as Superset sends them."""
    known = words().values
    return {
        each.column: [known.get(each.column, {}).get(each.default, {}).get("en", each.default)]
        for each in dashboard.filters
        if each.default
    }
