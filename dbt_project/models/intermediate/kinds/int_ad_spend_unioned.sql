-- One row per entered cost and period, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('ad_spend') }}
