-- One row per patient card, merged cards included: they name the card they went into.
-- Gone is what the history says was deleted and was not updated since, and what is missing from the list of all ids
-- though it is older than the list.
with

deletions as (
    select * from {{ source('fhir', 'deletions') }}
),

resource_ids as (
    select * from {{ source('fhir', 'resource_ids') }}
),

patients as (
    select rows_as_sent.* from {{ source('fhir', 'patients') }} as rows_as_sent
    where
        not exists (
            select from deletions
            where
                deletions.resource = 'Patient'
                and deletions.resource_id = rows_as_sent.patient_id
                and deletions.deleted_at >= rows_as_sent.updated_at
        )
        and (
            exists (
                select from resource_ids
                where resource_ids.resource = 'Patient' and resource_ids.resource_id = rows_as_sent.patient_id
            )
            or rows_as_sent.updated_at > coalesce(
                (select max(listed.updated_at) from resource_ids as listed where listed.resource = 'Patient'),
                '-infinity'
            )
        )
),

final as (
    select
        'fhir:' || patients.patient_id as patient_id,
        patients.clinic_id,
        patients.full_name,
        patients.birth_date,
        nullif(patients.phones, '{}') as phones,
        nullif(array(select lower(email) from unnest(patients.emails) as email), '{}') as emails,
        patients.how_learned,
        patients.registered_at,
        'fhir:' || patients.replaced_by as merged_into_patient_id,
        nullif(patients.phones_e164, '{}') as phones_e164,
        'fhir'::text as source_system
    from patients
)

select * from final
