-- One row per deal or lead whose own phone or e-mail means somebody (RULES section 1 and 12.1–12.3): the listed employee or
-- counterparty, the only patient who owns them, the component, or the shared identifier's own person.
with

records as (
    select * from {{ ref('int_record_persons') }}
    where record_kind in ('deal', 'lead')
),

owners as (
    select * from {{ ref('int_record_owners') }}
    where record_kind in ('deal', 'lead') and owners = 1
),

final as (
    select
        records.record_kind,
        records.record_id,
        coalesce(records.listed_person_key, 'patient:' || owners.person_patient_id, records.person_key) as person_key
    from records
    left join owners on records.record_kind = owners.record_kind and records.record_id = owners.record_id
    where records.listed_person_key is not null or owners.person_patient_id is not null or not records.is_alone
)

select * from final
