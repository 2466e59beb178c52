-- report: channels_and_sources
-- Ad channels and sources (Рекламные каналы и источники), RULES section 4 and 12.12–12.24.
-- Runs as the reader on the report's own tables, so that policies decide the rows. Every ratio is made of sums at the
-- level asked for; a ratio without its denominator is null.

create or replace function reports.channels_and_sources(
    date_from date,
    date_to date,
    level text default 'channel',
    attribution_model text default 'last_non_direct',
    basis text default 'cohort',
    audience text default 'primary',
    with_referrals boolean default false,
    topic text default null,
    clinic text default null
)
returns table (
    channel text,
    source text,
    medium text,
    campaign text,
    spend numeric,
    spend_with_vat numeric,
    impressions bigint,
    clicks bigint,
    inquiries numeric,
    cpl numeric,
    booked numeric,
    arrived numeric,
    clients numeric,
    cpo numeric,
    paying_clients numeric,
    cost_per_paying_client numeric,
    revenue numeric,
    roi_percent numeric,
    revenue_to_spend numeric,
    paid_visits numeric,
    average_cheque numeric,
    revenue_per_client numeric,
    ltv numeric,
    ltv_revenue numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    by_source boolean := level in ('source', 'campaign');
    by_campaign boolean := level = 'campaign';
    by_channel boolean := level <> 'total';
    wanted_audience text := audience;
    wanted_basis text := basis;
    wanted_model text := attribution_model;
    wanted_topic text := topic;
    wanted_clinic text := clinic;
    -- the players of Markov and Shapley are the rows of the level asked for
    players_level text := case level when 'total' then 'channel' else level end;
begin
    if level not in ('total', 'channel', 'source', 'campaign') then
        raise exception 'level is one of total, channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    if basis not in ('cohort', 'period') then
        raise exception 'basis is one of cohort, period' using errcode = 'invalid_parameter_value';
    end if;
    if audience not in ('primary', 'repeat', 'all') then
        raise exception 'audience is one of primary, repeat, all' using errcode = 'invalid_parameter_value';
    end if;
    if attribution_model not in (
        'first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay', 'w_shaped', 'markov',
        'shapley'
    ) then
        raise exception
            'attribution_model is one of first_touch, last_touch, last_non_direct, linear, position_based, time_decay, '
            'w_shaped, markov, shapley'
            using errcode = 'invalid_parameter_value';
    end if;
    return query
    with events as (
        select
            happened.event_kind,
            happened.inquiry_key,
            happened.person_key,
            happened.paid_visits,
            happened.amount,
            happened.lifetime_revenue,
            happened.lifetime_cost,
            happened.lifetime_sales,
            happened.lifetime_sales_without_cost
        from reports.channels_and_sources_events as happened
        where
            case wanted_basis when 'cohort' then happened.cohort_date else happened.event_date end
                between date_from and date_to
            and (wanted_audience = 'all' or happened.audience = wanted_audience)
            and not (wanted_audience = 'all' and happened.is_taken_by_repeat)
            and (with_referrals or not happened.is_referral)
            and (wanted_topic is null or happened.topic = wanted_topic)
            and (wanted_clinic is null or happened.clinic_id = wanted_clinic)
    ),
    -- Markov shares among the players that Shapley shares among, by their effects on the chain of all journeys
    weighed as (
        select
            players.inquiry_key,
            players.channel,
            players.source,
            players.campaign,
            coalesce(effects.removal_effect, 0) as removal_effect,
            sum(coalesce(effects.removal_effect, 0)) over (partition by players.inquiry_key) as effects_in_path,
            count(*) over (partition by players.inquiry_key) as players_in_path
        from reports.channels_and_sources_credits as players
        left join reports.channels_and_sources_effects as effects
            on
                players.clinic_id = effects.clinic_id
                and players.level = effects.level
                and case players_level
                    when 'channel' then jsonb_build_array(players.channel)
                    when 'source' then jsonb_build_array(players.channel, players.source)
                    else jsonb_build_array(players.channel, players.source, players.campaign)
                end::text = effects.player
        where
            wanted_model = 'markov'
            and players.attribution_model = 'shapley'
            and players.level = players_level
            and players.inquiry_key in (select events.inquiry_key from events)
    ),
    shared as (
        select
            weighed.*,
            round(
                -- a path of which no player matters to the chain (a referral's) is split evenly
                case
                    when weighed.effects_in_path > 0 then weighed.removal_effect / weighed.effects_in_path
                    else 1::numeric / weighed.players_in_path
                end,
                18
            ) as credit
        from weighed
    ),
    credits as (
        select
            stored.inquiry_key,
            stored.channel,
            stored.source,
            stored.medium,
            stored.campaign,
            stored.credit
        from reports.channels_and_sources_credits as stored
        where stored.attribution_model = wanted_model and stored.level in ('any', players_level)
        union all
        select
            shared.inquiry_key,
            shared.channel,
            shared.source,
            null,
            shared.campaign,
            -- what rounding left over goes to the largest share
            shared.credit + case
                when row_number() over (
                    partition by shared.inquiry_key
                    order by shared.credit desc, shared.channel asc, shared.source asc, shared.campaign asc
                ) = 1
                    then 1 - sum(shared.credit) over (partition by shared.inquiry_key)
                else 0
            end
        from shared
    ),
    credited as (
        select
            case when by_channel then credits.channel end as channel,
            case when by_source then credits.source end as source,
            case when by_campaign then credits.campaign end as campaign,
            credits.medium,
            credits.credit,
            events.*
        from events
        inner join credits on events.inquiry_key = credits.inquiry_key
    ),
    -- a person who came of several repeat inquiries of a row is one client there
    clients_of_rows as (
        select
            credited.channel,
            credited.source,
            credited.campaign,
            credited.person_key,
            least(sum(credited.credit), 1) as credit,
            max(credited.lifetime_revenue) as lifetime_revenue,
            max(credited.lifetime_cost) as lifetime_cost,
            max(credited.lifetime_sales) as lifetime_sales,
            max(credited.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from credited
        where credited.event_kind = 'client'
        group by credited.channel, credited.source, credited.campaign, credited.person_key
    ),
    parts as (
        select
            credited.channel, credited.source, credited.campaign,
            array_agg(distinct credited.medium) as mediums,
            0::numeric as spend, 0::numeric as spend_with_vat, 0::bigint as impressions, 0::bigint as clicks,
            sum(credited.credit) filter (where credited.event_kind = 'inquiry') as inquiries,
            sum(credited.credit) filter (where credited.event_kind = 'booked') as booked,
            sum(credited.credit) filter (where credited.event_kind = 'arrived') as arrived,
            sum(credited.credit * credited.amount) filter (where credited.event_kind = 'payment') as revenue,
            sum(credited.credit * credited.paid_visits) filter (where credited.event_kind = 'payment') as paid_visits,
            0::numeric as clients, 0::numeric as paying_clients,
            0::numeric as lifetime_revenue, 0::numeric as lifetime_cost, 0::bigint as lifetime_sales,
            0::bigint as lifetime_sales_without_cost
        from credited
        group by credited.channel, credited.source, credited.campaign
        union all
        select
            clients_of_rows.channel, clients_of_rows.source, clients_of_rows.campaign,
            null, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            sum(clients_of_rows.credit),
            sum(clients_of_rows.credit) filter (where clients_of_rows.lifetime_revenue > 0),
            sum(clients_of_rows.credit * clients_of_rows.lifetime_revenue),
            sum(clients_of_rows.credit * clients_of_rows.lifetime_cost),
            sum(clients_of_rows.lifetime_sales)::bigint,
            sum(clients_of_rows.lifetime_sales_without_cost)::bigint
        from clients_of_rows
        group by clients_of_rows.channel, clients_of_rows.source, clients_of_rows.campaign
        union all
        select
            case when by_channel then spent.channel end,
            case when by_source then spent.source end,
            case when by_campaign then spent.campaign end,
            array_agg(distinct spent.medium),
            sum(spent.spend), sum(spent.spend_with_vat), sum(spent.impressions)::bigint, sum(spent.clicks)::bigint,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        from reports.channels_and_sources_spend as spent
        where
            spent.spend_date between date_from and date_to
            and (wanted_clinic is null or spent.clinic_id = wanted_clinic)
            -- spend cannot be told apart by topic (RULES 12.18)
            and wanted_topic is null
        group by 1, 2, 3
    ),
    figures as (
        select
            parts.channel,
            parts.source,
            parts.campaign,
            case when wanted_topic is null then sum(parts.spend) end as spend,
            case when wanted_topic is null then sum(parts.spend_with_vat) end as spend_with_vat,
            case when wanted_topic is null then sum(parts.impressions)::bigint end as impressions,
            case when wanted_topic is null then sum(parts.clicks)::bigint end as clicks,
            coalesce(sum(parts.inquiries), 0) as inquiries,
            coalesce(sum(parts.booked), 0) as booked,
            coalesce(sum(parts.arrived), 0) as arrived,
            coalesce(sum(parts.revenue), 0) as revenue,
            coalesce(sum(parts.paid_visits), 0) as paid_visits,
            coalesce(sum(parts.clients), 0) as clients,
            coalesce(sum(parts.paying_clients), 0) as paying_clients,
            coalesce(sum(parts.lifetime_revenue), 0) as lifetime_revenue,
            -- where a cost is not known there is no profit (RULES 12.23)
            case
                when sum(parts.lifetime_sales) > 0 and sum(parts.lifetime_sales_without_cost) = 0
                    then coalesce(sum(parts.lifetime_cost), 0)
            end as lifetime_cost
        from parts
        group by parts.channel, parts.source, parts.campaign
    ),
    mediums as (
        select
            parts.channel,
            parts.source,
            parts.campaign,
            string_agg(distinct one.medium, ', ' order by one.medium) as medium
        from parts
        cross join lateral unnest(parts.mediums) as one (medium)
        group by parts.channel, parts.source, parts.campaign
    )
    select
        figures.channel,
        figures.source,
        mediums.medium,
        figures.campaign,
        round(figures.shown_spend, 2),
        round(figures.spend_with_vat, 2),
        figures.impressions,
        figures.clicks,
        trim_scale(round(figures.inquiries, 6)),
        round(figures.spend / nullif(figures.inquiries, 0), 2),
        trim_scale(round(figures.booked, 6)),
        trim_scale(round(figures.arrived, 6)),
        trim_scale(round(figures.clients, 6)),
        round(figures.spend / nullif(figures.clients, 0), 2),
        trim_scale(round(figures.paying_clients, 6)),
        round(figures.spend / nullif(figures.paying_clients, 0), 2),
        round(figures.revenue, 2),
        round((figures.revenue - figures.spend) / figures.spend * 100, 2),
        round(figures.revenue / figures.spend, 4),
        trim_scale(round(figures.paid_visits, 6)),
        round(figures.revenue / nullif(figures.paid_visits, 0), 2),
        round(figures.revenue / nullif(figures.clients, 0), 2),
        round((figures.lifetime_revenue - figures.lifetime_cost) / nullif(figures.clients, 0), 2),
        round(figures.lifetime_revenue / nullif(figures.clients, 0), 2)
    from (
        select
            summed.channel,
            summed.source,
            summed.campaign,
            summed.spend as shown_spend,
            -- a row without spend has no price (RULES 12.18)
            nullif(summed.spend, 0) as spend,
            summed.spend_with_vat,
            summed.impressions,
            summed.clicks,
            summed.inquiries,
            summed.booked,
            summed.arrived,
            summed.revenue,
            summed.paid_visits,
            summed.clients,
            summed.paying_clients,
            summed.lifetime_revenue,
            summed.lifetime_cost
        from figures as summed
    ) as figures
    left join mediums
        on
            figures.channel is not distinct from mediums.channel
            and figures.source is not distinct from mediums.source
            and figures.campaign is not distinct from mediums.campaign
    order by figures.channel nulls first, figures.source nulls first, figures.campaign nulls first;
end
$function$;
comment on function reports.channels_and_sources(date, date, text, text, text, text, boolean, text, text) is
    'Ad channels and sources / Рекламные каналы и источники: spend, inquiries, clients, revenue and their ratios for any '
    'period, by channel, source or campaign.';

create or replace view reports.channels_and_sources_daily
with (security_invoker = true) as
select
    happened.cohort_date as day,
    happened.clinic_id,
    happened.topic,
    happened.audience,
    happened.is_referral,
    credits.channel,
    credits.source,
    credits.medium,
    credits.campaign,
    0::numeric as spend,
    0::numeric as spend_with_vat,
    0::bigint as impressions,
    0::bigint as clicks,
    coalesce(sum(credits.credit) filter (where happened.event_kind = 'inquiry'), 0) as inquiries,
    coalesce(sum(credits.credit) filter (where happened.event_kind = 'booked'), 0) as booked,
    coalesce(sum(credits.credit) filter (where happened.event_kind = 'arrived'), 0) as arrived,
    coalesce(sum(credits.credit) filter (where happened.event_kind = 'client' and happened.audience = 'primary'), 0)
        as clients,
    coalesce(sum(credits.credit * happened.amount) filter (where happened.event_kind = 'payment'), 0) as revenue
from reports.channels_and_sources_events as happened
inner join reports.channels_and_sources_credits as credits
    on happened.clinic_id = credits.clinic_id and happened.inquiry_key = credits.inquiry_key
        and credits.attribution_model = 'last_non_direct'
where not (happened.audience = 'primary' and happened.is_taken_by_repeat)
group by
    happened.cohort_date, happened.clinic_id, happened.topic, happened.audience, happened.is_referral,
    credits.channel, credits.source, credits.medium, credits.campaign
union all
select
    spent.spend_date, spent.clinic_id, null, null, false,
    spent.channel, spent.source, spent.medium, spent.campaign,
    spent.spend, spent.spend_with_vat, spent.impressions, spent.clicks,
    0, 0, 0, 0, 0
from reports.channels_and_sources_spend as spent;
comment on view reports.channels_and_sources_daily is
    'Ad channels and sources, one row per day of the inquiry (or of the spend) and finest grain, additive columns only; '
    'attribution last_non_direct, basis cohort.';

select ops.inherit_comments(
    'reports.channels_and_sources_daily',
    'reports.channels_and_sources_credits', 'reports.channels_and_sources_events', 'reports.channels_and_sources_spend'
);
comment on column reports.channels_and_sources_daily.day is 'Local day of the inquiry, or of the spend.';
comment on column reports.channels_and_sources_daily.inquiries is 'Inquiries, by their credit here.';
comment on column reports.channels_and_sources_daily.booked is 'Of these, booked.';
comment on column reports.channels_and_sources_daily.arrived is 'Of these, arrived.';
comment on column reports.channels_and_sources_daily.clients is 'New clients that these inquiries brought.';
comment on column reports.channels_and_sources_daily.revenue is 'Payments less refunds, reporting currency.';
