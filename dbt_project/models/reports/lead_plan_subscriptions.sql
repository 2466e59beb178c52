-- One row per day, clinic and item type on which subscriptions end: how many, and what became of their clients (RULES section 10).
with

subscriptions as (
    select * from {{ ref('int_subscriptions') }}
),

final as (
    select
        subscriptions.valid_to as day,
        subscriptions.clinic_id,
        coalesce(subscriptions.item_type, 'unknown') as item_type,
        count(*) as subscriptions,
        count(*) filter (where subscriptions.state = 'renewed') as renewed,
        count(*) filter (where subscriptions.state = 'running') as running,
        count(*) filter (where subscriptions.state = 'may_renew') as may_renew,
        count(*) filter (where subscriptions.state = 'stays') as stays,
        count(*) filter (where subscriptions.state = 'lost') as lost
    from subscriptions
    group by subscriptions.valid_to, subscriptions.clinic_id, coalesce(subscriptions.item_type, 'unknown')
)

select * from final
