-- One row per payment in force; below zero is money given back. It belongs to an appointment when what its bills are for
-- was done in that one and in no other, and to the patient whom it names, else to the one of its bills.
with

payments as (
    {{ fhir_still_there('payments', 'PaymentReconciliation', 'payment_id') }}
),

paid as (
    select
        payments.payment_id,
        invoices.patient_id,
        encounters.appointment_id
    from payments
    cross join lateral unnest(payments.invoices) as bill (invoice_id)
    inner join {{ source('fhir', 'invoices') }} as invoices on bill.invoice_id = invoices.invoice_id
    cross join lateral jsonb_array_elements(invoices.lines) as line (entry)
    left join {{ source('fhir', 'charge_items') }} as charge_items
        on line.entry ->> 'charge_item' = charge_items.charge_item_id
    left join {{ source('fhir', 'encounters') }} as encounters on charge_items.encounter_id = encounters.encounter_id
),

bills as (
    select
        payment_id,
        case when count(distinct patient_id) = 1 then min(patient_id) end as patient_id,
        case when count(distinct appointment_id) = 1 then min(appointment_id) end as appointment_id
    from paid
    group by payment_id
),

final as (
    select
        'fhir:' || payments.payment_id as payment_id,
        payments.paid_at,
        'fhir:' || coalesce(payments.patient_id, bills.patient_id) as patient_id,
        payments.clinic_id,
        'fhir:' || bills.appointment_id as appointment_id,
        payments.amount,
        payments.currency,
        'fhir'::text as source_system
    from payments
    left join bills on payments.payment_id = bills.payment_id
    where payments.status = 'active' and coalesce(payments.patient_id, bills.patient_id) is not null
)

select * from final
