-- One row per deal, whatever its status.
with

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.person_key,
        deals.created_at,
        deals.created_date,
        deals.closed_at,
        deals.closed_date,
        deals.created_via,
        deals.pipeline,
        deals.stage,
        deals.stage_kind,
        deals.amount,
        deals.currency,
        deals.original_amount,
        deals.original_currency,
        deals.manager_id,
        deals.contact_kind,
        deals.channel,
        deals.source,
        deals.medium,
        deals.campaign,
        deals.tags,
        deals.is_hot,
        deals.lost_reason,
        deals.days_to_close,
        deals.source_system
    from deals
)

select * from final
