-- One row per attribution model, level, inquiry and row of the channel report, with the inquiry's share of credit there.
-- Models of touches hold for every level at once (level `any`, finest row); the players of Shapley are the rows of the level
-- asked for, so each level has credits of its own (RULES 12.15). Markov's are made of these when they are asked for.
with

touch_credits as (
    select * from {{ ref('int_inquiry_credits') }}
),

player_credits as (
    select * from {{ ref('int_inquiry_player_credits') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

credits as (
    select
        touch_credits.attribution_model,
        'any' as level,
        touch_credits.inquiry_key,
        touch_credits.channel,
        touch_credits.source,
        touch_credits.medium,
        touch_credits.campaign,
        touch_credits.credit
    from touch_credits
    union all
    select
        player_credits.attribution_model,
        player_credits.level,
        player_credits.inquiry_key,
        player_credits.channel,
        player_credits.source,
        null as medium,
        player_credits.campaign,
        player_credits.credit
    from player_credits
),

final as (
    select
        md5(concat_ws(
            '|', credits.attribution_model, credits.level, credits.inquiry_key, credits.channel, 's', credits.source,
            'm', credits.medium, 'c', credits.campaign
        )) as credit_key,
        inquiries.clinic_id,
        credits.attribution_model,
        credits.level,
        credits.inquiry_key,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        sum(credits.credit) as credit
    from credits
    inner join inquiries on credits.inquiry_key = inquiries.inquiry_key
    group by
        inquiries.clinic_id, credits.attribution_model, credits.level, credits.inquiry_key,
        credits.channel, credits.source, credits.medium, credits.campaign
)

select * from final
