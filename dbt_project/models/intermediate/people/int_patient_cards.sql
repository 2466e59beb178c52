-- One row per patient card, with the card that it was merged into, at the end of the chain (RULES section 1: two records
-- are one person only where the clinic system says they were merged).
with recursive

patients as not materialized (
    select * from {{ ref('int_patients_unioned') }}
),

merges as (
    select
        patients.patient_id,
        patients.merged_into_patient_id as target_id,
        1 as step
    from patients
    where patients.merged_into_patient_id is not null

    union all

    select
        merges.patient_id,
        patients.merged_into_patient_id as target_id,
        merges.step + 1 as step
    from merges
    inner join patients on merges.target_id = patients.patient_id
    where
        patients.merged_into_patient_id is not null
        -- the reader refuses circles of merges; this bound only keeps a hand-made one from running for ever
        and merges.step < 100
),

last_targets as (
    select distinct on (merges.patient_id)
        merges.patient_id,
        merges.target_id
    from merges
    order by merges.patient_id asc, merges.step desc
),

final as (
    select
        patients.patient_id,
        coalesce(last_targets.target_id, patients.patient_id) as person_patient_id,
        patients.clinic_id,
        patients.full_name,
        patients.birth_date,
        patients.phones,
        patients.phones_e164,
        patients.emails,
        patients.how_learned,
        patients.registered_at,
        patients.source_system
    from patients
    left join last_targets on patients.patient_id = last_targets.patient_id
)

select * from final
