-- One row per person, record and identifier: the phone, e-mail or client id itself, and the name on the card or deal.
with

links as (
    select * from {{ ref('int_person_links') }}
    where identifier_value is not null or full_name is not null
),

final as (
    select
        links.link_key,
        links.clinic_id,
        links.administrator_id,
        links.identifier_value,
        links.full_name
    from links
)

select * from final
