-- One row per payment or refund.
with

payments as (
    select * from {{ ref('int_payments') }}
),

final as (
    select
        payments.payment_id,
        payments.clinic_id,
        payments.patient_id,
        payments.person_key,
        payments.appointment_id,
        payments.paid_at,
        payments.paid_date,
        payments.amount,
        payments.currency,
        payments.original_amount,
        payments.original_currency,
        payments.paid_visit_key,
        payments.source_system
    from payments
)

select * from final
