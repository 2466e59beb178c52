-- One row per callback that joined an inquiry: the latest one of the 30 days before whose outcome was unresolved
-- (request_saved, missed, waiting_list) at the moment of the callback, taken in time order (RULES 12.9).
-- A callback may resolve the inquiry for those after it, so the walk is step by step; `changes` holds what earlier
-- callbacks of the person added to each inquiry.
with recursive

callbacks as not materialized (
    select * from {{ ref('int_callbacks') }}
),

states as (
    select * from {{ ref('int_inquiry_day_states') }}
),

-- What each callback may join, found at once: inside the walk it would be a search through all inquiries for every callback.
candidates as (
    select
        callbacks.contact_id,
        callbacks.person_key,
        array_agg(states.inquiry_key order by states.inquiry_key) as inquiry_keys,
        array_agg(states.first_contact_at order by states.inquiry_key) as first_contacts_at,
        array_agg(states.last_stated order by states.inquiry_key) as last_stated,
        array_agg(states.has_stated_waiting_list order by states.inquiry_key) as have_stated_waiting_list,
        array_agg(states.has_stated_booked order by states.inquiry_key) as have_stated_booked,
        array_agg(states.booked_at order by states.inquiry_key) as booked_at,
        array_agg(states.waiting_list_at order by states.inquiry_key) as waiting_list_at
    from callbacks
    inner join states
        on
            callbacks.person_key = states.person_key
            and callbacks.clinic_id = states.clinic_id
            and states.local_date < callbacks.local_date
            and states.local_date >= callbacks.local_date - {{ var('callback_days') }}
    group by callbacks.contact_id, callbacks.person_key
),

steps as (
    select
        callbacks.*,
        candidates.inquiry_keys,
        candidates.first_contacts_at,
        candidates.last_stated,
        candidates.have_stated_waiting_list,
        candidates.have_stated_booked,
        candidates.booked_at as booked_before_at,
        candidates.waiting_list_at as waiting_list_before_at
    from callbacks
    left join candidates
        on callbacks.contact_id = candidates.contact_id and callbacks.person_key = candidates.person_key
),

walk as (
    select
        steps.person_key,
        steps.clinic_id,
        0::bigint as step,
        null::text as contact_id,
        null::text as inquiry_key,
        '{}'::jsonb as changes
    from steps
    where steps.step = 1

    union all

    select
        walk.person_key,
        walk.clinic_id,
        steps.step,
        steps.contact_id,
        chosen.inquiry_key,
        case
            when chosen.inquiry_key is null then walk.changes
            else walk.changes || jsonb_build_object(
                chosen.inquiry_key,
                jsonb_strip_nulls(jsonb_build_object(
                    'last_stated', coalesce(steps.outcome, chosen.last_stated),
                    'stated_waiting_list', chosen.has_stated_waiting_list or steps.outcome = 'waiting_list',
                    'stated_booked', chosen.has_stated_booked or steps.outcome = 'booked',
                    'booked_at', least(chosen.booked_at, steps.booked_at),
                    'waiting_list_at', least(chosen.waiting_list_at, steps.waiting_list_at)
                ))
            )
        end as changes
    from walk
    inner join steps
        on
            walk.person_key = steps.person_key
            and walk.clinic_id = steps.clinic_id
            and steps.step = walk.step + 1
    left join lateral (
        select
            current_states.inquiry_key,
            current_states.last_stated,
            current_states.has_stated_waiting_list,
            current_states.has_stated_booked,
            current_states.booked_at,
            current_states.waiting_list_at
        from (
            select
                states.inquiry_key,
                states.first_contact_at,
                coalesce(walk.changes -> states.inquiry_key ->> 'last_stated', states.last_stated) as last_stated,
                coalesce(
                    (walk.changes -> states.inquiry_key ->> 'stated_waiting_list')::boolean,
                    states.has_stated_waiting_list
                ) as has_stated_waiting_list,
                coalesce(
                    (walk.changes -> states.inquiry_key ->> 'stated_booked')::boolean, states.has_stated_booked
                ) as has_stated_booked,
                coalesce(
                    (walk.changes -> states.inquiry_key ->> 'booked_at')::timestamptz, states.booked_at
                ) as booked_at,
                coalesce(
                    (walk.changes -> states.inquiry_key ->> 'waiting_list_at')::timestamptz, states.waiting_list_at
                ) as waiting_list_at
            from
                unnest(
                    steps.inquiry_keys, steps.first_contacts_at, steps.last_stated, steps.have_stated_waiting_list,
                    steps.have_stated_booked, steps.booked_before_at, steps.waiting_list_before_at
                ) as states (
                    inquiry_key, first_contact_at, last_stated, has_stated_waiting_list, has_stated_booked, booked_at,
                    waiting_list_at
                )
        ) as current_states
        where
            not current_states.has_stated_booked
            and coalesce(current_states.booked_at >= steps.occurred_at, true)
            and (
                current_states.has_stated_waiting_list
                or coalesce(current_states.waiting_list_at < steps.occurred_at, false)
                or coalesce(current_states.last_stated not in ('declined', 'spam'), true)
            )
        order by current_states.first_contact_at desc
        limit 1
    ) as chosen on true
),

final as (
    select
        walk.contact_id,
        walk.person_key,
        walk.inquiry_key
    from walk
    where walk.inquiry_key is not null
)

select * from final
