-- One row per currency and day on which the central bank set a rate.
with

rates as (
    select * from {{ source('currency_rates', 'rates') }}
),

final as (
    select
        "date",
        currency,
        rate,
        'currency_rates'::text as source_system
    from rates
)

select * from final
