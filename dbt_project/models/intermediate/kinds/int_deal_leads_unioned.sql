-- One row per lead of a deal, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('deal_leads') }}
