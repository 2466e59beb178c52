-- One row per phone or e-mail of an employee or a counterparty. An employee's beats a counterparty's.
with

employees as (
    select * from {{ ref('int_employees_unioned') }}
),

counterparties as not materialized (
    select * from {{ ref('int_counterparties_unioned') }}
),

employee_phones as (
    select
        'phone:' || phone.value as identifier,
        1 as priority,
        'employee' as people_group,
        'employee:' || employees.employee_id as person_key
    from employees
    cross join lateral unnest(employees.phones_e164) as phone (value)
    where phone.value is not null
),

counterparty_phones as (
    select
        'phone:' || phone.value as identifier,
        2 as priority,
        'other' as people_group,
        ops.opaque_key('counterparty', counterparties.name) as person_key
    from counterparties
    cross join lateral unnest(counterparties.phones_e164) as phone (value)
    where phone.value is not null
),

counterparty_emails as (
    select
        'email:' || lower(trim(email.value)) as identifier,
        2 as priority,
        'other' as people_group,
        ops.opaque_key('counterparty', counterparties.name) as person_key
    from counterparties
    cross join lateral unnest(counterparties.emails) as email (value)
    where nullif(trim(email.value), '') is not null
),

listed as (
    select * from employee_phones
    union all
    select * from counterparty_phones
    union all
    select * from counterparty_emails
),

final as (
    select distinct on (listed.identifier)
        listed.identifier,
        listed.people_group,
        listed.person_key
    from listed
    order by listed.identifier asc, listed.priority asc, listed.person_key asc
)

select * from final
