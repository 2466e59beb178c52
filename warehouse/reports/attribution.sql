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
-- how much a period and a clinic are decides the plan
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    wanted_conversion text := conversion;
    wanted_level text := level;
    by_source boolean := level in ('source', 'campaign');
    by_campaign boolean := level = 'campaign';
begin
    perform reports.are_days(date_from, date_to);
    if conversion is null or conversion not in ('booking', 'first_visit', 'deal', 'payment') then
        raise exception 'conversion is one of booking, first_visit, deal, payment'
            using errcode = 'invalid_parameter_value';
    end if;
    if level is null or level not in ('channel', 'source', 'campaign') then
        raise exception 'level is one of channel, source, campaign' using errcode = 'invalid_parameter_value';
    end if;
    if lookback_days is null or lookback_days < 0 then
        raise exception 'lookback_days is a number of days, not less than 0' using errcode = 'invalid_parameter_value';
    end if;
    return query
    with models as (
        select named.place, named.model
        from (
            values (1, 'first_touch'), (2, 'last_touch'), (3, 'last_non_direct'), (4, 'linear'), (5, 'position_based'),
            (6, 'time_decay'), (7, 'w_shaped'), (8, 'markov'), (9, 'shapley'), (10, 'markov_2'), (11, 'markov_3')
        ) as named (place, model)
        where named.model not in ('markov_2', 'markov_3') or not by_source
    ),
    chosen as (
        select
            row_number() over () as won_number,
            won.conversion_key, won.amount, won.conversions, won.is_of_one_row,
            won.channel, won.source, won.campaign, won.days_before
        from reports.attribution_conversions as won
        where
            won.conversion = wanted_conversion
            and won.converted_date between date_from and date_to
            and (clinic is null or won.clinic_id = clinic)
    ),
    -- where all touches are of one row, every model gives it all: most conversions need no more than this
    whole as (
        select
            coalesce(chosen.channel, 'unknown') as channel,
            case when by_source then coalesce(chosen.source, 'unknown') end as source,
            case when by_campaign then chosen.campaign end as campaign,
            sum(chosen.conversions) as conversions,
            sum(round(chosen.amount * 100)) as kopecks
        from (
            select
                case when won.days_before <= lookback_days then won.channel end as channel,
                case when won.days_before <= lookback_days then won.source end as source,
                case when won.days_before <= lookback_days then won.campaign end as campaign,
                won.conversions,
                won.amount
            from chosen as won
            where won.is_of_one_row
        ) as chosen
        group by 1, 2, 3
    ),
    path as (
        select
            chosen.won_number,
            chosen.conversions,
            chosen.amount * 100 as kopecks,
            coalesce(touches.channel, 'unknown') as channel,
            case when by_source then coalesce(touches.source, 'unknown') end as source,
            case when by_campaign then touches.campaign end as campaign,
            coalesce(touches.channel, 'unknown') = 'direct' as is_direct,
            coalesce(touches.touch_kind = 'contact', false) as is_contact,
            coalesce(touches.is_before_booking, false) as is_before_booking,
            coalesce(touches.days_before, 0) as days_before,
            coalesce(touches.time_decay, 1) as time_decay,
            row_number() over in_time as touch_number,
            count(*) over (partition by chosen.won_number) as touches
        from chosen
        left join reports.attribution_touches as touches
            on chosen.conversion_key = touches.conversion_key and touches.days_before <= lookback_days
        where not chosen.is_of_one_row
        window in_time as (
            partition by chosen.won_number
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        )
    ),
    -- two branches read it; materialized, so that paths are put in order once
    parts as materialized (
        select
            path.*,
            coalesce(
                max(path.touch_number) filter (where not path.is_direct) over whole, path.touches
            ) as last_non_direct,
            min(path.touch_number) filter (where path.is_contact) over whole as first_contact,
            max(path.touch_number) filter (where path.is_before_booking) over whole as last_before_booking
        from path
        window whole as (partition by path.won_number)
    ),
    -- some models give a touch all of it: there is nothing to divide
    alone as (
        select
            by_model.place, parts.channel, parts.source, parts.campaign,
            sum(parts.conversions) as conversions,
            sum(round(parts.kopecks)) as kopecks
        from parts
        cross join lateral (
            values (1, 'first_touch'), (2, 'last_touch'), (3, 'last_non_direct')
        ) as by_model (place, model)
        where
            reports.touch_weight(
                by_model.model, parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            ) > 0
        group by by_model.place, parts.channel, parts.source, parts.campaign
    ),
    players as (
        select
            parts.won_number, parts.conversions, parts.kopecks, parts.channel, parts.source, parts.campaign,
            sum(reports.touch_weight(
                'linear', parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            )) as linear,
            sum(reports.touch_weight(
                'position_based', parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            )) as position_based,
            sum(parts.time_decay) as time_decay,
            sum(reports.touch_weight(
                'w_shaped', parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            )) as w_shaped
        from parts
        group by parts.won_number, parts.conversions, parts.kopecks, parts.channel, parts.source, parts.campaign
    ),
    effects as (
        -- of each clinic the same
        select
            named.player,
            max(stored.removal_effect) filter (where stored.model = 'markov') as markov,
            max(stored.removal_effect) filter (where stored.model = 'markov_2') as markov_2,
            max(stored.removal_effect) filter (where stored.model = 'markov_3') as markov_3
        from reports.attribution_players as named
        inner join reports.attribution_effects as stored on named.effect_key = stored.effect_key
        where named.conversion = wanted_conversion and named.level = wanted_level
        group by named.player
    ),
    weighed as (
        select
            players.*,
            effects.markov, effects.markov_2, effects.markov_3,
            sum(players.linear) over of_path as all_linear,
            sum(players.position_based) over of_path as all_position_based,
            sum(players.time_decay) over of_path as all_time_decay,
            sum(players.w_shaped) over of_path as all_w_shaped,
            sum(effects.markov) filter (where effects.markov > 0) over of_path as all_markov,
            sum(effects.markov_2) filter (where effects.markov_2 > 0) over of_path as all_markov_2,
            sum(effects.markov_3) filter (where effects.markov_3 > 0) over of_path as all_markov_3,
            count(*) over of_path as players
        from players
        left join effects
            on
                case wanted_level
                    when 'channel' then jsonb_build_array(players.channel)
                    when 'source' then jsonb_build_array(players.channel, players.source)
                    else jsonb_build_array(players.channel, players.source, players.campaign)
                end::text = effects.player
        window of_path as (partition by players.won_number)
    ),
    -- materialized, so that each is divided once
    credits as materialized (
        select
            by_model.place, weighed.won_number, weighed.channel, weighed.source, weighed.campaign, weighed.conversions,
            weighed.kopecks,
            case when by_model.weight = by_model.weights then 1 else by_model.weight / by_model.weights end as credit,
            (weighed.kopecks = 0 or by_model.weight = by_model.weights) as is_undivided
        from weighed
        cross join lateral (
            values
            (4, weighed.linear, weighed.all_linear),
            (5, weighed.position_based, weighed.all_position_based),
            (6, weighed.time_decay, weighed.all_time_decay),
            (7, weighed.w_shaped, weighed.all_w_shaped),
            (9, 1::numeric, weighed.players),
            -- where no player of the path matters to the chain, all do alike
            (
                8, case when weighed.all_markov > 0 then weighed.markov else 1 end,
                coalesce(weighed.all_markov, weighed.players)
            ),
            (
                10, case when weighed.all_markov_2 > 0 then weighed.markov_2 when not by_source then 1 end,
                coalesce(weighed.all_markov_2, weighed.players)
            ),
            (
                11, case when weighed.all_markov_3 > 0 then weighed.markov_3 when not by_source then 1 end,
                coalesce(weighed.all_markov_3, weighed.players)
            )
        ) as by_model (place, weight, weights)
        where by_model.weight > 0
    ),
    divided as (
        select
            parts.place, parts.channel, parts.source, parts.campaign, parts.conversions, parts.credit,
            parts.whole_kopecks,
            parts.kopecks - sum(parts.whole_kopecks) over of_conversion as left_over,
            row_number() over (
                partition by parts.won_number, parts.place
                order by
                    abs(parts.exact_kopecks - parts.whole_kopecks) desc,
                    parts.channel asc, parts.source asc, parts.campaign asc
            ) as remainder_rank
        from (
            select
                credits.place, credits.won_number, credits.channel, credits.source, credits.campaign,
                credits.conversions, credits.credit,
                round(credits.kopecks) as kopecks,
                credits.kopecks * credits.credit as exact_kopecks,
                trunc(credits.kopecks * credits.credit) as whole_kopecks
            from credits
            where not credits.is_undivided
        ) as parts
        window of_conversion as (partition by parts.won_number, parts.place)
    ),
    money as (
        select
            divided.place, divided.channel, divided.source, divided.campaign,
            divided.credit * divided.conversions as conversions,
            divided.whole_kopecks
            + case when divided.remainder_rank <= abs(divided.left_over) then sign(divided.left_over) else 0 end
                as kopecks
        from divided
        union all
        select
            credits.place, credits.channel, credits.source, credits.campaign,
            credits.credit * credits.conversions,
            round(credits.kopecks)
        from credits
        where credits.is_undivided
    ),
    spent as (
        select
            spend.channel,
            case when by_source then spend.source end as source,
            case when by_campaign then spend.campaign end as campaign,
            sum(spend.spend) as spend
        from reports.attribution_spend as spend
        where
            spend.spend_date between date_from and date_to
            and (clinic is null or spend.clinic_id = clinic)
        group by 1, 2, 3
    ),
    figures as (
        select
            models.model, money.channel, money.source, money.campaign,
            sum(money.conversions) as conversions,
            sum(money.kopecks) / 100 as revenue,
            0::numeric as spend
        from money
        inner join models on money.place = models.place
        group by models.model, money.channel, money.source, money.campaign
        union all
        select models.model, alone.channel, alone.source, alone.campaign, alone.conversions, alone.kopecks / 100, 0
        from alone
        inner join models on alone.place = models.place
        union all
        select
            models.model, whole.channel, whole.source, whole.campaign, whole.conversions, whole.kopecks / 100, 0
        from whole
        cross join models
        union all
        select models.model, spent.channel, spent.source, spent.campaign, 0, 0, spent.spend
        from spent
        cross join models
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
    -- of nothing it finds nothing, at once
    left join lateral reports.binomial_interval(
        case when shown.is_few then shown.conversions end, shown.all_conversions
    ) as likely on true
    window of_row as (partition by shown.channel, shown.source, shown.campaign)
    order by shown.model, 5 desc, shown.channel, shown.source, shown.campaign;
end
$function$;
comment on function reports.attribution(date, date, text, integer, text, text) is
    'Attribution / Атрибуция: all models side by side for a conversion, with spend and ROI.';

-- The report by day, with the default lookback, at its finest grain. Rows are of one conversion and one model: every model divides all
-- conversions, and spend stands beside each, so a sum is of one model of one conversion. Players of Markov and Shapley are campaigns.
-- Every window is by the columns that a reader narrows by, so that PostgreSQL asks for those paths only.
create or replace view reports.attribution_daily
with (security_invoker = true) as
with models as (
    select named.model
    from (
        values ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'), ('time_decay'),
        ('w_shaped'), ('markov'), ('shapley')
    ) as named (model)
),
path as (
    select
        won.converted_date as day, won.clinic_id, won.conversion, won.conversion_key, won.conversions,
        won.amount * 100 as kopecks,
        coalesce(touches.channel, 'unknown') as channel,
        coalesce(touches.source, 'unknown') as source,
        touches.campaign,
        coalesce(touches.channel, 'unknown') = 'direct' as is_direct,
        coalesce(touches.touch_kind = 'contact', false) as is_contact,
        coalesce(touches.is_before_booking, false) as is_before_booking,
        coalesce(touches.days_before, 0) as days_before,
        row_number() over (
            partition by won.converted_date, won.clinic_id, won.conversion, won.conversion_key
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        ) as touch_number,
        count(*) over (
            partition by won.converted_date, won.clinic_id, won.conversion, won.conversion_key
        ) as touches
    from reports.attribution_conversions as won
    left join reports.attribution_touches as touches
        on won.conversion_key = touches.conversion_key and touches.days_before <= 90
    where not won.is_of_one_row
),
parts as (
    select
        path.*,
        coalesce(max(path.touch_number) filter (where not path.is_direct) over whole, path.touches) as last_non_direct,
        min(path.touch_number) filter (where path.is_contact) over whole as first_contact,
        max(path.touch_number) filter (where path.is_before_booking) over whole as last_before_booking
    from path
    window whole as (partition by path.day, path.clinic_id, path.conversion, path.conversion_key)
),
players as (
    select
        parts.day, parts.clinic_id, parts.conversion, parts.conversion_key, parts.conversions, parts.kopecks,
        models.model, parts.channel, parts.source, parts.campaign,
        sum(
            case when models.model not in ('markov', 'shapley') then reports.touch_weight(
                models.model, parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            ) end
        ) as weight
    from parts
    cross join models
    group by
        parts.day, parts.clinic_id, parts.conversion, parts.conversion_key, parts.conversions, parts.kopecks,
        models.model, parts.channel, parts.source, parts.campaign
),
weighed as (
    select
        players.*,
        case
            when players.model = 'shapley' then 1
            when players.model <> 'markov' then players.weight
            -- where no player of the path matters to the chain, all do alike
            when sum(effects.removal_effect) over of_path > 0 then coalesce(effects.removal_effect, 0)
            else 1
        end as share
    from players
    left join reports.attribution_players as named
        on
            players.conversion = named.conversion
            and named.level = 'campaign'
            and jsonb_build_array(players.channel, players.source, players.campaign)::text = named.player
            and coalesce(players.clinic_id, '') = coalesce(named.clinic_id, '')
            and players.clinic_id is not distinct from named.clinic_id
            and players.model = 'markov'
    left join reports.attribution_effects as effects
        on named.effect_key = effects.effect_key and effects.model = 'markov'
    window of_path as (
        partition by players.day, players.clinic_id, players.conversion, players.model, players.conversion_key
    )
),
credits as (
    select
        weighed.*,
        weighed.share / sum(weighed.share) over (
            partition by weighed.day, weighed.clinic_id, weighed.conversion, weighed.model, weighed.conversion_key
        ) as credit
    from weighed
    where weighed.share > 0
),
-- whole kopecks; those left over go to the largest remainders, and what rounding leaves of the credit to the first of them
divided as (
    select
        credits.*,
        1 - sum(round(credits.credit, 18)) over of_path as credit_left,
        trunc(credits.kopecks * credits.credit) as whole_kopecks,
        round(credits.kopecks) - sum(trunc(credits.kopecks * credits.credit)) over of_path as left_over,
        row_number() over (
            partition by credits.day, credits.clinic_id, credits.conversion, credits.model, credits.conversion_key
            order by
                abs(credits.kopecks * credits.credit - trunc(credits.kopecks * credits.credit)) desc,
                credits.channel asc, credits.source asc, credits.campaign asc
        ) as remainder_rank
    from credits
    window of_path as (
        partition by credits.day, credits.clinic_id, credits.conversion, credits.model, credits.conversion_key
    )
),
figures as (
    select
        divided.day, divided.clinic_id, divided.conversion, divided.model,
        divided.channel, divided.source, divided.campaign,
        divided.conversions * (
            round(divided.credit, 18) + case when divided.remainder_rank = 1 then divided.credit_left else 0 end
        ) as conversions,
        (
            divided.whole_kopecks
            + case when divided.remainder_rank <= abs(divided.left_over) then sign(divided.left_over) else 0 end
        ) / 100 as revenue,
        0::numeric as spend
    from divided
    union all
    -- where all touches are of one row, every model gives it all
    select
        won.converted_date, won.clinic_id, won.conversion, models.model,
        case when won.days_before <= 90 then won.channel else 'unknown' end,
        case when won.days_before <= 90 then won.source else 'unknown' end,
        case when won.days_before <= 90 then won.campaign end,
        won.conversions, round(won.amount * 100) / 100, 0
    from reports.attribution_conversions as won
    cross join models
    where won.is_of_one_row
    union all
    select
        spent.spend_date, spent.clinic_id, kind.conversion, models.model,
        spent.channel, spent.source, spent.campaign, 0, 0, spent.spend
    from reports.attribution_spend as spent
    cross join models
    cross join (values ('booking'), ('first_visit'), ('deal'), ('payment')) as kind (conversion)
)
select
    figures.day, figures.clinic_id, figures.conversion, figures.model,
    figures.channel, figures.source, figures.campaign,
    trim_scale(sum(figures.conversions)) as conversions,
    round(sum(figures.revenue), 2) as revenue,
    sum(figures.spend) as spend
from figures
group by
    figures.day, figures.clinic_id, figures.conversion, figures.model, figures.channel, figures.source, figures.campaign;
comment on view reports.attribution_daily is
    'Credits of conversions by day, model and campaign, lookback of 90 days; sum one model of one conversion.';
select ops.inherit_comments('reports.attribution_daily', 'reports.attribution_conversions', 'reports.attribution_spend');
comment on column reports.attribution_daily.day is 'Local day of the conversions, or of the spend.';
comment on column reports.attribution_daily.model is 'Attribution model. Each divides all conversions.';
comment on column reports.attribution_daily.channel is 'Channel of the touches with credit; unknown where none is known.';
comment on column reports.attribution_daily.source is 'Their source.';
comment on column reports.attribution_daily.campaign is 'Their campaign.';
comment on column reports.attribution_daily.conversions is 'The row''s share of the conversions.';
comment on column reports.attribution_daily.revenue is 'What that share is worth, reporting currency.';
comment on column reports.attribution_daily.spend is 'Spend of the day without VAT, reporting currency, beside every model and conversion.';
