-- One row per sold line, of the person after merges, in the reporting currency. Amount and cost are of the line (12.23).
with

sales as (
    select * from {{ ref('int_sales_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

currency_days as (
    select * from {{ ref('int_currency_days') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

dated as (
    select
        sales.*,
        'patient:' || coalesce(cards.person_patient_id, sales.patient_id) as person_key,
        {{ local_date('sales.sold_at', 'clinics.time_zone') }} as sold_date
    from sales
    inner join clinics on sales.clinic_id = clinics.clinic_id
    left join cards on sales.patient_id = cards.patient_id
),

final as (
    select
        dated.sale_id,
        dated.patient_id,
        dated.person_key,
        dated.clinic_id,
        dated.appointment_id,
        dated.sold_at,
        dated.sold_date,
        dated.item_kind,
        dated.item_type,
        dated.item,
        dated.quantity,
        dated.amount * currency_days.rate as amount,
        dated.cost * currency_days.rate as cost,
        settings.reporting_currency as currency,
        dated.amount as original_amount,
        dated.currency as original_currency,
        dated.valid_from,
        dated.valid_to,
        dated.renews_sale_id,
        dated.source_system
    from dated
    cross join settings
    left join currency_days
        on
            dated.currency = currency_days.currency
            and dated.sold_date >= currency_days.valid_from
            and dated.sold_date < currency_days.valid_before
)

select * from final
