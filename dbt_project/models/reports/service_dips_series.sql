-- One row per series of sales: whether it could be looked at for dips. Empty here: `warehouse.forecast` fills it after the build.
select
    null::text as series_key,
    null::text as clinic_id,
    null::text as item_type,
    null::text as status,
    null::date as first_day,
    null::date as last_day,
    null::numeric as clients_a_week,
    null::integer as dips
where false
