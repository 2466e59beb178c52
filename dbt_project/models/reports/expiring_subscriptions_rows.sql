-- One row per subscription or course that ends: renewed or not, and whether its client is lost (RULES section 10).
with

subscriptions as (
    select * from {{ ref('int_subscriptions') }}
),

final as (
    select
        subscriptions.sale_id,
        subscriptions.clinic_id,
        subscriptions.person_key,
        coalesce(subscriptions.item_type, 'unknown') as item_type,
        coalesce(subscriptions.item, 'unknown') as item,
        subscriptions.sold_date,
        subscriptions.valid_from,
        subscriptions.valid_to,
        subscriptions.amount,
        subscriptions.is_renewed,
        subscriptions.renewed_on,
        subscriptions.last_seen_on,
        subscriptions.state
    from subscriptions
)

select * from final
