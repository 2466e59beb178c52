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
create or replace function reports.beta_share(
    x double precision, a double precision, b double precision, log_beta double precision default null
)
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
        return 1 - reports.beta_share(1 - x, b, a, log_beta);
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
        - coalesce(log_beta, reports.log_gamma(a) + reports.log_gamma(b) - reports.log_gamma(a + b));
    -- of many trials it is less than a double can hold, and PostgreSQL refuses to round it to nothing
    return case when logarithm < -600 then 0 else h / a * exp(logarithm) end;
end
$function$;
comment on function reports.beta_share(double precision, double precision, double precision, double precision) is
    'Regularised incomplete beta function: the share of the beta distribution (a, b) below x; log_beta: ln B(a, b) if known.';

-- Where the distribution has `share` below: Newton's steps from a guess that is good for few hits in many trials (Wilson and
-- Hilferty's), within bounds that close in on it. Given as the middle of its 2^-30, as so many halvings would find it.
create or replace function reports.beta_quantile(share double precision, a double precision, b double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    log_beta constant double precision := reports.log_gamma(a) + reports.log_gamma(b) - reports.log_gamma(a + b);
    below double precision := 0;
    above double precision := 1;
    x double precision;
    missed double precision;
    logarithm double precision;
    step double precision;
begin
    x := a / (a + b) * (1 - 1 / (9 * a) + sign(share - 0.5) * 1.96 / (3 * sqrt(a))) ^ 3;
    if x <= 0 or x >= 1 then
        x := a / (a + b);
    end if;
    for attempt in 1..60 loop
        missed := reports.beta_share(x, a, b, log_beta) - share;
        if missed < 0 then
            below := x;
        else
            above := x;
        end if;
        logarithm := (a - 1) * ln(x) + (b - 1) * ln(1 - x) - log_beta;
        step := case when logarithm between -300 and 300 then missed / exp(logarithm) end;
        if step is null or x - step <= below or x - step >= above then
            exit when above - below < 1e-15;
            x := (below + above) / 2;
        else
            x := x - step;
            exit when abs(step) < 1e-12;
        end if;
    end loop;
    return (floor(x * 1073741824) + 0.5) / 1073741824;
end
$function$;
comment on function reports.beta_quantile(double precision, double precision, double precision) is
    'Where the beta distribution (a, b) has that share of it below; nine decimals.';

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
begin
    if trials is null or trials <= 0 or hits is null then
        return;
    end if;
    low := case when k > 0 then reports.beta_quantile(0.025, k, n - k + 1) else 0 end;
    high := case when k < n then reports.beta_quantile(0.975, k + 1, n - k) else 1 end;
    return next;
end
$function$;
comment on function reports.binomial_interval(numeric, numeric) is
    'Exact 95 % interval of a share, by Clopper and Pearson; no row where there are no trials.';
