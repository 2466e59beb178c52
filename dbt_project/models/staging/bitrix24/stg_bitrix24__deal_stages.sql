-- One row per deal, stage and moment at which the deal entered it. Names as in the deals.
with

changes as (
    select * from {{ source('bitrix24', 'deal_stage_history') }}
),

stages as (
    select * from {{ source('bitrix24', 'stages') }}
),

templates as (
    select deal_id from {{ source('bitrix24', 'deals') }}
    where is_recurring_template
),

final as (
    select distinct
        'bitrix24:' || changes.deal_id as deal_id,
        coalesce(stages.name, changes.stage_id) as stage,
        changes.entered_at,
        'bitrix24'::text as source_system
    from changes
    left join stages on changes.category_id = stages.category_id and changes.stage_id = stages.stage_id
    where not exists (select 1 from templates where templates.deal_id = changes.deal_id)
)

select * from final
