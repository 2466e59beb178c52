-- One row per inquiry: the contact that decides its source, the topic and the administrator (RULES section 1, 12.9–12.11).
-- A contact without a stated group stands with its inquiry's group. Outbound contacts never give a source.
with

groups as not materialized (
    select * from {{ ref('int_inquiry_groups') }}
),

inquiry_contacts as not materialized (
    select * from {{ ref('int_inquiry_contacts') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

speaking as (
    select
        inquiry_contacts.*,
        coalesce(inquiry_contacts.people_group, groups.people_group) = groups.people_group as is_of_group
    from inquiry_contacts
    inner join groups on inquiry_contacts.inquiry_key = groups.inquiry_key
),

sources as (
    select distinct on (speaking.inquiry_key)
        speaking.inquiry_key,
        speaking.contact_id,
        speaking.occurred_at,
        speaking.channel,
        speaking.source,
        speaking.medium,
        speaking.campaign,
        speaking.is_source_known,
        speaking.how_learned
    from speaking
    where speaking.direction = 'inbound'
    order by
        speaking.inquiry_key asc,
        speaking.is_of_group desc, speaking.is_source_known desc,
        speaking.occurred_at asc, speaking.contact_id asc
),

topics as (
    select distinct on (speaking.inquiry_key)
        speaking.inquiry_key,
        speaking.topic
    from speaking
    where speaking.topic is not null and speaking.is_of_group
    order by speaking.inquiry_key asc, speaking.occurred_at asc, speaking.contact_id asc
),

administrators as (
    select distinct on (speaking.inquiry_key)
        speaking.inquiry_key,
        speaking.administrator_id
    from speaking
    where speaking.administrator_id is not null and not speaking.is_unanswered
    order by speaking.inquiry_key asc, speaking.occurred_at asc, speaking.contact_id asc
),

patient_words as (
    select distinct on (cards.person_patient_id)
        'patient:' || cards.person_patient_id as person_key,
        cards.how_learned
    from cards
    where cards.how_learned is not null
    -- the card that stayed speaks first, then the earliest of those merged into it
    order by
        cards.person_patient_id asc,
        (cards.patient_id = cards.person_patient_id) desc, cards.registered_at asc nulls last, cards.patient_id asc
),

persons as (
    select distinct
        inquiry_key,
        person_key
    from inquiry_contacts
    where inquiry_key is not null
),

final as (
    select
        groups.inquiry_key,
        sources.contact_id as deciding_contact_id,
        sources.occurred_at as deciding_contact_at,
        sources.channel,
        sources.source,
        sources.medium,
        sources.campaign,
        case
            when sources.how_learned like 'referral\_%' then sources.how_learned
            when sources.how_learned is null and groups.is_primary and patient_words.how_learned like 'referral\_%'
                then patient_words.how_learned
        end as referral,
        topics.topic,
        coalesce(administrators.administrator_id, 'unknown') as administrator_id
    from groups
    inner join persons on groups.inquiry_key = persons.inquiry_key
    inner join sources on groups.inquiry_key = sources.inquiry_key
    left join topics on groups.inquiry_key = topics.inquiry_key
    left join administrators on groups.inquiry_key = administrators.inquiry_key
    left join patient_words on persons.person_key = patient_words.person_key
)

select * from final
