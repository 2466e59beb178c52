-- One row per payment or refund, of the person after merges, in the reporting currency, on its clinic's local day.
with

payments as (
    select * from {{ ref('int_payments_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

currency_days as (
    select * from {{ ref('int_currency_days') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

dated as (
    select
        payments.*,
        'patient:' || coalesce(cards.person_patient_id, payments.patient_id) as person_key,
        {{ local_date('payments.paid_at', 'clinics.time_zone') }} as paid_date
    from payments
    inner join clinics on payments.clinic_id = clinics.clinic_id
    left join cards on payments.patient_id = cards.patient_id
),

final as (
    select
        dated.payment_id,
        dated.patient_id,
        dated.person_key,
        dated.clinic_id,
        dated.appointment_id,
        dated.paid_at,
        dated.paid_date,
        dated.amount * currency_days.rate as amount,
        settings.reporting_currency as currency,
        dated.amount as original_amount,
        dated.currency as original_currency,
        -- RULES 12.22: one paid visit per appointment; without one, per person, clinic and local day
        case
            when dated.appointment_id is not null then 'appointment:' || dated.appointment_id
            else 'day:' || concat_ws('|', dated.person_key, dated.clinic_id, dated.paid_date)
        end as paid_visit_key,
        dated.source_system
    from dated
    cross join settings
    left join currency_days
        on
            dated.currency = currency_days.currency
            and dated.paid_date >= currency_days.valid_from
            and dated.paid_date < currency_days.valid_before
)

select * from final
