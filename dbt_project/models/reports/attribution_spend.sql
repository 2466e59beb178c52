-- One row per day, clinic, channel, source and campaign: advertising spend, beside the conversions that it brought.
with

spend as (
    select * from {{ ref('int_ad_spend_daily') }}
),

final as (
    select
        md5(concat_ws(
            '|', spend.spend_date, 'clinic', spend.clinic_id, 'ch', spend.channel, 's', spend.source,
            'c', spend.campaign
        )) as spend_key,
        spend.spend_date,
        spend.clinic_id,
        spend.channel,
        spend.source,
        spend.campaign,
        sum(spend.spend) as spend
    from spend
    group by spend.spend_date, spend.clinic_id, spend.channel, spend.source, spend.campaign
)

select * from final
