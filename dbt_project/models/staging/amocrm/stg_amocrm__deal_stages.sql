-- One row per deal, stage and moment at which the deal entered it. Names as in the deals. The account tells of moves only:
-- the first stage is what the first move left, or the present one where there was no move.
with

leads as (
    select * from {{ source('amocrm', 'leads') }}
),

statuses as (
    select * from {{ source('amocrm', 'statuses') }}
),

moves as (
    select * from {{ source('amocrm', 'lead_events') }}
    where event_type = 'lead_status_changed'
),

first_moves as (
    select distinct on (lead_id)
        lead_id,
        pipeline_before,
        status_before
    from moves
    order by lead_id asc, happened_at asc, event_id asc
),

entered as (
    select
        leads.lead_id,
        coalesce(first_moves.pipeline_before, leads.pipeline_id) as pipeline_id,
        coalesce(first_moves.status_before, leads.status_id) as status_id,
        leads.created_at as entered_at
    from leads
    left join first_moves on leads.lead_id = first_moves.lead_id
    union
    select
        lead_id,
        pipeline_after as pipeline_id,
        status_after as status_id,
        happened_at as entered_at
    from moves
),

final as (
    select distinct
        'amocrm:' || entered.lead_id as deal_id,
        coalesce(statuses.name, entered.status_id) as stage,
        entered.entered_at,
        'amocrm'::text as source_system
    from entered
    left join statuses on entered.pipeline_id = statuses.pipeline_id and entered.status_id = statuses.status_id
)

select * from final
