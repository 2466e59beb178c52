-- One row per tracking address and period, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('tracking_addresses') }}
