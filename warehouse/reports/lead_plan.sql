-- report: lead_plan
-- Lead plan (План лидов), RULES section 10: how many clients to win, and by each channel's own conversion and cost per inquiry how
-- many inquiries and how much spend that takes, and by when to begin. One row per channel that can be bought.

-- What the period is expected to lose: clients missing in recurring dips, and those who do not renew a subscription.
create or replace function reports.lead_plan_need(
    date_from date,
    date_to date,
    clinic text default null,
    only_item_type text default null
)
returns table (
    reason text,
    clinic_id text,
    item_type text,
    season text,
    expected_from date,
    expected_to date,
    subscriptions bigint,
    clients numeric,
    clients_exact numeric
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    with coming as (
        select
            dips.clinic_id,
            dips.item_type,
            dips.season,
            (dips.expected_from + make_interval(years => shift.years))::date as expected_from,
            (dips.expected_to + make_interval(years => shift.years))::date as expected_to,
            dips.clients_at_risk
        from reports.lead_plan_dips as dips
        cross join generate_series(0, 9) as shift (years)
        where
            reports.are_days(lead_plan_need.date_from, lead_plan_need.date_to)
            and (lead_plan_need.clinic is null or dips.clinic_id = lead_plan_need.clinic)
            and (lead_plan_need.only_item_type is null or dips.item_type = lead_plan_need.only_item_type)
    ),
    inside as (
        select
            coming.*,
            -- a client who buys two types would be missed twice: the clinic as a whole where it has a dip of its own
            bool_or(coming.item_type is null) over (partition by coming.clinic_id) as has_whole,
            least(coming.expected_to, lead_plan_need.date_to)
            - greatest(coming.expected_from, lead_plan_need.date_from) + 1 as days_inside
        from coming
        where coming.expected_from <= lead_plan_need.date_to and coming.expected_to >= lead_plan_need.date_from
    ),
    ends as (
        select
            days.*,
            days.day between lead_plan_need.date_from and lead_plan_need.date_to as is_inside,
            -- days whose clients have all had their time to renew; and, till there are any, days that have ended
            days.day < coalesce(min(days.day) filter (where days.running + days.may_renew > 0) over (), 'infinity')
                as is_settled,
            days.day < coalesce(min(days.day) filter (where days.running > 0) over (), 'infinity') as is_over
        from reports.lead_plan_subscriptions as days
        where
            (lead_plan_need.clinic is null or days.clinic_id = lead_plan_need.clinic)
            and (lead_plan_need.only_item_type is null or days.item_type = lead_plan_need.only_item_type)
    ),
    summed as (
        select
            ends.clinic_id,
            ends.item_type,
            coalesce(sum(ends.subscriptions) filter (where ends.is_inside), 0) as subscriptions,
            coalesce(sum(ends.running) filter (where ends.is_inside), 0) as running,
            coalesce(sum(ends.subscriptions) filter (where ends.is_inside and ends.running > 0), 0) as on_running_days,
            coalesce(sum(ends.may_renew) filter (where ends.is_inside), 0) as may_renew,
            coalesce(sum(ends.lost) filter (where ends.is_inside), 0) as lost,
            sum(ends.lost) filter (where ends.is_settled) as settled_lost,
            sum(ends.stays) filter (where ends.is_settled) as settled_stays,
            sum(ends.subscriptions) filter (where ends.is_settled) as settled,
            sum(ends.lost + ends.may_renew) filter (where ends.is_over) as over_lost,
            sum(ends.subscriptions) filter (where ends.is_over) as over_all
        from ends
        group by ends.clinic_id, ends.item_type
    ),
    -- shares of the type, else of all types
    rated as (
        select
            summed.*,
            coalesce(
                summed.settled_lost / nullif(summed.settled_lost + summed.settled_stays, 0),
                sum(summed.settled_lost) over () / nullif(sum(summed.settled_lost + summed.settled_stays) over (), 0),
                1
            ) as lost_of_not_renewed,
            coalesce(
                summed.settled_lost / nullif(summed.settled, 0),
                sum(summed.settled_lost) over () / nullif(sum(summed.settled) over (), 0),
                summed.over_lost / nullif(summed.over_all, 0),
                sum(summed.over_lost) over () / nullif(sum(summed.over_all) over (), 0),
                0
            ) as lost_of_all
        from summed
    ),
    needed as (
        select
            'dip' as reason,
            inside.clinic_id,
            inside.item_type,
            inside.season,
            inside.expected_from,
            inside.expected_to,
            null::bigint as subscriptions,
            inside.clients_at_risk * inside.days_inside / (inside.expected_to - inside.expected_from + 1) as clients
        from inside
        where inside.item_type is null or not inside.has_whole
        union all
        select
            'not_renewed',
            rated.clinic_id,
            rated.item_type,
            null,
            lead_plan_need.date_from,
            lead_plan_need.date_to,
            rated.subscriptions::bigint,
            -- some of those that end on a coming day are renewed already: the share lost is of all of them, not of the rest
            rated.lost + rated.may_renew * rated.lost_of_not_renewed
            + least(rated.running, rated.on_running_days * rated.lost_of_all)
        from rated
        where rated.subscriptions > 0
    )
    select
        needed.reason,
        needed.clinic_id,
        needed.item_type,
        needed.season,
        needed.expected_from,
        needed.expected_to,
        needed.subscriptions,
        round(needed.clients, 2),
        needed.clients
    from needed
    order by 5, 1, 2, 3, 4
$function$;
comment on function reports.lead_plan_need(date, date, text, text) is
    'Expected loss / Ожидаемые потери: clients missing in recurring dips, and clients who do not renew.';

create or replace function reports.lead_plan(
    date_from date,
    date_to date,
    target numeric default null,
    target_kind text default 'clients',
    clinic text default null,
    only_item_type text default null,
    history_from date default null,
    history_to date default null,
    lead_share numeric default 0.8
)
returns table (
    channel text,
    clients_needed bigint,
    conversion_percent numeric,
    inquiries_needed bigint,
    cpl numeric,
    spend_needed numeric,
    start_by date,
    conversion_low_percent numeric,
    conversion_high_percent numeric,
    inquiries_low bigint,
    inquiries_high bigint,
    spend_low numeric,
    spend_high numeric,
    lead_days integer,
    history_inquiries numeric,
    history_clients numeric,
    history_spend numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    last_day date := coalesce(lead_plan.history_to, least(lead_plan.date_to, (
        select max(facts.day) from reports.lead_plan_channel_days as facts where facts.inquiries > 0
    )));
    first_day date := coalesce(lead_plan.history_from, last_day - 364);
    revenue_per_client numeric;
    need bigint;
begin
    perform reports.are_days(date_from, date_to);
    if target_kind is null or target_kind not in ('clients', 'revenue') then
        raise exception 'target_kind is one of clients, revenue' using errcode = 'invalid_parameter_value';
    elsif target < 0 then
        raise exception 'target is a number of clients or an amount, not less than 0'
            using errcode = 'invalid_parameter_value';
    elsif lead_share is null or lead_share <= 0 or lead_share > 1 then
        raise exception 'lead_share is above 0 and at most 1' using errcode = 'invalid_parameter_value';
    elsif date_to < date_from then
        raise exception 'date_to is before date_from' using errcode = 'invalid_parameter_value';
    end if;
    if target is null then
        -- six decimals here too: parts rounded one by one would ask for a client whom nobody loses
        select ceil(round(coalesce(sum(loss.clients_exact), 0), 6)) into need
        from reports.lead_plan_need(date_from, date_to, lead_plan.clinic, lead_plan.only_item_type) as loss;
    elsif target_kind = 'clients' then
        need := ceil(target);
    else
        select sum(facts.revenue) / nullif(sum(facts.clients), 0) into revenue_per_client
        from reports.lead_plan_channel_days as facts
        where
            facts.day between first_day and last_day
            and (lead_plan.clinic is null or facts.clinic_id = lead_plan.clinic);
        if revenue_per_client is null or revenue_per_client <= 0 then
            raise exception 'no client has paid in the history, so a revenue cannot be turned into clients'
                using errcode = 'invalid_parameter_value';
        end if;
        need := ceil(round(target / revenue_per_client, 6));
    end if;
    return query
    with known as (
        select
            facts.channel,
            sum(facts.spend) as spend,
            sum(facts.inquiries) as inquiries,
            sum(facts.clients) as clients
        from reports.lead_plan_channel_days as facts
        where
            facts.day between first_day and last_day
            and (lead_plan.clinic is null or facts.clinic_id = lead_plan.clinic)
        group by facts.channel
        -- what cannot be bought, or has never won anybody, is no way to win more
        having sum(facts.spend) > 0 and sum(facts.inquiries) > 0 and sum(facts.clients) > 0
    ),
    shares as (
        select
            known.*,
            need * known.clients / sum(known.clients) over () as share
        from known
    ),
    -- whole clients by the largest remainders, so that channels add up to the need
    split as (
        select
            shares.*,
            floor(shares.share)
            + case
                when row_number() over (order by shares.share - floor(shares.share) desc, shares.clients desc, shares.channel)
                    <= need - sum(floor(shares.share)) over ()
                    then 1
                else 0
            end as clients_needed
        from shares
    ),
    times as (
        select
            facts.channel,
            facts.lead_days,
            sum(facts.clients) as clients
        from reports.lead_plan_lead_times as facts
        where
            facts.day between first_day and last_day
            and (lead_plan.clinic is null or facts.clinic_id = lead_plan.clinic)
        group by grouping sets ((facts.channel, facts.lead_days), (facts.lead_days))
    ),
    running as (
        select
            times.channel,
            times.lead_days,
            sum(times.clients) over (partition by times.channel order by times.lead_days) as so_far,
            sum(times.clients) over (partition by times.channel) as clients
        from times
    ),
    lead_times as (
        select
            running.channel,
            min(running.lead_days) as lead_days
        from running
        -- five clients tell a quantile poorly, fewer not at all: then that of all channels stands in
        where running.so_far >= lead_share * running.clients and (running.channel is null or running.clients >= 5)
        group by running.channel
    ),
    priced as (
        select
            split.*,
            interval.low,
            interval.high,
            split.spend / split.inquiries as cpl,
            coalesce(
                (select own.lead_days from lead_times as own where own.channel = split.channel),
                (select every.lead_days from lead_times as every where every.channel is null)
            ) as lead_days,
            -- six decimals: a share that is not a round number must not need one inquiry more
            ceil(round(split.clients_needed * split.inquiries / split.clients, 6)) as inquiries_needed
        from split
        left join lateral reports.binomial_interval(split.clients, split.inquiries) as interval on true
        where split.clients_needed > 0
    ),
    bounded as (
        select
            priced.*,
            ceil(round(priced.clients_needed / nullif(priced.high, 0), 6)) as inquiries_low,
            ceil(round(priced.clients_needed / nullif(priced.low, 0), 6)) as inquiries_high
        from priced
    )
    select
        bounded.channel,
        bounded.clients_needed::bigint,
        round(100 * bounded.clients / bounded.inquiries, 2),
        bounded.inquiries_needed::bigint,
        round(bounded.cpl, 2),
        round(bounded.inquiries_needed * bounded.cpl, 2),
        lead_plan.date_from - bounded.lead_days,
        round(100 * bounded.low, 2),
        round(100 * bounded.high, 2),
        bounded.inquiries_low::bigint,
        bounded.inquiries_high::bigint,
        round(bounded.inquiries_low * bounded.cpl, 2),
        round(bounded.inquiries_high * bounded.cpl, 2),
        bounded.lead_days,
        trim_scale(round(bounded.inquiries, 6)),
        trim_scale(round(bounded.clients, 6)),
        round(bounded.spend, 2)
    from bounded
    union all
    -- a need that no channel can meet stays in sight
    select
        null, need, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
    where need > 0 and not exists (select 1 from known)
    order by 2 desc, 1;
end
$function$;
comment on function reports.lead_plan(date, date, numeric, text, text, text, date, date, numeric) is
    'Lead plan / План лидов: clients to win by channel, the inquiries and the spend that takes, and when to begin.';

create or replace view reports.lead_plan_forecast
with (security_invoker = true) as
select
    months.clinic_id,
    months.item_type,
    months.month,
    months.clients_expected,
    months.clients_year_before,
    months.amount_expected,
    months.amount_year_before,
    months.currency
from reports.lead_plan_months as months;
comment on view reports.lead_plan_forecast is
    'Forecast / Прогноз: what the coming months bring if nothing is done, beside the same month a year before.';

create or replace view reports.lead_plan_daily
with (security_invoker = true) as
select
    facts.day,
    facts.clinic_id,
    facts.channel,
    facts.spend,
    facts.inquiries,
    facts.clients,
    facts.revenue
from reports.lead_plan_channel_days as facts;
comment on view reports.lead_plan_daily is 'What channels cost and win by day and clinic, additive columns only.';

select ops.inherit_comments('reports.lead_plan_forecast', 'reports.lead_plan_months');
select ops.inherit_comments('reports.lead_plan_daily', 'reports.lead_plan_channel_days');
