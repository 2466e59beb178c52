-- One row per contact, session, deal or lead: whom its identifiers alone mean, when nobody was named
-- (RULES section 1 step 4 and 12.2, 12.3). A contact of an employee's or counterparty's phone is that employee's.
with

uses as not materialized (
    select * from {{ ref('int_identifier_uses') }}
),

members as (
    select * from {{ ref('int_component_members') }}
),

listed_records as (
    select distinct on (uses.record_kind, uses.record_id)
        uses.record_kind,
        uses.record_id,
        uses.listed_group,
        uses.listed_person_key
    from uses
    where uses.listed_person_key is not null
    order by
        uses.record_kind asc, uses.record_id asc,
        uses.listed_group asc, uses.rank_in_record asc
),

-- most records carry one identifier, and are spared the sort
joined_by_one as (
    select
        uses.record_kind,
        uses.record_id,
        members.person_key,
        members.person_patient_id
    from uses
    inner join members on uses.identifier = members.identifier
    where not uses.is_blocked and not uses.is_shared and uses.identifiers_in_record = 1
),

joined_by_several as (
    select distinct on (uses.record_kind, uses.record_id)
        uses.record_kind,
        uses.record_id,
        members.person_key,
        members.person_patient_id
    from uses
    inner join members on uses.identifier = members.identifier
    where not uses.is_blocked and not uses.is_shared and uses.identifiers_in_record > 1
    order by uses.record_kind asc, uses.record_id asc, uses.rank_in_record asc
),

joined_records as (
    select * from joined_by_one
    union all
    select * from joined_by_several
),

shared_records as (
    select distinct on (uses.record_kind, uses.record_id)
        uses.record_kind,
        uses.record_id,
        {{ opaque_key('shared', 'uses.identifier') }} as person_key
    from uses
    where uses.is_shared and not uses.is_blocked
    order by uses.record_kind asc, uses.record_id asc, uses.rank_in_record asc
),

records as (
    select
        'contact' as record_kind,
        contact_id as record_id
    from {{ ref('int_contacts_unioned') }}
    union all
    select
        'session' as record_kind,
        session_id as record_id
    from {{ ref('int_sessions_unioned') }}
    union all
    select
        'deal' as record_kind,
        deal_id as record_id
    from {{ ref('int_deals_unioned') }}
    union all
    select
        'lead' as record_kind,
        lead_id as record_id
    from {{ ref('int_deal_leads_unioned') }}
),

final as (
    select
        records.record_kind,
        records.record_id,
        listed_records.listed_group,
        listed_records.listed_person_key,
        coalesce(
            joined_records.person_key,
            shared_records.person_key,
            records.record_kind || ':' || records.record_id
        ) as person_key,
        joined_records.person_patient_id,
        joined_records.person_key is null and shared_records.person_key is null as is_alone
    from records
    left join listed_records
        on records.record_kind = listed_records.record_kind and records.record_id = listed_records.record_id
    left join joined_records
        on records.record_kind = joined_records.record_kind and records.record_id = joined_records.record_id
    left join shared_records
        on records.record_kind = shared_records.record_kind and records.record_id = shared_records.record_id
)

select * from final
