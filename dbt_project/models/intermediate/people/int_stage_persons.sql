-- One row per stage of treatment: whose it is after merges, the patient himself where nobody landed his card. Kept for each stage, so that
-- a build of a day knows whose it was yesterday: such a patient may be known by nothing else.
with

stages as (
    select * from {{ ref('int_treatment_stages_unioned') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

final as (
    select
        stages.stage_id,
        'patient:' || coalesce(cards.person_patient_id, stages.patient_id) as person_key
    from stages
    left join cards on stages.patient_id = cards.patient_id
)

select * from final
