-- One row per service that was done: charged, or waiting for its bill. A line without a price of its own has the one of its
-- bill. The standard does not know what a service costs the clinic.
with

charge_items as (
    {{ fhir_still_there('charge_items', 'ChargeItem', 'charge_item_id') }}
),

encounters as (
    select * from {{ source('fhir', 'encounters') }}
),

billed as (
    select
        line.entry ->> 'charge_item' as charge_item_id,
        sum((line.entry ->> 'amount')::numeric) as amount,
        min(line.entry ->> 'currency') as currency
    from {{ source('fhir', 'invoices') }} as invoices
    cross join lateral jsonb_array_elements(invoices.lines) as line (entry)
    where
        invoices.status in ('issued', 'balanced', 'draft')
        and line.entry ->> 'charge_item' is not null
        and line.entry ->> 'amount' is not null
    group by line.entry ->> 'charge_item'
),

final as (
    select
        'fhir:' || charge_items.charge_item_id as sale_id,
        charge_items.happened_at as sold_at,
        'fhir:' || charge_items.patient_id as patient_id,
        charge_items.clinic_id,
        'fhir:' || encounters.appointment_id as appointment_id,
        'service'::text as item_kind,
        null::text as item_type,
        charge_items.item,
        charge_items.quantity,
        coalesce(charge_items.amount, billed.amount) as amount,
        null::numeric as cost,
        case when charge_items.amount is null then billed.currency else charge_items.currency end as currency,
        null::date as valid_from,
        null::date as valid_to,
        null::text as renews_sale_id,
        'fhir'::text as source_system
    from charge_items
    left join encounters on charge_items.encounter_id = encounters.encounter_id
    left join billed on charge_items.charge_item_id = billed.charge_item_id
    where
        charge_items.status in ('billable', 'billed')
        and charge_items.patient_id is not null
        and coalesce(charge_items.amount, billed.amount) is not null
)

select * from final
