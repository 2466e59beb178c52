-- report: marts
-- Credits of the default lookback by all models but Markov, one under another: one row per model, conversion and touch with credit, of
-- marts.fct_attribution_touches, which has the models side by side. Refused: a table, eight rows for each touch.

create or replace view marts.fct_attribution_credits
with (security_invoker = true) as
select
    md5(concat_ws('|', credit.model, touches.conversion_key, touches.touch_number)) as credit_key,
    credit.model,
    touches.conversion_key,
    touches.conversion,
    touches.person_key,
    touches.clinic_id,
    touches.converted_at,
    touches.converted_date,
    touches.touch_key,
    touches.touched_at,
    touches.touch_number,
    touches.channel,
    touches.source,
    touches.campaign,
    credit.credit,
    credit.credit * touches.conversions as conversions,
    credit.amount
from marts.fct_attribution_touches as touches
cross join lateral (
    values
    ('first_touch', touches.first_touch, touches.first_touch_amount),
    ('last_touch', touches.last_touch, touches.last_touch_amount),
    ('last_non_direct', touches.last_non_direct, touches.last_non_direct_amount),
    ('linear', touches.linear, touches.linear_amount),
    ('position_based', touches.position_based, touches.position_based_amount),
    ('time_decay', touches.time_decay, touches.time_decay_amount),
    ('w_shaped', touches.w_shaped, touches.w_shaped_amount),
    ('shapley', touches.shapley, touches.shapley_amount)
) as credit (model, credit, amount)
where credit.credit <> 0;
comment on view marts.fct_attribution_credits is
    'Credits of touches for conversions within the default lookback, by all models but Markov (the view
fct_attribution_markov_credits); those of a conversion and model sum to exactly 1, its money to the kopeck. One row per model,
conversion and touch with credit. / Доли касаний по моделям атрибуции.';
select ops.inherit_comments('marts.fct_attribution_credits', 'marts.fct_attribution_touches');
comment on column marts.fct_attribution_credits.credit_key is 'Key of the row.';
comment on column marts.fct_attribution_credits.model is 'Attribution model, see docs/attribution.md.';
comment on column marts.fct_attribution_credits.credit is 'Share of the conversion, above 0.';
comment on column marts.fct_attribution_credits.conversions is
    'The share as a number of conversions; 0 for a refund, which is money but no conversion.';
comment on column marts.fct_attribution_credits.amount is
    'The share of the conversion''s worth, reporting currency, whole kopecks. '
    'Worth: of a deal and a payment its amount, of a booking and a visit all that the person has paid to date.';
