-- One row per deal: who sells it and where its client came from (RULES section 9, 12.25).
with

deals as (
    select * from {{ ref('int_deals') }}
),

employees as (
    select * from {{ ref('int_employees_unioned') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.person_key,
        coalesce(deals.manager_id, 'unknown') as manager_id,
        coalesce(employees.full_name, deals.manager_id, 'unknown') as manager,
        deals.channel,
        deals.source,
        deals.campaign,
        deals.created_date,
        deals.closed_date,
        deals.stage_kind = 'won' as is_won,
        deals.amount,
        deals.days_to_close
    from deals
    left join employees on deals.manager_id = employees.employee_id
)

select * from final
