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
    by_players boolean := attribution_model in ('markov', 'shapley');
    wanted_audience text := audience;
    wanted_basis text := basis;
    wanted_model text := attribution_model;
    wanted_topic text := topic;
    wanted_clinic text := clinic;
    -- the players of Markov and Shapley are the rows of the level asked for
    players_level text := case level when 'total' then 'channel' else level end;
begin
    perform reports.are_days(date_from, date_to);
    if level is null or level not in ('total', 'channel', 'source', 'campaign') then
        raise exception 'level is one of total, channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    if basis is null or basis not in ('cohort', 'period') then
        raise exception 'basis is one of cohort, period' using errcode = 'invalid_parameter_value';
    end if;
    if audience is null or audience not in ('primary', 'repeat', 'all') then
        raise exception 'audience is one of primary, repeat, all' using errcode = 'invalid_parameter_value';
    end if;
    if attribution_model is null or attribution_model not in (
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
            happened.event_kind,
            happened.inquiry_key,
            happened.person_key,
            happened.channel,
            happened.source,
            happened.medium,
            happened.campaign,
            -- most inquiries are wholly of one row, and nobody has to look at their shares
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
            and (wanted_topic is null or coalesce(happened.topic, 'unknown') = wanted_topic)
            and (wanted_clinic is null or happened.clinic_id = wanted_clinic)
    ),
    -- what is to be divided, summed up before it is; a client is a row of its own
    counted as (
        select
            row_number() over () as counted_number,
            events.inquiry_key,
            case when events.event_kind = 'client' then events.person_key end as client_key,
            count(*) filter (where events.event_kind = 'inquiry') as inquiries,
            count(*) filter (where events.event_kind = 'booked') as booked,
            count(*) filter (where events.event_kind = 'arrived') as arrived,
            count(*) filter (where events.event_kind = 'client') as clients,
            sum(events.amount) filter (where events.event_kind = 'payment') as amount,
            sum(events.paid_visits) filter (where events.event_kind = 'payment') as paid_visits,
            max(events.lifetime_revenue) as lifetime_revenue,
            max(events.lifetime_cost) as lifetime_cost,
            max(events.lifetime_sales) as lifetime_sales,
            max(events.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from events
        where not events.is_of_one_row
        group by 2, 3
    ),
    shares as not materialized (
        select
            counted.*,
            case when by_channel then stored.channel end as row_channel,
            case when by_source then stored.source end as row_source,
            case when by_campaign then stored.campaign end as row_campaign,
            -- players have no medium
            case when not by_players then stored.medium end as row_medium,
            stored.channel as player_channel,
            case
                when wanted_model = 'first_touch' then stored.first_touch
                when wanted_model = 'last_touch' then stored.last_touch
                when wanted_model = 'linear' then stored.linear
                when wanted_model = 'position_based' then stored.position_based
                when wanted_model = 'time_decay' then stored.time_decay
                when wanted_model = 'w_shaped' then stored.w_shaped
                -- Markov shares among the players that Shapley shares among
                when by_campaign then stored.shapley_of_campaign
                when by_source then stored.shapley_of_source
                else stored.shapley_of_channel
            end as credit
        from counted
        inner join reports.channels_and_sources_shares as stored
            on counted.inquiry_key = stored.inquiry_key
        where
            -- an inquiry lies on the day of its cohort: no need to look further
            (wanted_basis <> 'cohort' or stored.cohort_date between date_from and date_to)
            and (wanted_clinic is null or stored.clinic_id = wanted_clinic)
    ),
    -- Markov's effects on the chain of all journeys, of each clinic the same
    effects as (
        select
            stored.player::jsonb ->> 0 as channel,
            stored.player::jsonb ->> 1 as source,
            stored.player::jsonb ->> 2 as campaign,
            max(stored.removal_effect) as removal_effect
        from reports.channels_and_sources_effects as stored
        where stored.level = players_level
        group by stored.player
    ),
    weighed as (
        select
            shares.*,
            coalesce(effects.removal_effect, 0) as removal_effect,
            sum(coalesce(effects.removal_effect, 0)) over in_path as effects_in_path,
            count(*) over in_path as players_in_path,
            row_number() over (
                partition by shares.counted_number
                order by
                    coalesce(effects.removal_effect, 0) desc, shares.player_channel asc, shares.row_source asc,
                    shares.row_campaign asc
            ) as place
        from shares
        left join effects
            on
                shares.player_channel = effects.channel
                -- equal, or both null: said so that it can be hashed
                and coalesce(shares.row_source, '') = coalesce(effects.source, '')
                and (shares.row_source is null) = (effects.source is null)
                and coalesce(shares.row_campaign, '') = coalesce(effects.campaign, '')
                and (shares.row_campaign is null) = (effects.campaign is null)
        where wanted_model = 'markov' and shares.credit is not null
        window in_path as (partition by shares.counted_number)
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
    divided as (
        select
            shares.row_channel, shares.row_source, shares.row_campaign, shares.row_medium, shares.client_key,
            shares.credit,
            shares.inquiries, shares.booked, shares.arrived, shares.clients, shares.amount, shares.paid_visits,
            shares.lifetime_revenue, shares.lifetime_cost, shares.lifetime_sales,
            shares.lifetime_sales_without_cost
        from shares
        where wanted_model <> 'markov' and shares.credit <> 0
        union all
        select
            shared.row_channel, shared.row_source, shared.row_campaign, null, shared.client_key,
            -- what rounding left over goes to the largest share
            shared.share + case
                when shared.place = 1 then 1 - sum(shared.share) over (partition by shared.counted_number) else 0
            end,
            shared.inquiries, shared.booked, shared.arrived, shared.clients, shared.amount, shared.paid_visits,
            shared.lifetime_revenue, shared.lifetime_cost, shared.lifetime_sales,
            shared.lifetime_sales_without_cost
        from shared
    ),
    -- everything of a row together, but for clients; of an inquiry that is divided nothing but money happens twice
    summed as (
        select
            divided.row_channel as channel,
            divided.row_source as source,
            divided.row_campaign as campaign,
            divided.row_medium as medium,
            divided.client_key,
            sum(divided.credit) filter (where divided.inquiries > 0) as inquiries,
            sum(divided.credit) filter (where divided.booked > 0) as booked,
            sum(divided.credit) filter (where divided.arrived > 0) as arrived,
            sum(divided.credit) filter (where divided.clients > 0) as clients,
            sum(divided.credit * divided.amount) as amount,
            sum(divided.credit * divided.paid_visits) as paid_visits,
            max(divided.lifetime_revenue) as lifetime_revenue,
            max(divided.lifetime_cost) as lifetime_cost,
            max(divided.lifetime_sales) as lifetime_sales,
            max(divided.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from divided
        group by 1, 2, 3, 4, 5
        union all
        select
            case when by_channel then events.channel end,
            case when by_source then events.source end,
            case when by_campaign then events.campaign end,
            case when not by_players then events.medium end,
            case when events.event_kind = 'client' then events.person_key end,
            count(*) filter (where events.event_kind = 'inquiry'),
            count(*) filter (where events.event_kind = 'booked'),
            count(*) filter (where events.event_kind = 'arrived'),
            count(*) filter (where events.event_kind = 'client'),
            sum(events.amount) filter (where events.event_kind = 'payment'),
            sum(events.paid_visits) filter (where events.event_kind = 'payment'),
            max(events.lifetime_revenue),
            max(events.lifetime_cost),
            max(events.lifetime_sales),
            max(events.lifetime_sales_without_cost)
        from events
        where events.is_of_one_row
        group by 1, 2, 3, 4, 5
    ),
    -- a person who came of several repeat inquiries of a row is one client there
    clients_of_rows as (
        select
            summed.channel,
            summed.source,
            summed.campaign,
            summed.client_key,
            least(sum(summed.clients), 1) as credit,
            max(summed.lifetime_revenue) as lifetime_revenue,
            max(summed.lifetime_cost) as lifetime_cost,
            max(summed.lifetime_sales) as lifetime_sales,
            max(summed.lifetime_sales_without_cost) as lifetime_sales_without_cost
        from summed
        where summed.client_key is not null
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
            sum(summed.inquiries) as inquiries,
            sum(summed.booked) as booked,
            sum(summed.arrived) as arrived,
            sum(summed.amount) as revenue,
            sum(summed.paid_visits) as paid_visits,
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
    coalesce(sum(happened.amount) filter (where not happened.is_taken_by_repeat), 0) as revenue,
    coalesce(sum(happened.amount) filter (where happened.audience = 'primary'), 0) as revenue_of_primary
from reports.channels_and_sources_events as happened
group by
    happened.cohort_date, happened.clinic_id, happened.topic, happened.audience, happened.is_referral,
    happened.channel, happened.source, happened.medium, happened.campaign
union all
select
    spent.spend_date, spent.clinic_id, null, null, false,
    spent.channel, spent.source, spent.medium, spent.campaign,
    spent.spend, spent.spend_with_vat, spent.impressions, spent.clicks,
    0, 0, 0, 0, 0, 0
from reports.channels_and_sources_spend as spent;
comment on view reports.channels_and_sources_daily is
    'Ad channels and sources, one row per day of the inquiry (or of the spend) and finest grain, additive columns only; '
    'attribution last_non_direct, basis cohort.';

select ops.inherit_comments(
    'reports.channels_and_sources_daily',
    'reports.channels_and_sources_events', 'reports.channels_and_sources_spend'
);
comment on column reports.channels_and_sources_daily.day is 'Local day of the inquiry, or of the spend.';
comment on column reports.channels_and_sources_daily.clinic_id is 'Clinic; null: spend of the whole network.';
comment on column reports.channels_and_sources_daily.topic is
    'Line of work asked about; null: nobody wrote one, or a row of spend, which has none.';
comment on column reports.channels_and_sources_daily.audience is 'primary or repeat; null: a row of spend.';
comment on column reports.channels_and_sources_daily.channel is 'Channel of the inquiry by last_non_direct, or of the spend.';
comment on column reports.channels_and_sources_daily.source is 'Its source, as the files write it.';
comment on column reports.channels_and_sources_daily.medium is 'Its medium; shown, not a key.';
comment on column reports.channels_and_sources_daily.campaign is 'Its campaign.';
comment on column reports.channels_and_sources_daily.inquiries is 'Inquiries, by their credit here.';
comment on column reports.channels_and_sources_daily.booked is 'Of these, booked.';
comment on column reports.channels_and_sources_daily.arrived is 'Of these, arrived.';
comment on column reports.channels_and_sources_daily.clients is 'New clients that these inquiries brought.';
comment on column reports.channels_and_sources_daily.revenue is
    'Payments less refunds, reporting currency, no payment twice: as audience all and repeat have them.';
comment on column reports.channels_and_sources_daily.revenue_of_primary is
    'As audience primary has them, reporting currency: with those on appointments that a repeat inquiry booked, which '
    'revenue has there.';
