-- One row per phone or e-mail that patients, employees or counterparties own, with what it may still prove (RULES 12.1, 12.2).
-- A blocked identifier links nobody. A shared one names a person only within a clinic and joins nothing.
with

owners as (
    select * from {{ ref('int_identifier_owners') }}
),

listed as (
    select * from {{ listed_of_families() }}
),

-- in a build of a day not all cards of an identifier are here that stays blocked anyway: how many it had is known
known as (
    select * from {{ blocked_beforehand() }}
),

counted as (
    select
        owners.identifier,
        count(distinct owners.person_patient_id) as patients,
        min(owners.person_patient_id) as first_patient_id
    from owners
    group by owners.identifier
),

owner_counts as (
    select
        counted.identifier,
        counted.patients,
        counted.first_patient_id
    from counted
    where not exists (select 1 from known where known.identifier = counted.identifier)
    union all
    select
        known.identifier,
        known.patients,
        null as first_patient_id
    from known
),

final as (
    select
        coalesce(owner_counts.identifier, listed.identifier) as identifier,
        -- beyond the limit it does not matter how many: a number that every new card moves would move every row that shows it
        case
            when listed.identifier is null then least(owner_counts.patients, {{ var('too_many_patients') }} + 1)
            else coalesce(owner_counts.patients, 0)
        end as patients,
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
