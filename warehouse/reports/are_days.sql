-- report: *
-- The days that a report is asked for: null is refused, because it would answer with nothing, or with noughts. True otherwise, so
-- that a report can ask it beside its other conditions. A period may be open (infinity); one that ends before it begins has no days.
-- No data.

create or replace function reports.are_days(date_from date, date_to date)
returns boolean
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if date_from is null or date_to is null then
        raise exception 'date_from and date_to are days of the calendar' using errcode = 'invalid_parameter_value';
    end if;
    return true;
end
$function$;
comment on function reports.are_days(date, date) is
    'True; a period of which a day is null is refused.';
