-- One row per person, record and identifier that the record carries, without personal data: why these are one person.
with

links as (
    select * from {{ ref('int_person_links') }}
),

final as (
    select
        links.link_key,
        links.person_key,
        links.record_kind,
        links.record_id,
        links.clinic_id,
        links.administrator_id,
        links.first_at,
        links.records,
        links.resolved_by,
        links.identifier_kind,
        links.identifier_key,
        links.identifier_state,
        links.patients
    from links
)

select * from final
