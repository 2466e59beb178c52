-- report: *
-- The periods of a report with those that each is compared with: the one before, and the same of last year. No data.
-- `period` is the first calendar day of a day, week (Monday) or month; with grain `period` the whole is one. Of a unit that the
-- dates cut only the days inside count, and then of the compared ones the days with the same place.
--   before:     the day, week or month before; with grain `period` as many days before, or, where the dates are whole months, as
--               many months.
--   last year:  the same date; the same dates of the month; of a week the same weekdays, 364 days earlier (a 53rd week has one too).
-- A whole month is compared with the whole other one, whatever its length. A day that the other month does not have (29 February,
-- the 31st) has no counterpart: its first day is then after its last.

create or replace function reports.compared_periods(date_from date, date_to date, grain text)
returns table (
    period date,
    first_day date,
    last_day date,
    previous_first_day date,
    previous_last_day date,
    last_year_first_day date,
    last_year_last_day date
)
language plpgsql
immutable
security invoker
rows 50
set search_path = pg_catalog, pg_temp
as $function$
declare
    unit text := case grain when 'period' then 'day' else grain end;
begin
    if grain is null or grain not in ('day', 'week', 'month', 'period') then
        raise exception 'grain is one of day, week, month, period' using errcode = 'invalid_parameter_value';
    end if;
    if (isfinite(date_from) and isfinite(date_to)) is not true then
        raise exception 'date_from and date_to are days of the calendar' using errcode = 'invalid_parameter_value';
    end if;
    -- the days before such a period would be before all that PostgreSQL knows, and its parts take minutes to count
    if date_from < date '0001-01-01' or date_to - date_from > 366000 then
        raise exception 'date_from and date_to are days of our era, at most 1000 years apart'
            using errcode = 'invalid_parameter_value';
    end if;
    return query
    with units as (
        select
            begins.at::date as unit_first,
            (begins.at + ('1 ' || unit)::interval)::date - 1 as unit_last
        from generate_series(
            date_trunc(unit, date_from::timestamp), date_to::timestamp, ('1 ' || unit)::interval
        ) as begins (at)
        where grain <> 'period' and date_from <= date_to
        union all
        select date_from, date_to
        where grain = 'period' and date_from <= date_to
    ),
    cut as (
        select
            units.unit_first,
            greatest(units.unit_first, date_from) as first_day,
            least(units.unit_last, date_to) as last_day,
            units.unit_first >= date_from and units.unit_last <= date_to as is_whole
        from units
    ),
    -- how many months the days are, where they are whole months; then they are compared with whole months
    whole as (
        select
            cut.*,
            case
                when
                    cut.is_whole and grain in ('month', 'period')
                    and extract(day from cut.first_day) = 1 and extract(day from cut.last_day + 1) = 1
                    then
                        12 * (extract(year from cut.last_day + 1) - extract(year from cut.first_day))::int
                        + (extract(month from cut.last_day + 1) - extract(month from cut.first_day))::int
            end as months
        from cut
    ),
    -- the same date some months earlier, and whether that month has it
    earlier as (
        select
            whole.*,
            (whole.first_day - interval '1 month')::date as month_before_first,
            (whole.last_day - interval '1 month')::date as month_before_last,
            (whole.first_day - interval '1 year')::date as year_before_first,
            (whole.last_day - interval '1 year')::date as year_before_last
        from whole
    )
    select
        earlier.unit_first,
        earlier.first_day,
        earlier.last_day,
        case
            when earlier.months is not null then (earlier.first_day - make_interval(months => earlier.months))::date
            when grain = 'day' then earlier.first_day - 1
            when grain = 'week' then earlier.first_day - 7
            when grain = 'month' then
                earlier.month_before_first
                + (extract(day from earlier.month_before_first) <> extract(day from earlier.first_day))::int
            else earlier.first_day - (earlier.last_day - earlier.first_day + 1)
        end,
        case
            when earlier.months is not null then earlier.first_day - 1
            when grain = 'day' then earlier.last_day - 1
            when grain = 'week' then earlier.last_day - 7
            when grain = 'month' then earlier.month_before_last
            else earlier.first_day - 1
        end,
        case
            when grain = 'week' then earlier.first_day - 364
            else
                earlier.year_before_first
                + (extract(day from earlier.year_before_first) <> extract(day from earlier.first_day))::int
        end,
        case
            when earlier.months is not null then ((earlier.last_day + 1) - interval '1 year')::date - 1
            when grain = 'week' then earlier.last_day - 364
            else earlier.year_before_last
        end
    from earlier
    order by earlier.unit_first;
end
$function$;
comment on function reports.compared_periods(date, date, text) is
    'Days, weeks or months of a period, each with the one before and the same of last year.';
