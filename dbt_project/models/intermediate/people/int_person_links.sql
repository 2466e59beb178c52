-- One row per person, record that is his (card, contact, deal, sessions together) and identifier that the record carries: why
-- these are one person. The same identifier_key on two rows that `joins` is what joins them. Sessions are one row per identifier.
with

cards as not materialized (
    select * from {{ ref('int_patient_cards') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

contact_persons as (
    select * from {{ ref('int_contact_persons') }}
),

-- a session and whose it is, met once already
sessions as (
    select * from {{ ref('fct_touches') }}
    where touch_kind = 'session'
),

deals as (
    select * from {{ ref('int_deals') }}
),

client_persons as (
    select * from {{ ref('int_client_persons') }}
    where record_kind = 'deal'
),

uses as not materialized (
    select * from {{ ref('int_identifier_uses') }}
),

identifiers as (
    select * from {{ ref('int_identifiers') }}
),

card_identifiers as (
    select
        cards.patient_id,
        'phone:' || phone.value as identifier
    from cards
    cross join lateral unnest(cards.phones_e164) as phone (value)
    where phone.value is not null
    union
    select
        cards.patient_id,
        'email:' || lower(trim(email.value)) as identifier
    from cards
    cross join lateral unnest(cards.emails) as email (value)
    where nullif(trim(email.value), '') is not null
),

card_links as (
    select
        'card' as record_kind,
        cards.patient_id as record_id,
        'patient:' || cards.person_patient_id as person_key,
        cards.clinic_id,
        null::text as administrator_id,
        cards.registered_at as first_at,
        1::bigint as records,
        case when cards.patient_id = cards.person_patient_id then 'card' else 'merged' end as resolved_by,
        card_identifiers.identifier,
        cards.full_name
    from cards
    left join card_identifiers on cards.patient_id = card_identifiers.patient_id
),

contact_links as (
    select
        'contact' as record_kind,
        contacts.contact_id as record_id,
        contact_persons.person_key,
        contacts.clinic_id,
        contacts.administrator_id,
        contacts.occurred_at as first_at,
        1::bigint as records,
        contact_persons.resolved_by,
        uses.identifier,
        null::text as full_name
    from contact_persons
    inner join contacts on contact_persons.contact_id = contacts.contact_id
    left join uses on contacts.contact_id = uses.record_id and uses.record_kind = 'contact'
),

session_links as (
    select
        'session' as record_kind,
        min(sessions.record_id) as record_id,
        sessions.person_key,
        null::text as clinic_id,
        null::text as administrator_id,
        min(sessions.touched_at) as first_at,
        count(*) as records,
        case
            when sessions.person_key = 'session:' || min(sessions.record_id) then 'nobody'
            when bool_or(uses.listed_person_key = sessions.person_key) then 'list'
            else 'identifiers'
        end as resolved_by,
        uses.identifier,
        null::text as full_name
    from sessions
    left join uses on sessions.record_id = uses.record_id and uses.record_kind = 'session'
    group by sessions.person_key, uses.identifier
),

deal_links as (
    select
        'deal' as record_kind,
        deals.deal_id as record_id,
        deals.person_key,
        deals.clinic_id,
        deals.manager_id as administrator_id,
        deals.created_at as first_at,
        1::bigint as records,
        case
            when client_persons.person_key is null then 'lead'
            when uses.listed_person_key = deals.person_key then 'list'
            when deals.person_key like 'patient:%' then 'owner'
            else 'identifiers'
        end as resolved_by,
        uses.identifier,
        deals.client_name as full_name
    from deals
    left join client_persons on deals.deal_id = client_persons.record_id
    left join uses on deals.deal_id = uses.record_id and uses.record_kind = 'deal'
    where deals.person_key is not null
),

links as (
    select * from card_links
    union all
    select * from contact_links
    union all
    select * from session_links
    union all
    select * from deal_links
),

final as (
    select
        md5(concat_ws('|', links.record_kind, links.record_id, links.person_key, links.identifier)) as link_key,
        links.person_key,
        links.record_kind,
        links.record_id,
        links.clinic_id,
        links.administrator_id,
        links.first_at,
        links.records,
        links.resolved_by,
        split_part(links.identifier, ':', 1) as identifier_kind,
        case
            when links.identifier is not null then {{ opaque_key('identifier', 'links.identifier') }}
        end as identifier_key,
        case
            when links.identifier is null then null
            when identifiers.listed_group = 'employee' then 'blocked_employee'
            when identifiers.listed_group is not null then 'blocked_counterparty'
            when identifiers.is_blocked then 'blocked_too_many'
            when identifiers.is_shared then 'shared'
            else 'joins'
        end as identifier_state,
        coalesce(identifiers.patients, 0) as patients,
        substr(links.identifier, strpos(links.identifier, ':') + 1) as identifier_value,
        links.full_name
    from links
    left join identifiers on links.identifier = identifiers.identifier
)

select * from final
