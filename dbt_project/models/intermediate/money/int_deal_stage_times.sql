-- One row per stage that a deal entered, in time, with how long it stayed. The last stage of a closed deal is where it ended and
-- has no length; of an open one it lasts to the day of the load, in whole days, so that a second load of a day changes
-- nothing. A stage entered twice is two rows.
with

stages as (
    select * from {{ ref('int_deal_stages_unioned') }}
),

deals as not materialized (
    select * from {{ ref('int_deals') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

numbered as (
    select
        stages.deal_id,
        stages.stage,
        stages.entered_at,
        row_number() over in_time as stage_number,
        lead(stages.entered_at) over in_time as left_at
    from stages
    -- two stages of one moment: the one where the deal is now comes last
    inner join deals on stages.deal_id = deals.deal_id
    window in_time as (
        partition by stages.deal_id
        order by stages.entered_at, coalesce(stages.stage = deals.stage, false), stages.stage
    )
),

final as (
    select
        md5(concat_ws('|', numbered.deal_id, numbered.stage_number)) as stage_key,
        numbered.deal_id,
        deals.clinic_id,
        deals.manager_id,
        deals.pipeline,
        numbered.stage_number::integer as stage_number,
        numbered.stage,
        numbered.entered_at,
        {{ local_date('numbered.entered_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }}
            as entered_date,
        numbered.left_at,
        numbered.left_at is null as is_last,
        case
            when numbered.left_at is not null
                then round(extract(epoch from numbered.left_at - numbered.entered_at)::numeric / 86400, 2)
            when deals.stage_kind = 'open' then greatest(
                {{ local_date('settings.as_of', 'coalesce(clinics.time_zone, settings.default_time_zone)') }}
                - {{ local_date('numbered.entered_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }}, 0
            )
        end as days_in_stage
    from numbered
    inner join deals on numbered.deal_id = deals.deal_id
    cross join settings
    left join clinics on deals.clinic_id = clinics.clinic_id
)

select * from final
