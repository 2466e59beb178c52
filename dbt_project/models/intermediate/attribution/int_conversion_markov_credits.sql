-- One row per conversion and touch of the default lookback that has credit for it under Markov: every load moves all of them,
-- because the chain is made of all journeys.
{{ conversion_credits(['markov']) }}

select * from final
