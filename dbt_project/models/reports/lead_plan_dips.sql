-- One row per recurring dip, as the lead plan reads it by a right of its own. Empty here: `warehouse.forecast` fills it after the build.
select
    null::text as dip_key,
    null::text as clinic_id,
    null::text as item_type,
    null::text as season,
    null::date as expected_from,
    null::date as expected_to,
    null::numeric as clients_at_risk,
    null::numeric as amount_at_risk,
    null::text as currency
where false
