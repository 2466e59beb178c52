-- One row per clinic, administrator, topic and audience of lost inquiries: what an inquiry of that topic and audience brings on
-- average, in the whole network. Apart from lost_inquiries_rows, because every day moves it: so the rows stay as they are. By
-- clinic and administrator, so that a reader learns of his topics only.
with

rows_of_inquiries as (
    select * from {{ ref('lost_inquiries_rows') }}
),

topic_values as (
    select * from {{ ref('int_topic_values') }}
),

asked_for as (
    select distinct
        rows_of_inquiries.clinic_id,
        rows_of_inquiries.administrator_id,
        rows_of_inquiries.topic,
        rows_of_inquiries.is_primary
    from rows_of_inquiries
),

final as (
    select
        asked_for.clinic_id,
        asked_for.administrator_id,
        asked_for.topic,
        asked_for.is_primary,
        round(100 * topic_values.conversion, 2) as conversion_percent,
        round(topic_values.average_profit, 2) as average_profit,
        round(topic_values.average_revenue, 2) as average_revenue,
        round(topic_values.conversion * topic_values.average_profit, 2) as expected_value,
        round(topic_values.conversion * topic_values.average_revenue, 2) as expected_revenue
    from asked_for
    inner join topic_values on asked_for.topic = topic_values.topic and asked_for.is_primary = topic_values.is_primary
)

select * from final
