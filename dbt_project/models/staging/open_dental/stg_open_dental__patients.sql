-- One row per patient card, merged cards included: they name the card they went into.
with

patients as (
    select * from {{ source('open_dental', 'patients') }}
),

referrals as (
    select * from {{ source('open_dental', 'ref_attaches') }}
),

patient_fields as (
    select * from {{ source('open_dental', 'patient_fields') }}
),

-- A patient may have several referrals; the first in the office's order is how she learned of the clinic.
first_referrals as (
    select distinct on (patient_num)
        patient_num,
        referral_name
    from referrals
    where referral_type = 'RefFrom'
    order by patient_num asc, item_order asc nulls last, ref_attach_num::bigint asc
),

merges as (
    select
        patient_num,
        field_value as survivor_num
    from patient_fields
    where field_name = 'MergedInto'
),

final as (
    select
        'open_dental:' || patients.patient_num as patient_id,
        patients.clinic_id,
        patients.full_name,
        patients.birth_date,
        nullif(patients.phones, '{}') as phones,
        nullif(array(select lower(email) from unnest(patients.emails) as email), '{}') as emails,
        first_referrals.referral_name as how_learned,
        patients.registered_at,
        'open_dental:' || merges.survivor_num as merged_into_patient_id,
        nullif(patients.phones_e164, '{}') as phones_e164,
        'open_dental'::text as source_system
    from patients
    left join first_referrals on patients.patient_num = first_referrals.patient_num
    left join merges on patients.patient_num = merges.patient_num
    where patients.status is distinct from 'Deleted'
)

select * from final
