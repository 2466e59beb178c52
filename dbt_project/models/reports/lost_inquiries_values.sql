-- One row per topic and audience: what an inquiry of them brings on average, in the whole network. Which ones these are, the key
-- does not give away; lost_inquiries_rows tells it of inquiries that a reader may see. Apart from those, because every day moves it.
with

topic_values as (
    select * from {{ ref('int_topic_values') }}
),

final as (
    select
        ops.opaque_key('topic value', concat_ws('|', topic_values.topic, topic_values.is_primary)) as value_key,
        round(100 * topic_values.conversion, 2) as conversion_percent,
        round(topic_values.average_profit, 2) as average_profit,
        round(topic_values.average_revenue, 2) as average_revenue,
        round(topic_values.conversion * topic_values.average_profit, 2) as expected_value,
        round(topic_values.conversion * topic_values.average_revenue, 2) as expected_revenue
    from topic_values
)

select * from final
