-- One row per currency and day, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('currency_rates') }}
