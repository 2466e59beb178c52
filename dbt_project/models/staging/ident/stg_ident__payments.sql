-- One row per payment; below zero is money given back. Which visit was paid for is not told.
with

payments as (
    select * from {{ source('ident', 'payments') }}
),

final as (
    select
        'ident:' || payments.payment_id as payment_id,
        payments.paid_at,
        'ident:' || payments.patient_id as patient_id,
        payments.clinic_id,
        null::text as appointment_id,
        payments.amount,
        payments.currency,
        'ident'::text as source_system
    from payments
)

select * from final
