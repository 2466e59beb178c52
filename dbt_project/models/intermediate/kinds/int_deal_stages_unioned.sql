-- One row per stage that a deal entered, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('deal_stages') }}
