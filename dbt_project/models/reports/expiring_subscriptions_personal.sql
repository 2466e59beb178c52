-- One row per subscription whose buyer has a card: whom to call before it ends.
with

subscriptions as (
    select * from {{ ref('int_subscriptions') }}
),

persons as (
    select * from {{ ref('int_person_names') }}
),

final as (
    select
        subscriptions.sale_id,
        subscriptions.clinic_id,
        persons.full_name,
        persons.phone
    from subscriptions
    inner join persons on subscriptions.person_key = 'patient:' || persons.person_patient_id
)

select * from final
