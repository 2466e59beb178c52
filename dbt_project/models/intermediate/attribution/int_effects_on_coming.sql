-- One row per Markov model, conversion (booking, first visit), level and player: the share of these that would be lost without it.
{{ chain_effects(['booking', 'first_visit']) }}

select * from final
