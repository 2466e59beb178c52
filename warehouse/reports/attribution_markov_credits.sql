-- report: marts
-- Credits of the default lookback by the Markov chain, as fct_attribution_credits has those of the other models: one row per conversion
-- and touch with credit. Every load moves every one of them, because the chain is made of all journeys. So a publication keeps the
-- effects, some hundred rows, and a path is divided by them when it is read.
-- Refused: a table, of which each day would rewrite all and keep what it replaced.

-- Every window is by the columns that a reader narrows by, so that PostgreSQL asks for those paths only.
create or replace view marts.fct_attribution_markov_credits
with (security_invoker = true) as
with path as (
    select
        credits.conversion_key, credits.conversion, credits.person_key, credits.clinic_id, credits.converted_at, credits.converted_date,
        credits.touch_key, credits.touched_at, credits.touch_number, credits.channel, credits.source, credits.campaign, credits.conversions,
        count(*) over of_path as touches,
        count(*) over of_player as touches_of_player,
        round(credits.amount * 100) as kopecks_of_path
    from marts.fct_attribution_touches as credits
    window
        of_path as (
            partition by credits.conversion_key, credits.conversion, credits.clinic_id, credits.converted_date
        ),
        of_player as (
            partition by
                credits.conversion_key, credits.conversion, credits.clinic_id, credits.converted_date,
                credits.channel, credits.source, credits.campaign
        )
),
-- the only touch of a path has it all, whatever its effect
weighed as (
    select
        path.*,
        case
            when path.touches = 1 then 1
            when sum(effects.removal_effect) over of_path > 0
                then coalesce(effects.removal_effect, 0) / path.touches_of_player
            else 1::numeric / path.touches_of_player
        end as weight
    from path
    left join marts.dim_attribution_players as players
        on
            path.conversion = players.conversion
            and path.channel = players.channel
            and path.source = players.source
            -- the first finds the row quickly, the second tells an empty name from none
            and coalesce(path.campaign, '') = coalesce(players.campaign, '')
            and path.campaign is not distinct from players.campaign
            and coalesce(path.clinic_id, '') = coalesce(players.clinic_id, '')
            and path.clinic_id is not distinct from players.clinic_id
    left join marts.fct_attribution_effects as effects on players.effect_key = effects.effect_key
    window of_path as (partition by path.conversion_key, path.conversion, path.clinic_id, path.converted_date)
),
shared as (
    select
        weighed.*,
        round(weighed.weight / sum(weighed.weight) over of_path, 18) as rounded_credit
    from weighed
    where weighed.weight > 0
    window of_path as (partition by weighed.conversion_key, weighed.conversion, weighed.clinic_id, weighed.converted_date)
),
-- what rounding left over goes to the last touch with credit
credited as (
    select
        shared.*,
        shared.rounded_credit + case
            when shared.touch_number = max(shared.touch_number) over of_path
                then 1 - sum(shared.rounded_credit) over of_path
            else 0
        end as markov_credit
    from shared
    window of_path as (partition by shared.conversion_key, shared.conversion, shared.clinic_id, shared.converted_date)
),
-- whole kopecks; those left over go to the largest remainders
money as (
    select
        credited.*,
        trunc(credited.kopecks_of_path * credited.markov_credit) as kopecks,
        credited.kopecks_of_path - sum(trunc(credited.kopecks_of_path * credited.markov_credit)) over of_path as left_over,
        row_number() over (
            partition by credited.conversion_key, credited.conversion, credited.clinic_id, credited.converted_date
            order by
                abs(
                    credited.kopecks_of_path * credited.markov_credit
                    - trunc(credited.kopecks_of_path * credited.markov_credit)
                ) desc,
                credited.touch_number asc
        ) as remainder_rank
    from credited
    window
        of_path as (
            partition by credited.conversion_key, credited.conversion, credited.clinic_id, credited.converted_date
        )
)
select
    md5(concat_ws('|', 'markov', money.conversion_key, money.touch_number)) as credit_key,
    'markov' as model,
    money.conversion_key,
    money.conversion,
    money.person_key,
    money.clinic_id,
    money.converted_at,
    money.converted_date,
    money.touch_key,
    money.touched_at,
    money.touch_number,
    money.channel,
    money.source,
    money.campaign,
    money.markov_credit as credit,
    money.markov_credit * money.conversions as conversions,
    (money.kopecks + case when money.remainder_rank <= abs(money.left_over) then sign(money.left_over) else 0 end)
    / 100 as amount
from money;
comment on view marts.fct_attribution_markov_credits is
    'Credits of touches for conversions within the default lookback by the Markov chain; those of a conversion sum to exactly 1, its
money to the kopeck. One row per conversion and touch with credit. / Доли касаний по цепи Маркова.';
select ops.inherit_comments('marts.fct_attribution_markov_credits', 'marts.fct_attribution_credits');
