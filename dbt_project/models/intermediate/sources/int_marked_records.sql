-- One row per session or contact: the marks it carries itself, from its columns or, where those are empty, from the
-- query of its landing page (RULES 12.13): click id and its kind, UTM tags, referrer's host. A session with what else is told of it
-- beside its source, so that nobody need meet all sessions again.
with

sessions as (
    select * from {{ ref('int_sessions_unioned') }}
),

contacts as (
    select * from {{ ref('int_contacts_unioned') }}
),

click_id_kinds as not materialized (
    select * from {{ ref('click_id_kinds') }}
),

-- Not materialized: it is read twice, and the first reading is over with most rows at once.
records as not materialized (
    select
        'session' as record_kind,
        session_id as record_id,
        source_system,
        client_id,
        started_at,
        site,
        landing_page,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        click_id
    from sessions
    union all
    select
        'contact' as record_kind,
        contact_id as record_id,
        source_system,
        null as client_id,
        null as started_at,
        null as site,
        landing_page,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        click_id
    from contacts
),

landing_kinds as (
    select distinct on (records.record_kind, records.record_id)
        records.record_kind,
        records.record_id,
        click_id_kinds.kind
    from records
    inner join click_id_kinds
        on
            -- the cheap question first: most pages carry no mark
            strpos(records.landing_page, click_id_kinds.kind || '=') > 0
            and records.landing_page ~ ('[?&]' || click_id_kinds.kind || '=[^&#]')
    where strpos(records.landing_page, '=') > 0
    order by
        records.record_kind asc, records.record_id asc,
        -- of several marks in one query the one that the bare id repeats, else the first
        (ops.url_parameter(records.landing_page, click_id_kinds.kind) is not distinct from records.click_id) desc,
        strpos(records.landing_page, click_id_kinds.kind || '=') asc
),

clicked as (
    select
        records.*,
        -- `kind:value`; a bare id takes the kind of the landing page's query, an empty one the whole mark
        case
            when records.click_id is null then landing_kinds.kind
            when records.click_id like '%:%' then split_part(records.click_id, ':', 1)
            else landing_kinds.kind
        end as click_kind
    from records
    left join landing_kinds
        on records.record_kind = landing_kinds.record_kind and records.record_id = landing_kinds.record_id
),

tagged as (
    select
        clicked.record_kind,
        clicked.record_id,
        clicked.source_system,
        clicked.client_id,
        clicked.started_at,
        clicked.site,
        clicked.landing_page,
        clicked.referrer,
        click_id_kinds.kind as click_kind,
        click_id_kinds.channel as click_channel,
        click_id_kinds.source as click_source,
        coalesce(clicked.utm_source, ops.url_parameter(clicked.landing_page, 'utm_source')) as utm_source,
        coalesce(clicked.utm_medium, ops.url_parameter(clicked.landing_page, 'utm_medium')) as utm_medium,
        coalesce(clicked.utm_campaign, ops.url_parameter(clicked.landing_page, 'utm_campaign')) as utm_campaign,
        coalesce(clicked.utm_content, ops.url_parameter(clicked.landing_page, 'utm_content')) as utm_content,
        coalesce(clicked.utm_term, ops.url_parameter(clicked.landing_page, 'utm_term')) as utm_term,
        ops.url_host(clicked.referrer) as referrer_host,
        -- asked for where there is a referrer to compare with
        case when clicked.referrer is not null then ops.url_host(clicked.site) end as site_host,
        case
            when clicked.referrer is not null and clicked.landing_page ~ '^[a-zA-Z]+://'
                then ops.url_host(clicked.landing_page)
        end as landing_host
    from clicked
    left join click_id_kinds on lower(clicked.click_kind) = click_id_kinds.kind
),

final as (
    select
        tagged.record_kind,
        tagged.record_id,
        tagged.source_system,
        tagged.client_id,
        tagged.started_at,
        tagged.site,
        tagged.click_kind,
        tagged.click_channel,
        tagged.click_source,
        tagged.utm_source,
        tagged.utm_medium,
        tagged.utm_campaign,
        tagged.utm_content,
        tagged.utm_term,
        -- a page of one's own site is no referrer
        case
            when
                coalesce(tagged.referrer_host != tagged.site_host, true)
                and coalesce(tagged.referrer_host != tagged.landing_host, true)
                then tagged.referrer_host
        end as referrer_host
    from tagged
)

select * from final
