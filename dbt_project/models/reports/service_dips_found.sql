-- One row per recurring dip of a series of sales. Empty here: `warehouse.forecast` finds them in `fct_sales` after the build, since
-- a decomposition into trend and season is no work for SQL, and fills this table before it is published.
select
    null::text as dip_key,
    null::text as clinic_id,
    null::text as item_type,
    null::text as season,
    null::text as measured_by,
    null::integer as times_seen,
    null::integer as times_possible,
    null::numeric as depth_percent,
    null::numeric as clients_lost,
    null::numeric as amount_lost,
    null::text as currency,
    null::date as next_expected_on,
    null::date as next_expected_to,
    null::numeric as growth,
    null::numeric as confidence_percent
where false
