-- One row per model, conversion and touch of the default lookback that has credit for it, of the models that look at nobody else's
-- conversions.
{{ conversion_credits([
    'first_touch', 'last_touch', 'last_non_direct', 'linear', 'position_based', 'time_decay', 'w_shaped', 'shapley'
]) }}

select * from final
