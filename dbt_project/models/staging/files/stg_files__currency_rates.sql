-- One row per currency and day of the import files.
with

source as (
    select * from {{ source('files', 'currency_rates') }}
),

final as (
    select
        "date",
        currency,
        rate,
        'files'::text as source_system
    from source
)

select * from final
