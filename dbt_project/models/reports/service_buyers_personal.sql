-- One row per buyer and clinic where he bought: his name, which only a right to personal data shows.
with

sales as (
    select * from {{ ref('int_sales') }}
    where person_key is not null
),

persons as (
    select * from {{ ref('int_person_names') }}
),

buyers as (
    select distinct
        sales.person_key,
        sales.clinic_id
    from sales
),

final as (
    select
        buyers.person_key,
        buyers.clinic_id,
        persons.full_name
    from buyers
    inner join persons on buyers.person_key = 'patient:' || persons.person_patient_id
)

select * from final
