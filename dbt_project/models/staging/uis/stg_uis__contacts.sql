-- One row per call, request or chat that UIS saw. The reports number apart, so ids carry their kind.
-- The administrator's words, named patients among them, come from tags. Chats in which the visitor never wrote, and those
-- that only show a request of a form once more, are no contacts.
with

calls as (
    select * from {{ source('uis', 'calls') }}
),

offline_messages as (
    select * from {{ source('uis', 'offline_messages') }}
),

chats as (
    select * from {{ source('uis', 'chats') }}
),

call_contacts as (
    select
        'uis:call:' || call_id as contact_id,
        clinic_id,
        occurred_at,
        kind,
        direction,
        phone,
        null::text as email,
        ym_client_id,
        administrator_id,
        people_group,
        topic,
        how_learned,
        patient_ids,
        outcome,
        refusal_reason,
        is_answered,
        talk_seconds,
        called_number as called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        yclid,
        gclid,
        referrer,
        entrance_page,
        recording_url,
        tags,
        phone_e164,
        called_number_e164 as called_address_e164
    from calls
),

request_contacts as (
    select
        'uis:request:' || message_id as contact_id,
        clinic_id,
        occurred_at,
        kind,
        'inbound'::text as direction,
        phone,
        lower(email) as email,
        ym_client_id,
        administrator_id,
        people_group,
        topic,
        how_learned,
        patient_ids,
        outcome,
        refusal_reason,
        null::boolean as is_answered,
        null::bigint as talk_seconds,
        null::text as called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        yclid,
        gclid,
        referrer,
        entrance_page,
        null::text as recording_url,
        tags,
        phone_e164,
        null::text as called_address_e164
    from offline_messages
),

chat_contacts as (
    select
        'uis:chat:' || chat_id as contact_id,
        clinic_id,
        occurred_at,
        kind,
        direction,
        phone,
        null::text as email,
        ym_client_id,
        administrator_id,
        people_group,
        topic,
        how_learned,
        patient_ids,
        outcome,
        refusal_reason,
        null::boolean as is_answered,
        null::bigint as talk_seconds,
        null::text as called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        yclid,
        gclid,
        referrer,
        entrance_page,
        null::text as recording_url,
        tags,
        phone_e164,
        null::text as called_address_e164
    from chats
    where
        status is distinct from 'refused'
        and chat_channel_type is distinct from 'offline_message'
),

contacts as (
    select * from call_contacts
    union all
    select * from request_contacts
    union all
    select * from chat_contacts
),

final as (
    select
        contact_id,
        clinic_id,
        occurred_at,
        kind,
        direction,
        phone,
        email,
        ym_client_id as client_id,
        patient_ids,
        administrator_id,
        people_group,
        topic,
        how_learned,
        outcome,
        refusal_reason,
        is_answered,
        talk_seconds,
        called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        -- The click that the page's address already carries is read from there, as for every source.
        case
            when entrance_page ~ '[?&](yclid|gclid)=' then null
            when yclid is not null then 'yclid:' || yclid
            when gclid is not null then 'gclid:' || gclid
        end as click_id,
        referrer,
        entrance_page as landing_page,
        recording_url,
        tags,
        null::text as note,
        phone_e164,
        called_address_e164,
        'uis'::text as source_system
    from contacts
)

select * from final
