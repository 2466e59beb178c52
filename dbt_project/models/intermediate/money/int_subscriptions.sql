-- One row per sold subscription or course that ends: was it renewed, and does the client still come (RULES section 10)?
-- Renewed by the sale that says so (`renews_sale_id`), whenever and whatever it sold. Without such a link: by a later
-- subscription of the same person to the same item that ends later, sold at most `renewal_days` after the end, in any clinic,
-- and not itself a renewal of another. Lost: the renewal's time is over, and since the end the person has bought nothing, had no
-- visit, and holds no other subscription that still runs. A line below 0 takes something back: it is no subscription, renews
-- nothing, and is no purchase. Whether counts in the whole network; the dates shown are of the clinic's
-- own sales and visits, so that a reader of one clinic learns no other's.
with

sales as not materialized (
    select * from {{ ref('int_sales') }}
    where amount is null or amount >= 0
),

subscriptions as not materialized (
    select * from {{ ref('int_sales') }}
    where item_kind = 'subscription' and (amount is null or amount >= 0)
),

appointments as (
    select * from {{ ref('int_appointments') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

renewals as (
    select
        renewing.renews_sale_id as sale_id,
        renewing.clinic_id,
        renewing.sold_date
    from sales as renewing
    where renewing.renews_sale_id is not null and renewing.renews_sale_id != renewing.sale_id
    union all
    select
        ending.sale_id,
        following.clinic_id,
        following.sold_date
    from subscriptions as ending
    inner join subscriptions as following
        on
            ending.person_key = following.person_key
            and ending.item = following.item
            and following.renews_sale_id is null
            and ending.sold_at < following.sold_at
            and ending.valid_to + {{ var('renewal_days') }} >= following.sold_date
            and ending.valid_to < coalesce(following.valid_to, 'infinity'::date)
),

renewed as (
    select distinct renewals.sale_id
    from renewals
),

first_renewals as (
    select
        renewals.sale_id,
        renewals.clinic_id,
        min(renewals.sold_date) as renewed_on
    from renewals
    group by renewals.sale_id, renewals.clinic_id
),

seen as (
    select
        sales.person_key,
        sales.clinic_id,
        sales.sold_date as seen_on
    from sales
    union all
    select
        appointments.person_key,
        appointments.clinic_id,
        appointments.start_date as seen_on
    from appointments
    where appointments.has_taken_place
),

last_seen as (
    select
        seen.person_key,
        seen.clinic_id,
        max(seen.seen_on) as seen_on,
        max(max(seen.seen_on)) over (partition by seen.person_key) as seen_anywhere_on
    from seen
    group by seen.person_key, seen.clinic_id
),

last_ends as (
    select
        subscriptions.person_key,
        max(coalesce(subscriptions.valid_to, 'infinity'::date)) as last_valid_to
    from subscriptions
    group by subscriptions.person_key
),

dated as (
    select
        subscriptions.sale_id,
        subscriptions.clinic_id,
        subscriptions.patient_id,
        subscriptions.person_key,
        subscriptions.item_type,
        subscriptions.item,
        subscriptions.sold_date,
        subscriptions.valid_from,
        subscriptions.valid_to,
        subscriptions.amount,
        renewed.sale_id is not null as is_renewed,
        first_renewals.renewed_on,
        last_seen.seen_on as last_seen_on,
        last_seen.seen_anywhere_on,
        last_ends.last_valid_to,
        {{ local_date('settings.as_of', 'clinics.time_zone') }} as today
    from subscriptions
    inner join clinics on subscriptions.clinic_id = clinics.clinic_id
    cross join settings
    left join renewed on subscriptions.sale_id = renewed.sale_id
    left join first_renewals
        on subscriptions.sale_id = first_renewals.sale_id and subscriptions.clinic_id = first_renewals.clinic_id
    left join last_seen
        on subscriptions.person_key = last_seen.person_key and subscriptions.clinic_id = last_seen.clinic_id
    left join last_ends on subscriptions.person_key = last_ends.person_key
    where subscriptions.valid_to is not null
),

final as (
    select
        dated.sale_id,
        dated.clinic_id,
        dated.patient_id,
        dated.person_key,
        dated.item_type,
        dated.item,
        dated.sold_date,
        dated.valid_from,
        dated.valid_to,
        dated.amount,
        dated.is_renewed,
        dated.renewed_on,
        dated.last_seen_on,
        case
            when dated.is_renewed then 'renewed'
            when dated.valid_to >= dated.today then 'running'
            when dated.valid_to + {{ var('renewal_days') }} >= dated.today then 'may_renew'
            when dated.seen_anywhere_on <= dated.valid_to and dated.last_valid_to < dated.today then 'lost'
            -- who bought it is not known, or comes still
            else 'stays'
        end as state
    from dated
)

select * from final
