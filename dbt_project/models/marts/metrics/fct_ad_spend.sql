-- One row per entered cost and day of its period.
with

ad_spend_daily as (
    select * from {{ ref('int_ad_spend_daily') }}
),

final as (
    select
        ad_spend_daily.spend_key,
        ad_spend_daily.spend_date,
        ad_spend_daily.clinic_id,
        ad_spend_daily.channel,
        ad_spend_daily.source,
        ad_spend_daily.medium,
        ad_spend_daily.campaign,
        ad_spend_daily.spend,
        ad_spend_daily.spend_with_vat,
        ad_spend_daily.currency,
        ad_spend_daily.original_amount,
        ad_spend_daily.original_currency,
        ad_spend_daily.has_vat,
        ad_spend_daily.impressions,
        ad_spend_daily.clicks,
        ad_spend_daily.source_system
    from ad_spend_daily
)

select * from final
