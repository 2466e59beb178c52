-- One row per deal: its client's name, phone, e-mail and words, for readers with a right to personal data.
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
        deals.email,
        deals.first_request
    from deals
)

select * from final
