-- One row per person with payments or sales: what came in and what it cost, over the whole time of treatment (RULES 12.23).
with

payments as (
    select * from {{ ref('int_payments') }}
),

sales as (
    select * from {{ ref('int_sales') }}
),

paid as (
    select
        payments.person_key,
        sum(payments.amount) as paid_amount
    from payments
    group by payments.person_key
),

sold as (
    select
        sales.person_key,
        count(*) as sales,
        count(*) filter (where sales.cost is null) as sales_without_cost,
        coalesce(sum(sales.cost), 0) as cost
    from sales
    where sales.person_key is not null
    group by sales.person_key
),

final as (
    select
        coalesce(paid.person_key, sold.person_key) as person_key,
        coalesce(paid.paid_amount, 0) as paid_amount,
        coalesce(sold.sales, 0) as sales,
        coalesce(sold.sales_without_cost, 0) as sales_without_cost,
        coalesce(sold.cost, 0) as cost
    from paid
    full outer join sold on paid.person_key = sold.person_key
)

select * from final
