-- One row per person with a card: the name and the phone to call by, of the card that merged ones became; what that one lacks, of
-- the merged card registered last.
with

cards as (
    select * from {{ ref('int_patient_cards') }}
),

ranked as (
    select
        cards.person_patient_id,
        cards.full_name,
        (array_remove(cards.phones_e164, null))[1] as phone,
        row_number() over (
            partition by cards.person_patient_id
            order by
                cards.patient_id = cards.person_patient_id desc, cards.registered_at desc nulls last,
                cards.patient_id asc
        ) as place
    from cards
),

final as (
    select
        ranked.person_patient_id,
        (array_agg(ranked.full_name order by ranked.place) filter (where ranked.full_name is not null))[1] as full_name,
        (array_agg(ranked.phone order by ranked.place) filter (where ranked.phone is not null))[1] as phone
    from ranked
    group by ranked.person_patient_id
)

select * from final
