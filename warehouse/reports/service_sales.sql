-- report: service_sales
-- Service sales (Продажа услуг), RULES section 10: by any period and any service or goods, how many, for how much, to how many
-- people, against the period before and the same of last year (`reports.compared_periods` says which days these are).
-- A row stands also for what sold in a compared period only, so that rows sum to the row of all together. A compared figure is
-- null where its days lie before the first sale of all, or do not exist: unknown is not nothing. A change is told only from an amount
-- above 0: from more returns than sales, growth would read as a fall.

create or replace function reports.service_sales_depth(level text)
returns integer
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if level is null or level not in ('total', 'item_kind', 'item_type', 'item') then
        raise exception 'level is one of total, item_kind, item_type, item' using errcode = 'invalid_parameter_value';
    end if;
    return array_position(array['item_kind', 'item_type', 'item'], level);
end
$function$;
comment on function reports.service_sales_depth(text) is
    'How many of item_kind, item_type and item a level of the report tells apart; null: none.';

create or replace function reports.service_sales(
    date_from date,
    date_to date,
    grain text default 'month',
    item_kind text default null,
    item text default null,
    level text default 'item',
    item_type text default null,
    clinic text default null
)
returns table (
    period date,
    first_day date,
    last_day date,
    item_kind text,
    item_type text,
    item text,
    sales bigint,
    quantity numeric,
    amount numeric,
    buyers bigint,
    previous_quantity numeric,
    previous_amount numeric,
    previous_buyers bigint,
    change_percent numeric,
    last_year_quantity numeric,
    last_year_amount numeric,
    last_year_buyers bigint,
    last_year_change_percent numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with depth as materialized (
        select coalesce(reports.service_sales_depth(level), 0) as levels
    ),
    periods as materialized (
        select compared.* from reports.compared_periods(date_from, date_to, grain) as compared
    ),
    -- the days of a row may be those that another row is compared with: each are counted once
    uses as (
        select
            periods.period,
            spans.compared,
            spans.first_day,
            spans.last_day
        from periods
        cross join lateral (
            values
            ('current', periods.first_day, periods.last_day),
            ('previous', periods.previous_first_day, periods.previous_last_day),
            ('last_year', periods.last_year_first_day, periods.last_year_last_day)
        ) as spans (compared, first_day, last_day)
    ),
    days as (
        select
            spans.first_day,
            spans.last_day,
            spans.first_day + numbered.number as day
        from (select distinct uses.first_day, uses.last_day from uses) as spans
        cross join lateral generate_series(0, spans.last_day - spans.first_day) as numbered (number)
    ),
    sold as (
        select
            lines.sold_date,
            lines.person_key,
            case when depth.levels >= 1 then lines.item_kind end as item_kind,
            case when depth.levels >= 2 then lines.item_type end as item_type,
            case when depth.levels >= 3 then lines.item end as item,
            lines.quantity,
            lines.amount
        from reports.service_sales_lines as lines
        cross join depth
        where
            (service_sales.item_kind is null or lines.item_kind = service_sales.item_kind)
            and reports.is_one_of('item_kind', service_sales.item_kind, 'service', 'goods', 'subscription', 'unknown')
            and (service_sales.item_type is null or lines.item_type = service_sales.item_type)
            and (service_sales.item is null or lines.item = service_sales.item)
            and (service_sales.clinic is null or lines.clinic_id = service_sales.clinic)
    ),
    first_sale as materialized (
        select min(lines.sold_date) as day
        from reports.service_sales_lines as lines
        where service_sales.clinic is null or lines.clinic_id = service_sales.clinic
    ),
    -- by person first: counting distinct people at the end would sort every line
    bought as (
        select
            days.first_day,
            days.last_day,
            sold.item_kind,
            sold.item_type,
            sold.item,
            sold.person_key,
            -- a line below 0 gives something back: who only gives back buys nothing
            bool_or(sold.amount is null or sold.amount >= 0) as has_bought,
            count(*) as sales,
            sum(sold.quantity) as quantity,
            sum(sold.amount) as amount
        from days
        inner join sold on days.day = sold.sold_date
        group by days.first_day, days.last_day, sold.item_kind, sold.item_type, sold.item, sold.person_key
    ),
    spans_sold as (
        select
            bought.first_day,
            bought.last_day,
            bought.item_kind,
            bought.item_type,
            bought.item,
            sum(bought.sales)::bigint as sales,
            sum(bought.quantity) as quantity,
            coalesce(sum(bought.amount), 0) as amount,
            count(bought.person_key) filter (where bought.has_bought) as buyers
        from bought
        group by bought.first_day, bought.last_day, bought.item_kind, bought.item_type, bought.item
    ),
    counted as (
        select
            uses.period,
            spans_sold.item_kind,
            spans_sold.item_type,
            spans_sold.item,
            max(spans_sold.sales) filter (where uses.compared = 'current') as sales,
            max(spans_sold.quantity) filter (where uses.compared = 'current') as quantity,
            max(spans_sold.amount) filter (where uses.compared = 'current') as amount,
            max(spans_sold.buyers) filter (where uses.compared = 'current') as buyers,
            max(spans_sold.quantity) filter (where uses.compared = 'previous') as previous_quantity,
            max(spans_sold.amount) filter (where uses.compared = 'previous') as previous_amount,
            max(spans_sold.buyers) filter (where uses.compared = 'previous') as previous_buyers,
            max(spans_sold.quantity) filter (where uses.compared = 'last_year') as last_year_quantity,
            max(spans_sold.amount) filter (where uses.compared = 'last_year') as last_year_amount,
            max(spans_sold.buyers) filter (where uses.compared = 'last_year') as last_year_buyers
        from uses
        inner join spans_sold on uses.first_day = spans_sold.first_day and uses.last_day = spans_sold.last_day
        group by uses.period, spans_sold.item_kind, spans_sold.item_type, spans_sold.item
    ),
    known as (
        select
            periods.*,
            periods.previous_first_day <= periods.previous_last_day
            and periods.previous_last_day >= first_sale.day as has_previous,
            periods.last_year_first_day <= periods.last_year_last_day
            and periods.last_year_last_day >= first_sale.day as has_last_year
        from periods
        cross join first_sale
    ),
    figures as (
        select
            known.period,
            known.first_day,
            known.last_day,
            counted.item_kind,
            counted.item_type,
            counted.item,
            coalesce(counted.sales, 0) as sales,
            coalesce(counted.quantity, 0) as quantity,
            coalesce(counted.amount, 0) as amount,
            coalesce(counted.buyers, 0) as buyers,
            case when known.has_previous then coalesce(counted.previous_quantity, 0) end as previous_quantity,
            case when known.has_previous then coalesce(counted.previous_amount, 0) end as previous_amount,
            case when known.has_previous then coalesce(counted.previous_buyers, 0) end as previous_buyers,
            case when known.has_last_year then coalesce(counted.last_year_quantity, 0) end as last_year_quantity,
            case when known.has_last_year then coalesce(counted.last_year_amount, 0) end as last_year_amount,
            case when known.has_last_year then coalesce(counted.last_year_buyers, 0) end as last_year_buyers
        from known
        cross join depth
        left join counted on known.period = counted.period
        -- all together has a row for every period, an empty one too
        where depth.levels = 0 or counted.period is not null
    )
    select
        figures.period,
        figures.first_day,
        figures.last_day,
        figures.item_kind,
        figures.item_type,
        figures.item,
        figures.sales,
        trim_scale(figures.quantity),
        round(figures.amount, 2),
        figures.buyers,
        trim_scale(figures.previous_quantity),
        round(figures.previous_amount, 2),
        figures.previous_buyers,
        round(100 * (figures.amount - figures.previous_amount) / nullif(greatest(figures.previous_amount, 0), 0), 2),
        trim_scale(figures.last_year_quantity),
        round(figures.last_year_amount, 2),
        figures.last_year_buyers,
        round(100 * (figures.amount - figures.last_year_amount) / nullif(greatest(figures.last_year_amount, 0), 0), 2)
    from figures
    order by figures.period, figures.amount desc, figures.item_kind, figures.item_type, figures.item
$function$;
comment on function reports.service_sales(date, date, text, text, text, text, text, text) is
    'Service sales / Продажа услуг: quantity, amount and buyers of a period, against the one before and last year.';

create or replace view reports.service_sales_daily
with (security_invoker = true) as
select
    lines.sold_date as day,
    lines.clinic_id,
    lines.item_kind,
    lines.item_type,
    lines.item,
    count(*) as sales,
    sum(lines.quantity) as quantity,
    coalesce(sum(lines.amount), 0) as amount
from reports.service_sales_lines as lines
group by lines.sold_date, lines.clinic_id, lines.item_kind, lines.item_type, lines.item;
comment on view reports.service_sales_daily is
    'Service sales by day, clinic and item, additive columns only: buyers of a day do not add up to those of a week.';

select ops.inherit_comments('reports.service_sales_daily', 'reports.service_sales_lines');
comment on column reports.service_sales_daily.day is 'Local day of the sales in the clinic.';
comment on column reports.service_sales_daily.sales is 'Sold lines.';
comment on column reports.service_sales_daily.quantity is 'How many were sold.';
comment on column reports.service_sales_daily.amount is 'Amount in the reporting currency.';
