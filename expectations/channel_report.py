"""Rules for the tables behind "Ad channels and sources", before they are published."""

# ruff: noqa: S608 - every name in these queries is ours, none is input

from __future__ import annotations

from expectations.rule import Rule, filled, no_rows, unique, where

OWNER = "the warehouse's owner"
INQUIRIES = "build.fct_inquiries"
SHARES = "build.channels_and_sources_shares"
EVENTS = "build.channels_and_sources_events"
SPEND = "build.channels_and_sources_spend"
FACT_SPEND = "build.fct_ad_spend"
PAYMENTS = "build.int_inquiry_payments"
# CONTRACT section 4. Markov's credits are the report's own: they follow from everybody's paths.
# The row that last_non_direct gives everything to is named by the event itself.
MODELS = (
    "first_touch", "last_touch", "linear", "position_based", "time_decay", "w_shaped",
    "shapley_of_channel", "shapley_of_source", "shapley_of_campaign",
)  # fmt: skip

SUITE: tuple[Rule, ...] = (
    Rule(
        name="credits_sum_to_one",
        table=SHARES,
        expectation=no_rows(
            "select share.model, inquiry_key, coalesce(sum(share.credit), 0) as credit from {batch}"
            " cross join lateral (values "
            + ", ".join(f"('{model}', {model})" for model in MODELS)
            + ") as share (model, credit) where {touched} group by share.model, inquiry_key"
            " having coalesce(sum(share.credit), 0) <> 1"
        ),
        severity="stop",
        reason="Credits of one conversion sum to exactly 1 (RULES section 2), so that revenue is conserved to the "
        "kopeck whatever the model.",
        what_to_do="Begin with int_inquiry_credits: rounding, and touches that are joined twice.",
        owner=OWNER,
        keys=("model", "inquiry_key", "credit"),
        touched="inquiry_key",
    ),
    Rule(
        name="every_inquiry_has_credits_of_every_model",
        table=INQUIRIES,
        expectation=no_rows(
            "select inquiry_key from {batch}"
            f" left join (select inquiry_key, channel, is_of_one_row from {EVENTS} where event_kind = 'inquiry'"
            " and {touched}) as happened using (inquiry_key)"
            f" left join (select distinct inquiry_key, true as is_divided from {SHARES} where {{touched}}) as shared"
            " using (inquiry_key) where people_group = 'wants_to_book' and {touched}"
            " and (happened.channel is null or not (happened.is_of_one_row or coalesce(shared.is_divided, false)))"
        ),
        severity="stop",
        reason="An inquiry without credits is in no row of the report, and rows no longer sum to the total.",
        what_to_do="Begin with int_inquiry_touches: an inquiry's deciding contact is always one of its touches.",
        owner=OWNER,
        keys=("inquiry_key",),
        needs=(EVENTS, SHARES),
        touched="inquiry_key",
    ),
    Rule(
        name="no_payment_in_two_rows",
        table=PAYMENTS,
        expectation=no_rows(
            "select audience, payment_id, count(*) as rows from {batch}"
            " group by audience, payment_id having count(*) > 1"
        ),
        severity="stop",
        reason="No payment is in two rows of one audience (RULES 12.20, 12.21): revenue would be more than was paid.",
        what_to_do="Begin with int_inquiry_payments and int_first_visits: a person is the client of one inquiry.",
        owner=OWNER,
        keys=("audience", "payment_id"),
    ),
    Rule(
        name="revenue_is_not_more_than_payments",
        table=EVENTS,
        # Over all audiences a payment that the repeat row takes is left out of the primary one (12.21).
        expectation=no_rows(
            "select * from (select (select count(*) from {batch} where event_kind = 'payment'"
            " and not is_taken_by_repeat) as in_the_report,"
            " (select count(*) from build.fct_payments) as payments) as counts where in_the_report > payments"
        ),
        severity="stop",
        reason="The report over all audiences holds each payment at most once.",
        what_to_do="Begin with int_inquiry_payments and the payment part of channels_and_sources_events.",
        owner=OWNER,
        keys=("in_the_report", "payments"),
        needs=("build.fct_payments",),
    ),
    Rule(
        name="a_person_is_a_client_once",
        table=EVENTS,
        expectation=no_rows(
            "select person_key, count(*) as rows from {batch} where event_kind = 'client' and audience = 'primary'"
            " group by person_key having count(*) > 1"
        ),
        severity="stop",
        reason="A person is the client of exactly one inquiry (RULES 12.19): CPO would be too low.",
        what_to_do="Begin with int_first_visits.",
        owner=OWNER,
        keys=("person_key",),
    ),
    Rule(
        name="every_inquiry_is_an_event",
        table=EVENTS,
        expectation=no_rows(
            "select * from (select (select count(*) from {batch} where event_kind = 'inquiry' and {touched})"
            " as in_the_report, (select count(*) from build.fct_inquiries where people_group = 'wants_to_book'"
            " and {touched}) as inquiries) as counts where in_the_report <> inquiries"
        ),
        severity="stop",
        reason="The report counts the wants_to_book inquiries, all of them, each once (RULES section 4).",
        what_to_do="Begin with channels_and_sources_events.",
        owner=OWNER,
        keys=("in_the_report", "inquiries"),
        needs=(INQUIRIES,),
        touched="inquiry_key",
    ),
    Rule(
        name="event_key_is_unique",
        table=EVENTS,
        expectation=unique("event_key"),
        severity="stop",
        reason="An event that comes twice counts twice.",
        what_to_do="Begin with channels_and_sources_events.",
        owner=OWNER,
        keys=("event_key",),
        touched="inquiry_key",
    ),
    Rule(
        name="payment_has_an_amount",
        table=EVENTS,
        expectation=where("t.event_kind = 'payment' and t.amount is null"),
        severity="stop",
        reason="No amount means no currency rate: revenue would be too low without a word.",
        what_to_do="Add the currency's rate on or before the day to currency_rates.csv, load it, build again.",
        owner=OWNER,
        keys=("event_key", "event_date"),
        touched="inquiry_key",
    ),
    Rule(
        name="spend_is_filled",
        table=SPEND,
        expectation=filled("spend"),
        severity="stop",
        reason="No spend means no currency rate: CPL would be too low without a word.",
        what_to_do="Add the currency's rate on or before the day to currency_rates.csv, load it, build again.",
        owner=OWNER,
        keys=("spend_date", "source", "campaign"),
    ),
    Rule(
        name="spend_is_that_of_the_facts",
        table=SPEND,
        # Full join by day: a day that either side does not know is a difference too. A millionth is the noise of VAT.
        expectation=no_rows(
            "select coalesce(report.spend_date, facts.spend_date) as spend_date, report.spend as in_the_report,"
            " facts.spend as in_the_facts"
            " from (select spend_date, sum(spend) as spend from {batch} group by spend_date) as report"
            " full join (select spend_date, sum(spend) as spend from build.fct_ad_spend group by spend_date)"
            " as facts on facts.spend_date = report.spend_date"
            " where abs(coalesce(report.spend, 0) - coalesce(facts.spend, 0)) > 0.000001"
        ),
        severity="stop",
        reason="Spend without inquiries stays in the report (RULES section 3): its rows sum to all spend of the day.",
        what_to_do="Begin with channels_and_sources_spend.",
        owner=OWNER,
        keys=("spend_date",),
        needs=(FACT_SPEND,),
    ),
)
