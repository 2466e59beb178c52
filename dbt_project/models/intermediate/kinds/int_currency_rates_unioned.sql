-- One row per currency and day, from every source that has one.
{{ union_kind('currency_rates') }}
