-- report: ad_payback
-- Budget proposal (Предложение бюджета): a budget for a period as long as date_from to date_to, split over channels so that the last
-- kopeck brings the same everywhere, floors kept. It rests on what ad payback shows, so it is opened by that right.
-- docs/decisions/budget_by_marginal_return.md has the response curve and what it leaves out.

-- Kopecks for each channel whose return is gain · x ^ exponent, x in kopecks. Exactly `budget` kopecks in all, none below its floor;
-- more gain never brings fewer. Exponents are above 0 and below 1; a gain of 0 gets its floor.
create or replace function reports.split_by_return(
    budget bigint,
    gains double precision [],
    exponents double precision [],
    floors bigint []
)
returns bigint []
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    channels constant integer := coalesce(cardinality(gains), 0);
    parts bigint [];
    at_price bigint [];
    -- natural logarithms of the least return of the last kopeck: too much is spent at `low`, not too much at `high`
    low double precision := -400;
    high double precision := 400;
    middle double precision;
    spent numeric;
    best integer;
    best_return double precision;
    next_return double precision;
begin
    if (select coalesce(sum(one.floor), 0) from unnest(floors) as one (floor)) > budget then
        raise exception 'the floors add up to more than the budget' using errcode = 'invalid_parameter_value';
    elsif not exists (select 1 from unnest(gains) as one (gain) where one.gain > 0) then
        if (select coalesce(sum(one.floor), 0) from unnest(floors) as one (floor)) = budget then
            return floors;
        end if;
        raise exception 'no channel has both spend and return in the period: there is nothing to split by'
            using errcode = 'invalid_parameter_value';
    end if;
    for step in 1..200 loop
        middle := (low + high) / 2;
        exit when middle <= low or middle >= high;
        at_price := '{}';
        spent := 0;
        for n in 1..channels loop
            at_price := at_price || case
                when gains[n] > 0 then greatest(floors[n], floor(least(
                    -- the half: the k-th kopeck is worth the slope in its middle
                    exp(greatest(least((ln(gains[n] * exponents[n]) - middle) / (1 - exponents[n]), 60), -60)) + 0.5,
                    budget::double precision + 1
                ))::bigint)
                else floors[n]
            end;
            spent := spent + at_price[n];
        end loop;
        if spent > budget then
            low := middle;
        else
            high := middle;
            parts := at_price;
        end if;
    end loop;
    -- what rounding down has left, kopeck by kopeck
    spent := (select sum(one.part) from unnest(parts) as one (part));
    while spent < budget loop
        best := null;
        for n in 1..channels loop
            if gains[n] > 0 then
                next_return := ln(gains[n] * exponents[n]) + (exponents[n] - 1) * ln(parts[n] + 0.5);
                if best is null or next_return > best_return then
                    best := n;
                    best_return := next_return;
                end if;
            end if;
        end loop;
        parts[best] := parts[best] + 1;
        spent := spent + 1;
    end loop;
    return parts;
end
$function$;
comment on function reports.split_by_return(bigint, double precision [], double precision [], bigint []) is
    'A budget in kopecks split over channels by the return of the last kopeck; sums exactly, keeps floors.';

create or replace function reports.budget_proposal(
    date_from date,
    date_to date,
    budget numeric,
    floors jsonb default '{}',
    clinic text default null,
    return_of text default null
)
returns table (
    channel text,
    past_spend numeric,
    past_return numeric,
    floor numeric,
    proposed numeric,
    change_percent numeric,
    expected_return numeric,
    return_of_last_hundred numeric,
    measured_in text,
    exponent numeric,
    months integer,
    trust_percent numeric,
    assumption text
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    measure text := budget_proposal.return_of;
    wrong text;
    names text [];
    gains double precision [];
    exponents double precision [];
    least_parts bigint [];
    parts bigint [];
begin
    perform reports.are_days(date_from, date_to);
    if budget is null or budget < 0 or budget <> round(budget, 2) then
        raise exception 'budget is an amount of at least 0 in whole kopecks' using errcode = 'invalid_parameter_value';
    elsif jsonb_typeof(floors) is distinct from 'object' then
        raise exception 'floors is an object of channels and amounts, like {"paid_search": 50000}'
            using errcode = 'invalid_parameter_value';
    elsif measure not in ('revenue', 'inquiries') then
        raise exception 'return_of is one of revenue, inquiries' using errcode = 'invalid_parameter_value';
    end if;
    select one.key into wrong
    from jsonb_each(floors) as one
    where case
        when jsonb_typeof(one.value) <> 'number' then true
        else one.value::numeric < 0 or one.value::numeric <> round(one.value::numeric, 2)
    end
    limit 1;
    if wrong is not null then
        raise exception 'the floor of % is not an amount of at least 0 in whole kopecks', wrong
            using errcode = 'invalid_parameter_value';
    elsif (select sum(one.value::numeric) from jsonb_each(floors) as one) > budget then
        raise exception 'the floors add up to %, more than the budget of %',
            (select sum(one.value::numeric) from jsonb_each(floors) as one), budget
            using errcode = 'invalid_parameter_value';
    end if;
    if measure is null then
        select case when sum(facts.revenue) > 0 then 'revenue' else 'inquiries' end into measure
        from reports.ad_payback_days as facts
        where
            facts.day between date_from and date_to
            and (budget_proposal.clinic is null or facts.clinic_id = budget_proposal.clinic);
    end if;
    return query
    with by_month as (
        select
            facts.channel,
            date_trunc('month', facts.day::timestamp) as month,
            sum(facts.spend) as spend,
            sum(case when measure = 'revenue' then facts.revenue else facts.inquiries end) as gained,
            sum(case when measure = 'revenue' then facts.won else facts.inquiries end) as proofs
        from reports.ad_payback_days as facts
        where
            facts.day between date_from and date_to
            and (budget_proposal.clinic is null or facts.clinic_id = budget_proposal.clinic)
        group by 1, 2
    ),
    fitted as (
        select
            by_month.channel,
            sum(by_month.spend) as spend,
            sum(by_month.gained) as gained,
            sum(by_month.proofs) as proofs,
            count(*) filter (where by_month.spend > 0 and by_month.gained > 0) as months,
            regr_slope(ln(by_month.gained::float8), ln(by_month.spend::float8))
                filter (where by_month.spend > 0 and by_month.gained > 0) as slope,
            regr_sxx(ln(by_month.gained::float8), ln(by_month.spend::float8))
                filter (where by_month.spend > 0 and by_month.gained > 0) as sxx,
            regr_syy(ln(by_month.gained::float8), ln(by_month.spend::float8))
                filter (where by_month.spend > 0 and by_month.gained > 0) as syy,
            regr_sxy(ln(by_month.gained::float8), ln(by_month.spend::float8))
                filter (where by_month.spend > 0 and by_month.gained > 0) as sxy
        from by_month
        group by by_month.channel
    ),
    weighed as (
        select
            fitted.*,
            -- how far the slope is believed against a square root, which is known to within 0.15
            case
                when fitted.months >= 3 and fitted.sxx > 1e-9
                    then 0.0225 / (
                        0.0225
                        + greatest(fitted.syy - fitted.sxy * fitted.sxy / fitted.sxx, 0) / (fitted.months - 2) / fitted.sxx
                    )
                else 0
            end as belief
        from fitted
    ),
    curved as (
        select
            weighed.*,
            least(greatest(0.5 + weighed.belief * (coalesce(weighed.slope, 0.5) - 0.5), 0.2), 0.8) as exponent,
            (greatest(weighed.proofs, 0) / (greatest(weighed.proofs, 0) + 5))::float8 as trust
        from weighed
        where weighed.spend > 0
    ),
    asked as (
        select
            coalesce(curved.channel, one.key) as channel,
            coalesce(curved.spend, 0) as spend,
            coalesce(curved.gained, 0) as gained,
            coalesce(curved.months, 0) as months,
            coalesce(curved.exponent, 0.5) as exponent,
            coalesce(curved.trust, 0) as trust,
            coalesce(one.value::numeric, 0) as least_part,
            -- the curve goes through what was spent and gained, in kopecks of spend
            case
                when curved.gained > 0
                    then curved.trust * curved.gained::float8 / (curved.spend::float8 * 100) ^ curved.exponent
                else 0
            end as gain
        from curved
        full join jsonb_each(floors) as one on curved.channel = one.key
    ),
    numbered as (
        select
            asked.*,
            row_number() over (order by asked.channel) as number
        from asked
    ),
    answer as (
        select reports.split_by_return(
            (budget * 100)::bigint,
            array_agg(numbered.gain order by numbered.number),
            array_agg(numbered.exponent order by numbered.number),
            array_agg((numbered.least_part * 100)::bigint order by numbered.number)
        ) as parts
        from numbered
    )
    select
        numbered.channel,
        round(numbered.spend, 2),
        round(numbered.gained, 2),
        numbered.least_part,
        round(answer.parts[numbered.number] / 100.0, 2),
        round(100 * (answer.parts[numbered.number] / 100.0 - numbered.spend) / nullif(numbered.spend, 0), 2),
        round((numbered.gain * answer.parts[numbered.number] ^ numbered.exponent)::numeric, 2),
        case
            when answer.parts[numbered.number] > 0
                then round((
                    10000 * numbered.gain * numbered.exponent
                    * answer.parts[numbered.number] ^ (numbered.exponent - 1)
                )::numeric, 4)
        end,
        measure,
        round(numbered.exponent::numeric, 4),
        numbered.months::integer,
        round((100 * numbered.trust)::numeric, 2),
        case
            when numbered.spend = 0 then 'no spend in the period: its floor and nothing more'
            when numbered.gain = 0 then 'no return in the period: its floor and nothing more'
            when numbered.months < 3 then 'too few months to see a curve: return grows as the square root of spend'
            else 'return grows as spend to that power: by month, drawn towards the square root'
        end
    from numbered
    cross join answer
    order by 5 desc, 1;
end
$function$;
comment on function reports.budget_proposal(date, date, numeric, jsonb, text, text) is
    'Budget proposal / Предложение бюджета: a budget split over channels by the return of the last hundred, floors kept.';
