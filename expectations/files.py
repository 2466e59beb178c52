"""Rules for import files. Most follow from the declarations in `extractors.kinds`; the rest is said here."""

# ruff: noqa: S608 - every name in these queries is ours, none is input
from __future__ import annotations

from collections.abc import Iterator

from expectations.common import (
    MOST_MONEY,
    amount_within,
    clinic_known,
    currency_is_a_code,
    keyed,
    middle_holds,
    mix_holds,
    newest_is_recent,
    plausible_times,
    rate_is_known,
    reachable,
    vocabulary,
    volume_holds,
)
from expectations.rule import FIRST_YEAR, FIRST_YEAR_OF_BOOKS, Rule, no_rows, where, within
from extractors.kinds import KINDS, Kind

OWNER = "whoever keeps the import files"
# Days that may lie anywhere: a birth, a first day of a phone, a subscription for ever.
ANY_DAY = {"birth_date", "valid_from", "valid_to"}
# What clinics have kept since before they advertised, and what tells a first visit from a later one.
BOOKS = {"patients", "appointments", "sales", "payments", "treatment_stages", "currency_rates"}


def keys_of(kind: Kind) -> tuple[str, ...]:
    """What shows a row: its id, and where it stands in which file. Names, phones and addresses never do."""
    own = kind.key[:1] if kind.key[0].endswith("_id") else ()
    return (*own, "_file", "_row")


def table_of(kind: str) -> str:
    return f"staging.files__{kind}"


def _from_declarations(kind: Kind) -> Iterator[Rule]:
    table, keys = table_of(kind.name), keys_of(kind)
    yield from keyed(table, kind.key, [c.name for c in kind.columns if c.required], keys, OWNER)
    for column in kind.columns:
        if column.one_of:
            yield vocabulary(table, column.name, column.one_of, keys, OWNER)
        if column.type == "timestamp" or (column.type == "date" and column.name not in ANY_DAY):
            first = FIRST_YEAR_OF_BOOKS if kind.name in BOOKS else FIRST_YEAR
            yield from plausible_times(table, column.name, keys, OWNER, first)
        if column.type == "money":
            yield amount_within(table, column.name, -MOST_MONEY, keys, OWNER)
        if column.name == "clinic_id" and kind.name != "clinics":
            yield clinic_known(table, keys, OWNER)
        if column.name == "currency":
            yield currency_is_a_code(table, keys, OWNER)


def _local(moment: str) -> str:
    """The clinic's own day of a moment of `t`; a row without clinic takes the first clinic's zone (RULES 12.25)."""
    return (
        f"({moment} at time zone coalesce("
        "(select time_zone from {clinics} as c where c.clinic_id = t.clinic_id limit 1), "
        "(select time_zone from {clinics} as c order by clinic_id limit 1), 'UTC'))::date"
    )


def _ends_after_it_begins(kind: str, first: str, last: str) -> Rule:
    return Rule(
        name=f"{last}_is_not_before_{first}",
        table=table_of(kind),
        expectation=where(f't."{last}" < t."{first}"'),
        severity="stop" if kind == "ad_spend" else "warn",
        reason="A period that ends before it begins has no day, and what it holds is in no day's figures.",
        what_to_do="Correct the two dates in the file, then load it again.",
        owner=OWNER,
        keys=keys_of(next(each for each in KINDS if each.name == kind)),
    )


_SPEND_KEYS = ("_file", "_row", "source", "campaign", "date_from")

SUITE: tuple[Rule, ...] = (
    *(rule for kind in KINDS for rule in _from_declarations(kind)),
    _ends_after_it_begins("ad_spend", "date_from", "date_to"),
    _ends_after_it_begins("sales", "valid_from", "valid_to"),
    _ends_after_it_begins("tracking_addresses", "valid_from", "valid_to"),
    _ends_after_it_begins("schedule_slots", "starts_at", "ends_at"),
    _ends_after_it_begins("deals", "created_at", "closed_at"),
    Rule(
        name="address_is_of_one_source_a_day",
        table=table_of("tracking_addresses"),
        expectation=where(
            "(t._file, t._row) <> (o._file, o._row)"
            " and (t.source, t.channel, t.medium, t.campaign)"
            " is distinct from (o.source, o.channel, o.medium, o.campaign)",
            "{batch} as t inner join {batch} as o"
            " on coalesce(o.address_e164, lower(o.address)) = coalesce(t.address_e164, lower(t.address))"
            " and o.clinic_id is not distinct from t.clinic_id"
            " and coalesce(o.valid_from, '-infinity') <= coalesce(t.valid_to, 'infinity')"
            " and coalesce(t.valid_from, '-infinity') <= coalesce(o.valid_to, 'infinity')",
        ),
        severity="warn",
        reason="Two sources claim the same phone or e-mail on the same day of one clinic, or of the network. A call "
        "then goes to the row that begins later; if both begin alike, to the one that ends sooner.",
        what_to_do="End the earlier row's period the day before the later one begins, then load the file again.",
        owner=OWNER,
        keys=keys_of(next(each for each in KINDS if each.name == "tracking_addresses")),
    ),
    rate_is_known(table_of("ad_spend"), "t.date_from", _SPEND_KEYS, OWNER),
    rate_is_known(table_of("payments"), _local("t.paid_at"), ("payment_id", "_file", "_row"), OWNER),
    rate_is_known(table_of("sales"), _local("t.sold_at"), ("sale_id", "_file", "_row"), OWNER),
    rate_is_known(
        table_of("deals"), _local("coalesce(t.closed_at, t.created_at)"), ("deal_id", "_file", "_row"), OWNER
    ),
    Rule(
        name="spend_of_a_source_is_not_negative",
        table=table_of("ad_spend"),
        expectation=no_rows(
            "select source, campaign, currency, sum(amount) as amount from {batch}"
            " group by source, campaign, currency having sum(amount) < 0"
        ),
        severity="stop",
        reason="A campaign cannot have earned money by being shown; ROI would have the wrong sign.",
        what_to_do="Look for amounts written with a minus as accountants write costs; turn the sign, load again.",
        owner=OWNER,
        keys=("source", "campaign", "currency", "amount"),
    ),
    Rule(
        name="spend_is_not_negative",
        table=table_of("ad_spend"),
        expectation=within("amount", 0, None),
        severity="warn",
        reason="A correction below zero is allowed while its campaign stays above; usually it is a slip.",
        what_to_do="Check the rows named.",
        owner=OWNER,
        keys=keys_of(next(kind for kind in KINDS if kind.name == "ad_spend")),
    ),
    Rule(
        name="rate_is_positive",
        table=table_of("currency_rates"),
        expectation=where("t.rate <= 0 or t.rate > 1000000"),
        severity="stop",
        reason="Money is multiplied by it: zero would erase it, a minus turn it round.",
        what_to_do="Write the rate as units of the reporting currency for one unit of this one; load again.",
        owner=OWNER,
        keys=("date", "currency", "_file", "_row"),
    ),
    Rule(
        name="clinics_have_a_real_time_zone",
        table=table_of("clinics"),
        expectation=where("not exists (select from pg_timezone_names as z where z.name = t.time_zone)"),
        severity="stop",
        reason="Every date is a day in this zone; one that PostgreSQL does not know stops the build.",
        what_to_do="Write an IANA name, as Europe/Moscow or Asia/Yekaterinburg, in clinics.csv; load again.",
        owner=OWNER,
        keys=("clinic_id", "_file", "_row"),
    ),
    reachable(
        table_of("contacts"),
        "t.phone_e164 is null and t.email is null and t.client_id is null"
        " and coalesce(cardinality(t.patient_ids), 0) = 0",
        0.3,
        ("contact_id", "_file", "_row"),
        OWNER,
    ),
    volume_holds(table_of("contacts"), "occurred_at", OWNER),
    newest_is_recent(table_of("contacts"), "occurred_at", OWNER),
    mix_holds(table_of("contacts"), "kind", "occurred_at", OWNER),
    mix_holds(table_of("contacts"), "outcome", "occurred_at", OWNER),
    middle_holds(table_of("payments"), "amount", "paid_at", OWNER),
    volume_holds(table_of("payments"), "paid_at", OWNER),
    volume_holds(table_of("appointments"), "created_at", OWNER),
)
