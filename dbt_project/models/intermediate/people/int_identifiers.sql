-- One row per phone or e-mail that patients, employees or counterparties own, with what it may still prove (RULES 12.1, 12.2).
-- A blocked identifier links nobody. A shared one names a person only within a clinic and joins nothing.
with

owners as (
    select * from {{ ref('int_identifier_owners') }}
),

listed as (
    select * from {{ ref('int_listed_identifiers') }}
),

owner_counts as (
    select
        owners.identifier,
        count(distinct owners.person_patient_id) as patients,
        min(owners.person_patient_id) as first_patient_id
    from owners
    group by owners.identifier
),

final as (
    select
        coalesce(owner_counts.identifier, listed.identifier) as identifier,
        coalesce(owner_counts.patients, 0) as patients,
        listed.people_group as listed_group,
        listed.person_key as listed_person_key,
        listed.identifier is not null
        or coalesce(owner_counts.patients, 0) > {{ var('too_many_patients') }} as is_blocked,
        coalesce(owner_counts.patients, 0) > 1 as is_shared,
        case when owner_counts.patients = 1 then owner_counts.first_patient_id end as only_patient_id
    from owner_counts
    full outer join listed on owner_counts.identifier = listed.identifier
)

select * from final
