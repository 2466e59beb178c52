-- One row per attribution model (all but Markov), conversion and touch with credit for it, for the default lookback.
{{ attribution_credits(ref('int_conversion_credits')) }}

select * from final
