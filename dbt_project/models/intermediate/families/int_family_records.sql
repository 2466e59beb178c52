-- One row per landed row of people (a patient's card, a contact, a session, …), and per listed phone or e-mail: its content as a
-- hash, and the tokens that it shares with its family (docs/decisions/a_day_rebuilds_families.md). Rows without an id of their own
-- (stages and items of a deal) are one record per deal.
{{ config(materialized='view') }}

with

patients as (
    {{ family_record(
        'patients', 'patient', 'patient_id',
        ids=[('patient', 'patient_id'), ('patient', 'merged_into_patient_id')], phones='phones_e164', emails='emails'
    ) }}
),

contacts as (
    {{ family_record(
        'contacts', 'contact', 'contact_id',
        ids=[
            ('contact', 'contact_id'), ('phone', 'phone_e164'), ('email', "lower(nullif(trim(email), ''))"),
            ('client', 'client_id')
        ],
        patients='patient_ids'
    ) }}
),

sessions as (
    {{ family_record(
        'sessions', 'session', 'session_id',
        ids=[('phone', 'phone_e164'), ('email', "lower(nullif(trim(email), ''))"), ('client', 'client_id')]
    ) }}
),

appointments as (
    {{ family_record(
        'appointments', 'appointment', 'appointment_id',
        ids=[('appointment', 'appointment_id'), ('patient', 'patient_id'), ('contact', 'contact_id')]
    ) }}
),

payments as (
    {{ family_record(
        'payments', 'payment', 'payment_id', ids=[('patient', 'patient_id'), ('appointment', 'appointment_id')]
    ) }}
),

sales as (
    {{ family_record(
        'sales', 'sale', 'sale_id',
        ids=[
            ('sale', 'sale_id'), ('sale', 'renews_sale_id'), ('patient', 'patient_id'), ('appointment', 'appointment_id')
        ]
    ) }}
),

treatment_stages as (
    {{ family_record(
        'treatment_stages', 'treatment_stage', 'stage_id', ids=[('patient', 'patient_id'), ('plan', 'plan_id')]
    ) }}
),

deals as (
    {{ family_record(
        'deals', 'deal', 'deal_id',
        ids=[('deal', 'deal_id'), ('phone', 'phone_e164'), ('email', "lower(nullif(trim(email), ''))")]
    ) }}
),

deal_leads as (
    {{ family_record(
        'deal_leads', 'lead', 'lead_id',
        ids=[
            ('deal', 'deal_id'), ('contact', 'contact_id'), ('phone', 'phone_e164'),
            ('email', "lower(nullif(trim(email), ''))")
        ]
    ) }}
),

deal_stage_rows as (
    {{ family_record('deal_stages', 'deal_stages', 'deal_id', ids=[('deal', 'deal_id')]) }}
),

deal_item_rows as (
    {{ family_record('deal_items', 'deal_items', 'deal_id', ids=[('deal', 'deal_id')]) }}
),

deal_parts as (
    select * from deal_stage_rows
    union all
    select * from deal_item_rows
),

deal_rows as (
    select
        deal_parts.record_kind,
        deal_parts.record_id,
        deal_parts.record,
        hashtextextended(sum(deal_parts.content)::text, count(*)) as content,
        min(deal_parts.tokens) as tokens
    from deal_parts
    group by deal_parts.record_kind, deal_parts.record_id, deal_parts.record
),

-- an employee's or counterparty's contacts are of one person, whatever phone of his they came by (RULES 12.3)
listed as (
    select
        'listed' as record_kind,
        listed_identifiers.identifier as record_id,
        hashtextextended('listed:' || listed_identifiers.identifier, 0) as record,
        0::bigint as content,
        array[
            hashtextextended(listed_identifiers.identifier, 0),
            hashtextextended('person:' || listed_identifiers.person_key, 0)
        ] as tokens
    from {{ ref('int_listed_identifiers') }} as listed_identifiers
),

final as (
    select * from patients
    union all
    select * from contacts
    union all
    select * from sessions
    union all
    select * from appointments
    union all
    select * from payments
    union all
    select * from sales
    union all
    select * from treatment_stages
    union all
    select * from deals
    union all
    select * from deal_leads
    union all
    select * from deal_rows
    union all
    select * from listed
)

select * from final
