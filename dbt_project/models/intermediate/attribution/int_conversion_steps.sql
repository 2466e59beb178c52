-- One row per conversion kind, level and step of the Markov chain: how often a journey went from one state to the next.
with

paths as (
    select * from {{ ref('int_conversion_paths') }}
),

{{ chain_steps(sets=true) }}

select * from final
