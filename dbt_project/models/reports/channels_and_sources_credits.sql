-- One row per attribution model, inquiry and finest row of the channel report, with the inquiry's share of credit there.
with

credits as (
    select * from {{ ref('int_inquiry_credits') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

final as (
    select
        md5(concat_ws(
            '|', credits.attribution_model, credits.inquiry_key, credits.channel, 's', credits.source,
            'm', credits.medium, 'c', credits.campaign
        )) as credit_key,
        inquiries.clinic_id,
        credits.attribution_model,
        credits.inquiry_key,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        sum(credits.credit) as credit
    from credits
    inner join inquiries on credits.inquiry_key = inquiries.inquiry_key
    group by
        inquiries.clinic_id, credits.attribution_model, credits.inquiry_key,
        credits.channel, credits.source, credits.medium, credits.campaign
)

select * from final
