-- One row per contact, session, deal or lead and patient who may own it by phone and e-mail (RULES 12.1): the patients
-- of the record's clinic (a lead's is its deal's), else of the network; of both identifiers the intersection when both have owners.
with

uses as (
    select * from {{ ref('int_identifier_uses') }}
),

owners as (
    select * from {{ ref('int_identifier_owners') }}
),

record_clinics as (
    select
        'contact' as record_kind,
        contact_id as record_id,
        clinic_id
    from {{ ref('int_contacts_unioned') }}
    union all
    select
        'deal' as record_kind,
        deal_id as record_id,
        clinic_id
    from {{ ref('int_deals_unioned') }}
    union all
    select
        'lead' as record_kind,
        leads.lead_id as record_id,
        deals.clinic_id
    from {{ ref('int_deal_leads_unioned') }} as leads
    inner join {{ ref('int_deals_unioned') }} as deals on leads.deal_id = deals.deal_id
),

candidates as (
    select distinct
        uses.record_kind,
        uses.record_id,
        uses.identifier,
        owners.person_patient_id,
        coalesce(owners.clinic_id = record_clinics.clinic_id, false) as is_of_clinic
    from uses
    inner join owners on uses.identifier = owners.identifier
    left join record_clinics
        on uses.record_kind = record_clinics.record_kind and uses.record_id = record_clinics.record_id
    where not uses.is_blocked
),

ranked as (
    select
        candidates.record_kind,
        candidates.record_id,
        candidates.identifier,
        candidates.person_patient_id,
        candidates.is_of_clinic,
        bool_or(candidates.is_of_clinic) over (
            partition by candidates.record_kind, candidates.record_id, candidates.identifier
        ) as has_clinic_owner
    from candidates
),

narrowed as (
    select distinct
        ranked.record_kind,
        ranked.record_id,
        ranked.identifier,
        ranked.person_patient_id
    from ranked
    where ranked.is_of_clinic or not ranked.has_clinic_owner
),

owned_identifiers as (
    select
        narrowed.record_kind,
        narrowed.record_id,
        count(distinct narrowed.identifier) as identifiers
    from narrowed
    group by narrowed.record_kind, narrowed.record_id
),

agreed as (
    select
        narrowed.record_kind,
        narrowed.record_id,
        narrowed.person_patient_id
    from narrowed
    inner join owned_identifiers
        on narrowed.record_kind = owned_identifiers.record_kind and narrowed.record_id = owned_identifiers.record_id
    group by narrowed.record_kind, narrowed.record_id, narrowed.person_patient_id, owned_identifiers.identifiers
    having count(distinct narrowed.identifier) = owned_identifiers.identifiers
),

final as (
    select
        agreed.record_kind,
        agreed.record_id,
        agreed.person_patient_id,
        count(*) over (partition by agreed.record_kind, agreed.record_id) as owners
    from agreed
)

select * from final
