-- One row per entered cost and period, from every source that has one.
{{ union_kind('ad_spend') }}
