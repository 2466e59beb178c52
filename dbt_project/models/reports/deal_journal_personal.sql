-- One row per deal: what only a right to personal data shows, the recordings of its client's calls among it.
with

deals as (
    select * from {{ ref('int_deals') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select * from {{ ref('int_contact_persons') }}
),

recordings as (
    select
        persons.person_key,
        array_agg(contacts.recording_url order by contacts.occurred_at, contacts.contact_id) as recordings
    from contacts
    inner join persons on contacts.contact_id = persons.contact_id
    where contacts.recording_url is not null
    group by persons.person_key
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.manager_id,
        deals.client_name,
        deals.phone,
        deals.email,
        deals.first_request,
        recordings.recordings
    from deals
    left join recordings on deals.person_key = recordings.person_key
)

select * from final
