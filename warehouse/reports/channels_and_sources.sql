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
-- how much a period, a clinic and a model are decides the plan
set plan_cache_mode = force_custom_plan
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
    with events as not materialized (
        select
            happened.event_key,
            happened.event_kind,
            happened.clinic_id,
            happened.inquiry_key,
            happened.person_key,
            happened.channel,
            happened.source,
            happened.medium,
            happened.campaign,
            -- most inquiries are wholly of one row, and nobody has to look at their credits
            (happened.is_of_one_row or wanted_model = 'last_non_direct') as is_of_one_row,
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
    divided as not materialized (
        select
            events.*,
            credits.channel as row_channel,
            credits.source as row_source,
            credits.medium as row_medium,
            credits.campaign as row_campaign,
            credits.credit
        from events
        inner join reports.channels_and_sources_credits as credits
            on events.clinic_id = credits.clinic_id and events.inquiry_key = credits.inquiry_key
        where
            not events.is_of_one_row
            -- Markov shares among the players that Shapley shares among
            and credits.attribution_model = case wanted_model when 'markov' then 'shapley' else wanted_model end
            and credits.level = case when wanted_model in ('markov', 'shapley') then players_level else 'any' end
    ),
    -- … by their effects on the chain of all journeys
    effects as (
        select
            stored.clinic_id,
            stored.player::jsonb ->> 0 as channel,
            stored.player::jsonb ->> 1 as source,
            stored.player::jsonb ->> 2 as campaign,
            stored.removal_effect
        from reports.channels_and_sources_effects as stored
        where stored.level = players_level
    ),
    weighed as (
        select
            divided.*,
            coalesce(effects.removal_effect, 0) as removal_effect,
            sum(coalesce(effects.removal_effect, 0)) over (partition by divided.event_key) as effects_in_path,
            count(*) over (partition by divided.event_key) as players_in_path
        from divided
        left join effects
            on
                divided.clinic_id = effects.clinic_id
                and divided.row_channel = effects.channel
                -- equal, or both null: said so that it can be hashed
                and coalesce(divided.row_source, '') = coalesce(effects.source, '')
                and (divided.row_source is null) = (effects.source is null)
                and coalesce(divided.row_campaign, '') = coalesce(effects.campaign, '')
                and (divided.row_campaign is null) = (effects.campaign is null)
        where wanted_model = 'markov'
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
            ) as share
        from weighed
    ),
    credited as (
        select
            case when by_channel then events.channel end as channel,
            case when by_source then events.source end as source,
            case when by_campaign then events.campaign end as campaign,
            -- players have no medium
            case when wanted_model not in ('markov', 'shapley') then events.medium end as medium,
            1::numeric as credit,
            events.event_kind,
            events.person_key,
            events.paid_visits,
            events.amount,
            events.lifetime_revenue,
            events.lifetime_cost,
            events.lifetime_sales,
            events.lifetime_sales_without_cost
        from events
        where events.is_of_one_row
        union all
        select
            case when by_channel then divided.row_channel end,
            case when by_source then divided.row_source end,
            case when by_campaign then divided.row_campaign end,
            divided.row_medium,
            divided.credit,
            divided.event_kind,
            divided.person_key,
            divided.paid_visits,
            divided.amount,
            divided.lifetime_revenue,
            divided.lifetime_cost,
            divided.lifetime_sales,
            divided.lifetime_sales_without_cost
        from divided
        where wanted_model <> 'markov'
        union all
        select
            case when by_channel then shared.row_channel end,
            case when by_source then shared.row_source end,
            case when by_campaign then shared.row_campaign end,
            null,
            -- what rounding left over goes to the largest share
            shared.share + case
                when row_number() over (
                    partition by shared.event_key
                    order by shared.share desc, shared.row_channel asc, shared.row_source asc, shared.row_campaign asc
                ) = 1
                    then 1 - sum(shared.share) over (partition by shared.event_key)
                else 0
            end,
            shared.event_kind,
            shared.person_key,
            shared.paid_visits,
            shared.amount,
            shared.lifetime_revenue,
            shared.lifetime_cost,
            shared.lifetime_sales,
            shared.lifetime_sales_without_cost
        from shared
    ),
    -- everything of a row together, but for clients
    summed as (
        select
            credited.channel,
            credited.source,
            credited.campaign,
            credited.medium,
            credited.event_kind,
            case when credited.event_kind = 'client' then credited.person_key end as client_key,
            sum(credited.credit) as credit,
            sum(credited.credit * credited.amount) as amount,
            sum(credited.credit * credited.paid_visits) as paid_visits,
            max(credited.lifetime_revenue) as lifetime_revenue,
            max(credited.lifetime_cost) as lifetime_cost,
            max(credited.lifetime_sales) as lifetime_sales,
            max(credited.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from credited
        group by 1, 2, 3, 4, 5, 6
    ),
    -- a person who came of several repeat inquiries of a row is one client there
    clients_of_rows as (
        select
            summed.channel,
            summed.source,
            summed.campaign,
            summed.client_key,
            least(sum(summed.credit), 1) as credit,
            max(summed.lifetime_revenue) as lifetime_revenue,
            max(summed.lifetime_cost) as lifetime_cost,
            max(summed.lifetime_sales) as lifetime_sales,
            max(summed.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from summed
        where summed.event_kind = 'client'
        group by summed.channel, summed.source, summed.campaign, summed.client_key
    ),
    spent as (
        select
            case when by_channel then spent.channel end as channel,
            case when by_source then spent.source end as source,
            case when by_campaign then spent.campaign end as campaign,
            spent.medium,
            sum(spent.spend) as spend,
            sum(spent.spend_with_vat) as spend_with_vat,
            sum(spent.impressions) as impressions,
            sum(spent.clicks) as clicks
        from reports.channels_and_sources_spend as spent
        where
            spent.spend_date between date_from and date_to
            and (wanted_clinic is null or spent.clinic_id = wanted_clinic)
            -- spend cannot be told apart by topic (RULES 12.18)
            and wanted_topic is null
        group by 1, 2, 3, 4
    ),
    parts as (
        select
            summed.channel, summed.source, summed.campaign,
            0::numeric as spend, 0::numeric as spend_with_vat, 0::bigint as impressions, 0::bigint as clicks,
            sum(summed.credit) filter (where summed.event_kind = 'inquiry') as inquiries,
            sum(summed.credit) filter (where summed.event_kind = 'booked') as booked,
            sum(summed.credit) filter (where summed.event_kind = 'arrived') as arrived,
            sum(summed.amount) filter (where summed.event_kind = 'payment') as revenue,
            sum(summed.paid_visits) filter (where summed.event_kind = 'payment') as paid_visits,
            0::numeric as clients, 0::numeric as paying_clients,
            0::numeric as lifetime_revenue, 0::numeric as lifetime_cost, 0::bigint as lifetime_sales,
            0::bigint as lifetime_sales_without_cost
        from summed
        group by summed.channel, summed.source, summed.campaign
        union all
        select
            clients_of_rows.channel, clients_of_rows.source, clients_of_rows.campaign,
            0, 0, 0, 0, 0, 0, 0, 0, 0,
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
            spent.channel, spent.source, spent.campaign,
            sum(spent.spend), sum(spent.spend_with_vat), sum(spent.impressions)::bigint, sum(spent.clicks)::bigint,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        from spent
        group by spent.channel, spent.source, spent.campaign
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
    named as (
        select summed.channel, summed.source, summed.campaign, summed.medium from summed
        union
        select spent.channel, spent.source, spent.campaign, spent.medium from spent
    ),
    mediums as (
        select
            named.channel,
            named.source,
            named.campaign,
            string_agg(named.medium, ', ' order by named.medium) as medium
        from named
        group by named.channel, named.source, named.campaign
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
    happened.channel,
    happened.source,
    happened.medium,
    happened.campaign,
    0::numeric as spend,
    0::numeric as spend_with_vat,
    0::bigint as impressions,
    0::bigint as clicks,
    count(*) filter (where happened.event_kind = 'inquiry')::numeric as inquiries,
    count(*) filter (where happened.event_kind = 'booked')::numeric as booked,
    count(*) filter (where happened.event_kind = 'arrived')::numeric as arrived,
    count(*) filter (where happened.event_kind = 'client' and happened.audience = 'primary')::numeric as clients,
    coalesce(sum(happened.amount) filter (where happened.event_kind = 'payment'), 0) as revenue
from reports.channels_and_sources_events as happened
where not (happened.audience = 'primary' and happened.is_taken_by_repeat)
group by
    happened.cohort_date, happened.clinic_id, happened.topic, happened.audience, happened.is_referral,
    happened.channel, happened.source, happened.medium, happened.campaign
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
