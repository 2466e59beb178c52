-- One row per visit to a site, whether it led to a contact or not. The click's id is in the landing page.
-- A visit's number is unique within one year only: of visits with the same number the first keeps the short id.
with

visits as (
    select * from {{ source('yandex_metrica', 'visits') }}
),

visits_numbered as (
    select
        *,
        row_number() over (partition by visit_id order by visit_date, counter_id) as occurrence
    from visits
),

final as (
    select
        'yandex_metrica:' || visit_id
        || case when occurrence > 1 then ':' || counter_id || ':' || visit_date else '' end as session_id,
        client_id,
        started_at,
        site,
        landing_page,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        null::text as click_id,
        null::text as phone,
        null::text as email,
        null::text as phone_e164,
        'yandex_metrica'::text as source_system
    from visits_numbered
)

select * from final
