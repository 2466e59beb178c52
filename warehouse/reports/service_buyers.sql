-- report: service_buyers
-- Who bought a service (Кто покупал услугу), RULES section 10: how many times, first and last purchase, median interval.
-- A purchase is a local day on which the person bought what is asked for: two fillings on one visit are one purchase, however the
-- clinic system wrote them down. A line below 0 gives something back: it lowers quantity and amount, and is no purchase. Who only
-- gave back in the period has a row with no purchase, so that amounts are those of service_sales. Names come from a table whose rows exist only for readers with a right to personal data.

create or replace function reports.service_buyers(
    date_from date,
    date_to date,
    item text default null,
    item_type text default null,
    item_kind text default null,
    clinic text default null
)
returns table (
    person_key text,
    full_name text,
    purchases bigint,
    first_at timestamptz,
    last_at timestamptz,
    median_days_between numeric,
    purchases_per_year numeric,
    sales bigint,
    quantity numeric,
    amount numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with days as (
        select
            lines.person_key,
            lines.sold_date,
            min(lines.sold_at) filter (where lines.amount is null or lines.amount >= 0) as first_at,
            max(lines.sold_at) filter (where lines.amount is null or lines.amount >= 0) as last_at,
            count(*) as sales,
            sum(lines.quantity) as quantity,
            sum(lines.amount) as amount
        from reports.service_buyers_lines as lines
        where
            reports.are_days(date_from, date_to)
            and lines.sold_date between date_from and date_to
            and (service_buyers.item is null or lines.item = service_buyers.item)
            and (service_buyers.item_type is null or lines.item_type = service_buyers.item_type)
            and (service_buyers.item_kind is null or lines.item_kind = service_buyers.item_kind)
            and reports.is_one_of('item_kind', service_buyers.item_kind, 'service', 'goods', 'subscription', 'unknown')
            and (service_buyers.clinic is null or lines.clinic_id = service_buyers.clinic)
        group by lines.person_key, lines.sold_date
    ),
    -- of a day with purchases: the days since the one before
    purchases as (
        select
            days.*,
            case
                when days.first_at is not null
                    then days.sold_date - lag(days.sold_date) over (
                        partition by days.person_key, days.first_at is not null order by days.sold_date
                    )
            end as days_between
        from days
    ),
    buyers as (
        select
            purchases.person_key,
            count(purchases.first_at) as purchases,
            min(purchases.first_at) as first_at,
            max(purchases.last_at) as last_at,
            percentile_cont(0.5) within group (order by purchases.days_between) as median_days,
            sum(purchases.days_between) as days_in_all,
            sum(purchases.sales) as sales,
            sum(purchases.quantity) as quantity,
            coalesce(sum(purchases.amount), 0) as amount
        from purchases
        group by purchases.person_key
    ),
    names as (
        select
            personal.person_key,
            max(personal.full_name) as full_name
        from reports.service_buyers_personal as personal
        group by personal.person_key
    )
    select
        buyers.person_key,
        names.full_name,
        buyers.purchases,
        buyers.first_at,
        buyers.last_at,
        round(buyers.median_days::numeric, 2),
        -- one purchase tells no frequency
        round((buyers.purchases - 1) * 365.25 / nullif(buyers.days_in_all, 0), 2),
        buyers.sales::bigint,
        trim_scale(buyers.quantity),
        round(buyers.amount, 2)
    from buyers
    left join names on buyers.person_key = names.person_key
    order by buyers.purchases desc, buyers.amount desc, buyers.person_key
$function$;
comment on function reports.service_buyers(date, date, text, text, text, text) is
    'Who bought a service / Кто покупал услугу: how many times, first and last purchase, and how often.';

-- By item: how many came back for it, and after how long.
create or replace function reports.service_frequency(
    date_from date,
    date_to date,
    item text default null,
    item_type text default null,
    item_kind text default null,
    clinic text default null
)
returns table (
    item_kind text,
    item_type text,
    item text,
    buyers bigint,
    purchases bigint,
    purchases_per_buyer numeric,
    repeat_buyers bigint,
    repeat_percent numeric,
    median_days_between numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with purchases as (
        select
            lines.item_kind,
            lines.item_type,
            lines.item,
            lines.person_key,
            lines.sold_date,
            lines.sold_date - lag(lines.sold_date) over (
                partition by lines.item_kind, lines.item_type, lines.item, lines.person_key order by lines.sold_date
            ) as days_between
        from reports.service_buyers_lines as lines
        where
            reports.are_days(date_from, date_to)
            and lines.sold_date between date_from and date_to
            and (service_frequency.item is null or lines.item = service_frequency.item)
            and (service_frequency.item_type is null or lines.item_type = service_frequency.item_type)
            and (service_frequency.item_kind is null or lines.item_kind = service_frequency.item_kind)
            and reports.is_one_of('item_kind', service_frequency.item_kind, 'service', 'goods', 'subscription', 'unknown')
            and (service_frequency.clinic is null or lines.clinic_id = service_frequency.clinic)
            and (lines.amount is null or lines.amount >= 0)
        group by lines.item_kind, lines.item_type, lines.item, lines.person_key, lines.sold_date
    ),
    counted as (
        select
            purchases.item_kind,
            purchases.item_type,
            purchases.item,
            count(distinct purchases.person_key) as buyers,
            count(*) as purchases,
            count(distinct purchases.person_key) filter (where purchases.days_between is not null) as repeat_buyers,
            percentile_cont(0.5) within group (order by purchases.days_between) as median_days
        from purchases
        group by purchases.item_kind, purchases.item_type, purchases.item
    )
    select
        counted.item_kind,
        counted.item_type,
        counted.item,
        counted.buyers,
        counted.purchases,
        round(counted.purchases::numeric / counted.buyers, 2),
        counted.repeat_buyers,
        round(100.0 * counted.repeat_buyers / counted.buyers, 2),
        round(counted.median_days::numeric, 2)
    from counted
    order by counted.purchases desc, counted.item_kind, counted.item_type, counted.item
$function$;
comment on function reports.service_frequency(date, date, text, text, text, text) is
    'How often a service is bought / Периодичность покупок: buyers, those who came again, and after how many days.';

create or replace view reports.service_buyers_daily
with (security_invoker = true) as
select
    lines.sold_date as day,
    lines.clinic_id,
    lines.person_key,
    lines.item_kind,
    lines.item_type,
    lines.item,
    count(*) as sales,
    sum(lines.quantity) as quantity,
    coalesce(sum(lines.amount), 0) as amount
from reports.service_buyers_lines as lines
group by lines.sold_date, lines.clinic_id, lines.person_key, lines.item_kind, lines.item_type, lines.item;
comment on view reports.service_buyers_daily is 'Purchases by day, clinic, person and item, additive columns only.';

select ops.inherit_comments('reports.service_buyers_daily', 'reports.service_buyers_lines');
comment on column reports.service_buyers_daily.day is 'Local day of the purchase in the clinic.';
comment on column reports.service_buyers_daily.sales is 'Sold lines.';
comment on column reports.service_buyers_daily.quantity is 'How many were bought.';
comment on column reports.service_buyers_daily.amount is 'Amount in the reporting currency.';
