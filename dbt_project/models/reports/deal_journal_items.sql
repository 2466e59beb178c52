-- One row per line sold in a deal, its amount in the reporting currency at the rate of the deal.
with

items as (
    select * from {{ ref('int_deal_items_unioned') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

currency_days as (
    select * from {{ ref('int_currency_days') }}
),

numbered as (
    select
        items.*,
        row_number() over (
            partition by items.deal_id
            order by items.item_kind asc, items.item asc, items.quantity asc, items.amount asc
        )::integer as item_number
    from items
),

final as (
    select
        md5(concat_ws('|', numbered.deal_id, numbered.item_number)) as item_key,
        numbered.deal_id,
        deals.clinic_id,
        deals.manager_id,
        numbered.item_number,
        numbered.item_kind,
        numbered.item,
        numbered.quantity,
        numbered.amount * currency_days.rate as amount
    from numbered
    inner join deals on numbered.deal_id = deals.deal_id
    left join currency_days
        on
            deals.original_currency = currency_days.currency
            and coalesce(deals.closed_date, deals.created_date) >= currency_days.valid_from
            and coalesce(deals.closed_date, deals.created_date) < currency_days.valid_before
)

select * from final
