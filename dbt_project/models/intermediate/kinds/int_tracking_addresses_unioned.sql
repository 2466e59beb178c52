-- One row per tracking address and period, from every source that has one.
{{ union_kind('tracking_addresses') }}
