-- One row per Direct login, day and campaign: the ads of a campaign summed, because spend is compared by campaign.
-- `campaign` is what the ads carry in utm_campaign: the campaign's name, or its number if the connection says so.
with

ad_performance as (
    select * from {{ source('yandex_direct', 'ad_performance') }}
),

campaign_days as (
    select
        client_login,
        report_date,
        campaign_id,
        -- A campaign renamed within the day's rows keeps one row.
        max(utm_campaign) as campaign,
        max(clinic_id) as clinic_id,
        currency,
        includes_vat,
        sum(cost) as amount,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from ad_performance
    group by client_login, report_date, campaign_id, currency, includes_vat
),

final as (
    select
        report_date as date_from,
        report_date as date_to,
        'paid_search'::text as channel,
        'yandex'::text as source,
        'cpc'::text as medium,
        campaign,
        clinic_id,
        amount,
        currency,
        includes_vat,
        impressions::bigint as impressions,
        clicks::bigint as clicks,
        null::text as note,
        null::text as entered_by,
        'yandex_direct'::text as source_system
    from campaign_days
)

select * from final
