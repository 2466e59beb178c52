-- One row per entered cost and day of its period, in the reporting currency, without VAT and with it (RULES 12.17).
-- Day k of n gets round(T·k/n) − round(T·(k−1)/n) kopecks, half up, so that the days sum to the period exactly.
with

spend as (
    select * from {{ ref('int_ad_spend_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

vat_rates as (
    select * from {{ ref('vat_rates') }}
),

currency_days as (
    select * from {{ ref('int_currency_days') }}
),

grouped as (
    select * from {{ ref('int_grouped_tags') }}
),

campaigns as not materialized (
    select * from {{ ref('int_campaign_channels') }}
),

numbered as (
    select
        spend.*,
        spend.date_to - spend.date_from + 1 as days,
        md5(concat_ws(
            '|', spend.source_system, spend.date_from, spend.date_to, 'channel', spend.channel, 'source', spend.source,
            'medium', spend.medium, 'campaign', spend.campaign, 'clinic', spend.clinic_id, 'currency', spend.currency,
            'amount', spend.amount, 'note', spend.note, 'by', spend.entered_by
        )) as content_hash
    from spend
),

ordered as (
    select
        numbered.*,
        -- Equal rows of one file are two costs. Ordered by what the hash leaves out: a key stays with its cost.
        row_number() over (
            partition by numbered.content_hash order by numbered.includes_vat, numbered.impressions, numbered.clicks
        ) as ordinal
    from numbered
),

spread as (
    select
        ordered.*,
        ordered.date_from + day.k - 1 as spend_date,
        (
            round(ordered.amount * 100 * day.k / ordered.days)
            - round(ordered.amount * 100 * (day.k - 1) / ordered.days)
        ) / 100 as day_amount,
        round(ordered.impressions::numeric * day.k / ordered.days)
        - round(ordered.impressions::numeric * (day.k - 1) / ordered.days) as day_impressions,
        round(ordered.clicks::numeric * day.k / ordered.days)
        - round(ordered.clicks::numeric * (day.k - 1) / ordered.days) as day_clicks
    from ordered
    cross join lateral generate_series(1, ordered.days) as day (k)
),

final as (
    select
        md5(concat_ws('|', spread.content_hash, spread.ordinal, spread.spend_date)) as spend_key,
        spread.spend_date,
        spread.clinic_id,
        coalesce(spread.channel, campaigns.channel, grouped.channel, 'other') as channel,
        spread.source,
        spread.medium,
        spread.campaign,
        spread.day_amount as original_amount,
        spread.currency as original_currency,
        coalesce(spread.includes_vat, false) as has_vat,
        spread.day_amount * currency_days.rate
        / case when spread.includes_vat then 1 + coalesce(vat_rates.rate, 0) else 1 end as spend,
        spread.day_amount * currency_days.rate
        * case when spread.includes_vat then 1 else 1 + coalesce(vat_rates.rate, 0) end as spend_with_vat,
        settings.reporting_currency as currency,
        coalesce(spread.day_impressions, 0)::bigint as impressions,
        coalesce(spread.day_clicks, 0)::bigint as clicks,
        spread.note,
        spread.entered_by,
        spread.source_system
    from spread
    cross join settings
    left join vat_rates
        on
            settings.country = vat_rates.country
            and spread.spend_date >= coalesce(vat_rates.valid_from, '-infinity'::date)
            and spread.spend_date <= coalesce(vat_rates.valid_to, 'infinity'::date)
    left join currency_days
        on
            spread.currency = currency_days.currency
            and spread.spend_date >= currency_days.valid_from
            and spread.spend_date < currency_days.valid_before
    left join campaigns
        on spread.source = campaigns.source and spread.campaign is not distinct from campaigns.campaign
    left join grouped
        on
            {{ grouped_on('spread.source', 'spread.medium', 'spread.spend_date') }}
)

select * from final
