-- One row per journey and touch of it, with the conversion kinds that the journey is of: paths to conversions in the default
-- lookback, and the paths of people who never converted so, which end in '(null)'. What never led a person to any of several kinds
-- is one journey of them all: most people never convert, and their path is the same for every kind. A kind here is 'inquiry' too, of
-- people who never wanted to book: the channel report's own chain (int_journey_steps) takes their paths from here.
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

conversion_touches as (
    select * from {{ ref('int_conversion_touches') }}
),

touches as not materialized (
    select * from {{ ref('fct_touches') }}
),

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

kinds_of_people as (
    select
        conversions.person_key,
        conversions.conversion
    from conversions
    union all
    select
        inquiries.person_key,
        'inquiry' as conversion
    from inquiries
    where inquiries.people_group = 'wants_to_book'
),

converted as (
    select
        kinds_of_people.person_key,
        array_agg(distinct kinds_of_people.conversion) as kinds
    from kinds_of_people
    group by kinds_of_people.person_key
),

people as (
    select
        touches.person_key,
        max(touches.touched_at) as last_touched_at
    from touches
    where touches.is_known
    group by touches.person_key
),

-- Materialised: else the kinds are sought for each touch, twice, instead of for each person.
unconverted as materialized (
    select
        people.person_key,
        people.last_touched_at,
        case
            -- most people never convert: nothing to look for
            when converted.kinds is null then array['booking', 'deal', 'first_visit', 'inquiry', 'payment']
            else array(
                select kind.conversion
                from (values ('booking'), ('first_visit'), ('deal'), ('inquiry'), ('payment')) as kind (conversion)
                where kind.conversion != all(converted.kinds)
                order by kind.conversion
            )
        end as conversions
    from people
    left join converted on people.person_key = converted.person_key
),

final as (
    select
        array[conversion_touches.conversion] as conversions,
        conversion_touches.conversion_key as journey_key,
        '(conversion)' as outcome,
        conversion_touches.channel,
        conversion_touches.source,
        conversion_touches.campaign,
        conversion_touches.touched_at,
        conversion_touches.touch_kind,
        conversion_touches.record_id
    from conversion_touches
    where conversion_touches.days_before <= {{ var("lookback_days") }}
    union all
    select
        unconverted.conversions,
        touches.person_key as journey_key,
        '(null)' as outcome,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id
    from touches
    inner join unconverted on touches.person_key = unconverted.person_key
    where
        touches.is_known
        and cardinality(unconverted.conversions) > 0
        and touches.touched_at >= unconverted.last_touched_at - {{ hours_of_days('lookback_days') }}
)

select * from final
