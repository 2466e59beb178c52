-- One row per patient card, without personal data.
with

cards as (
    select * from {{ ref('int_patient_cards') }}
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

final as (
    select
        cards.patient_id,
        cards.clinic_id,
        'patient:' || cards.person_patient_id as person_key,
        cards.how_learned,
        cards.registered_at,
        cards.patient_id != cards.person_patient_id as is_merged,
        first_visits.start_date as first_visit_date,
        first_visits.inquiry_key as first_visit_inquiry_key,
        cards.source_system
    from cards
    left join first_visits on 'patient:' || cards.person_patient_id = first_visits.person_key
)

select * from final
