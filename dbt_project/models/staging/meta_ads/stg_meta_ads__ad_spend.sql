-- One row per Meta account, day and campaign: the ads of a campaign summed, because spend is compared by campaign.
-- `campaign` is what the ads carry in utm_campaign: the campaign's name, or its number if the connection says so.
with

ad_insights as (
    select * from {{ source('meta_ads', 'ad_insights') }}
),

campaign_days as (
    select
        account_id,
        report_date,
        campaign_id,
        -- A campaign renamed within the day's rows keeps one row.
        max(utm_campaign) as campaign,
        max(clinic_id) as clinic_id,
        currency,
        includes_vat,
        sum(spend) as amount,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from ad_insights
    group by account_id, report_date, campaign_id, currency, includes_vat
),

final as (
    select
        report_date as date_from,
        report_date as date_to,
        'paid_social'::text as channel,
        'facebook'::text as source,
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
        'meta_ads'::text as source_system
    from campaign_days
)

select * from final
