-- report: expiring_subscriptions
-- Expiring subscriptions (Заканчивающиеся абонементы), RULES section 10: which end, who renewed, who did not, and who is lost.
-- `state`: renewed; running (not over yet); may_renew (over, and a renewal still counts); stays (not renewed, and comes or buys
-- still); lost (not renewed, and neither came nor bought since).
-- The days asked for are those of `valid_to`. Without dates: the coming weeks, from the clinic's day of the load. `within_days`
-- adds days after `date_to`; it is 30 where no `date_to` is given, else 0. Names and phones only with the right to them.

create or replace function reports.expiring_subscriptions(
    date_from date default null,
    date_to date default null,
    within_days integer default null,
    item text default null,
    clinic text default null
)
returns table (
    sale_id text,
    clinic_id text,
    person_key text,
    full_name text,
    phone text,
    item_type text,
    item text,
    valid_from date,
    valid_to date,
    days_left integer,
    amount numeric,
    renewed boolean,
    renewed_on date,
    last_seen_on date,
    state text
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        ending.sale_id,
        ending.clinic_id,
        ending.person_key,
        personal.full_name,
        personal.phone,
        ending.item_type,
        ending.item,
        ending.valid_from,
        ending.valid_to,
        ending.valid_to - days.today,
        round(ending.amount, 2),
        ending.is_renewed,
        ending.renewed_on,
        ending.last_seen_on,
        ending.state
    from reports.expiring_subscriptions_rows as ending
    inner join reports.expiring_subscriptions_days as days on ending.clinic_id = days.clinic_id
    left join reports.expiring_subscriptions_personal as personal on ending.sale_id = personal.sale_id
    where
        ending.valid_to >= coalesce(date_from, days.today)
        and ending.valid_to
        <= coalesce(date_to, greatest(date_from, days.today))
        + coalesce(within_days, case when date_to is null then 30 else 0 end)
        and (expiring_subscriptions.item is null or ending.item = expiring_subscriptions.item)
        and (expiring_subscriptions.clinic is null or ending.clinic_id = expiring_subscriptions.clinic)
    order by ending.valid_to, ending.item_type, ending.item, ending.sale_id
$function$;
comment on function reports.expiring_subscriptions(date, date, integer, text, text) is
    'Expiring subscriptions / Заканчивающиеся абонементы: which end, who renewed, who did not, who is lost.';

-- By item, of the subscriptions that ended in the period; the row with item null is all together. A client of two items who gave
-- up one counts in that item's row, and once in the row of all. The percents are of subscriptions and clients decided: those that
-- may still be renewed are left out.
create or replace function reports.subscription_renewals(
    date_from date,
    date_to date,
    clinic text default null
)
returns table (
    item_type text,
    item text,
    ended bigint,
    renewed bigint,
    undecided bigint,
    not_renewed bigint,
    not_renewed_percent numeric,
    amount_not_renewed numeric,
    clients bigint,
    clients_not_renewing bigint,
    clients_lost bigint,
    clients_lost_percent numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with counted as (
        select
            ending.item_type,
            ending.item,
            grouping(ending.item) as is_total,
            count(*) as ended,
            count(*) filter (where ending.state = 'renewed') as renewed,
            count(*) filter (where ending.state in ('running', 'may_renew')) as undecided,
            count(*) filter (where ending.state in ('stays', 'lost')) as not_renewed,
            coalesce(sum(ending.amount) filter (where ending.state in ('stays', 'lost')), 0) as amount,
            count(distinct ending.person_key) filter (where ending.state in ('renewed', 'stays', 'lost')) as clients,
            count(distinct ending.person_key) filter (where ending.state in ('stays', 'lost')) as clients_not_renewing,
            count(distinct ending.person_key) filter (where ending.state = 'lost') as clients_lost
        from reports.expiring_subscriptions_rows as ending
        where
            reports.are_days(date_from, date_to)
            and ending.valid_to between date_from and date_to
            and (subscription_renewals.clinic is null or ending.clinic_id = subscription_renewals.clinic)
        group by grouping sets ((ending.item_type, ending.item), ())
    )
    select
        counted.item_type,
        counted.item,
        counted.ended,
        counted.renewed,
        counted.undecided,
        counted.not_renewed,
        round(100.0 * counted.not_renewed / nullif(counted.renewed + counted.not_renewed, 0), 2),
        round(counted.amount, 2),
        counted.clients,
        counted.clients_not_renewing,
        counted.clients_lost,
        round(100.0 * counted.clients_lost / nullif(counted.clients, 0), 2)
    from counted
    order by counted.is_total, counted.not_renewed desc, counted.item_type, counted.item
$function$;
comment on function reports.subscription_renewals(date, date, text) is
    'Renewals by item / Продления абонементов: ended, renewed, not renewed, clients lost; item null is all together.';

create or replace view reports.expiring_subscriptions_daily
with (security_invoker = true) as
select
    ending.valid_to as day,
    ending.clinic_id,
    ending.item_type,
    ending.item,
    count(*) as ended,
    count(*) filter (where ending.state = 'renewed') as renewed,
    count(*) filter (where ending.state in ('running', 'may_renew')) as undecided,
    count(*) filter (where ending.state in ('stays', 'lost')) as not_renewed,
    count(*) filter (where ending.state = 'lost') as lost,
    coalesce(sum(ending.amount), 0) as amount
from reports.expiring_subscriptions_rows as ending
group by ending.valid_to, ending.clinic_id, ending.item_type, ending.item;
comment on view reports.expiring_subscriptions_daily is
    'Subscriptions by their last day, clinic and item, additive columns only.';

select ops.inherit_comments('reports.expiring_subscriptions_daily', 'reports.expiring_subscriptions_rows');
comment on column reports.expiring_subscriptions_daily.day is 'Last day of the subscriptions.';
comment on column reports.expiring_subscriptions_daily.ended is 'Subscriptions that end on the day.';
comment on column reports.expiring_subscriptions_daily.renewed is 'Of these, renewed.';
comment on column reports.expiring_subscriptions_daily.undecided is
    'Of these, not renewed, though a renewal would still count.';
comment on column reports.expiring_subscriptions_daily.not_renewed is 'Of these, not renewed.';
comment on column reports.expiring_subscriptions_daily.lost is
    'Of the not renewed, those whose client neither came nor bought since.';
comment on column reports.expiring_subscriptions_daily.amount is
    'Amount of the subscriptions in the reporting currency.';
