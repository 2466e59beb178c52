-- One row per tracking address and period of the import files.
with

source as (
    select * from {{ source('files', 'tracking_addresses') }}
),

final as (
    select
        address,
        channel,
        source,
        medium,
        campaign,
        clinic_id,
        valid_from,
        valid_to,
        address_e164,
        'files'::text as source_system
    from source
)

select * from final
