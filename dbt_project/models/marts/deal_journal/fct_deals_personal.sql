-- One row per deal: its own name, which may hold a client's, its client's name, phone, e-mail and words, for readers with a right to personal data.
with

deals as (
    select * from {{ ref('int_deals') }}
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.name,
        deals.client_name,
        deals.phone,
        deals.email,
        deals.first_request
    from deals
)

select * from final
