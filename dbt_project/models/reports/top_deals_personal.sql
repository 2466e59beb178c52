-- One row per won deal: its name, which may hold a client's, for readers with a right to personal data.
with

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.manager_id,
        deals.name
    from deals
    where deals.stage_kind = 'won'
)

select * from final
