-- report: channels_and_sources
-- All credits of all models but Markov, one under another: what the report divides by, for the trace and for who looks at one inquiry.
-- Most inquiries are of one row of the report, which every model gives everything; the others' shares stand side by side in
-- channels_and_sources_shares. Refused: a table of them, ten rows for each inquiry at least.

create or replace view reports.channels_and_sources_credits
with (security_invoker = true) as
with credits as (
    select
        shares.clinic_id, credit.attribution_model, credit.level, shares.inquiry_key,
        shares.channel,
        case when credit.level <> 'channel' then shares.source end as source,
        case when credit.level = 'any' then shares.medium end as medium,
        case when credit.level in ('any', 'campaign') then shares.campaign end as campaign,
        credit.credit
    from reports.channels_and_sources_shares as shares
    cross join lateral (
        values
        ('first_touch', 'any', shares.first_touch),
        ('last_touch', 'any', shares.last_touch),
        ('linear', 'any', shares.linear),
        ('position_based', 'any', shares.position_based),
        ('time_decay', 'any', shares.time_decay),
        ('w_shaped', 'any', shares.w_shaped),
        ('shapley', 'channel', shares.shapley_of_channel),
        ('shapley', 'source', shares.shapley_of_source),
        ('shapley', 'campaign', shares.shapley_of_campaign)
    ) as credit (attribution_model, level, credit)
    where credit.credit <> 0
    union all
    select
        happened.clinic_id, credit.attribution_model, credit.level, happened.inquiry_key,
        happened.channel,
        case when credit.level <> 'channel' then happened.source end,
        case when credit.level = 'any' then happened.medium end,
        case when credit.level in ('any', 'campaign') then happened.campaign end,
        1::numeric
    from reports.channels_and_sources_events as happened
    cross join (
        values
        ('first_touch', 'any'), ('last_touch', 'any'), ('last_non_direct', 'any'), ('linear', 'any'),
        ('position_based', 'any'), ('time_decay', 'any'), ('w_shaped', 'any'),
        ('shapley', 'channel'), ('shapley', 'source'), ('shapley', 'campaign')
    ) as credit (attribution_model, level)
    where happened.event_kind = 'inquiry' and (happened.is_of_one_row or credit.attribution_model = 'last_non_direct')
)
select
    md5(concat_ws(
        '|', credits.attribution_model, credits.level, credits.inquiry_key, credits.channel, 's', credits.source,
        'm', credits.medium, 'c', credits.campaign
    )) as credit_key,
    credits.clinic_id,
    credits.attribution_model,
    credits.level,
    credits.inquiry_key,
    credits.channel,
    credits.source,
    credits.medium,
    credits.campaign,
    credits.credit
from credits;
comment on view reports.channels_and_sources_credits is
    'Which rows of the channel report an inquiry''s figures go to, by attribution model. One row per model, level, inquiry and row of
the report. / Доли обращения по строкам отчёта о каналах.';
select ops.inherit_comments(
    'reports.channels_and_sources_credits',
    'reports.channels_and_sources_shares', 'reports.channels_and_sources_events'
);
comment on column reports.channels_and_sources_credits.credit_key is 'Key of the row.';
comment on column reports.channels_and_sources_credits.attribution_model is 'Attribution model.';
comment on column reports.channels_and_sources_credits.level is
    'any for models of touches; channel, source or campaign for Shapley, whose players are the rows of the level.';
comment on column reports.channels_and_sources_credits.credit is
    'Share of the inquiry that this row gets; the shares of an inquiry, model and level sum to 1.';
