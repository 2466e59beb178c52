-- One row per identifier and record (contact, session, deal, lead) that carries it. Phones, e-mails and site client ids.
with

contacts as (
    select * from {{ ref('int_contacts_unioned') }}
),

sessions as (
    select * from {{ ref('int_sessions_unioned') }}
),

deals as (
    select * from {{ ref('int_deals_unioned') }}
),

leads as (
    select * from {{ ref('int_deal_leads_unioned') }}
),

identifiers as (
    select * from {{ ref('int_identifiers') }}
),

records as (
    select
        'contact' as record_kind,
        contacts.contact_id as record_id,
        contacts.phone_e164,
        contacts.email,
        contacts.client_id
    from contacts
    union all
    select
        'session' as record_kind,
        sessions.session_id as record_id,
        sessions.phone_e164,
        sessions.email,
        sessions.client_id
    from sessions
    union all
    select
        'deal' as record_kind,
        deals.deal_id as record_id,
        deals.phone_e164,
        deals.email,
        null as client_id
    from deals
    union all
    select
        'lead' as record_kind,
        leads.lead_id as record_id,
        leads.phone_e164,
        leads.email,
        null as client_id
    from leads
),

written as (
    select
        records.record_kind,
        records.record_id,
        'phone:' || records.phone_e164 as phone,
        'email:' || lower(nullif(trim(records.email), '')) as email,
        'client:' || case when trim(records.client_id) != '' then records.client_id end as client
    from records
),

uses as (
    select
        written.record_kind,
        written.record_id,
        carried.rank_in_record,
        carried.identifier,
        num_nonnulls(written.phone, written.email, written.client) as identifiers_in_record
    from written
    cross join
        lateral (
            values (1, written.phone), (2, written.email), (3, written.client)
        ) as carried (rank_in_record, identifier)
    where carried.identifier is not null
),

final as (
    select
        uses.record_kind,
        uses.record_id,
        uses.rank_in_record,
        uses.identifiers_in_record,
        uses.identifier,
        coalesce(identifiers.is_blocked, false) as is_blocked,
        coalesce(identifiers.is_shared, false) as is_shared,
        identifiers.listed_group,
        identifiers.listed_person_key
    from uses
    left join identifiers on uses.identifier = identifiers.identifier
)

select * from final
