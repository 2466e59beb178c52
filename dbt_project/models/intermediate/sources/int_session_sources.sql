-- One row per site session with its source (RULES section 2): click id, UTM tags, referrer, else direct.
with

marked as (
    select * from {{ ref('int_marked_records') }}
    where record_kind = 'session'
),

referrers as (
    select * from {{ ref('int_referrer_hosts') }}
),

campaigns as not materialized (
    select * from {{ ref('int_campaign_channels') }}
),

grouped as (
    select * from {{ ref('int_grouped_tags') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

chosen as (
    select
        marked.record_id as session_id,
        marked.source_system,
        marked.client_id,
        marked.started_at,
        marked.site,
        {{ local_date('marked.started_at', 'settings.default_time_zone') }} as local_date,
        case
            when marked.click_kind is not null then 'click_id'
            when marked.utm_source is not null then 'utm'
            when marked.referrer_host is not null then 'referrer'
            else 'direct'
        end as method,
        marked.click_channel,
        coalesce(marked.click_source, marked.utm_source, referrers.source, 'direct') as source,
        marked.utm_source,
        marked.utm_medium as medium,
        marked.utm_campaign as campaign,
        marked.utm_content as content,
        marked.utm_term as term,
        referrers.channel as referrer_channel
    from marked
    cross join settings
    left join referrers on marked.referrer_host = referrers.host
),

final as (
    select
        chosen.session_id,
        chosen.source_system,
        chosen.client_id,
        chosen.started_at,
        chosen.site,
        chosen.method,
        case
            when chosen.method = 'click_id' then chosen.click_channel
            when chosen.method = 'utm' then coalesce(campaigns.channel, grouped.channel)
            when chosen.method = 'referrer' then chosen.referrer_channel
            else 'direct'
        end as channel,
        chosen.source,
        chosen.medium,
        chosen.campaign,
        chosen.content,
        chosen.term
    from chosen
    left join campaigns
        on chosen.source = campaigns.source and chosen.campaign is not distinct from campaigns.campaign
    left join grouped
        on
            {{ grouped_on('chosen.utm_source', 'chosen.medium', 'chosen.local_date') }}
)

select * from final
