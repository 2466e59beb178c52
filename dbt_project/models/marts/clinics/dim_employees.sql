-- One row per employee.
with

employees as (
    select * from {{ ref('int_employees_unioned') }}
),

final as (
    select
        employees.employee_id,
        employees.full_name,
        employees.clinic_id,
        employees."group" as employee_group,
        employees.database_role,
        employees.source_system
    from employees
)

select * from final
