-- One row per deal: its client's name, phone and e-mail, for readers with a right to personal data.
with

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.client_name,
        deals.phone,
        deals.email
    from deals
)

select * from final
