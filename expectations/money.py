"""Rules for money and visits, before they are published: nothing lost, nothing without a rate."""

from __future__ import annotations

from expectations.rule import Rule, as_many_as, filled, no_rows, where

OWNER = "the warehouse's owner"
SPEND = "build.fct_ad_spend"
LANDED_SPEND = "build.int_ad_spend_unioned"
A_RATE = "Add the currency's rate on or before the day to currency_rates.csv, load it, build again."


def _all_there(kind: str, mart: str, key: str, what: str) -> tuple[Rule, ...]:
    """Every landed row of a kind is in its mart, once."""
    landed = f"build.int_{kind}_unioned"
    return (
        Rule(
            name=f"every_{what}_is_in_the_marts",
            table=landed,
            expectation=where(f"not exists (select from {mart} as m where m.{key} = t.{key})"),
            severity="stop",
            reason=f"Nothing is dropped: a landed {what} is in {mart.removeprefix('build.')}.",
            what_to_do=f"See that the {what}'s clinic is in clinics.csv. If it is, a model loses rows: "
            f"begin with {mart.removeprefix('build.')}.",
            owner=OWNER,
            keys=("source_system", key),
            needs=(mart,),
            touched=key,
        ),
        Rule(
            name="rows_are_as_many_as_landed",
            table=mart,
            expectation=as_many_as(landed),
            severity="stop",
            reason=f"More rows than landed: a join doubles, or two sources use the same {key}; fewer: some are lost.",
            what_to_do=f"Look for a {key} that comes twice; give the ids of one source a prefix if two use the same.",
            owner=OWNER,
            keys=("in_the_mart", "landed"),
            needs=(landed,),
            touched=key,
        ),
    )


def _has_amount(table: str, column: str, keys: tuple[str, ...], touched: str | None = None) -> Rule:
    return Rule(
        name=f"{column}_is_filled",
        table=table,
        expectation=filled(column),
        severity="stop",
        reason="No amount means no currency rate: the money would be missing from every sum without a word.",
        what_to_do=A_RATE,
        owner=OWNER,
        keys=keys,
        touched=touched,
    )


SUITE: tuple[Rule, ...] = (
    *_all_there("appointments", "build.fct_appointments", "appointment_id", "appointment"),
    *_all_there("payments", "build.fct_payments", "payment_id", "payment"),
    *_all_there("sales", "build.fct_sales", "sale_id", "sale"),
    _has_amount("build.fct_payments", "amount", ("payment_id",), "payment_id"),
    _has_amount("build.fct_sales", "amount", ("sale_id",), "sale_id"),
    _has_amount(SPEND, "spend", ("spend_date", "source", "campaign")),
    _has_amount(SPEND, "spend_with_vat", ("spend_date", "source", "campaign")),
    Rule(
        name="cost_has_a_rate",
        table="build.fct_sales",
        expectation=where(
            "t.cost is null and exists (select from build.int_sales_unioned as s"
            " where s.sale_id = t.sale_id and s.cost is not null)"
        ),
        severity="stop",
        reason="A known cost that is lost turns LTV into null.",
        what_to_do=A_RATE,
        owner=OWNER,
        keys=("sale_id",),
        needs=("build.int_sales_unioned",),
        touched="sale_id",
    ),
    Rule(
        name="spend_is_spread_without_loss",
        table=LANDED_SPEND,
        # Vendors tell millionths; days hold kopecks. So a row may differ by half a kopeck.
        expectation=no_rows(
            "select * from (select currency, sum(amount) as landed, count(*) as rows,"
            " (select coalesce(sum(f.original_amount), 0) from build.fct_ad_spend as f"
            " where f.original_currency = b.currency) as in_the_mart from {batch} as b group by currency) as sums"
            " where abs(landed - in_the_mart) > 0.005 * rows"
        ),
        severity="stop",
        reason="A hand-entered cost is spread over its days, kopecks exact (RULES section 3).",
        what_to_do="Begin with int_ad_spend_daily: periods, joins of rates and VAT.",
        owner=OWNER,
        keys=("currency", "landed", "in_the_mart"),
        needs=(SPEND,),
    ),
    Rule(
        name="vat_makes_spend_larger",
        table=SPEND,
        expectation=where("abs(t.spend_with_vat) < abs(t.spend)"),
        severity="stop",
        reason="Spend is without VAT, the other figure with it (RULES 12.17); here they changed places.",
        what_to_do="Look at `includes_vat` of the rows and at the seed vat_rates.",
        owner=OWNER,
        keys=("spend_date", "source", "campaign"),
    ),
)
