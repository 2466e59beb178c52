-- One row per Google Ads account, day and campaign, as landed.
-- `campaign` is what the ads carry in utm_campaign: the campaign's name, or its number if the connection says so.
with

ad_performance as (
    select * from {{ source('google_ads', 'ad_performance') }}
),

final as (
    select
        report_date as date_from,
        report_date as date_to,
        'paid_search'::text as channel,
        'google'::text as source,
        'cpc'::text as medium,
        utm_campaign as campaign,
        clinic_id,
        cost as amount,
        currency,
        includes_vat,
        impressions,
        clicks,
        null::text as note,
        null::text as entered_by,
        'google_ads'::text as source_system
    from ad_performance
)

select * from final
