"""Rules for deals and the journal of deals, before they are published."""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from expectations.rule import Rule, as_many_as, no_rows, one_of, where
from extractors.kinds import STAGE_KINDS

OWNER = "the warehouse's owner"
LANDED = "build.int_deals_unioned"
DEALS = "build.fct_deals"
JOURNAL = "build.deal_journal_deals"
SUMMARY = "build.deal_summary_days"
BEST = "build.top_deals_won"
PAYMENTS = "build.fct_payments"
# A row per won deal whose time to be paid is over, of people whom the clinic knows; and what those paid around it.
RECONCILED = (
    "(select deals.deal_id, deals.clinic_id, deals.person_key, deals.closed_date, deals.amount,"
    " coalesce(sum(payments.amount), 0) as paid"
    " from {batch} as deals left join build.fct_payments as payments on payments.person_key = deals.person_key"
    " and payments.paid_date between deals.closed_date - 90 and deals.closed_date + 30"
    " where deals.stage_kind = 'won' and deals.amount > 0 and deals.person_key like 'patient:%'"
    " and deals.closed_date between {now}::date - 150 and {now}::date - 31"
    " group by deals.deal_id, deals.clinic_id, deals.person_key, deals.closed_date, deals.amount) as reconciled"
)

SUITE: tuple[Rule, ...] = (
    Rule(
        name="every_deal_is_in_the_marts",
        table=LANDED,
        expectation=where("not exists (select from build.fct_deals as d where d.deal_id = t.deal_id)"),
        severity="stop",
        reason="The journal has every deal whatever its status (RULES section 8).",
        what_to_do="A model loses rows: begin with int_deals.",
        owner=OWNER,
        keys=("source_system", "deal_id"),
        needs=(DEALS,),
        touched="deal_id",
    ),
    Rule(
        name="rows_are_as_many_as_landed",
        table=DEALS,
        expectation=as_many_as(LANDED),
        severity="stop",
        reason="More rows than landed: a join doubles deals, or two sources use the same ids; fewer: some are lost.",
        what_to_do="Look for a deal_id that comes twice; give the ids of one source a prefix if two use the same.",
        owner=OWNER,
        keys=("in_the_mart", "landed"),
        needs=(LANDED,),
        touched="deal_id",
    ),
    Rule(
        name="stage_kind_is_a_known_word",
        table=DEALS,
        expectation=one_of("stage_kind", STAGE_KINDS),
        severity="stop",
        reason="Won and lost are counted by these words.",
        what_to_do="Look at the stg_ view of the deal's source.",
        owner=OWNER,
        keys=("deal_id",),
        touched="deal_id",
    ),
    Rule(
        name="amount_has_a_rate",
        table=DEALS,
        expectation=where("t.amount is null and t.original_amount is not null"),
        severity="stop",
        reason="A known amount without a currency rate is missing from revenue without a word.",
        what_to_do="Add the currency's rate on or before the day to currency_rates.csv, load it, build again.",
        owner=OWNER,
        keys=("deal_id",),
        touched="deal_id",
    ),
    Rule(
        name="won_has_a_closing_day",
        table=DEALS,
        expectation=where("t.stage_kind = 'won' and t.closed_date is null"),
        severity="warn",
        reason="Won deals and their revenue count on the day they are closed (RULES 12.25); without one, in no period.",
        what_to_do="Fill closed_at of these deals in the CRM or the file.",
        owner="whoever keeps the deals",
        keys=("deal_id",),
    ),
    Rule(
        name="journal_has_every_deal",
        table=DEALS,
        expectation=where("not exists (select from build.deal_journal_deals as j where j.deal_id = t.deal_id)"),
        severity="stop",
        reason="The journal has every deal whatever its status (RULES section 8).",
        what_to_do="Begin with deal_journal_deals.",
        owner=OWNER,
        keys=("deal_id",),
        needs=(JOURNAL,),
    ),
    Rule(
        name="summary_has_all_revenue",
        table=SUMMARY,
        expectation=no_rows(
            "select * from (select (select coalesce(sum(revenue), 0) from {batch}) as in_the_summary,"
            " (select coalesce(sum(amount), 0) from build.fct_deals where stage_kind = 'won'"
            " and closed_date is not null) as won) as sums where in_the_summary <> won"
        ),
        severity="stop",
        reason="Revenue by stage, source and way of contact sums to that of the won deals.",
        what_to_do="Begin with deal_summary_days.",
        owner=OWNER,
        keys=("in_the_summary", "won"),
        needs=(DEALS,),
    ),
    Rule(
        name="won_deals_are_paid",
        table=DEALS,
        expectation=no_rows(
            "select * from (select deal_id, count(*) over () as unpaid, max(of_patients) over () as of_patients from"
            f" (select deal_id, paid, count(*) over () as of_patients from {RECONCILED}) as compared where paid <= 0)"
            " as unpaid_deals"
            " where of_patients >= 10 and unpaid > 0.2 * of_patients"
        ),
        severity="warn",
        reason="More than a fifth of the won deals of known patients have no payment within a month: revenue that the"
        " CRM shows and the clinic does not have.",
        what_to_do="Ask the managers of the deals named: won too early, the wrong client, or payments that nobody"
        " exported.",
        owner="whoever keeps the deals",
        keys=("deal_id", "unpaid", "of_patients"),
        needs=(PAYMENTS,),
    ),
    Rule(
        name="won_amounts_are_near_the_payments",
        table=DEALS,
        expectation=no_rows(
            "select * from (select clinic_id, month, sum(deals) as deals, sum(won) as won, sum(paid) as paid from"
            # a person's payments once, however many deals were won
            " (select clinic_id, date_trunc('month', closed_date)::date as month, person_key, count(*) as deals,"
            f" sum(amount) as won, max(paid) as paid from {RECONCILED}"
            " where clinic_id is not null group by 1, 2, 3) as of_people group by clinic_id, month) as months"
            " where deals >= 10 and paid > 0 and (won > 1.5 * paid or won < paid / 1.5)"
        ),
        severity="warn",
        reason="What deals of a month were won for and what their clients paid differ by more than a half: one of the"
        " two reports misleads.",
        what_to_do="Compare some deals of the month with the clients' payments (reports.client_path); discounts,"
        " instalments or another currency are usual reasons.",
        owner="whoever keeps the deals",
        keys=("clinic_id", "month", "deals", "won", "paid"),
        needs=(PAYMENTS,),
    ),
    Rule(
        name="best_deals_are_the_won_ones",
        table=BEST,
        expectation=where(
            "not exists (select from build.fct_deals as d where d.deal_id = t.deal_id and d.stage_kind = 'won')"
        ),
        severity="stop",
        reason="The best deals of a period are won ones (RULES 12.25).",
        what_to_do="Begin with top_deals_won.",
        owner=OWNER,
        keys=("deal_id",),
        needs=(DEALS,),
        touched="deal_id",
    ),
)
