-- One row per day, clinic and item type: what was sold (RULES section 10). Everything adds up over people: a client is one person,
-- a sale of nobody is a client of its own.
with

sales as (
    select * from {{ ref('int_sales') }}
),

final as (
    select
        md5(concat_ws('|', sales.sold_date, sales.clinic_id, coalesce(sales.item_type, 'unknown'))) as sold_key,
        sales.sold_date as day,
        sales.clinic_id,
        coalesce(sales.item_type, 'unknown') as item_type,
        count(*) as sales,
        count(distinct coalesce(sales.person_key, sales.sale_id)) as client_days,
        sum(coalesce(sales.quantity, 1)) as quantity,
        sum(coalesce(sales.amount, 0)) as amount,
        min(sales.currency) as currency
    from sales
    group by sales.sold_date, sales.clinic_id, coalesce(sales.item_type, 'unknown')
)

select * from final
