-- One row per conversion and touch with credit for it under Markov, for the default lookback.
{{ attribution_credits(ref('int_conversion_markov_credits')) }}

select * from final
