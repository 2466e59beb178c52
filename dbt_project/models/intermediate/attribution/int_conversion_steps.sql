-- One row per conversion kind, level and step of the Markov chain: how often a journey went from one state to the next.
with

conversion_paths as (
    select * from {{ ref('int_conversion_paths') }}
),

paths as (
    select
        -- inquiries have a chain of their own, int_journey_steps
        array_remove(conversion_paths.conversions, 'inquiry') as conversions,
        conversion_paths.campaigns,
        conversion_paths.outcome,
        conversion_paths.journeys
    from conversion_paths
),

{{ chain_steps(sets=true) }}

select * from final
