-- One row per entered cost and period of the import files.
with

source as (
    select * from {{ source('files', 'ad_spend') }}
),

final as (
    select
        date_from,
        date_to,
        channel,
        source,
        medium,
        campaign,
        clinic_id,
        amount,
        currency,
        includes_vat,
        impressions,
        clicks,
        note,
        entered_by,
        'files'::text as source_system
    from source
)

select * from final
