-- One row per wants_to_book inquiry, with who owns it and how far it came (RULES section 5, 12.10, 12.26, 12.27).
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

employees as (
    select * from {{ ref('int_employees_unioned') }}
),

final as (
    select
        inquiries.inquiry_key,
        inquiries.clinic_id,
        inquiries.person_key,
        inquiries.local_date,
        inquiries.administrator_id,
        coalesce(employees.full_name, inquiries.administrator_id) as administrator,
        inquiries.booked_by,
        inquiries.topic,
        inquiries.channel,
        inquiries.is_primary,
        coalesce(inquiries.referral = 'referral_employee', false) as is_employee_referral,
        inquiries.is_booked,
        inquiries.is_waiting_list,
        inquiries.is_arrived,
        inquiries.is_completed,
        inquiries.is_booked and inquiries.is_due as is_due
    from inquiries
    left join employees on inquiries.administrator_id = employees.employee_id
    where inquiries.people_group = 'wants_to_book'
)

select * from final
