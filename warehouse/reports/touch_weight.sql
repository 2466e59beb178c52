-- report: *
-- The formulas of the touch models (RULES section 2 and 12.15), written once: int_conversion_credits,
-- int_inquiry_credits and reports.attribution all call it. `warehouse.migrate` makes it before the models are built.
-- The body is parsed when it is created, so it needs no search path, and PostgreSQL folds it into the calling query.

create or replace function reports.touch_weight(
    model text,
    touch_number bigint,
    touches bigint,
    last_non_direct bigint,
    first_contact bigint,
    last_before_booking bigint,
    days_before numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
return case model
    when 'first_touch' then (touch_number = 1)::integer::numeric
    when 'last_touch' then (touch_number = touches)::integer::numeric
    when 'last_non_direct' then (touch_number = last_non_direct)::integer::numeric
    when 'linear' then 1::numeric
    -- half-life of 7 days
    when 'time_decay' then power(2::numeric, -days_before / 7)
    -- 40/20/40; one touch has all, two have half each
    when 'position_based' then case
        when touches <= 2 then 1::numeric
        when touch_number in (1, touches) then 0.4
        else 0.2 / (touches - 2)
    end
    -- 30 for each part that a touch plays: the first, the inquiry, the booking; 10 shared by those that play none
    when 'w_shaped' then case
        when touch_number = 1 or touch_number = first_contact or touch_number = last_before_booking
            then 0.3 * (
                (touch_number = 1)::integer + coalesce((touch_number = first_contact)::integer, 0)
                + coalesce((touch_number = last_before_booking)::integer, 0)
            )
        else 0.1 / (
            touches - 1
            - coalesce((first_contact <> 1)::integer, 0)
            - coalesce((last_before_booking not in (1, coalesce(first_contact, 1)))::integer, 0)
        )
    end
end;
comment on function reports.touch_weight(text, bigint, bigint, bigint, bigint, bigint, numeric) is
    'Weight of a touch in its path under a touch model; a credit is the weight divided by the path''s sum of weights.';
