-- One row per VK account, campaign and day. `campaign` is what the ads carry in utm_campaign, by the connection's
-- settings. Days that VK tells with nothing but zeros are no spend.
with

campaign_days as (
    select * from {{ source('vk_ads', 'campaign_days') }}
),

final as (
    select
        report_date as date_from,
        report_date as date_to,
        'paid_social'::text as channel,
        'vk'::text as source,
        'cpc'::text as medium,
        utm_campaign as campaign,
        clinic_id,
        spent as amount,
        currency,
        includes_vat,
        shows as impressions,
        clicks,
        null::text as note,
        null::text as entered_by,
        'vk_ads'::text as source_system
    from campaign_days
    where spent <> 0 or shows <> 0 or clicks <> 0
)

select * from final
