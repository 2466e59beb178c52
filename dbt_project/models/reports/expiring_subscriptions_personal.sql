-- One row per subscription whose buyer has a card: whom to call before it ends.
with

subscriptions as (
    select * from {{ ref('int_subscriptions') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

final as (
    select
        subscriptions.sale_id,
        subscriptions.clinic_id,
        cards.full_name,
        cards.phones_e164[1] as phone
    from subscriptions
    inner join cards on subscriptions.person_key = 'patient:' || cards.patient_id
)

select * from final
