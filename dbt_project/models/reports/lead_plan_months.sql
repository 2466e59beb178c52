-- One row per series of sales and month to come. Empty here: `warehouse.forecast` fills it after the build.
select
    null::text as month_key,
    null::text as clinic_id,
    null::text as item_type,
    null::date as month,
    null::numeric as clients_expected,
    null::numeric as clients_year_before,
    null::numeric as amount_expected,
    null::numeric as amount_year_before,
    null::text as currency
where false
