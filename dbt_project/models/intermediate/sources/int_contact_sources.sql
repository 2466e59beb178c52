-- One row per contact with its own source (RULES section 2, 12.11–12.14): click id, UTM tags, the session it was made in,
-- the address it called, the referrer, the administrator's word, else unknown.
with

contacts as not materialized (
    select * from {{ ref('int_contacts') }}
),

marked as (
    select * from {{ ref('int_marked_records') }}
    where record_kind = 'contact'
),

session_sources as (
    select * from {{ ref('int_session_sources') }}
),

tracking as (
    select * from {{ ref('int_tracking_addresses_unioned') }}
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

-- the client's last session begun before the contact
contact_sessions as (
    select distinct on (contacts.contact_id)
        contacts.contact_id,
        session_sources.session_id,
        session_sources.channel,
        session_sources.source,
        session_sources.medium,
        session_sources.campaign,
        session_sources.content,
        session_sources.term
    from contacts
    inner join session_sources
        on contacts.client_id = session_sources.client_id and contacts.occurred_at > session_sources.started_at
    order by contacts.contact_id asc, session_sources.started_at desc, session_sources.session_id desc
),

-- valid on clinic days, both ends included; of several a clinic's own row beats the network's, the latest beats earlier ones,
-- the one that ends sooner beats one that lasts; then by name, so that the answer never depends on the order of rows
contact_addresses as (
    select distinct on (contacts.contact_id)
        contacts.contact_id,
        tracking.channel,
        tracking.source,
        tracking.medium,
        tracking.campaign
    from contacts
    inner join tracking
        on
            (
                contacts.called_address_e164 = tracking.address_e164
                or lower(contacts.called_address) = lower(tracking.address)
            )
            and (tracking.clinic_id is null or contacts.clinic_id = tracking.clinic_id)
            and contacts.local_date >= coalesce(tracking.valid_from, '-infinity'::date)
            and contacts.local_date <= coalesce(tracking.valid_to, 'infinity'::date)
    order by
        contacts.contact_id asc,
        (tracking.clinic_id is null) asc, tracking.valid_from desc nulls last,
        tracking.valid_to asc nulls last, tracking.source asc, tracking.campaign asc, tracking.medium asc,
        tracking.channel asc
),

chosen as (
    select
        contacts.contact_id,
        contacts.local_date,
        contacts.how_learned,
        case
            when marked.click_kind is not null then 'click_id'
            when marked.utm_source is not null then 'utm'
            when contact_sessions.contact_id is not null then 'session'
            when contact_addresses.contact_id is not null then 'tracking_address'
            when marked.referrer_host is not null then 'referrer'
            when contacts.how_learned not in ('advertising', 'internet', 'other') then 'how_learned'
            else 'unknown'
        end as method,
        contact_sessions.session_id,
        marked.click_channel,
        marked.click_source,
        marked.utm_source,
        marked.utm_medium,
        marked.utm_campaign,
        marked.utm_content,
        marked.utm_term,
        contact_sessions.channel as session_channel,
        contact_sessions.source as session_source,
        contact_sessions.medium as session_medium,
        contact_sessions.campaign as session_campaign,
        contact_sessions.content as session_content,
        contact_sessions.term as session_term,
        contact_addresses.channel as address_channel,
        contact_addresses.source as address_source,
        contact_addresses.medium as address_medium,
        contact_addresses.campaign as address_campaign,
        referrers.channel as referrer_channel,
        referrers.source as referrer_source
    from contacts
    inner join marked on contacts.contact_id = marked.record_id
    left join contact_sessions on contacts.contact_id = contact_sessions.contact_id
    left join contact_addresses on contacts.contact_id = contact_addresses.contact_id
    left join referrers on marked.referrer_host = referrers.host
),

sourced as (
    select
        chosen.*,
        case chosen.method
            when 'click_id' then chosen.click_source
            when 'utm' then chosen.utm_source
            when 'session' then chosen.session_source
            when 'tracking_address' then chosen.address_source
            when 'referrer' then chosen.referrer_source
            when 'how_learned' then chosen.how_learned
            else 'unknown'
        end as source,
        case
            when chosen.method in ('click_id', 'utm') then chosen.utm_medium
            when chosen.method = 'session' then chosen.session_medium
            when chosen.method = 'tracking_address' then chosen.address_medium
        end as medium,
        case
            when chosen.method in ('click_id', 'utm') then chosen.utm_campaign
            when chosen.method = 'session' then chosen.session_campaign
            when chosen.method = 'tracking_address' then chosen.address_campaign
        end as campaign,
        case when chosen.method = 'session' then chosen.session_content else chosen.utm_content end as content,
        case when chosen.method = 'session' then chosen.session_term else chosen.utm_term end as term
    from chosen
),

final as (
    select
        sourced.contact_id,
        sourced.session_id,
        sourced.method,
        case
            when sourced.method = 'click_id' then sourced.click_channel
            when sourced.method = 'utm' then coalesce(campaigns.channel, grouped.channel)
            when sourced.method = 'session' then sourced.session_channel
            when sourced.method = 'tracking_address'
                then coalesce(sourced.address_channel, campaigns.channel, grouped.channel)
            when sourced.method = 'referrer' then sourced.referrer_channel
            when sourced.method = 'how_learned' and sourced.how_learned like 'referral\_%' then 'referral'
            else sourced.method
        end as channel,
        sourced.source,
        sourced.medium,
        sourced.campaign,
        sourced.content,
        sourced.term,
        sourced.method != 'unknown' as is_known
    from sourced
    left join campaigns
        on sourced.source = campaigns.source and sourced.campaign is not distinct from campaigns.campaign
    left join grouped
        on
            {{ grouped_on('coalesce(sourced.utm_source, sourced.source)', 'sourced.medium', 'sourced.local_date') }}
)

select * from final
