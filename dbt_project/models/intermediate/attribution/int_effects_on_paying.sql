-- One row per Markov model, conversion (deal, payment), level and player: the share of these that would be lost without it.
{{ chain_effects(['deal', 'payment']) }}

select * from final
