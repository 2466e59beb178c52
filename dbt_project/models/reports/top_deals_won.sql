-- One row per won deal, with what the list of the best ones shows. The deal's name is in top_deals_personal.
with

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.person_key,
        deals.manager_id,
        deals.created_at,
        deals.closed_at,
        deals.closed_date,
        deals.amount,
        deals.currency
    from deals
    where deals.stage_kind = 'won'
)

select * from final
