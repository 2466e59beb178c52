-- One row per deal: what only a right to personal data shows, the recordings of its client's calls with its clinic among it. Calls with
-- another clinic are not the deal's, and not for who reads one clinic; a deal without a clinic is the network's, and has all.
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
        deals.deal_id,
        array_agg(contacts.recording_url order by contacts.occurred_at, contacts.contact_id) as recordings
    from deals
    inner join persons on deals.person_key = persons.person_key
    inner join contacts on persons.contact_id = contacts.contact_id
    where
        contacts.recording_url is not null
        and (deals.clinic_id is null or deals.clinic_id = contacts.clinic_id)
    group by deals.deal_id
),

final as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.manager_id,
        deals.name,
        deals.client_name,
        deals.phone,
        deals.email,
        deals.first_request,
        recordings.recordings
    from deals
    left join recordings on deals.deal_id = recordings.deal_id
)

select * from final
