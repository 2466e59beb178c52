-- One row per buyer and clinic where he bought: his name, which only a right to personal data shows.
with

sales as (
    select * from {{ ref('int_sales') }}
    where person_key is not null
),

cards as (
    select * from {{ ref('int_patient_cards') }}
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
        cards.full_name
    from buyers
    inner join cards on buyers.person_key = 'patient:' || cards.patient_id
)

select * from final
