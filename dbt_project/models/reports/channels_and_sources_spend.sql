-- One row per day, clinic and finest row of the channel report: advertising spend in the reporting currency.
with

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

final as (
    select
        md5(concat_ws(
            '|', spend.spend_date, 'clinic', spend.clinic_id, 'ch', spend.channel, 's', spend.source,
            'm', spend.medium, 'c', spend.campaign
        )) as spend_key,
        spend.spend_date,
        spend.clinic_id,
        spend.channel,
        spend.source,
        spend.medium,
        spend.campaign,
        sum(spend.spend) as spend,
        sum(spend.spend_with_vat) as spend_with_vat,
        sum(spend.impressions)::bigint as impressions,
        sum(spend.clicks)::bigint as clicks
    from spend
    group by
        spend.spend_date, spend.clinic_id, spend.channel, spend.source, spend.medium, spend.campaign
)

select * from final
