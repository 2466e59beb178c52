-- One row per procedure that was done. The codes of missed and cancelled appointments are no services.
-- The vendor does not know what a service costs the clinic; without a cost there is no profit and no LTV.
with

procedures as (
    select * from {{ source('open_dental', 'procedures') }}
    where status = 'C' and coalesce(code, '') not in ('D9986', 'D9987')
),

final as (
    select
        'open_dental:' || procedures.procedure_num as sale_id,
        procedures.done_at as sold_at,
        'open_dental:' || procedures.patient_num as patient_id,
        procedures.clinic_id,
        'open_dental:' || procedures.appointment_num as appointment_id,
        'service'::text as item_kind,
        null::text as item_type,
        procedures.description as item,
        procedures.quantity,
        procedures.fee as amount,
        null::numeric as cost,
        procedures.currency,
        null::date as valid_from,
        null::date as valid_to,
        null::text as renews_sale_id,
        'open_dental'::text as source_system
    from procedures
)

select * from final
