-- One row per topic and audience: how many of its inquiries brought a visit, and what one of those brings (for lost inquiries).
-- Profit is null where a sale has no cost, or nothing was sold.
with

summed as (
    select * from {{ ref('int_topic_sums') }}
),

final as (
    select
        summed.topic,
        summed.is_primary,
        summed.inquiries,
        summed.clients,
        summed.clients::numeric / summed.inquiries as conversion,
        summed.revenue / nullif(summed.clients, 0) as average_revenue,
        case
            when summed.sales > 0 and summed.sales_without_cost = 0
                then (summed.revenue - summed.cost) / nullif(summed.clients, 0)
        end as average_profit
    from summed
)

select * from final
