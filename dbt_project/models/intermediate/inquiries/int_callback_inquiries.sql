-- One row per callback that joined an inquiry: the latest one of the 30 days before whose outcome was unresolved
-- (request_saved, missed, waiting_list) at the moment of the callback, taken in time order (RULES 12.9).
-- A callback may resolve the inquiry for those after it, so the walk is step by step; `changes` holds what earlier
-- callbacks of the person added to each inquiry.
with recursive

callbacks as (
    select * from {{ ref('int_callbacks') }}
),

states as (
    select * from {{ ref('int_inquiry_day_states') }}
),

walk as (
    select
        callbacks.person_key,
        callbacks.clinic_id,
        0::bigint as step,
        null::text as contact_id,
        null::text as inquiry_key,
        '{}'::jsonb as changes
    from callbacks
    where callbacks.step = 1

    union all

    select
        walk.person_key,
        walk.clinic_id,
        callbacks.step,
        callbacks.contact_id,
        chosen.inquiry_key,
        case
            when chosen.inquiry_key is null then walk.changes
            else walk.changes || jsonb_build_object(
                chosen.inquiry_key,
                jsonb_strip_nulls(jsonb_build_object(
                    'last_stated', coalesce(callbacks.outcome, chosen.last_stated),
                    'stated_waiting_list', chosen.has_stated_waiting_list or callbacks.outcome = 'waiting_list',
                    'stated_booked', chosen.has_stated_booked or callbacks.outcome = 'booked',
                    'booked_at', least(chosen.booked_at, callbacks.booked_at),
                    'waiting_list_at', least(chosen.waiting_list_at, callbacks.waiting_list_at)
                ))
            )
        end as changes
    from walk
    inner join callbacks
        on
            walk.person_key = callbacks.person_key
            and walk.clinic_id = callbacks.clinic_id
            and callbacks.step = walk.step + 1
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
            from states
            where
                states.person_key = walk.person_key
                and states.clinic_id = walk.clinic_id
                and states.local_date < callbacks.local_date
                and states.local_date >= callbacks.local_date - {{ var('callback_days') }}
        ) as current_states
        where
            not current_states.has_stated_booked
            and coalesce(current_states.booked_at >= callbacks.occurred_at, true)
            and (
                current_states.has_stated_waiting_list
                or coalesce(current_states.waiting_list_at < callbacks.occurred_at, false)
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
