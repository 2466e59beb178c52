-- One row per payment; a refund is below zero. A payment belongs to an appointment when what it paid for was done in that
-- one and in no other.
with

payments as (
    select * from {{ source('open_dental', 'payments') }}
),

pay_splits as (
    select * from {{ source('open_dental', 'pay_splits') }}
),

procedures as (
    select * from {{ source('open_dental', 'procedures') }}
),

paid_appointments as (
    select
        pay_splits.payment_num,
        min(procedures.appointment_num) as appointment_num
    from pay_splits
    inner join procedures on pay_splits.procedure_num = procedures.procedure_num
    where procedures.appointment_num is not null
    group by pay_splits.payment_num
    having count(distinct procedures.appointment_num) = 1
),

final as (
    select
        'open_dental:' || payments.payment_num as payment_id,
        payments.paid_at,
        'open_dental:' || payments.patient_num as patient_id,
        payments.clinic_id,
        'open_dental:' || paid_appointments.appointment_num as appointment_id,
        payments.amount,
        payments.currency,
        'open_dental'::text as source_system
    from payments
    left join paid_appointments on payments.payment_num = paid_appointments.payment_num
)

select * from final
