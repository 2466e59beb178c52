-- One row per step of a patient in the clinic: booked, put on the waiting list, visited or not arrived, sold, paid, stage of
-- treatment done, treatment completed (RULES section 1: the highest stage of the plan is done).
with

appointments as not materialized (
    select * from {{ ref('int_appointments') }}
),

first_visits as (
    select * from {{ ref('int_first_visits') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

sales as (
    select * from {{ ref('int_sales') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

stages as (
    select * from {{ ref('int_treatment_stages_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

stage_persons as (
    select * from {{ ref('int_stage_persons') }}
),

booking_steps as (
    select
        case when appointments.is_waiting_list then 'waiting_list' else 'booking' end as step,
        appointments.appointment_id as record_id,
        appointments.person_key,
        appointments.clinic_id,
        appointments.created_by as administrator_id,
        appointments.created_at as occurred_at,
        appointments.created_date as local_date,
        null::text as inquiry_key,
        concat_ws(', ', appointments.direction, 'for ' || appointments.start_date::text) as detail,
        null::numeric as amount
    from appointments
    where appointments.created_at is not null
),

visit_steps as (
    select
        case when appointments.has_taken_place then 'visit' else 'not_arrived' end as step,
        appointments.appointment_id as record_id,
        appointments.person_key,
        appointments.clinic_id,
        appointments.created_by as administrator_id,
        appointments.starts_at as occurred_at,
        appointments.start_date as local_date,
        first_visits.inquiry_key,
        concat_ws(
            ', ', appointments.direction, appointments.status, 'first visit, came by ' || first_visits.came_by
        ) as detail,
        null::numeric as amount
    from appointments
    left join first_visits on appointments.appointment_id = first_visits.appointment_id
    where
        appointments.has_taken_place
        or appointments.starts_at is not null and appointments.status in ('no_show', 'cancelled')
),

sale_steps as (
    select
        'sale' as step,
        sales.sale_id as record_id,
        sales.person_key,
        sales.clinic_id,
        null::text as administrator_id,
        sales.sold_at as occurred_at,
        sales.sold_date as local_date,
        null::text as inquiry_key,
        concat_ws(', ', sales.item, '× ' || trim_scale(sales.quantity)::text) as detail,
        sales.amount
    from sales
    -- a sale to nobody known is in no path
    where sales.person_key is not null
),

payment_steps as (
    select
        case when payments.amount < 0 then 'refund' else 'payment' end as step,
        payments.payment_id as record_id,
        payments.person_key,
        payments.clinic_id,
        null::text as administrator_id,
        payments.paid_at as occurred_at,
        payments.paid_date as local_date,
        null::text as inquiry_key,
        case when payments.appointment_id is null then 'without an appointment' end as detail,
        payments.amount
    from payments
),

person_stages as (
    select
        stages.*,
        stage_persons.person_key,
        {{ local_date('stages.done_at', 'clinics.time_zone') }} as done_date,
        rank() over (
            partition by stages.plan_id, stages.clinic_id, stage_persons.person_key
            order by stages.stage_number desc nulls last
        ) = 1 as is_highest
    from stages
    inner join clinics on stages.clinic_id = clinics.clinic_id
    inner join stage_persons on stages.stage_id = stage_persons.stage_id
),

stage_steps as (
    select
        'treatment_stage' as step,
        person_stages.stage_id as record_id,
        person_stages.person_key,
        person_stages.clinic_id,
        null::text as administrator_id,
        person_stages.done_at as occurred_at,
        person_stages.done_date as local_date,
        null::text as inquiry_key,
        concat_ws(
            ', ', person_stages.direction, 'stage ' || person_stages.stage_number::text, person_stages.stage
        ) as detail,
        null::numeric as amount
    from person_stages
    where person_stages.done_at is not null
),

completion_steps as (
    select
        'treatment_completed' as step,
        person_stages.plan_id as record_id,
        person_stages.person_key,
        person_stages.clinic_id,
        null::text as administrator_id,
        max(person_stages.done_at) as occurred_at,
        max(person_stages.done_date) as local_date,
        null::text as inquiry_key,
        max(person_stages.direction) as detail,
        null::numeric as amount
    from person_stages
    where person_stages.is_highest
    group by person_stages.plan_id, person_stages.clinic_id, person_stages.person_key
    having bool_and(person_stages.done_at is not null)
),

steps as (
    select * from booking_steps
    union all
    select * from visit_steps
    union all
    select * from sale_steps
    union all
    select * from payment_steps
    union all
    select * from stage_steps
    union all
    select * from completion_steps
),

final as (
    select
        steps.step,
        steps.record_id,
        steps.person_key,
        steps.clinic_id,
        steps.administrator_id,
        inquiries.administrator_id as inquiry_administrator_id,
        steps.occurred_at,
        steps.local_date,
        -- a first visit shows the source of the inquiry that it came of (RULES 12.19)
        inquiries.channel,
        inquiries.source,
        inquiries.campaign,
        steps.detail,
        steps.amount
    from steps
    left join inquiries on steps.inquiry_key = inquiries.inquiry_key
)

select * from final
