-- One row per counterparty of the import files.
with

source as (
    select * from {{ source('files', 'counterparties') }}
),

final as (
    select
        name,
        phones,
        lower(emails::text)::text[] as emails,
        phones_e164,
        'files'::text as source_system
    from source
)

select * from final
