-- One row per currency and rate, with the days it holds: a day without a rate takes the last earlier one (RULES 12.17).
with

rates as (
    -- A rate that somebody wrote down wins over the bank's of the same day.
    select distinct on (currency, "date") *
    from {{ ref('int_currency_rates_unioned') }}
    order by currency, "date", source_system != 'files'
),

settings as not materialized (
    select * from {{ ref('int_settings') }}
),

given as (
    select
        rates.currency,
        rates."date" as valid_from,
        lead(rates."date", 1, 'infinity'::date) over (
            partition by rates.currency order by rates."date"
        ) as valid_before,
        rates.rate
    from rates
    cross join settings
    where rates.currency != settings.reporting_currency
),

final as (
    select * from given
    union all
    select
        settings.reporting_currency as currency,
        '-infinity'::date as valid_from,
        'infinity'::date as valid_before,
        1::numeric as rate
    from settings
)

select * from final
