-- One row per payment in force; below zero is money given back. It belongs to an appointment when all that its bills are
-- for was done in that one, and to the patient whom it names, else to the one of its bills.
-- Gone is what the history says was deleted and was not updated since, and what is missing from the list of all ids
-- though it is older than the list.
with

deletions as (
    select * from {{ source('fhir', 'deletions') }}
),

resource_ids as (
    select * from {{ source('fhir', 'resource_ids') }}
),

payments as (
    select rows_as_sent.* from {{ source('fhir', 'payments') }} as rows_as_sent
    where
        not exists (
            select from deletions
            where
                deletions.resource = 'PaymentReconciliation'
                and deletions.resource_id = rows_as_sent.payment_id
                and deletions.deleted_at >= rows_as_sent.updated_at
        )
        and (
            exists (
                select from resource_ids
                where
                    resource_ids.resource = 'PaymentReconciliation'
                    and resource_ids.resource_id = rows_as_sent.payment_id
            )
            or rows_as_sent.updated_at > coalesce(
                (
                    select max(listed.updated_at) from resource_ids as listed
                    where listed.resource = 'PaymentReconciliation'
                ),
                '-infinity'
            )
        )
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
