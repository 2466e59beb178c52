-- report: attribution
-- All attribution models side by side, for one of four conversions and any lookback (RULES section 2, docs/attribution.md).
-- Credits of a conversion sum to exactly 1 and its money to the kopeck: each row gets its whole kopecks, those left over go
-- to the largest remainders. A conversion without a known touch in the lookback is `unknown`. A row with few conversions shows
-- between which numbers chance alone could have put it; models_differ_by: the most that a model gives less the least.

create or replace function reports.attribution(
    date_from date,
    date_to date,
    conversion text default 'first_visit',
    lookback_days integer default 90,
    level text default 'campaign',
    clinic text default null
)
returns table (
    model text,
    channel text,
    source text,
    campaign text,
    conversions numeric,
    revenue numeric,
    spend numeric,
    roi_percent numeric,
    has_few_conversions boolean,
    conversions_low numeric,
    conversions_high numeric,
    models_differ_by numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    wanted_conversion text := conversion;
    wanted_level text := level;
    by_source boolean := level in ('source', 'campaign');
    by_campaign boolean := level = 'campaign';
begin
    if conversion not in ('booking', 'first_visit', 'deal', 'payment') then
        raise exception 'conversion is one of booking, first_visit, deal, payment'
            using errcode = 'invalid_parameter_value';
    end if;
    if level not in ('channel', 'source', 'campaign') then
        raise exception 'level is one of channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    if lookback_days not between 0 and 365 then
        raise exception 'lookback_days is from 0 to 365' using errcode = 'invalid_parameter_value';
    end if;
    return query
    with chosen as (
        select won.conversion_key, won.amount, won.conversions
        from reports.attribution_conversions as won
        where
            won.conversion = wanted_conversion
            and won.converted_date between date_from and date_to
            and (clinic is null or won.clinic_id = clinic)
    ),
    path as (
        select
            chosen.conversion_key,
            coalesce(touches.channel, 'unknown') as channel,
            case when by_source then coalesce(touches.source, 'unknown') end as source,
            case when by_campaign then touches.campaign end as campaign,
            coalesce(touches.channel, 'unknown') = 'direct' as is_direct,
            coalesce(touches.touch_kind = 'contact', false) as is_contact,
            coalesce(touches.is_before_booking, false) as is_before_booking,
            coalesce(touches.days_before, 0) as days_before,
            row_number() over in_time as touch_number,
            count(*) over (partition by chosen.conversion_key) as touches
        from chosen
        left join reports.attribution_touches as touches
            on chosen.conversion_key = touches.conversion_key and touches.days_before <= lookback_days
        window in_time as (
            partition by chosen.conversion_key
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        )
    ),
    parts as (
        select
            path.*,
            coalesce(
                max(path.touch_number) filter (where not path.is_direct) over whole, path.touches
            ) as last_non_direct,
            min(path.touch_number) filter (where path.is_contact) over whole as first_contact,
            max(path.touch_number) filter (where path.is_before_booking) over whole as last_before_booking
        from path
        window whole as (partition by path.conversion_key)
    ),
    touch_weights as (
        select
            parts.conversion_key, parts.channel, parts.source, parts.campaign,
            models.model,
            reports.touch_weight(
                models.model, parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            ) as weight
        from parts
        cross join (
            values ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'),
            ('time_decay'), ('w_shaped')
        ) as models (model)
    ),
    players as (
        select distinct path.conversion_key, path.channel, path.source, path.campaign from path
    ),
    player_weights as (
        select
            players.conversion_key, players.channel, players.source, players.campaign,
            models.model,
            case
                when models.model = 'shapley' then 1::numeric
                when sum(effects.removal_effect) over (partition by models.model, players.conversion_key) > 0
                    then coalesce(effects.removal_effect, 0)
                else 1
            end as weight
        from players
        inner join (values ('markov'), ('shapley'), ('markov_2'), ('markov_3')) as models (model)
            on models.model in ('markov', 'shapley') or not by_source
        left join reports.attribution_effects as effects
            on
                effects.model = models.model
                and effects.conversion = wanted_conversion
                and effects.level = wanted_level
                and effects.player = case wanted_level
                    when 'channel' then jsonb_build_array(players.channel)
                    when 'source' then jsonb_build_array(players.channel, players.source)
                    else jsonb_build_array(players.channel, players.source, players.campaign)
                end::text
    ),
    weights as (
        select
            weighed.model, weighed.conversion_key, weighed.channel, weighed.source, weighed.campaign,
            sum(weighed.weight) as weight
        from (select * from touch_weights union all select * from player_weights) as weighed
        group by weighed.model, weighed.conversion_key, weighed.channel, weighed.source, weighed.campaign
        having sum(weighed.weight) > 0
    ),
    credits as (
        select
            weights.*,
            weights.weight / sum(weights.weight) over (
                partition by weights.model, weights.conversion_key
            ) as credit
        from weights
    ),
    money as (
        select
            credits.model, credits.channel, credits.source, credits.campaign,
            credits.credit * chosen.conversions as conversions,
            trunc(chosen.amount * 100 * credits.credit) as kopecks,
            round(chosen.amount * 100) - sum(trunc(chosen.amount * 100 * credits.credit)) over of_conversion as left_over,
            row_number() over (
                partition by credits.model, credits.conversion_key
                order by
                    abs(chosen.amount * 100 * credits.credit - trunc(chosen.amount * 100 * credits.credit)) desc,
                    credits.channel asc, credits.source asc, credits.campaign asc
            ) as remainder_rank
        from credits
        inner join chosen on credits.conversion_key = chosen.conversion_key
        window of_conversion as (partition by credits.model, credits.conversion_key)
    ),
    figures as (
        select
            money.model, money.channel, money.source, money.campaign,
            sum(money.conversions) as conversions,
            sum(
                money.kopecks
                + case when money.remainder_rank <= abs(money.left_over) then sign(money.left_over) else 0 end
            ) / 100 as revenue,
            0::numeric as spend
        from money
        group by money.model, money.channel, money.source, money.campaign
        union all
        select
            models.model,
            spent.channel,
            case when by_source then spent.source end,
            case when by_campaign then spent.campaign end,
            0, 0, sum(spent.spend)
        from reports.attribution_spend as spent
        inner join (
            values ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'),
            ('time_decay'), ('w_shaped'), ('markov'), ('shapley'), ('markov_2'), ('markov_3')
        ) as models (model)
            on models.model not in ('markov_2', 'markov_3') or not by_source
        where
            spent.spend_date between date_from and date_to
            and (clinic is null or spent.clinic_id = clinic)
        group by 1, 2, 3, 4
    ),
    shown as (
        select
            figures.model, figures.channel, figures.source, figures.campaign,
            sum(figures.conversions) as conversions,
            sum(figures.revenue) as revenue,
            sum(figures.spend) as spend,
            sum(figures.conversions) < 30 as is_few,
            (select sum(chosen.conversions) from chosen) as all_conversions
        from figures
        group by figures.model, figures.channel, figures.source, figures.campaign
    )
    select
        shown.model,
        shown.channel,
        shown.source,
        shown.campaign,
        trim_scale(round(shown.conversions, 6)),
        round(shown.revenue, 2),
        round(shown.spend, 2),
        round((shown.revenue - shown.spend) / nullif(shown.spend, 0) * 100, 2),
        shown.is_few,
        case when shown.is_few then round(likely.low * shown.all_conversions, 1) end,
        case when shown.is_few then round(likely.high * shown.all_conversions, 1) end,
        -- a model that gives a row nothing has no row of its own
        trim_scale(round(
            max(shown.conversions) over of_row
            - case
                when count(*) over of_row < case when by_source then 9 else 11 end then 0
                else min(shown.conversions) over of_row
            end,
            6
        ))
    from shown
    left join lateral reports.binomial_interval(shown.conversions, shown.all_conversions) as likely on shown.is_few
    window of_row as (partition by shown.channel, shown.source, shown.campaign)
    order by shown.model, 5 desc, shown.channel, shown.source, shown.campaign;
end
$function$;
comment on function reports.attribution(date, date, text, integer, text, text) is
    'Attribution / Атрибуция: all models side by side for a conversion, with spend and ROI.';

create or replace view reports.attribution_daily
with (security_invoker = true) as
select
    won.converted_date as day,
    won.clinic_id,
    won.conversion,
    sum(won.conversions)::bigint as conversions,
    sum(won.amount) as revenue
from reports.attribution_conversions as won
group by won.converted_date, won.clinic_id, won.conversion;
comment on view reports.attribution_daily is 'Conversions by day, without attribution: their number and worth.';
select ops.inherit_comments('reports.attribution_daily', 'reports.attribution_conversions');
comment on column reports.attribution_daily.day is 'Local day of the conversion.';
comment on column reports.attribution_daily.revenue is 'Worth of the conversions, reporting currency.';
