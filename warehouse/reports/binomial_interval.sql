-- report: *
-- The exact interval of a share, by Clopper and Pearson: what shares make `hits` of `trials` no surprise (5 % outside, half on
-- each side). Credits are fractional, so the bounds are those of the beta distribution, which has no need of whole numbers.

-- Logarithm of the gamma function for x > 0: Stirling's series from 10 up, smaller ones by x·Γ(x) = Γ(x + 1).
create or replace function reports.log_gamma(x double precision) returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    shifted double precision := 0;
    square double precision;
begin
    while x < 10 loop
        shifted := shifted - ln(x);
        x := x + 1;
    end loop;
    square := 1 / (x * x);
    return shifted + (x - 0.5) * ln(x) - x + 0.5 * ln(2 * pi())
        + (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188)))) / x;
end
$function$;
comment on function reports.log_gamma(double precision) is 'Natural logarithm of the gamma function, for x above 0.';

-- Share of the beta distribution (a, b) below x: the continued fraction, where it converges fast.
create or replace function reports.beta_share(x double precision, a double precision, b double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    tiny constant double precision := 1e-300;
    c double precision := 1;
    d double precision;
    term double precision;
    h double precision;
    step double precision;
    logarithm double precision;
begin
    if x <= 0 then
        return 0;
    elsif x >= 1 then
        return 1;
    elsif x > (a + 1) / (a + b + 2) then
        return 1 - reports.beta_share(1 - x, b, a);
    end if;
    d := 1 - (a + b) * x / (a + 1);
    d := 1 / case when abs(d) < tiny then tiny else d end;
    h := d;
    for m in 1..500 loop
        term := m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d := 1 + term * d;
        c := 1 + term / c;
        d := 1 / case when abs(d) < tiny then tiny else d end;
        c := case when abs(c) < tiny then tiny else c end;
        h := h * d * c;
        term := -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d := 1 + term * d;
        c := 1 + term / c;
        d := 1 / case when abs(d) < tiny then tiny else d end;
        c := case when abs(c) < tiny then tiny else c end;
        step := d * c;
        h := h * step;
        exit when abs(step - 1) < 1e-14;
    end loop;
    logarithm := a * ln(x) + b * ln(1 - x)
        + reports.log_gamma(a + b) - reports.log_gamma(a) - reports.log_gamma(b);
    -- of many trials it is less than a double can hold, and PostgreSQL refuses to round it to nothing
    return case when logarithm < -600 then 0 else h / a * exp(logarithm) end;
end
$function$;
comment on function reports.beta_share(double precision, double precision, double precision) is
    'Regularised incomplete beta function: the share of the beta distribution (a, b) below x.';

create or replace function reports.binomial_interval(hits numeric, trials numeric)
returns table (low numeric, high numeric)
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    k double precision := least(greatest(hits, 0), trials);
    n double precision := trials;
    below double precision := 0;
    above double precision := 1;
    middle double precision;
begin
    if trials is null or trials <= 0 or hits is null then
        return;
    end if;
    low := 0;
    high := 1;
    -- 30 halvings: nine decimals
    if k > 0 then
        for halving in 1..30 loop
            middle := (below + above) / 2;
            if reports.beta_share(middle, k, n - k + 1) < 0.025 then
                below := middle;
            else
                above := middle;
            end if;
        end loop;
        low := ((below + above) / 2)::numeric;
    end if;
    if k < n then
        below := 0;
        above := 1;
        for halving in 1..30 loop
            middle := (below + above) / 2;
            if reports.beta_share(middle, k + 1, n - k) < 0.975 then
                below := middle;
            else
                above := middle;
            end if;
        end loop;
        high := ((below + above) / 2)::numeric;
    end if;
    return next;
end
$function$;
comment on function reports.binomial_interval(numeric, numeric) is
    'Exact 95 % interval of a share, by Clopper and Pearson; no row where there are no trials.';
